"""A data plane that answers removals some wakes later, reordered among sessions: every story ends the same.

Final counters wait until no packet is on its way, so the answer to a removal may take
longer than a client takes to negotiate, to hang up, or to come again.
"""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig, PoolConfig
from bras.forwarding.entry import Counters
from bras.lns.commands import Disconnect, Shutdown
from bras.ppp.constants import IPCP, LCP
from bras.secret import Secret
from bras.subscriber.events import SubscriberEnded
from tests.support.faults import Fault, spoil
from tests.support.lacs import Client, SimulatedLac
from tests.support.late import LateMortal, LateWatched, LateWorld
from tests.support.lives import LIVES, Life, Watched
from tests.support.world import World, config

START, STOP, OFF = 1, 2, 8
WEATHER = ("reloads", "proxied", "own ports", "storm0", "storm1", "storm2", "storm3")
"""Lives over bad networks: whom a loss hits depends on when something is sent."""
CARRIED = Counters(up_octets4=1000, up_packets4=7)
ON_ITS_WAY = Counters(up_octets4=60, up_packets4=1)


def _ends(world: World) -> Counter[tuple[object, ...]]:
    ends = [fact for fact in world.facts if isinstance(fact, SubscriberEnded)]
    return Counter((one.user, one.cause, one.reason, one.text, one.counters) for one in ends)


def _standing(world: World) -> dict[str, object]:
    """Return what is left at the end."""
    core = world.lns.core
    return {
        "up": sorted((one.who.user, one.address, one.phase) for one in core.registry.by_number.values()),
        "entries": sorted(entry.addresses for entry in world.plane.entries.values()),  # type: ignore[union-attr]  # Routes
        "pools": [{key: row[key] for key in ("used", "exhausted")} for row in core.pools.rows(now=world.now)],
        "owed": core.exchanges.records,
        "tunnels": sorted((one.path.remote, one.calls) for one in core.endpoint.tunnels()),
    }


def _books(world: World, status: int) -> Counter[bytes]:
    """Return how many sessions of each user were told to have begun, or ended; records may come again."""
    told = {(record[44], record[1]) for record in world.radius.accounting if record[40][-1] == status}
    return Counter(user for _session, user in told)


@pytest.mark.parametrize(("name", "life"), LIVES.items(), ids=LIVES)
def test_every_life_ends_the_same(name: str, life: Life) -> None:
    plain, late = life(Watched), life(LateWatched)
    assert isinstance(late, LateWatched)
    assert late.late.late > 0, "something was answered late"
    assert not late.late.going
    assert not late.lns.core.registry.leaving
    here = Counter(one.who.user.encode() for one in late.lns.core.registry.by_number.values())
    if late.configuration.radius.server:
        assert _books(late, START) - _books(late, STOP) == here
    if name not in WEATHER:
        assert _ends(late) == _ends(plain)
        assert _standing(late) == _standing(plain)
    if name not in (*WEATHER, "conflicts"):  # where some are replaced, now before they were up
        assert [_books(late, status) for status in (START, STOP)] == [_books(plain, status) for status in (START, STOP)]


def _world(count: int = 1, **keys: object) -> tuple[LateWorld, SimulatedLac, list[Client]]:
    """Return a world with so many sessions, whose data plane answers no removal until it is told to."""
    group = LacConfig(name="any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"))
    sections: dict[str, object] = {"lac": (group,), **keys}
    world = LateWorld(config(**sections))
    lac = SimulatedLac(world)
    lac.open()
    clients = [lac.dial(f"user{number}", "pass") for number in range(1, count + 1)]
    world.run(3.0)
    assert all(client.address for client in clients)
    world.held = []
    for slot in world.plane.entries:
        world.plane.feed(slot, CARRIED)
    return world, lac, clients


def _statuses(world: World, user: str = "user1") -> list[int]:
    return world.radius.statuses(user.encode())


def _used(world: World) -> int:
    used = world.lns.core.pools.rows(now=world.now)[0]["used"]
    assert isinstance(used, int)
    return used


