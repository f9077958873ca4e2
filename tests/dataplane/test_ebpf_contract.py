"""What the core relies on when Entries outlive the process: the real back end, asked as the daemon asks it.

``tests/support/late.py`` and ``tests/support/crash.py`` are the same contract in virtual time.
"""

from __future__ import annotations

import select
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bras.config.model import DataplaneConfig
from bras.dataplane.base import Outlet
from bras.dataplane.ebpf import Ebpf
from bras.dataplane.keys import KEYED, keys, others
from bras.dataplane.records import (
    ACCOUNT,
    CALL,
    DOWN,
    HOST4,
    PEER,
    PLACE,
    SESSION,
    TERMS,
    UPLINK,
    Account,
    Session,
    SessionFlag,
    Uplink,
)
from bras.dataplane.template import record
from bras.forwarding.entry import AddEntry, Counters, Leg, Outcome, RemoveEntry, ReplaceEntry, Route
from tests.support.namespaces import Network
from tests.support.provider import bpf_file_system

pytestmark = pytest.mark.root

POOL = (0x0A400000, 16)
LEG = Leg(0x1234_0042, 0, "198.18.0.1", 1701, "198.18.0.2", 1701, 0x4321, 0x0099, acfc=False, pfc=False)  # type: ignore[arg-type]  # a CallKey
ROUTE = Route(5, 7, 0, (LEG,), (0x0A400002,), 1460)
CARRIED = Counters(up_octets4=100, up_packets4=1, down_octets6=7)
Start = Callable[[], Ebpf]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return what makes a plane as a process does at its start; all on the same pins."""
    with Network() as network, bpf_file_system(tmp_path / "bpf"), ExitStack() as left:
        lns, lac = network.namespace("lns", forwarding=True), network.namespace("lac")
        network.link(lac, "eth0", ["198.18.0.2/24"], lns, "lac0", ["198.18.0.1/24"])
        left.enter_context(lns.entered())
        listener = left.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        listener.bind(("198.18.0.1", 1701))

        def make() -> Ebpf:
            config = DataplaneConfig(backend="ebpf", pin_dir=str(tmp_path / "bpf" / "pins"))
            plane = Ebpf(config, [POOL], [Outlet(listener, wildcard=False)], slots=64)
            plane.open()
            left.callback(plane.close)
            return plane

        yield make


def _carry(plane: Ebpf, slot: int) -> None:
    """Count something on the slow road, whose figures are in the maps like those of the programs."""
    tally = plane._table.row_of(plane._table.routes[slot]).tally
    tally.up_octets += CARRIED.up_octets4
    tally.up_packets += CARRIED.up_packets4
    tally.down_octets6 += CARRIED.down_octets6


def _answers(plane: Ebpf) -> list[Outcome]:
    """Wait for the outcomes of removals as the daemon's loop does."""
    ready, _, _ = select.select(plane.filenos(), (), (), 10.0)
    assert ready
    plane.on_readable(now=0.0)
    return list(plane.outcomes())


def written(plane: Ebpf) -> tuple[bytes, bytes, bytes]:
    """Return the records of the slot, but for what the slow road counts, and that of its peer."""
    tables = plane.kernel.tables
    with plane.kernel._loaded.maps["peers"].memory() as peers:
        peer = peers[uplink(plane).peer * PEER.size :][: PEER.size].tobytes()
    return (
        bytes(tables._sessions[ROUTE.slot * SESSION.size :][: SESSION.size]),
        bytes(tables._accounts[ROUTE.slot * ACCOUNT.size :][: Account.slow.offset]),
        peer,
    )


def place(plane: Ebpf) -> int:
    """Return the place of the slot's uplink."""
    return Session.from_buffer_copy(plane.kernel.tables._sessions, ROUTE.slot * SESSION.size).uplink


def uplink(plane: Ebpf) -> Uplink:
    return Uplink.from_buffer_copy(plane.kernel.tables.uplinks._octets, place(plane) * UPLINK.size)


