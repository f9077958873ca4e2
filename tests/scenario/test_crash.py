"""Killed at any instant, the LNS goes on from its journal: bills, addresses, tunnels and calls are right.

Each seed is a world of its own with ten deaths: before the journal is written, after that
but before anything is sent, or before the answers of what was sent are heard.  With Entries
that outlive the process (as a kernel's do) no octet is lost; without (as with tun) what was
carried since the last reading may be.
"""

from __future__ import annotations

import os
import random
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig, Listen, LnsConfig, PoolConfig
from bras.config.radius import RadiusConfig
from bras.forwarding.entry import AddEntry, Route
from bras.l2tp.events import TunnelDown
from bras.lns.commands import Park, ShowSession, ShowSessions, Shutdown
from bras.lns.inputs import PacketsToNumber
from bras.lns.state import StateError
from bras.plain import encode
from bras.ppp.constants import LCP
from bras.secret import Secret
from bras.subscriber.events import SubscriberEnded, TerminateCause
from tests.support.crash import File, Mortal
from tests.support.lacs import Client, SimulatedLac
from tests.support.late import LateMortal
from tests.support.world import LNS_ADDRESS, WALL_OFFSET_S, RadiusServerConfig, Weather, config

SEEDS = int(os.environ.get("BRAS_CRASH_SEEDS", "20"))
DEATHS = 10
WAYS = ("unwritten", "unsent", "unheard")


def _configuration(*, own_ports: bool = False) -> Config:
    group = LacConfig(
        name="any",
        secrets=(Secret(b"tunsecret"),),
        grant=Grant(pool="default", interim_interval_s=20.0),
        hello_interval_s=10.0,
        use_ephemeral_port=own_ports,
    )
    small = PoolConfig(name="default", ranges=((0x0A400001, 0x0A400020),), hold_down_s=0.0)
    auth = AuthConfig(methods=("chap", "pap"), single_session="replace")
    lns = LnsConfig(listen=(Listen(LNS_ADDRESS, 1701),), hostname="lns1", idle_tunnel_s=0.0)
    return config(lns=lns, lac=(group,), pool=(small,), auth=auth)


def _octets(record: dict[int, bytes]) -> tuple[int, int, int, int]:
    """Return input octets, output octets, input packets, output packets."""
    up, down, up_packets, down_packets, up_giga, down_giga = (
        int.from_bytes(record.get(kind, b""), "big") for kind in (42, 43, 47, 48, 52, 53)
    )
    return up_giga << 32 | up, down_giga << 32 | down, up_packets, down_packets


def _books(world: Mortal) -> dict[bytes, dict[int, dict[int, bytes]]]:
    """Return the records of each session by status; all copies of one must be the same."""
    books: dict[bytes, dict[int, dict[int, bytes]]] = {}
    for record in world.radius.accounting:
        status = record[40][-1]
        if status in (1, 2):
            told = {kind: value for kind, value in record.items() if kind != 41}  # Acct-Delay-Time grows
            known = books.setdefault(record[44], {}).setdefault(status, told)
            assert known == told, "all copies of a record are the same"
    return books


def _check_books(world: Mortal) -> None:
    for session, records in _books(world).items():
        assert set(records) == {1, 2}, f"{session!r}: a Start and a Stop"
        number = int(session[-8:], 16)
        carried = world.carried.get(number)
        up, down, up_packets, down_packets = _octets(records[2])
        if carried is None:
            assert (up, down) == (0, 0)
        elif world.pinned:
            expected = (carried.up_octets4, carried.down_octets4, carried.up_packets4, carried.down_packets4)
            assert (up, down, up_packets, down_packets) == expected
        else:
            assert up <= carried.up_octets4
            assert down <= carried.down_octets4


def _check_agreement(world: Mortal, lacs: list[SimulatedLac]) -> None:
    """Both sides know the same tunnels, calls, sessions and addresses."""
    core = world.lns.core
    ours = {(facts.path.remote, facts.peer_tunnel_id, facts.calls) for facts in core.endpoint.tunnels()}
    theirs = {(lac.address, facts.tunnel_id, facts.calls) for lac in lacs for facts in lac.endpoint.tunnels()}
    assert ours == theirs
    up = sorted(client.address for lac in lacs for client in lac.clients.values() if client.address)
    assert len(set(up)) == len(up), "an address given twice"
    assert sorted(subscriber.address for subscriber in core.registry.by_number.values()) == up
    assert len(world.plane.entries) == len(up)
    assert {entry.generation for entry in world.plane.entries.values()} == set(core.registry.by_number)
    row = core.pools.rows(now=world.now)[0]
    assert row["used"] == len(up)


