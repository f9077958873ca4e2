"""Slots and what they hold; keys in the kernel's maps are in tests/dataplane."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

import pytest

from bras.dataplane.hosts import Hosts
from bras.dataplane.records import (
    ACCOUNT,
    DOWN,
    HOST,
    PEER,
    SESSION,
    TEMPLATE,
    UPLINK,
    Account,
    Session,
    SessionFlag,
    Uplink,
)
from bras.dataplane.tables import Tables
from bras.dataplane.uplinks import NOWHERE, Uplinks, places
from bras.forwarding.entry import Leg, Route
from bras.ids import CallKey

SLOTS = 100
LATE = (1 << 32) + 7
"""A generation of which the kernel knows a part."""
Asked = list[tuple[int, int]]
WISHES: dict[str, Callable[[Asked], Asked]] = {
    "all": lambda there: there,
    "the last ones": lambda there: there[-30:],
    "backwards": lambda there: there[::-1],
    "with gaps": lambda there: there[::3],
    "one": lambda there: there[5:6],
    "none": lambda there: [],
    "one of another generation": lambda there: [*there[:50], (50, 2), *there[51:]],
    "one that does not forward": lambda there: [*there[:60], (60, 1), *there[61:]],
    "slots that there are not": lambda there: [*there, (SLOTS, 1), (SLOTS + 1, 1)],
    "slots below the first": lambda there: [(-2, 1), (-1, 1), *there],
    "only strangers": lambda there: [(SLOTS, 1), (3, 9)],
}


def entry(slot: int, generation: int) -> Route:
    leg = Leg(CallKey(7 << 16 | slot), 0, "198.18.0.1", 1701, "198.18.0.2", 1701, 7, slot, acfc=False, pfc=False)
    return Route(slot, generation, 0, (leg,), (0x0A400000 + slot,), 1460)


def empty() -> Tables:
    """Return tables without keys: those are in tests/dataplane."""
    many = places(SLOTS)
    sizes = [SLOTS * SESSION.size, SLOTS * DOWN.size, SLOTS * ACCOUNT.size]
    sizes += [many * UPLINK.size, 8 * PEER.size, many * HOST.size, 8 * TEMPLATE.size]
    sessions, carried, accounts, uplinks, peers, hosts, kinds = (memoryview(bytearray(size)) for size in sizes)
    return Tables({}, sessions, carried, accounts, Uplinks(uplinks, peers), Hosts(hosts, kinds))


def session_of(tables: Tables, slot: int) -> Session:
    return Session.from_buffer_copy(tables._sessions, slot * SESSION.size)


def account_of(tables: Tables, slot: int) -> Account:
    return Account.from_buffer_copy(tables._accounts, slot * ACCOUNT.size)


def uplink_of(tables: Tables, slot: int) -> Uplink:
    return Uplink.from_buffer_copy(tables.uplinks._octets, session_of(tables, slot).uplink * UPLINK.size)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("wish", WISHES)
def test_those_that_forward_of_those_that_are_asked_for(wish: str, late: bool) -> None:
    tables = empty()
    there = [(slot, LATE if late and slot == 70 else 1) for slot in range(SLOTS)]
    tables.begin(entry(slot, generation) for slot, generation in there)
    tables.silence(60)
    forward = set(there) - {(60, 1)}
    asked = WISHES[wish](there)
    slots, generations = tables.known(iter(asked))
    assert list(zip(slots, generations, strict=True)) == [one for one in asked if one in forward]
    assert not tables.is_active(60)
    assert [slot for slot, _ in tables.active()] == [slot for slot, _ in there if slot != 60]


def test_an_uplink_has_what_its_session_has() -> None:
    tables = empty()
    tables.begin([entry(5, 1)])
    session, uplink = session_of(tables, 5), uplink_of(tables, 5)
    assert (uplink.call, uplink.slot, uplink.flags, uplink.address) == (7 << 16 | 5, 5, session.flags, session.address)
    assert uplink.peer
    tables.put(replace(entry(5, 1), rate_up_bps=8000, addresses=(0x0A400005, 0x0A400099)), entry(5, 1))
    changed = uplink_of(tables, 5)
    assert (changed.flags, changed.peer) == (session.flags | SessionFlag.POLICED_UP, uplink.peer)
    assert struct.pack("=I", changed.address) == bytes((10, 64, 0, 5))


def test_both_are_silenced() -> None:
    tables = empty()
    tables.begin([entry(5, 1)])
    tables.silence(5)
    assert (session_of(tables, 5).flags, uplink_of(tables, 5).flags) == (0, 0)
    assert uplink_of(tables, 5).call == 7 << 16 | 5, "its counters are still asked for"


def carry(tables: Tables, slot: int, octets: int, packets: int) -> None:
    counters = tables.uplinks.counters(session_of(tables, slot).uplink)
    counters[0], counters[1] = octets, packets


@pytest.mark.parametrize("slot", [0, 5])
def test_what_it_has_carried_goes_on_and_outlives_it(slot: int) -> None:
    tables = empty()
    tables.begin([entry(slot, 1)])
    carry(tables, slot, 1000, 10)
    tables.put(entry(slot, 1), entry(slot, 1))
    assert (uplink_of(tables, slot).up_octets4, uplink_of(tables, slot).up_packets4) == (1000, 10)
    place = session_of(tables, slot).uplink
    for _ in range(2):
        tables.silence(slot)
        tables.release(slot)
        account = account_of(tables, slot)
        assert (account.up_octets4, account.up_packets4) == (1000, 10)
        assert session_of(tables, slot).uplink == NOWHERE
    assert tables.uplinks.owner(place) == (0, 0)
    tables.begin([entry(slot, 2)])
    account = account_of(tables, slot)
    assert session_of(tables, slot).uplink == place
    assert (account.up_octets4, uplink_of(tables, slot).up_octets4) == (0, 0)


def test_a_call_that_is_another_one_takes_its_counters_along() -> None:
    tables, before = empty(), entry(5, 1)
    after = replace(before, legs=(replace(before.legs[0], key=CallKey(9 << 16 | 9)),))
    tables.begin([before])
    carry(tables, 5, 1000, 10)
    place = session_of(tables, 5).uplink
    assert not tables.is_turned(before)
    assert tables.is_turned(after), "no program must count meanwhile"
    tables.silence(5)
    tables.put(after, before)
    uplink = uplink_of(tables, 5)
    assert (uplink.call, uplink.up_octets4, uplink.up_packets4) == (9 << 16 | 9, 1000, 10)
    assert tables.uplinks.owner(place) == (0, 0)
    assert tables.is_active(5)


def test_an_uplink_that_a_process_had_not_come_to_is_made() -> None:
    tables = empty()
    tables.begin([entry(5, 1)])
    tables.uplinks.leave(session_of(tables, 5).uplink)
    tables.put(entry(5, 1), None)
    assert (uplink_of(tables, 5).call, uplink_of(tables, 5).slot) == (7 << 16 | 5, 5)


def test_places_that_nobody_will_ask_for_are_free_again() -> None:
    tables = empty()
    for slot in range(1, 5):
        tables.begin([entry(slot, 1)])
        carry(tables, slot, slot, slot)
    for slot in (2, 3):
        tables.silence(slot)
    tables.uplinks.begin(99, 4, bytes(PEER.size), 0)  # and then its process died
    tables.uplinks.begin(98, SLOTS, bytes(PEER.size), 0)  # of a slot that there is not
    tables.tidy({(1, 1), (3, 1)})
    assert {slot for _, slot in tables.uplinks.taken()} == {1, 3, 4}
    assert [uplink_of(tables, slot).up_octets4 for slot in (1, 3, 4)] == [1, 3, 4]
    assert account_of(tables, 2).up_octets4 == 2


def test_the_end_of_one_that_was_never_told() -> None:
    tables = empty()
    tables.begin([entry(5, 1)])
    tables.silence(5)
    again = replace(entry(5, 2), legs=(replace(entry(5, 2).legs[0], key=CallKey(9 << 16 | 9)),))
    tables.begin([again])
    assert [slot for _, slot in tables.uplinks.taken()] == [5]
    assert uplink_of(tables, 5).call == 9 << 16 | 9