def test_the_stop_and_the_address_wait_for_the_final_counters() -> None:
    world, lac, (client,) = _world()
    (slot,) = world.plane.entries
    lac.hang_up(client)
    world.run(5.0)
    assert not world.plane.entries
    assert (_statuses(world), _used(world), len(world.lns.core.registry.by_number)) == ([START], 1, 1)
    world.plane.feed(slot, ON_ITS_WAY)
    world.release()
    world.run(1.0)
    assert (_statuses(world), _used(world), len(world.lns.core.registry.by_number)) == ([START, STOP], 0, 0)
    assert [end[-1] for end in _ends(world)] == [CARRIED + ON_ITS_WAY]


def test_another_session_may_have_the_call_at_once_and_the_slot_never_before_the_answer() -> None:
    world, lac, clients = _world(70)
    before = set(world.plane.entries)
    for client in clients:
        lac.hang_up(client)
    world.run(5.0)
    again = [lac.dial(f"other{number}", "pass") for number in range(70)]
    world.run(5.0)
    assert all(client.address for client in again)
    assert not before & set(world.plane.entries)
    assert set(world.late.going) == before
    world.release()
    world.run(1.0)
    last = [lac.dial(f"last{number}", "pass") for number in range(70)]
    world.run(5.0)
    assert all(client.address for client in last)
    assert before & set(world.plane.entries), "they are used again"
    assert len(_ends(world)) == 70


def _again(protocol: int) -> bytes:
    """Return a Configure-Request out of the blue."""
    options = b"\x05\x06\x01\x02\x03\x04" if protocol == LCP else b""
    return b"\xff\x03" + struct.pack("!HBBH", protocol, 1, 0x99, 4 + len(options)) + options


@pytest.mark.parametrize("protocol", [LCP, IPCP])
def test_who_negotiates_again_is_up_when_the_removal_is_answered(protocol: int) -> None:
    world, lac, (client,) = _world()
    (slot,) = world.plane.entries
    lac.send(client, _again(protocol))
    world.run(5.0)
    assert not world.plane.entries, "it has proven itself, but its Entry still goes"
    world.plane.feed(slot, ON_ITS_WAY)
    world.release()
    assert set(world.plane.entries) == {slot}
    world.plane.feed(slot, CARRIED)
    world.ask(Disconnect("user1"))
    world.run(5.0)
    assert client.ended
    assert _statuses(world) == [START, STOP]
    assert [end[-1] for end in _ends(world)] == [CARRIED + ON_ITS_WAY + CARRIED]


def test_who_negotiates_twice_while_the_removal_is_on_its_way() -> None:
    world, lac, (client,) = _world()
    for _ in range(2):
        lac.send(client, _again(LCP))
        world.run(3.0)
    assert world.held is not None
    assert len(world.held) == 1, "one removal"
    world.release()
    assert len(world.plane.entries) == 1
    assert _statuses(world) == [START]


def test_who_hangs_up_while_it_negotiates_again() -> None:
    world, lac, (client,) = _world()
    lac.send(client, _again(LCP))
    world.run(0.05)
    lac.hang_up(client)
    world.run(5.0)
    assert len(world.lns.core.registry.by_number) == 1
    world.release()
    world.run(1.0)
    assert (_statuses(world), _used(world), len(world.lns.core.registry.by_number)) == ([START, STOP], 0, 0)


def test_a_disconnect_is_answered_when_the_removal_is() -> None:
    world, _, (client,) = _world()
    identifier = world.ask(Disconnect("user1"))
    world.run(5.0)
    assert identifier not in world.answers
    world.release()
    world.run(1.0)
    assert world.answers[identifier].body == {"disconnected": 1}
    assert client.ended


def test_a_new_session_of_the_same_user_waits_for_the_old_ones_counters() -> None:
    world, lac, (client,) = _world(auth=AuthConfig(methods=("chap",), single_session="replace"))
    second = lac.dial("user1", "pass")
    world.run(5.0)
    assert not second.address
    world.release()
    world.run(3.0)
    assert second.address
    assert client.ended
    assert _statuses(world) == [START, STOP, START]


def test_the_last_address_of_a_pool_is_free_when_the_removal_is_answered() -> None:
    small = PoolConfig(name="default", ranges=((0x0A400001, 0x0A400001),), hold_down_s=0.0)
    world, lac, (client,) = _world(pool=(small,))
    lac.hang_up(client)
    world.run(2.0)
    early = lac.dial("user2", "pass")
    world.run(5.0)
    assert not early.address
    world.release()
    second = lac.dial("user3", "pass")
    world.run(3.0)
    assert second.address