def test_headers_of_a_session_change_while_no_program_uses_them(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packet on its way would get some of the old and some of the new; what comes meanwhile is Python's."""
    plane = start()
    plane.program_all([AddEntry(ROUTE)])
    tables = plane.kernel.tables
    waited: list[tuple[bool, int, tuple[bytes, bytes, bytes]]] = []

    def wait() -> None:
        waited.append((tables.is_active(ROUTE.slot), uplink(plane).flags, written(plane)))

    monkeypatch.setattr("bras.dataplane.ebpf.barrier", wait)
    plane.program_all([ReplaceEntry(replace(ROUTE, rate_up_bps=1_000_000, mark=7))])
    assert waited == []
    before = written(plane)
    moved = replace(ROUTE, legs=(replace(LEG, remote_port=4011),))
    assert plane.program_all([ReplaceEntry(moved)]) == [Outcome(5, 7, ok=True)]
    assert waited == [(False, 0, (bytes(4) + before[0][4:], *before[1:]))]
    assert tables.is_active(ROUTE.slot)
    assert written(plane) == record(moved, place(plane))
    assert uplink(plane).flags & SessionFlag.ACTIVE


def test_a_slot_begins_at_zero_with_full_buckets_whatever_was_there(start: Start) -> None:
    plane = start()
    tables = plane.kernel.tables
    there = ROUTE.slot * ACCOUNT.size
    plane.program_all([AddEntry(ROUTE)])
    _carry(plane, ROUTE.slot)
    DOWN.pack_into(tables._down, ROUTE.slot * DOWN.size, 77, 7)
    tables._accounts[there + TERMS.size : there + Account.slow.offset] = b"d" * (Account.slow.offset - TERMS.size)
    plane.program(RemoveEntry(ROUTE.slot, ROUTE.generation))
    again = replace(ROUTE, generation=8)
    assert plane.program_all([AddEntry(again)]) == [Outcome(5, 8, ok=True)]
    assert written(plane) == record(again, place(plane))
    assert not any(tables._accounts[there + Account.slow.offset : there + ACCOUNT.size])
    assert plane.read([(5, 8)]) == ((5, 8, Counters()),)


def test_an_entry_whose_successor_cannot_be_had_goes_on(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    plane = start()
    plane.program_all([AddEntry(ROUTE)])
    monkeypatch.setattr(plane, "_put", lambda *_: "no room for its routes")
    moved = replace(ROUTE, legs=(replace(LEG, remote_port=4011),))
    assert plane.program_all([ReplaceEntry(moved)]) == [Outcome(5, 7, ok=False, reason="no room for its routes")]
    assert written(plane) == record(ROUTE, place(plane))


def test_a_removal_is_answered_later_and_meanwhile_there_is_nothing_to_read(start: Start) -> None:
    plane = start()
    assert plane.program_all([AddEntry(ROUTE)]) == [Outcome(5, 7, ok=True)]
    _carry(plane, 5)
    assert plane.read([(5, 7), (5, 6), (6, 7), (64, 1)]) == ((5, 7, CARRIED),)
    assert plane.program_all([RemoveEntry(5, 7)]) == []
    assert plane.read([(5, 7)]) == (), "what goes is not there: a start must not take it for an Entry"
    outcomes: list[Outcome] = []
    while not outcomes:
        outcomes = _answers(plane)
    assert outcomes == [Outcome(5, 7, ok=True, counters=CARRIED)]
    assert plane.outcomes() == (), "once"
    assert plane.read([(5, 7)]) == ()


def test_a_removal_that_nobody_heard_of_is_answered_again_by_the_next_process(start: Start) -> None:
    first = start()
    first.program_all([AddEntry(ROUTE)])
    _carry(first, 5)
    assert first.program_all([RemoveEntry(5, 7)]) == []
    first.close(keep=True)
    second = start()
    assert second.read([(5, 7)]) == ()
    second.retain([(5, 7)])
    assert second.program_all([RemoveEntry(5, 7)]) == []
    outcomes: list[Outcome] = []
    while not outcomes:
        outcomes = _answers(second)
    assert outcomes == [Outcome(5, 7, ok=True, counters=CARRIED)]


def test_the_same_session_again_begins_at_zero(start: Start) -> None:
    """LCP was renegotiated: slot and generation are the same ones."""
    first = start()
    first.program_all([AddEntry(ROUTE)])
    _carry(first, 5)
    first.program(RemoveEntry(5, 7))
    assert first.program_all([AddEntry(replace(ROUTE, addresses=(0x0A400003,)))]) == [Outcome(5, 7, ok=True)]
    assert first.read([(5, 7)]) == ((5, 7, Counters()),)
    first.close(keep=True)
    second = start()
    assert second.read([(5, 7)]) == ((5, 7, Counters()),)


def test_a_new_process_is_told_again_and_goes_on_counting(start: Start) -> None:
    first = start()
    first.program_all([AddEntry(ROUTE)])
    _carry(first, 5)
    first.close(keep=True)
    second = start()
    assert second.read([(5, 7)]) == ((5, 7, CARRIED),)
    assert second.program_all([ReplaceEntry(ROUTE)]) == [Outcome(5, 7, ok=True)]
    _carry(second, 5)
    assert second.read([(5, 7)]) == ((5, 7, CARRIED + CARRIED),)
    assert second.status().entries == 1


def test_what_nobody_knows_is_removed_and_its_slot_can_be_used_at_once(start: Start) -> None:
    first = start()
    other = replace(ROUTE, slot=6, generation=8, addresses=(0x0A400009,), legs=(replace(LEG, key=0x1234_0043),))  # type: ignore[arg-type]  # a CallKey
    assert [one.ok for one in first.program_all([AddEntry(ROUTE), AddEntry(other)])] == [True, True]
    first.close(keep=True)
    second = start()
    second.retain([(6, 8)])
    assert second.read([(5, 7), (6, 8)]) == ((6, 8, Counters()),)
    again = replace(ROUTE, generation=9)
    assert second.program_all([ReplaceEntry(other), AddEntry(again)]) == [
        Outcome(6, 8, ok=True), Outcome(5, 9, ok=True),
    ]  # fmt: skip
    assert second.status().entries == 2


def test_a_slot_beyond_is_refused_in_words(start: Start) -> None:
    (outcome,) = start().program_all([AddEntry(replace(ROUTE, slot=64))])
    assert (outcome.ok, outcome.reason) == (False, "there are only 64 slots")


def test_routes_go_with_those_for_whom_they_were_and_stay_with_those_who_go_on(start: Start) -> None:
    outside = replace(ROUTE, addresses=(0xCB007105,), prefixes6=((0x20010DB8 << 96, 56),))
    other = replace(ROUTE, slot=6, generation=8, addresses=(0xCB007106,), legs=(replace(LEG, key=0x1234_0043),))  # type: ignore[arg-type]  # a CallKey
    first = start()
    assert [one.ok for one in first.program_all([AddEntry(outside), AddEntry(other)])] == [True, True]
    first.close(keep=True)
    assert _routed() == {"10.64.0.0/16", "203.0.113.5", "203.0.113.6", "2001:db8::/56"}
    second = start()
    second.retain([(5, 7)])
    assert _routed() == {"10.64.0.0/16", "203.0.113.5", "2001:db8::/56"}, "before it is told again"
    second.program_all([ReplaceEntry(outside)])
    second.program(RemoveEntry(5, 7))
    assert _routed() == {"10.64.0.0/16"}


def _routed() -> set[str]:
    """Return what is routed to the anchor."""
    listed = [
        subprocess.run(
            ["ip", family, "route", "show", "dev", "bras0", "proto", "static"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for family in ("-4", "-6")
    ]
    return {line.split()[0] for line in "".join(listed).splitlines()}


def test_what_a_session_had_when_its_process_died_goes_when_the_next_one_tells_less(start: Start) -> None:
    """The journal had the change, the kernel had not: it would carry a prefix to one who has it no more."""
    prefix = (0x20010DB8 << 96, 56)
    first = start()
    had = replace(ROUTE, addresses=(0xCB007105, 0xCB007106), prefixes4=((0xCB007200, 24),), prefixes6=(prefix,))
    assert first.program_all([AddEntry(had)]) == [Outcome(5, 7, ok=True)]
    first.close(keep=True)
    second = start()
    second.retain([(5, 7)])
    has = replace(ROUTE, addresses=(0xCB007105,))
    assert second.program_all([ReplaceEntry(has)]) == [Outcome(5, 7, ok=True)]
    assert set(second.kernel.tables.keys()) == set(keys(has))
    assert _routed() == {"10.64.0.0/16", "203.0.113.5"}
    assert second.program_all([ReplaceEntry(had)]) == [Outcome(5, 7, ok=True)]
    assert set(second.kernel.tables.keys()) == set(keys(had))


def _some(slots: range, generation: int = 1) -> list[Route]:
    """Return Routes of as many slots, each with a call and an address of its own; every third one has networks."""
    return [
        replace(
            ROUTE,
            slot=slot,
            generation=generation,
            legs=(replace(LEG, key=0x1234_0100 + slot),),  # type: ignore[arg-type]  # a CallKey
            addresses=(0x0A400100 + slot,),
            prefixes4=((0x0A410000 + (slot << 8), 24), (0x0A420000 + slot, 32)) if slot % 3 == 0 else (),
            prefixes6=((0x20010DB8 << 96 | slot << 64, 64),) if slot % 3 == 0 else (),
        )
        for slot in slots
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 30])
def test_all_keys_of_a_batch_are_there_and_lead_to_their_slots(start: Start, count: int) -> None:
    plane, routes = start(), _some(range(count))
    assert all(one.ok for one in plane.program_all([AddEntry(route) for route in routes]))
    found = {(name, key): value for name in KEYED for key, value in plane.kernel.tables.leading.maps[name].items()}
    expected = {key: PLACE.pack(route.slot, route.generation) for route in routes for key in others(route)}
    assert found == expected
    hosts = plane.kernel.tables.hosts
    assert sorted(hosts.taken()) == sorted((hosts.said(route.addresses[0])[0], route.slot) for route in routes)


def test_what_is_added_changed_and_removed_in_one_batch_leaves_the_keys_of_what_is_left(start: Start) -> None:
    plane = start()
    moved, gone, stays, *others = _some(range(8))
    turned = replace(moved, addresses=(0x0A400200,), prefixes4=())
    heir = replace(gone, slot=20, prefixes4=moved.prefixes4)
    first = [AddEntry(moved), AddEntry(gone), AddEntry(stays), ReplaceEntry(turned), RemoveEntry(gone.slot, 1)]
    last = [AddEntry(heir), *map(AddEntry, others)]
    outcomes = plane.program_all([*first, *last])
    assert [one.ok for one in outcomes] == [True] * (4 + len(last)), "a removal is answered later"
    left = [turned, stays, heir, *others]
    assert set(plane.kernel.tables.keys()) == {key for route in left for key in keys(route)}
    assert plane.status().entries == len(left)
    answers: list[Outcome] = []
    while not answers:  # the anchor's routes have woken it too
        answers = _answers(plane)
    assert answers == [Outcome(gone.slot, 1, ok=True, counters=Counters())]


def test_those_for_whom_the_tables_have_no_room_are_refused_and_leave_nothing(start: Start) -> None:
    plane = start()
    routes = [replace(each, addresses=(*each.addresses, 0x0A400200 + each.slot)) for each in _some(range(1, 30))]
    hosts = plane.kernel.tables.leading.maps["hosts4"]
    strangers = [HOST4.pack(9, number.to_bytes(4, "big")) for number in range(hosts.shape.entries - 2)]
    for stranger in strangers:
        hosts.update(stranger, bytes(PLACE.size))
    outcomes = plane.program_all([AddEntry(route) for route in routes])
    taken = {one.slot for one in outcomes if one.ok}
    assert {one.reason for one in outcomes if not one.ok} == {"the kernel's tables are full"}
    assert 0 < len(taken) <= 2 < len(outcomes)
    assert {slot for slot, _ in plane.kernel.tables.active()} == taken
    left = set(plane.kernel.tables.keys()) - {("hosts4", stranger) for stranger in strangers}
    assert left == {key for route in routes if route.slot in taken for key in keys(route)}
    assert plane.status().entries == len(taken)


def _carry_up(plane: Ebpf) -> None:
    """Count as a program does."""
    counters = plane.kernel.tables.uplinks.counters(place(plane))
    counters[0] += CARRIED.up_octets4
    counters[1] += CARRIED.up_packets4


def test_what_programs_counted_at_a_call_is_told_whenever_its_end_is_asked_for(start: Start) -> None:
    plane = start()
    plane.program_all([AddEntry(ROUTE)])
    _carry_up(plane)
    carried = Counters(up_octets4=100, up_packets4=1)
    assert plane.read([(5, 7)]) == ((5, 7, carried),)
    assert plane.program(RemoveEntry(5, 7)) == Outcome(5, 7, ok=True, counters=carried)
    assert list(plane.kernel.tables.uplinks.taken()) == [], "its place is another's now"
    assert plane.program_all([AddEntry(replace(ROUTE, slot=6, addresses=()))]) == [Outcome(6, 7, ok=True)]
    plane.close(keep=True)
    again = start()
    again.retain([(5, 7), (6, 7)])
    assert again.program(RemoveEntry(5, 7)) == Outcome(5, 7, ok=True, counters=carried)


def test_one_that_was_going_when_its_process_died_keeps_what_it_carried(start: Start) -> None:
    first = start()
    first.program_all([AddEntry(ROUTE)])
    _carry_up(first)
    first.kernel.tables.silence(5)
    first.close(keep=True)
    second = start()
    second.retain([(5, 7)])
    assert second.program(RemoveEntry(5, 7)).counters == Counters(up_octets4=100, up_packets4=1)
    assert list(second.kernel.tables.uplinks.taken()) == []
    second.close(keep=True)


def test_what_nobody_knows_any_more_leaves_its_place(start: Start) -> None:
    first = start()
    first.program_all([AddEntry(ROUTE)])
    first.close(keep=True)
    second = start()
    second.retain([])
    assert list(second.kernel.tables.uplinks.taken()) == []


def test_a_call_whose_places_are_taken_lies_elsewhere_and_a_key_leads_there(start: Start) -> None:
    first = start()
    calls = first.kernel._loaded.maps["calls"]
    for slot in (6, 7):  # and nobody uses what lies there
        first.kernel.tables.uplinks.begin(LEG.key, slot, bytes(PEER.size), 0)
    assert first.program_all([AddEntry(ROUTE)]) == [Outcome(5, 7, ok=True)]
    assert place(first) not in first.kernel.tables.uplinks.said(LEG.key)
    assert dict(calls.items()) == {CALL.pack(LEG.key): PLACE.pack(5, 7)}
    calls.delete(CALL.pack(LEG.key))  # a process that died before it wrote it
    first.close(keep=True)
    second = start()
    second.retain([(5, 7)])
    calls = second.kernel._loaded.maps["calls"]
    assert second.program_all([ReplaceEntry(ROUTE)]) == [Outcome(5, 7, ok=True)]
    assert dict(calls.items()) == {CALL.pack(LEG.key): PLACE.pack(5, 7)}
    assert second.program(RemoveEntry(5, 7)).ok
    assert dict(calls.items()) == {}


def _neighbours(plane: Ebpf, count: int, generation: int = 1) -> list[Route]:
    """Return Routes whose addresses have one and the same two places."""
    step = plane.kernel.tables.hosts.mask + 1
    return [
        replace(route, addresses=(0x0A400101 + step * number,), prefixes4=(), prefixes6=())
        for number, route in enumerate(_some(range(1, 1 + count), generation))
    ]


def _leading(plane: Ebpf) -> tuple[dict[int, int], dict[int, int]]:
    """Return the slots to which places lead, and keys; by address."""
    tables = plane.kernel.tables
    seated = {tables._host(slot): slot for _, slot in tables.hosts.taken()}
    keyed = {HOST4.unpack(key)[1]: PLACE.unpack(value)[0] for key, value in tables.leading.maps["hosts4"].items()}
    return seated, {int.from_bytes(address, "big"): slot for address, slot in keyed.items()}


def test_an_address_whose_places_are_taken_has_a_key(start: Start) -> None:
    plane = start()
    first, second, third, fourth = routes = _neighbours(plane, 4)
    assert all(one.ok for one in plane.program_all([AddEntry(route) for route in routes[:3]]))
    assert _leading(plane) == ({route.addresses[0]: route.slot for route in (first, second)}, {third.addresses[0]: 3})
    assert set(plane.kernel.tables.keys()) == {key for route in routes[:3] for key in keys(route)}
    plane.program(RemoveEntry(first.slot, 1))
    plane.program_all([AddEntry(fourth)])
    assert _leading(plane) == ({route.addresses[0]: route.slot for route in (second, fourth)}, {third.addresses[0]: 3})
    for route in (third, second, fourth):
        plane.program(RemoveEntry(route.slot, 1))
    assert _leading(plane) == ({}, {})
    assert list(plane.kernel.tables.keys()) == []


def test_the_first_address_becomes_the_second_and_back(start: Start) -> None:
    plane = start()
    one, other = 0x0A400107, 0x0A400108
    plane.program_all([AddEntry(replace(ROUTE, addresses=(one, other)))])
    assert _leading(plane) == ({one: 5}, {other: 5})
    plane.program_all([ReplaceEntry(replace(ROUTE, addresses=(other, one)))])
    seated, keyed = _leading(plane)
    assert (seated, keyed[one]) == ({other: 5}, 5)
    plane.program_all([ReplaceEntry(replace(ROUTE, addresses=(one,)))])
    assert _leading(plane)[0] == {one: 5}
    assert set(plane.kernel.tables.keys()) == set(keys(replace(ROUTE, addresses=(one,))))
    plane.program(RemoveEntry(5, 7))
    assert _leading(plane) == ({}, {})


def test_addresses_are_found_by_the_next_process(start: Start) -> None:
    """Where they lie is in the maps; who is not known any more leaves the place, who has another address moves."""
    first = start()
    _gone, moved, stays, keyed = routes = _neighbours(first, 4)
    assert all(one.ok for one in first.program_all([AddEntry(route) for route in routes]))
    first.close(keep=True)
    second = start()
    second.retain([(route.slot, 1) for route in (moved, stays, keyed)])
    elsewhere = replace(moved, addresses=(0x0A400055,))
    outcomes = second.program_all([ReplaceEntry(route) for route in (elsewhere, stays, keyed)])
    assert all(one.ok for one in outcomes)
    left = (elsewhere, stays, keyed)
    assert set(second.kernel.tables.keys()) == {key for route in left for key in keys(route)}
    seated, by_key = _leading(second)
    assert {**seated, **by_key} == {route.addresses[0]: route.slot for route in left}
    for route in left:
        second.program(RemoveEntry(route.slot, 1))
    assert _leading(second) == ({}, {})


def test_a_place_that_is_out_of_date_is_free(start: Start) -> None:
    """As after a crash between two steps: it leads to nobody, or to one who has another address."""
    plane = start()
    here, there = _neighbours(plane, 2)
    plane.program_all([AddEntry(replace(there, addresses=(0x0A400055,)))])
    hosts = plane.kernel.tables.hosts
    first, second = hosts.said(here.addresses[0])
    hosts.put(first, here.addresses[0], there.slot, b"", b"abcd", 1)
    hosts.put(second, here.addresses[0], 60, b"", b"abcd", 1)
    plane.program_all([AddEntry(here)])
    assert hosts.place(here.addresses[0], here.slot) == first
    assert plane.kernel.tables.sweep() == [], "its address is another's by now"
    assert hosts.owner(second) == (0, 0)
    assert _leading(plane)[0] == {here.addresses[0]: here.slot, 0x0A400055: there.slot}