def _live(world: Mortal, lacs: list[SimulatedLac], dice: random.Random) -> list[Client]:
    """Calls come, carry, renegotiate and go, and the LNS dies ten times meanwhile."""
    clients: list[Client] = []
    for death in range(DEATHS):
        for lac in lacs:
            user = f"user{dice.randrange(12)}"
            clients.append(lac.dial(user, "pass", method=dice.choice(("chap", "pap"))))
        world.run(dice.random() * 0.15)
        alive = [(lac, client) for lac in lacs for client in lac.clients.values()]
        if alive and death % 3 == 1:
            lac, client = dice.choice(alive)
            lac.hang_up(client)
        if alive and death % 3 == 2:
            lac, client = dice.choice(alive)
            lac.send(client, b"\xff\x03" + struct.pack("!H", LCP) + b"\x01\x99\x00\x0a\x05\x06\x01\x02\x03\x04")
        world.feed_all()
        if dice.random() < 0.3:
            world.radius.silent = not world.radius.silent
        world.run(dice.random() * 0.1)
        # A LAC gives a peer up that is dead at each of its retransmissions: before the next death it is heard.
        world.run(60.0, until=lambda: all(lac.retries < 2 for lac in lacs))
        world.kill(dice.choice(WAYS), down_s=dice.random() * 2.0)
        world.run(dice.choice((0.0, 1.0, 15.0)))
    world.radius.silent = False
    return clients


@pytest.mark.parametrize(
    ("kind", "pinned"),
    [(Mortal, True), (Mortal, False), (LateMortal, True)],
    ids=["pinned", "tun", "late"],
)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_ten_deaths_leave_nothing_wrong(seed: int, kind: type[Mortal], pinned: bool, tmp_path: Path) -> None:
    configuration = _configuration(own_ports=seed % 2 == 1)
    world = kind(tmp_path, configuration, seed=seed, weather=Weather(loss=0.02, jitter_s=0.01), pinned=pinned)
    lacs = [SimulatedLac(world, address=f"198.18.0.{number}", hostname=f"lac{number}") for number in (2, 3)]
    for lac in lacs:
        lac.open()
    world.run(1.0)
    clients = _live(world, lacs, random.Random(seed))
    world.weather = Weather()
    last = [lac.dial(f"last{lac.address}", "pass") for lac in lacs]
    world.run(90.0)
    assert all(client.address for client in last), "after ten deaths each LAC's calls are taken"
    assert not [client for client in clients if not client.address and not client.ended], "a call hangs"
    assert not [down for lac in lacs for down in lac.downs if isinstance(down, TunnelDown)], "no tunnel was lost"
    assert not [refused for lac in lacs for refused in lac.refused]
    _check_agreement(world, lacs)
    for lac in lacs:
        for client in list(lac.clients.values()):
            lac.hang_up(client)
    world.run(700.0)
    _check_agreement(world, lacs)
    assert not world.lns.core.registry.by_number
    assert world.lns.core.exchanges.records == 0
    _check_books(world)
    announced = {record[55] for record in world.radius.accounting if record[40][-1] == 7}
    assert len(announced) == 1, "one Accounting-On, however often it was repeated"
    kinds = {key.partition(":")[0] for key in world.file.read()}
    assert kinds == {"lns", "alive", "tunnel", "channel"}, "the journal forgets what is over"


def test_every_way_to_die_is_tried(tmp_path: Path) -> None:
    world = Mortal(tmp_path, _configuration())
    lac = SimulatedLac(world)
    lac.open()
    for way in WAYS:
        lac.dial("user1", "pass")
        world.kill(way)
    assert world.deaths == dict.fromkeys(WAYS, 1)