def test_a_shutdown_waits_for_every_removal() -> None:
    """Accounting-Off comes after the Stops, and the answer after both."""
    world, _, _ = _world(5)
    identifier = world.ask(Shutdown())
    world.run(1.2)
    assert identifier not in world.answers
    assert not world.plane.entries
    world.release()
    world.run(2.0)
    assert world.answers[identifier].ok
    statuses = world.radius.statuses()
    assert statuses.count(STOP) == 5
    assert statuses.index(OFF) == len(statuses) - 1
    assert set(_ends(world)) == {end for end in _ends(world) if end[-1] == CARRIED}


def test_a_shutdown_does_not_wait_for_ever() -> None:
    world, _, _ = _world(2)
    identifier = world.ask(Shutdown())
    world.run(4.4)
    assert identifier in world.answers


class ClumsyWorld(LateWorld):
    """Survives defects as the driver does."""

    def handle(self, given):  # type: ignore[no-untyped-def]  # as World.handle
        try:
            return super().handle(given)
        except Fault:
            pass
        for _ in range(8):
            try:
                return self.lns.abandon(given, self.now)
            except Fault:
                continue
        raise AssertionError("there is no end of defects")


@pytest.mark.interpreted
def test_a_slot_of_one_that_was_cut_off_by_a_defect_waits_too() -> None:
    """It cannot even end, and is forgotten; its slot is not, until the data plane has answered."""
    world = ClumsyWorld(config())
    lac = SimulatedLac(world)
    lac.open()
    clients = [lac.dial(f"user{number}", "pass") for number in range(1, 4)]
    world.run(3.0)
    world.held = []
    (victim,) = world.lns.core.registry.of_user("user2")
    spoil(victim, "network", "receive")
    spoil(victim, "forwarding", "next_operation")
    lac.send(clients[1], _again(IPCP))
    world.run(3.0)
    registry = world.lns.core.registry
    assert victim.number not in registry.by_number
    assert registry.leaving == {victim.number: victim.forwarding.slot}
    assert victim.forwarding.slot not in registry._free_slots
    world.release()
    assert not registry.leaving
    assert victim.forwarding.slot in registry._free_slots


# -- killed meanwhile


def _mortal(place: Path, count: int = 3) -> tuple[LateMortal, SimulatedLac, list[Client]]:
    world = LateMortal(place, config())
    lac = SimulatedLac(world)
    lac.open()
    clients = [lac.dial(f"user{number}", "pass") for number in range(1, count + 1)]
    world.run(3.0)
    assert all(client.address for client in clients)
    world.held = []
    world.feed_all()
    return world, lac, clients


@pytest.mark.parametrize("answered", [False, True])
def test_killed_before_the_answer_was_heard_it_is_asked_for_again(tmp_path: Path, answered: bool) -> None:
    """What was on its way is billed, and nothing twice."""
    world, lac, (client, *_others) = _mortal(tmp_path)
    (slot,) = (slot for slot, entry in world.plane.entries.items() if entry.generation == 1)
    lac.hang_up(client)
    world.run(1.0)
    assert world.late.going == {slot: 1}
    world.plane.feed(slot, ON_ITS_WAY)
    if answered:
        world.kill_at = "unwritten"
        world.release()
        assert not world.alive
        world.revive()
    else:
        world.kill("unsent")
        world.release()  # the old process's answers: nobody hears them
    world.run(5.0)
    assert _statuses(world) == [START, STOP]
    ((*_, counters),) = _ends(world)
    assert counters == world.carried[1] + ON_ITS_WAY
    assert len(world.lns.core.registry.by_number) == len(world.plane.entries) == 2
    assert not world.late.going


def test_killed_while_a_client_negotiates_again(tmp_path: Path) -> None:
    world, lac, (client, *_others) = _mortal(tmp_path)
    lac.send(client, _again(LCP))
    world.run(0.02)
    world.kill("unsent")
    world.run(20.0)
    world.release()
    world.run(20.0)
    assert client.address
    assert not client.ended
    assert len(world.plane.entries) == 3
    assert _statuses(world) == [START]
    lac.hang_up(client)
    world.run(5.0)
    ((*_, counters),) = _ends(world)
    assert counters == world.carried[1]
