"""A defect of ours, put in on purpose, costs the call or tunnel that meets it and nobody else.

``Clumsy`` does what ``runtime.driver`` does when ``Lns.handle`` fails.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig, PppConfig
from bras.forwarding.entry import Counters
from bras.l2tp.events import DataDisordered
from bras.lns.commands import Disconnect, ShowPools, ShowSession, ShowSessions, Shutdown
from bras.lns.effects import Effect
from bras.lns.inputs import Input, PacketsToNumber
from bras.secret import Secret
from bras.subscriber.events import SubscriberEnded
from bras.subscriber.subscriber import Subscriber
from tests.support.faults import Fault, spoil
from tests.support.lacs import Client, SimulatedLac
from tests.support.rim import CDN, HELLO, IPCP, STOPCCN, Rim
from tests.support.world import config

pytestmark = pytest.mark.interpreted  # a compiled machine takes no part that is not what it says


class Clumsy(Rim):
    """A world that survives defects as the driver does."""

    defects = 0

    def handle(self, given: Input) -> list[Effect]:
        try:
            return super().handle(given)
        except Fault:
            self.defects += 1
        for _ in range(8):
            try:
                return self.lns.abandon(given, self.now)
            except Fault:
                self.defects += 1
        raise AssertionError("there is no end of defects")

    def of_user(self, user: str) -> Subscriber:
        (subscriber,) = self.lns.core.registry.of_user(user)
        return subscriber


def world(
    count: int = 3, keys: dict[str, object] | None = None, **policy: object
) -> tuple[Clumsy, SimulatedLac, list[Client]]:
    """Return a world with so many sessions, user1 and so on; ``keys`` are those of their ``[[lac]]``."""
    grant = Grant(pool="default", **policy)  # type: ignore[arg-type]  # keys of a profile
    group = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=grant, **(keys or {}))  # type: ignore[arg-type]  # keys of [[lac]]
    section = PppConfig(mru=1460, echo_interval_s=0.0)
    rim = Clumsy(config(lac=(group,), ppp=section, radius=replace(config().radius, interim_jitter=0.0)))
    lac = rim.lac()
    clients = [lac.dial(f"user{number}", "pass") for number in range(1, count + 1)]
    rim.run(3.0)
    assert all(client.address for client in clients)
    return rim, lac, clients


def only_user2_ended(rim: Clumsy) -> None:
    """Its call is ended as a general error, its Stop is made, and nobody else notices."""
    assert rim.defects
    assert [end.user for end in rim.of(SubscriberEnded)] == ["user2"]
    assert [one.result for one in rim.controls(CDN)] == [(2, 0)]
    assert len(rim.plane.entries) == 2
    radius = rim.servers[0]
    assert 2 in radius.statuses(b"user2")
    assert 2 not in radius.statuses(b"user1") + radius.statuses(b"user3")
    assert rim.lns.core.pools.rows(now=rim.now)[0]["used"] == 2
    assert len(rim.lns.core.registry.by_number) == 2


def test_a_frame() -> None:
    rim, lac, clients = world()
    spoil(rim.of_user("user2"), "network", "receive")
    for client in clients:
        request = b"\x01\x63\x00\x04"  # IPCP anew, without options
        lac.send(client, client.link.frame(IPCP, request))
    rim.run(20.0)
    only_user2_ended(rim)


def test_a_frame_that_waited_for_an_earlier_one() -> None:
    """All three waited, equally long, in one tunnel."""
    rim, lac, clients = world(keys={"dataseq": "prefer", "reorder_timeout_s": 0.5})
    spoil(rim.of_user("user2"), "network", "receive")
    for client in clients:
        assert client.key is not None
        lac.endpoint.send_frame(client.key, b"lost")
        lac.send(client, client.link.frame(IPCP, b"\x01\x63\x00\x04"))
    rim.run(20.0)
    only_user2_ended(rim)
    assert [fact.lost for fact in rim.of(DataDisordered)] == [1, 1, 1]


def test_a_packet_to_be_numbered() -> None:
    rim, _, _ = world(keys={"dataseq": "prefer"})
    key = rim.of_user("user2").leg.key
    call = rim.lns.core.endpoint._tunnels[key >> 16].calls.table[key & 0xFFFF]
    spoil(call, "data_channel", "pack", times=1)
    rim.give(PacketsToNumber(((key, b"\x00\x21E"),)))
    rim.run(20.0)
    only_user2_ended(rim)


def test_a_session_timeout() -> None:
    """All three have theirs at the same instant."""
    rim, _, clients = world(session_timeout_s=100.0)
    for one in rim.lns.core.registry.by_number.values():
        one.instants.up_at = rim.now
        rim.lns.core.registry.deadlines.set(one.number, one.deadline)
    spoil(rim.of_user("user2"), "link", "close")
    rim.run(110.0)
    assert rim.defects
    assert {end.user: end.reason for end in rim.of(SubscriberEnded)} == dict.fromkeys(
        ["user1", "user2", "user3"], "session_timeout"
    )
    assert all(client.ended for client in clients)
    assert not rim.lns.core.registry.by_number
    assert not rim.plane.entries
    assert rim.servers[0].statuses().count(2) == 3


def test_an_interim() -> None:
    rim, _, _ = world(interim_interval_s=100.0)
    for one in rim.lns.core.registry.by_number.values():
        one.instants.interim_at = rim.now + 50.0
        rim.lns.core.registry.rounds.interims.follow(one)
    spoil(rim.of_user("user2"), "settings", "interim_jitter")
    rim.run(52.0)
    only_user2_ended(rim)
    assert rim.servers[0].statuses(b"user1") == rim.servers[0].statuses(b"user3") == [1, 3]


def test_counters() -> None:
    rim, _, _ = world(idle_timeout_s=1000.0)
    spoil(rim.of_user("user2"), "instants", "interim_wanted")
    for slot in rim.plane.entries:
        rim.plane.feed(slot, Counters(up_octets4=10, up_packets4=1))
    rim.run(15.0)
    only_user2_ended(rim)
    for user in ("user1", "user3"):
        assert rim.of_user(user).forwarding.total.up_octets4 == 10


@pytest.mark.parametrize("code", [2, 3])
def test_an_answer_of_radius(code: int) -> None:
    rim, lac, _ = world(2)
    rim.servers[0].reply = lambda _: (code, b"")
    rim.servers[0].delay_s = 1.0
    client = lac.dial("user9", "pass")
    rim.run(0.5)
    newest = max(rim.lns.core.registry.by_number)
    spoil(rim.lns.core.registry.by_number[newest], "link", "accept", "refuse")
    rim.run(10.0)
    assert rim.defects == 1
    assert client.ended
    assert newest not in rim.lns.core.registry.by_number
    assert len(rim.plane.entries) == 2
    assert rim.lns.core.pools.rows(now=rim.now)[0]["used"] == 2


def test_a_control_message() -> None:
    """It costs the tunnel that it is for."""
    rim, lac, clients = world()
    other = rim.lac(address="198.18.0.3", hostname="lac2")
    spared = other.dial("user9", "pass")
    rim.run(3.0)
    (tunnel,) = [one for one in rim.lns.core.endpoint._tunnels.values() if one.path.remote == "198.18.0.2"]
    spoil(tunnel, "calls", "receive")
    lac.hang_up(clients[0])
    rim.run(10.0)
    assert rim.defects == 1
    assert [one.result[0] for one in rim.controls(STOPCCN)] == [2]
    assert {end.user for end in rim.of(SubscriberEnded)} == {"user1", "user2", "user3"}
    assert spared.address
    assert not spared.ended


def test_a_timer_of_a_tunnel() -> None:
    """Three tunnels fall silent at the same instant; the second one's Hello fails."""
    rim = Clumsy()
    lacs = [rim.lac(address=f"198.18.0.{number}", hostname=f"lac{number}") for number in (2, 3, 4)]
    clients = [lac.dial("user", "pass") for lac in lacs]
    rim.run(3.0)
    for lac in lacs:
        rim.vanish(lac)
    for tunnel in rim.lns.core.endpoint._tunnels.values():
        tunnel.timers.heard_at = rim.now
        if tunnel.path.remote == "198.18.0.3":
            spoil(tunnel, "channel", "handle_timeout")
    rim.run(70.0)
    assert all(client.address for client in clients)
    assert rim.defects >= 1
    assert {one.target[0] for one in rim.controls(HELLO)} >= {"198.18.0.2", "198.18.0.4"}
    assert {one.target[0] for one in rim.controls(STOPCCN)} == {"198.18.0.3"}