def _dial(world: Mortal, count: int, *, method: str = "chap") -> tuple[SimulatedLac, list[Client]]:
    lac = SimulatedLac(world)
    lac.open()
    clients = [lac.dial(f"user{number}", "pass", method=method) for number in range(count)]
    world.run(5.0)
    assert all(client.address for client in clients)
    return lac, clients


def _ends(world: Mortal) -> list[SubscriberEnded]:
    return [fact for fact in world.facts if isinstance(fact, SubscriberEnded)]


@pytest.mark.parametrize("silent", [False, True])
def test_after_a_reboot_every_start_gets_its_stop_before_accounting_on(silent: bool, tmp_path: Path) -> None:
    """``now`` begins anew: what was due at an instant of the old clock is told in wall time."""
    world = Mortal(tmp_path, _configuration())
    _dial(world, 3)
    world.feed_all()
    world.run(25.0)
    world.radius.silent = silent
    if silent:
        world.run(20.0)  # interim records that nobody takes
    world.kill_at = "unheard"
    world.run(30.0, until=lambda: not world.alive)
    died_at = world.now
    world.run(100.0)
    before = len(world.radius.accounting)
    world.parties.clear()
    world.timers.clear()
    world.handlers.clear()
    world.radius.silent = False
    world.run(1.0)
    later = world.now
    world.now = 50.0
    world.wall_offset_s += later - 50.0
    world.revive(boot="boot2")
    world.run(5.0)
    told = world.radius.accounting[before:]
    assert [record[40][-1] for record in told][-1] == 7, "Accounting-On comes last"
    stops = [record for record in told if record[40][-1] == 2]
    assert len(stops) == 3
    for stop in stops:
        assert int.from_bytes(stop[49], "big") == TerminateCause.NAS_REBOOT.value
        at = int.from_bytes(stop[55], "big") - WALL_OFFSET_S
        assert died_at - 21.0 <= at <= died_at, "the last sign of life"
        delay_s = int.from_bytes(stop[41], "big")
        assert delay_s == pytest.approx(later - at, abs=3.0)
        assert int.from_bytes(stop[46], "big") == pytest.approx(at - 1000.0, abs=3.0)
    _check_books(world)
    assert {end.reason for end in _ends(world)} == {"reboot"}
    assert not world.lns.core.registry.by_number
    assert list(world.lns.core.endpoint.tunnels()) == []
    world.run(60.0)
    assert {key.partition(":")[0] for key in world.file.read()} <= {"lns", "alive"}
    world.kill("unheard")
    world.run(5.0)
    assert [record[40][-1] for record in world.radius.accounting].count(7) == 2, "once for each boot"


def test_killed_again_before_it_has_gone_on(tmp_path: Path) -> None:
    """The first turns of a new life are as mortal as any other."""
    world = Mortal(tmp_path, _configuration())
    lac, clients = _dial(world, 8)
    world.feed_all()
    for way in (*WAYS, *WAYS):
        world.kill(way, down_s=0.1)
        world.kill_at = way
        world.run(30.0, until=lambda: not world.alive)
        world.revive()
    world.run(60.0)
    assert not [client.ended for client in clients if client.ended]
    _check_agreement(world, [lac])
    assert len(_books(world)) == 8


def test_killed_during_a_shutdown_it_serves_again(tmp_path: Path) -> None:
    """What was ended is ended, with its Stop; the rest goes on, for the new process was started to serve."""
    world = Mortal(tmp_path, _configuration())
    lac, _ = _dial(world, 12)
    world.ask(Shutdown())
    world.kill("unsent")
    world.run(30.0)
    _check_agreement(world, [lac])
    assert 8 not in [record[40][-1] for record in world.radius.accounting]
    client = lac.dial("user99", "pass") if list(lac.endpoint.tunnels()) else None
    world.run(10.0)
    assert client is None or client.address
    for client in list(lac.clients.values()):
        lac.hang_up(client)
    world.run(300.0)
    _check_books(world)


