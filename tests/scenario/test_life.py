"""What happens to a session that is up: timeouts, counters, renegotiation, operators, shutdown."""

from __future__ import annotations

import struct

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig, LnsConfig, PppConfig
from bras.forwarding.entry import Counters
from bras.lns.commands import (
    Disconnect,
    ShowCoa,
    ShowGroup,
    ShowGroups,
    ShowLacs,
    ShowPools,
    ShowRadius,
    ShowSession,
    ShowSessions,
    ShowSpool,
    ShowTunnels,
    Shutdown,
    TakeCensus,
)
from bras.ppp.constants import LCP
from bras.secret import Secret
from bras.subscriber.events import SubscriberEnded, SubscriberUp, TerminateCause
from bras.wire import ipv4_text
from tests.support.lacs import Client, SimulatedLac
from tests.support.rim import Rim
from tests.support.world import LNS_ADDRESS, Listen, SimulatedRadius, Weather, World, config


def grant(**values: object) -> tuple[LacConfig, ...]:
    policy = Grant(pool="default", **values)  # type: ignore[arg-type]  # keys of Grant
    return (LacConfig(name="any", secrets=(Secret(b"tunsecret"),), grant=policy),)


def start(world: World, count: int = 1) -> tuple[SimulatedLac, list[Client]]:
    lac = SimulatedLac(world)
    lac.open()
    clients = [lac.dial(f"user{number}", "pass") for number in range(1, count + 1)]
    world.run(3.0)
    assert all(client.address for client in clients)
    return lac, clients


def ended(world: World) -> list[SubscriberEnded]:
    return [fact for fact in world.facts if isinstance(fact, SubscriberEnded)]


def test_session_timeout_ends_the_session_on_the_second() -> None:
    world = World(config(lac=grant(session_timeout_s=100.0)))
    start(world)
    (up_fact,) = [fact for fact in world.facts if isinstance(fact, SubscriberUp)]
    world.run(95.0)
    assert not ended(world)
    world.run(10.0)
    (end,) = ended(world)
    assert end.cause is TerminateCause.SESSION_TIMEOUT
    assert end.duration_s == pytest.approx(100.0, abs=0.01)
    assert up_fact.session == end.session


def test_idle_timeout_counts_from_the_last_packet() -> None:
    world = World(config(lac=grant(idle_timeout_s=60.0)))
    start(world)
    for _ in range(4):
        world.run(30.0)
        (slot,) = world.plane.entries
        world.plane.feed(slot, Counters(up_octets4=100, up_packets4=1))
    world.run(45.0)
    assert not ended(world)
    world.run(40.0)
    (end,) = ended(world)
    assert end.cause is TerminateCause.IDLE_TIMEOUT
    assert end.counters.up_octets4 == 400


def test_the_counters_of_many_are_read_a_slice_at_a_time() -> None:
    """Of those with an idle timeout, each once in an interval, in the order in which they came; no turn is for all."""
    rim = Rim(config(lac=grant(idle_timeout_s=1000.0)))
    lac = rim.lac()
    for number in range(450):
        lac.dial(f"user{number}", "pass")
    rim.run(15.0)
    assert len(rim.plane.entries) == 450
    rim.run(10.0)
    rim.reads.clear()
    rim.run(10.0)
    slots = [slot for _, slots in rim.reads for slot in slots]
    assert len(slots) == len(set(slots)) == 450
    assert max(len(slots) for _, slots in rim.reads) <= 200


def test_interim_records_carry_the_counters_of_their_moment() -> None:
    world = World(config(lac=grant(interim_interval_s=60.0)))
    start(world)
    (slot,) = world.plane.entries
    world.plane.feed(slot, Counters(up_octets4=(1 << 32) + 5, up_packets4=7, down_octets4=9, down_packets4=1))
    world.run(70.0)
    interims = [record for record in world.radius.accounting if record[40] == b"\0\0\0\x03"]
    assert len(interims) == 1
    record = interims[0]
    assert (record[42], record[52]) == (struct.pack("!I", 5), struct.pack("!I", 1)), "input: 64 bits"
    assert (record[43], record[47], record[48]) == (b"\0\0\0\x09", b"\0\0\0\x07", b"\0\0\0\x01")
    world.run(600.0)
    interims = [record for record in world.radius.accounting if record[40] == b"\0\0\0\x03"]
    assert 9 <= len(interims) <= 13, "every 60 s, each moved by up to a tenth"


def test_the_stop_carries_the_final_counters() -> None:
    world = World()
    lac, (client,) = start(world)
    (slot,) = world.plane.entries
    world.plane.feed(slot, Counters(up_octets4=1000, up_packets4=10, down_octets4=2000, down_packets4=20))
    lac.hang_up(client)
    world.run(5.0)
    (stop,) = [record for record in world.radius.accounting if record[40] == b"\0\0\0\x02"]
    assert (stop[42], stop[43]) == (struct.pack("!I", 1000), struct.pack("!I", 2000))
    assert (stop[47], stop[48]) == (struct.pack("!I", 10), struct.pack("!I", 20))


