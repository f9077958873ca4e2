"""Where the record of a call lies, and what is written of it; the programs' side is in tests/dataplane."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.records import GOLDEN, OTHER, PEER, SPREAD_SHIFT, UPLINK, Uplink
from bras.dataplane.uplinks import EACH, NOWHERE, Uplinks, places

SLOTS = 64
CALL = 0x1234_0042
ADDRESS = 0x0A400002


def fresh(slots: int = SLOTS) -> Uplinks:
    return Uplinks(memoryview(bytearray(places(slots) * UPLINK.size)), memoryview(bytearray(16 * PEER.size)))


def peer(number: int) -> bytes:
    return PEER.pack(bytes((198, 18, 0, number)), bytes(4))


def read(uplinks: Uplinks, place: int) -> Uplink:
    return Uplink.from_buffer_copy(uplinks._octets, place * UPLINK.size)


@pytest.mark.parametrize("slots", [1, 2, 63, 64, 65, 65_536])
def test_there_are_enough_places(slots: int) -> None:
    number = places(slots)
    assert number >= EACH * slots > number // 2
    assert number & (number - 1) == 0


@given(st.integers(1, 0xFFFF_FFFF))
def test_where_a_number_says(call: int) -> None:
    uplinks = fresh()
    first, second = uplinks.said(call)
    for place, spread in ((first, GOLDEN), (second, OTHER)):
        tunnel, number = divmod(call, 1 << 16)
        assert place == ((tunnel * spread % (1 << 32) >> SPREAD_SHIFT) + number) % places(SLOTS)
    assert uplinks.begin(call, 1, peer(1), ADDRESS) == (first or second or -1), "place 0 is nobody's"


def test_a_record() -> None:
    uplinks = fresh()
    place = uplinks.begin(CALL, 5, peer(1), ADDRESS)
    one = read(uplinks, place)
    assert (one.call, one.slot, one.flags, one.up_octets4, one.up_packets4) == (CALL, 5, 0, 0, 0)
    assert one.address == ADDRESS
    assert uplinks.owner(place) == (CALL, 5)
    uplinks.flag(place, 0x0401)
    uplinks.counters(place)[0] = 99
    uplinks.change(place, peer(2), 7)
    changed = read(uplinks, place)
    assert (changed.call, changed.slot, changed.flags, changed.address, changed.up_octets4) == (CALL, 5, 0x0401, 7, 99)
    assert changed.peer not in {0, one.peer}
    assert list(uplinks.taken()) == [(place, 5)]
    uplinks.leave(place)
    assert bytes(read(uplinks, place)) == bytes(UPLINK.size)
    assert list(uplinks.taken()) == []


def test_whoever_comes_later_lies_elsewhere() -> None:
    uplinks = fresh()
    first, second = uplinks.said(CALL)
    found = [uplinks.begin(CALL, slot, peer(1), ADDRESS) for slot in range(4)]
    assert found == [first, second, -(second + 1 & uplinks.mask), -(second + 2 & uplinks.mask)]


def test_place_0_is_nobodys_and_all_others_are_somebodys_in_the_end() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    uplinks = fresh(4)
    for slot in range(uplinks.mask):
        call = dice.randrange(1, 1 << 32)
        place = uplinks.begin(call, slot, peer(1), ADDRESS)
        assert place != NOWHERE
        assert (place > 0) == (abs(place) in uplinks.said(call))
    assert sorted(place for place, _ in uplinks.taken()) == list(range(1, uplinks.mask + 1))
    assert uplinks.begin(CALL, 1, peer(1), ADDRESS) == NOWHERE
    assert uplinks.owner(NOWHERE) == (0, 0)


def test_nearly_all_calls_of_a_hundred_tunnels_lie_where_their_numbers_say() -> None:
    uplinks = fresh(4096)
    dice = random.Random(1)
    said = []
    for _ in range(100):
        first = dice.randrange(1, 1 << 12) << 16 | dice.randrange(1, 60_000)
        for call in range(first, first + 40):
            said.append(uplinks.begin(call, 1, peer(1), ADDRESS) > 0)
    assert sum(said) / len(said) > 0.97