def test_the_end_of_a_tunnel_reaches_all_its_calls() -> None:
    rim, lac, _ = world(5)
    spoil(rim.of_user("user2"), "forwarding", "next_operation")
    rim.vanish(lac)
    rim.run(200.0)
    assert rim.defects >= 1
    assert {end.user for end in rim.of(SubscriberEnded)} == {"user1", "user3", "user4", "user5"}
    assert not rim.lns.core.registry.by_number, "what cannot end is taken out"
    assert not rim.plane.entries
    assert rim.lns.core.pools.rows(now=rim.now)[0]["used"] == 0


def test_what_was_decided_before_the_defect_is_done() -> None:
    """The Entry is to be removed; then the turn fails, and the order must not be lost."""
    rim, _, _ = world()
    spoil(rim.lns.core, "registry", "touched", times=1)
    rim.ask(Disconnect("user2"))
    rim.run(10.0)
    assert rim.defects == 1
    only_user2_ended(rim)
    assert rim.servers[0].statuses(b"user2") == [1, 2]


@pytest.mark.parametrize("question", [ShowSessions(), ShowSession("user2")])
def test_a_question_is_answered_be_it_by_an_error(question: ShowSessions | ShowSession) -> None:
    rim, _, _ = world()
    spoil(rim.of_user("user2"), "line", "called_number")
    identifier = rim.ask(question)
    rim.run(10.0)
    assert rim.defects
    assert not rim.answers[identifier].ok
    after = rim.answers[rim.ask(ShowSessions())]
    assert after.ok, "the next one is answered as ever"