def test_many_sessions_go_on_some_hundred_a_turn(tmp_path: Path) -> None:
    big = PoolConfig(name="default", ranges=((0x0A400001, 0x0A40FFFE),))
    world = Mortal(tmp_path, config(pool=(big,)), pinned=False)
    lac, clients = _dial(world, 500)
    world.run(60.0)
    world.kill("unheard")
    assert world.lns.resumption is not None
    assert len(world.plane.entries) < 500, "not all in one turn"
    world.run(2.0)
    assert world.lns.resumption is None
    assert len(world.plane.entries) == 500
    dues = sorted(subscriber.deadline - world.now for subscriber in world.lns.core.registry.by_number.values())
    assert dues[0] < 2.0, "echoes are spread over their interval"
    assert 15.0 < dues[-1] <= 20.0, "echoes are spread over their interval"
    assert not [client for client in clients if client.ended]
    _check_agreement(world, [lac])


@pytest.mark.parametrize(
    ("listen", "goes_on"),
    [
        ((Listen("192.0.2.7", 1701), Listen(LNS_ADDRESS, 1701)), True),
        ((Listen("192.0.2.7", 1701), Listen("0.0.0.0", 1701)), True),
        ((Listen("192.0.2.7", 1701),), False),
        ((Listen(LNS_ADDRESS, 1702),), False),
    ],
)
def test_listeners_may_be_others_at_the_next_start(listen: tuple[Listen, ...], goes_on: bool, tmp_path: Path) -> None:
    world = Mortal(tmp_path, _configuration(), pinned=False)
    lac, _ = _dial(world, 2)
    world.kill_at = "unheard"
    world.run(60.0, until=lambda: not world.alive)
    world.configuration = replace(world.configuration, lns=LnsConfig(listen=listen, hostname="lns1"))
    world.revive()
    world.run(1.0)
    if goes_on:
        (facts,) = world.lns.core.endpoint.tunnels()
        assert facts.path.listener == 1
        assert {entry.legs[0].listener for entry in world.plane.entries.values()} == {1}
        _check_agreement(world, [lac])
        return
    assert {(end.cause, end.reason) for end in _ends(world)} == {(TerminateCause.NAS_ERROR, "call_lost")}
    assert len(_ends(world)) == 2
    world.run(60.0)
    _check_books(world)
    assert {key.partition(":")[0] for key in world.file.read()} <= {"lns", "alive"}


@pytest.mark.parametrize("kind", [Mortal, LateMortal])
def test_a_session_that_is_lost_at_the_start_is_billed_to_the_last_packet(kind: type[Mortal], tmp_path: Path) -> None:
    """Its Entry has outlived the process and went on to forward; it is removed before the Stop is made."""
    world = kind(tmp_path, _configuration())
    _dial(world, 3)
    world.feed_all()
    world.kill_at = "unheard"
    world.run(60.0, until=lambda: not world.alive)
    world.feed_all()
    world.configuration = replace(world.configuration, lns=LnsConfig(listen=(Listen("192.0.2.7", 1701),)))
    world.revive()
    assert world.lns.resumption is not None
    assert world.lns.resumption.figures()["sessions_lost"] == 3
    assert world.lns.resumption.figures()["sessions"] == 0
    world.feed_all()
    world.run(5.0)
    assert not world.plane.entries
    assert {(end.cause, end.reason) for end in _ends(world)} == {(TerminateCause.NAS_ERROR, "call_lost")}
    assert len(_ends(world)) == 3
    _check_books(world)
    assert not world.lns.core.registry.by_number
    assert world.lns.core.pools.rows(now=world.now)[0]["used"] == 0
    world.run(60.0)
    assert {key.partition(":")[0] for key in world.file.read()} <= {"lns", "alive"}


def test_a_session_that_is_lost_at_the_start_ends_though_the_start_is_cut_off(tmp_path: Path) -> None:
    world = LateMortal(tmp_path, _configuration())
    _dial(world, 3)
    world.feed_all()
    world.kill_at = "unheard"
    world.run(60.0, until=lambda: not world.alive)
    world.configuration = replace(world.configuration, lns=LnsConfig(listen=(Listen("192.0.2.7", 1701),)))
    world.revive()
    for way in (*WAYS, *WAYS):
        world.kill_at = way
        world.run(30.0, until=lambda: not world.alive)
        world.feed_all()
        world.revive()
    world.run(60.0)
    assert len(_books(world)) == 3
    _check_books(world)
    assert not world.plane.entries