def test_renegotiation_keeps_address_session_and_counters() -> None:
    world = World()
    lac, (client,) = start(world)
    (slot,) = world.plane.entries
    address = client.address
    world.plane.feed(slot, Counters(up_octets4=1000, up_packets4=1))
    request = b"\x01\x99\x00\x0a\x05\x06\x01\x02\x03\x04"
    lac.send(client, b"\xff\x03" + struct.pack("!H", LCP) + request)
    world.run(0.02)
    assert not world.plane.entries, "nobody unauthenticated is forwarded"
    world.run(20.0)
    assert len(world.plane.entries) == 1
    assert client.address == address
    (slot,) = world.plane.entries
    world.plane.feed(slot, Counters(up_octets4=500, up_packets4=1))
    assert [fact for fact in world.facts if isinstance(fact, SubscriberUp)].__len__() == 1
    assert world.radius.statuses(b"user1") == [1]
    lac.hang_up(client)
    world.run(5.0)
    (end,) = ended(world)
    assert end.counters.up_octets4 == 1500
    assert world.radius.statuses(b"user1") == [1, 2]


def test_a_silent_client_is_lost_carrier() -> None:
    world = World(config(ppp=PppConfig(mru=1460, echo_interval_s=10.0, echo_failures=3)))
    lac, (client,) = start(world)
    del lac.clients[client.key]
    lac.deadlines.set(client.key, None)
    world.run(60.0)
    (end,) = ended(world)
    assert (end.cause, end.reason) == (TerminateCause.LOST_CARRIER, "echo_timeout")
    assert not world.lns.core.registry.by_number


def test_the_echos_round_trip_is_kept() -> None:
    world = World(config(ppp=PppConfig(mru=1460, echo_interval_s=5.0)), weather=Weather(delay_s=0.02))
    start(world)
    world.run(20.0)
    identifier = world.ask(ShowSessions())
    body = world.answers[identifier].body
    assert body["sessions"][0]["echo_ms"] == pytest.approx(40.0)  # type: ignore[index,call-overload]  # plain data


def test_a_lac_that_vanishes_is_lost_carrier_for_all_its_sessions() -> None:
    world = World()
    start(world, 5)
    world.parties.clear()
    world.timers.clear()
    world.handlers.clear()
    world.run(200.0)
    assert {end.cause for end in ended(world)} == {TerminateCause.LOST_CARRIER}
    assert len(ended(world)) == 5
    assert not world.lns.core.registry.by_number
    assert not world.plane.entries
    assert sorted(world.radius.statuses()).count(2) == 5


def test_setup_timeout_ends_a_client_that_never_answers_ipcp() -> None:
    lns = LnsConfig(listen=(Listen(LNS_ADDRESS, 1701),), hostname="lns1", setup_timeout_s=12.0)
    world = World(config(lns=lns, ppp=PppConfig(mru=1460, max_configure=100)))
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass")
    client.speaks_ipcp = False
    world.run(20.0)
    (end,) = ended(world)
    assert end.reason == "setup_timeout"
    assert world.lns.core.pools.rows(now=world.now)[0]["used"] == 0


@pytest.mark.parametrize("selector", ["user2", "session", "address"])
def test_an_operator_disconnects(selector: str) -> None:
    world = World()
    _, clients = start(world, 3)
    if selector == "session":
        selector = world.lns.core.registry.of_user("user2")[0].session_id.lower()
    elif selector == "address":
        selector = ipv4_text(clients[1].address)
    identifier = world.ask(Disconnect(selector))
    assert identifier not in world.answers, "answered when it is wholly gone"
    world.run(10.0)
    assert world.answers[identifier].body == {"disconnected": 1}
    (end,) = ended(world)
    assert (end.user, end.cause) == ("user2", TerminateCause.ADMIN_RESET)
    assert [bool(client.ended) for client in clients] == [False, True, False]


def test_disconnecting_nobody_is_an_error_in_words() -> None:
    world = World()
    identifier = world.ask(Disconnect("nobody"))
    assert not world.answers[identifier].ok
    assert "nobody" in str(world.answers[identifier].body)


def test_shutdown_tells_clients_lacs_and_radius() -> None:
    world = World()
    lac, clients = start(world, 20)
    begun = world.now
    identifier = world.ask(Shutdown())
    world.run(6.0, until=lambda: identifier in world.answers)
    assert world.answers[identifier].body == {"unacknowledged_records": 0}
    assert world.now - begun < 4.5
    world.run(1.0)
    assert {end.cause for end in ended(world)} == {TerminateCause.ADMIN_REBOOT}
    statuses = world.radius.statuses()
    assert statuses[0] == 7
    assert statuses[-1] == 8
    assert statuses.count(1) == statuses.count(2) == 20
    assert not world.plane.entries
    assert all("peer_terminated" in client.ended for client in clients)
    assert lac.endpoint.closed
    late = SimulatedLac(world, address="198.18.0.3", hostname="lac2")
    late.open()
    world.run(5.0)
    assert late.refused