def test_an_answer_of_the_data_plane() -> None:
    rim, lac, clients = world()
    spoil(rim.of_user("user2"), "forwarding", "answered")
    lac.hang_up(clients[1])
    rim.run(10.0)
    assert rim.defects
    assert not rim.lns.core.registry.of_user("user2")
    assert len(rim.plane.entries) == len(rim.lns.core.registry.by_number) == 2
    assert rim.lns.core.pools.rows(now=rim.now)[0]["used"] == 2


def test_a_session_that_has_nothing_yet() -> None:
    """Its first frame after the link began meets the defect, and so does its end."""
    rim, lac, _ = world()
    line = rim.line(lac)
    rim.run(0.2)
    newest = rim.lns.core.registry.by_number[max(rim.lns.core.registry.by_number)]
    spoil(newest, "link", "receive")
    spoil(newest, "forwarding", "next_operation")
    line.say(0xC021, 9, 1, bytes(4))
    rim.run(1.0)
    assert rim.defects == 2
    assert newest.number not in rim.lns.core.registry.by_number
    assert len(rim.plane.entries) == 3


def test_a_question_that_needs_no_counters() -> None:
    rim, _, _ = world()
    spoil(rim.lns.core, "pools", "rows")
    identifier = rim.ask(ShowPools())
    assert rim.answers[identifier].body == {"error": "internal error: see the log"}


def test_a_disconnect_is_answered_when_it_is_gone_by_whatever_way() -> None:
    rim, _, _ = world()
    spoil(rim.of_user("user2"), "line", "called_number")
    identifier = rim.ask(Disconnect("user2"))
    rim.run(10.0)
    assert rim.defects
    assert rim.answers[identifier].body == {"disconnected": 1}
    assert len(rim.plane.entries) == 2
    assert rim.lns.core.pools.rows(now=rim.now)[0]["used"] == 2


def test_a_shutdown_goes_on() -> None:
    rim, _, _ = world(5)
    spoil(rim.of_user("user3"), "link", "close")
    identifier = rim.ask(Shutdown())
    rim.run(6.0, until=lambda: identifier in rim.answers)
    assert rim.answers[identifier].ok
    assert rim.defects
    assert not rim.plane.entries
    assert rim.servers[0].statuses().count(2) == 5


def test_local_users_too() -> None:
    """Nothing of this depends on RADIUS."""
    rim = Clumsy(config(auth=AuthConfig(methods=("chap",), source="local")))
    spoil(rim.lns.core, "policy", "user")
    client = rim.lac().dial("user1", "pass")
    rim.run(3.0)
    assert rim.defects
    assert client.ended
    assert not rim.lns.core.registry.by_number