def test_an_entry_that_nobody_knows_does_not_outlive_the_next_start(tmp_path: Path) -> None:
    world = Mortal(tmp_path, _configuration())
    lac, _ = _dial(world, 2)
    world.kill_at = "unheard"
    world.run(60.0, until=lambda: not world.alive)
    (one, _other) = world.plane.entries.values()
    assert isinstance(one, Route)
    strange = replace(one, slot=77, generation=4711, addresses=(0x0A400019,))
    assert world.plane.program(AddEntry(strange)).ok
    world.revive()
    assert 77 not in world.plane.entries
    world.run(5.0)
    _check_agreement(world, [lac])


def test_a_group_that_is_configured_no_more_keeps_its_sessions(tmp_path: Path) -> None:
    world = Mortal(tmp_path, _configuration(), pinned=False)
    lac, _ = _dial(world, 2)
    world.kill_at = "unheard"
    world.run(60.0, until=lambda: not world.alive)
    other = LacConfig(name="other", address=("192.0.2.0/24",))
    world.configuration = replace(world.configuration, lac=(other,), pool=())
    world.revive()
    world.run(60.0)
    assert not [client for client in lac.all_clients if client.ended]
    assert len(world.plane.entries) == 2


@pytest.mark.parametrize("method", ["pap", "chap", "mschapv1"])
def test_no_password_is_ever_in_the_journal(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auth = AuthConfig(methods=(method,), source="radius-then-local", timeout_s=60.0)
    servers = RadiusConfig(server=(RadiusServerConfig(address="198.18.1.2", secret=Secret(b"radsecret"), name="r"),))
    world = Mortal(tmp_path, config(auth=auth, radius=servers))
    written: list[bytes] = []
    write = File.write
    monkeypatch.setattr(
        File, "write", lambda self, records: written.extend(state for _, state in records) or write(self, records)
    )
    lac = SimulatedLac(world)
    lac.open()
    world.radius.silent = True
    lac.dial("user1", "opensesame", method=method)
    world.run(5.0)
    world.radius.silent = False
    world.run(20.0)
    assert world.plane.entries
    octets = b"".join(written)
    assert b"user1" in octets
    for secret in (b"opensesame", b"tunsecret", b"radsecret"):
        assert secret not in octets


@pytest.mark.parametrize("weather", [Weather(), Weather(jitter_s=0.05)], ids=["calm", "reordered"])
def test_no_proxied_password_is_ever_in_the_journal(
    weather: Weather, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it when the ICCN comes before its turn, and waits."""
    world = Mortal(tmp_path, _trusting(), weather=weather)
    written: list[bytes] = []
    write = File.write
    early = 0

    def watched(self: File, records: list[tuple[str, bytes]]) -> bool:
        nonlocal early
        early += sum(len(tunnel["channel"]["early"]) for tunnel in world.lns.core.endpoint.save()["tunnels"])
        written.extend(state for _, state in records)
        return write(self, records)

    monkeypatch.setattr(File, "write", watched)
    lac = SimulatedLac(world, window=32)
    lac.open()
    world.run(1.0)
    world.radius.silent = True
    for number in range(20):
        lac.dial(f"user{number}", "opensesame", method="pap", proxy=True)
    world.run(1.0)
    world.radius.silent = False
    world.run(20.0)
    assert len(world.plane.entries) == 20
    assert bool(early) is bool(weather.jitter_s)
    octets = b"".join(written)
    assert b"user1" in octets
    assert b"opensesame" not in octets


def _trusting() -> Config:
    group = LacConfig(name="any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"), proxy="accept")
    server = RadiusServerConfig(address="198.18.1.2", secret=Secret(b"radsecret"), name="r", max_tries=20)
    return config(lac=(group,), auth=AuthConfig(methods=("chap", "pap")), radius=RadiusConfig(server=(server,)))


@pytest.mark.parametrize("method", ["chap", "pap"])
def test_a_link_that_was_taken_over_from_the_lac_outlives_a_crash(method: str, tmp_path: Path) -> None:
    world = Mortal(tmp_path, _trusting())
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass", method=method, proxy=True)
    world.run(5.0)
    before = world.lns.core.registry.by_number[1].link.save()
    world.feed_all()
    world.ask(Park())
    world.kill("unsent")
    world.run(5.0)
    (row,) = world.answers[world.ask(ShowSession("user1"))].body["sessions"]  # type: ignore[index,call-overload]  # plain data
    assert (row["proxy"], row["proxy_reason"], row["state"]) == ("accepted", "none", "up")  # type: ignore[index,call-overload]  # plain data
    after = world.lns.core.registry.by_number[1].link.save()
    assert (after["options"], after["proof"]) == (before["options"], before["proof"])
    assert client.address
    lac.hang_up(client)
    world.run(5.0)
    _check_books(world)


@pytest.mark.parametrize("method", ["chap", "pap"])
def test_a_proof_that_was_being_judged_is_asked_for_again(method: str, tmp_path: Path) -> None:
    """It is not in the journal: the client is asked by LCP, as any is whose set-up a crash cut off."""
    world = Mortal(tmp_path, _trusting())
    lac = SimulatedLac(world)
    lac.open()
    world.run(1.0)
    world.radius.silent = True
    client = lac.dial("user1", "pass", method=method, proxy=True)
    world.run(0.3)
    assert not client.address
    world.radius.silent = False
    world.kill("unwritten")
    world.run(15.0)
    assert client.address
    assert len(world.plane.entries) == 1


def test_park_puts_every_counter_into_the_journal(tmp_path: Path) -> None:
    world = Mortal(tmp_path, _configuration(), pinned=False)
    _, clients = _dial(world, 3)
    world.feed_all()
    answer = world.answers[world.ask(Park())]
    assert answer.body == {"sessions": 3}
    world.kill("unwritten")
    world.run(5.0)
    rows = world.answers[world.ask(ShowSessions())].body["sessions"]  # type: ignore[index,call-overload]  # plain data
    assert sorted(row["up_octets"] for row in rows) == sorted(one.up_octets4 for one in world.carried.values())
    assert len(clients) == 3


def test_counters_are_read_every_interval_a_slice_at_a_time(tmp_path: Path) -> None:
    big = PoolConfig(name="default", ranges=((0x0A400001, 0x0A40FFFE),))
    world = Mortal(tmp_path, config(pool=(big,)), pinned=False)
    _dial(world, 450)
    world.run(20.0)
    world.feed_all()
    read = world.plane.read
    slices: list[int] = []
    world.plane.read = lambda slots: slices.append(len(found := read(slots))) or found  # type: ignore[method-assign,func-returns-value]  # watched
    world.run(10.5)
    assert sum(slices) >= 450
    assert max(slices) <= 200
    journalled = {number: sub.forwarding.last for number, sub in world.lns.core.registry.by_number.items()}
    assert journalled == world.carried


def test_a_journal_of_another_version_is_refused_in_words(tmp_path: Path) -> None:
    world = Mortal(tmp_path, _configuration())
    _dial(world, 1)
    for records in (
        {**world.file.read(), "lns": encode((99, "boot1", 1, 1, True, 0.0))},
        {key: state if key != "subscriber:1" else b"\x01" for key, state in world.file.read().items()},
        {key: state for key, state in world.file.read().items() if not key.startswith("channel:")},
    ):
        with pytest.raises(StateError, match="journal"):
            world.resumed(records)


@pytest.mark.parametrize("packets", [0, 1, 40, 64, 200])
def test_frames_that_are_numbered_never_repeat_a_number(tmp_path: Path, packets: int) -> None:
    """A LAC that requires sequence numbers drops what it has seen (RFC 2661 section 5.4); packets have them too."""
    world = Mortal(tmp_path, _configuration())
    lac = SimulatedLac(world)
    lac.sequencing_required = True
    lac.open()
    lac.dial("user1", "pass")
    seen: list[int] = []
    receive = lac.receive

    def watch(data: bytes, now: float) -> None:
        if not data[0] & 0x80 and data[0] & 0x08:
            seen.append(int.from_bytes(data[6:8], "big"))
        receive(data, now)

    world.parties[lac.address, lac.port] = watch
    for way in WAYS:
        world.run(3.0)
        for entry in list(world.plane.entries.values()):
            for _ in range(packets):
                world.give(PacketsToNumber(((entry.legs[0].key, b"\x00\x21E"),)))
        world.kill(way)
    world.run(60.0)
    assert len(seen) > 5 + packets
    assert seen == sorted(set(seen))