def test_shutdown_does_not_wait_for_a_dead_radius() -> None:
    world = World()
    start(world, 3)
    world.radius.silent = True
    begun = world.now
    identifier = world.ask(Shutdown())
    world.run(10.0, until=lambda: identifier in world.answers)
    assert world.now - begun < 4.5
    assert world.answers[identifier].body == {"unacknowledged_records": 4}


def test_every_answer_has_the_rows_it_promises() -> None:
    world = World()
    start(world, 2)
    bodies = {}
    questions = (
        ShowSessions(),
        ShowTunnels(),
        ShowLacs(),
        ShowGroups(),
        ShowGroup("any"),
        ShowPools(),
        ShowRadius(),
        ShowCoa(),
        ShowSpool(),
        TakeCensus(),
    )
    for question in questions:
        answer = world.answers[world.ask(question)]
        assert answer.ok
        bodies[type(question)] = answer.body
    sessions = bodies[ShowSessions]["sessions"]  # type: ignore[index,call-overload]  # plain data
    assert [row["user"] for row in sessions] == ["user1", "user2"]
    (tunnel,) = bodies[ShowTunnels]["tunnels"]  # type: ignore[index,call-overload]  # plain data
    assert (tunnel["calls"], tunnel["hostname"], tunnel["remote"]) == (2, "lac1", "198.18.0.2:1701")
    (lac,) = bodies[ShowLacs]["lacs"]  # type: ignore[index,call-overload]  # plain data
    assert (lac["lac_hostname"], lac["tunnels"], lac["sessions"]) == ("lac1", 1, 2)
    (group,) = bodies[ShowGroups]["groups"]  # type: ignore[index,call-overload]  # plain data
    assert (group["tunnels"], group["sessions"], group["up"], group["secret"]) == (1, 2, 2, True)
    (pool,) = bodies[ShowPools]["pools"]  # type: ignore[index,call-overload]  # plain data
    assert (pool["used"], pool["size"]) == (2, 65534)


def test_sessions_come_in_pages() -> None:
    world = World()
    start(world, 7)
    users, after = [], -1
    for _ in range(10):
        body = world.answers[world.ask(ShowSessions(after=after, limit=3))].body
        users += [row["user"] for row in body["sessions"]]  # type: ignore[index,call-overload]  # plain data
        after = body["next"]  # type: ignore[index,call-overload,assignment]  # plain data
        if after is None:
            break
    assert users == [f"user{number}" for number in range(1, 8)]


def test_shows_filter() -> None:
    world = World()
    _, clients = start(world, 3)
    address = ipv4_text(clients[1].address)
    for question in (ShowSessions(user="user2"), ShowSessions(address=address), ShowSession("user2")):
        body = world.answers[world.ask(question)].body
        (row,) = body["sessions"]  # type: ignore[index,call-overload]  # plain data
        assert row["user"] == "user2"
    body = world.answers[world.ask(ShowSessions(group="other"))].body
    assert body["sessions"] == []  # type: ignore[index,call-overload]  # plain data


def test_accounting_on_comes_first_and_only_once() -> None:
    world = World()
    start(world)
    assert world.radius.statuses()[0] == 7
    assert world.radius.statuses().count(7) == 1


def test_a_wrong_secret_and_an_unknown_lac_are_refused() -> None:
    world = World()
    wrong = SimulatedLac(world, secret=b"other")
    wrong.open()
    stranger = SimulatedLac(
        World(config(lac=(LacConfig(name="x", address=("192.0.2.0/24",), grant=Grant(pool="default")),)))
    )
    stranger.open()
    world.run(5.0)
    stranger.world.run(5.0)
    assert wrong.refused
    assert stranger.refused[0].cause.result == 4


def test_mschapv2_asks_what_radius_answered() -> None:
    success = b"\x1a\x33" + struct.pack("!I", 311) + b"\x1a\x2d" + b"\x07" + b"S=" + b"A" * 40
    world = World(config(auth=AuthConfig(methods=("mschapv2",))), radius=SimulatedRadius(reply=lambda _: (2, success)))
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass", method="mschapv2")
    world.run(5.0)
    assert client.ended, "a client that gets a wrong authenticator response does not stay (RFC 2759 section 5)"


def test_a_client_that_never_stops_renegotiating_has_no_longer_than_others() -> None:
    """Each Configure-Request begins LCP anew (RFC 1661 section 4.3); none of them buys more time."""
    world = World(config(lns=LnsConfig(listen=(Listen(LNS_ADDRESS, 1701),), setup_timeout_s=10.0)))
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass")
    world.radius.silent = True
    for _ in range(9):
        world.run(2.0)
        lac.send(client, b"\xff\x03" + struct.pack("!H", LCP) + b"\x01\x99\x00\x0a\x05\x06\x01\x02\x03\x04")
    (end,) = ended(world)
    assert (end.reason, end.duration_s) == ("setup_timeout", 0.0)
    assert world.now < 1000.0 + 20.0
