"""Records of addresses; what programs make of them is in tests/dataplane/test_bpf_hosts.py."""

from __future__ import annotations

from itertools import pairwise
from socket import htonl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.hosts import FLAGS_AT, HALVES, KIND_AT, OCTETS, Hosts, hosts
from bras.dataplane.records import HOST, TEMPLATE
from bras.dataplane.uplinks import places

PLACES = 1 << 16
A_HOST = 0x0A400001
KIND = bytes(range(TEMPLATE.size))
IDS = b"\1\2\3\4"


def empty(count: int = PLACES, kinds: int = 4) -> Hosts:
    return Hosts(memoryview(bytearray(count * HOST.size)), memoryview(bytearray(kinds * TEMPLATE.size)))


def record(some: Hosts, place: int) -> tuple[int, int, bytes, int, int]:
    """Return address, slot, ids, kind and flags."""
    address, slot, ids, kind, flags = HOST.unpack_from(some.octets, place * OCTETS)
    return htonl(address), slot, ids, kind, flags


def test_a_pool_lies_together_and_networks_apart() -> None:
    some = empty()
    firsts = [some.said(A_HOST + n)[0] for n in range(1000)]
    assert all(after == before + 1 & some.mask for before, after in pairwise(firsts))
    assert len({some.said(network << 16)[0] for network in range(0x0A00, 0x0B00)}) > 200


@given(st.integers(0, 0xFFFFFFFF), st.sampled_from([64, 1 << 12, 1 << 15]))
def test_places_are_places(host: int, count: int) -> None:
    some = empty(count)
    assert some.mask == count - 1
    assert all(0 <= place < count for place in some.said(host))


@pytest.mark.parametrize("slots", [1, 2, 64, 1000, 73_728])
def test_there_is_a_power_of_two_of_them(slots: int) -> None:
    count = hosts(slots)
    assert count >= 4 * slots
    assert count & (count - 1) == 0
    assert count <= places(slots)


@pytest.mark.parametrize("which", [0, 1])
def test_a_record_comes_and_goes(which: int) -> None:
    some = empty()
    place = some.said(A_HOST)[which]
    some.put(place, A_HOST, 7, KIND, IDS, 0x401)
    assert record(some, place) == (A_HOST, 7, IDS, 1, 0x401)
    assert some._kinds == {KIND: 1}
    assert some.place(A_HOST, 7) == place
    assert some.place(A_HOST, 8) is None
    assert list(some.taken()) == [(place, 7)]
    some.flag(place, 0)
    assert record(some, place)[4] == 0
    some.leave(A_HOST, 8)
    assert list(some.taken()) == [(place, 7)]
    some.leave(A_HOST, 7)
    assert some.place(A_HOST, 7) is None
    assert list(some.taken()) == []


def test_a_session_begins_in_its_first_place_or_not_so_quickly() -> None:
    some = empty()
    first = some.said(A_HOST)[0]
    assert some.begin(A_HOST, 7, KIND, IDS, 3)
    assert record(some, first) == (A_HOST, 7, IDS, 1, 3)
    assert not some.begin(A_HOST, 8, KIND, IDS, 3)
    assert record(some, first) == (A_HOST, 7, IDS, 1, 3)
    assert some.begin(A_HOST + 1, 8, b"", IDS, 5)
    assert record(some, some.said(A_HOST + 1)[0]) == (A_HOST + 1, 8, IDS, 0, 5)


class Watched:
    """A memory of 16-bit words that tells in what order it is written."""

    def __init__(self, of: memoryview) -> None:
        self.of, self.written = of, list[tuple[int, int]]()

    def __setitem__(self, at: int, value: int) -> None:
        self.written.append((at % HALVES, value))
        self.of[at] = value

    def __getitem__(self, at: object) -> object:
        return self.of[at]  # type: ignore[index]  # as the memory has it


def test_flags_are_written_last_and_first_taken_away() -> None:
    """A program that reads meanwhile must not find some of both; what differs in no header it may."""
    some = empty()
    place = some.said(A_HOST)[0]
    some.put(place, A_HOST + 1, 6, KIND, IDS, 1)
    some.halves = watched = Watched(some.halves)  # type: ignore[assignment]  # it does what a memoryview does here
    some.put(place, A_HOST, 7, KIND, IDS, 3)
    assert watched.written == [(FLAGS_AT, 0), (FLAGS_AT, 3)]
    some.put(place, A_HOST, 7, KIND[::-1], IDS, 5)
    assert watched.written[2:] == [(KIND_AT, 2), (FLAGS_AT, 5)]
    some.put(place, A_HOST, 7, KIND, b"abcd", 5)
    assert watched.written[4:] == [(FLAGS_AT, 0), (FLAGS_AT, 5)]
    some.leave(A_HOST, 7)
    assert watched.written[6:] == [(FLAGS_AT, 0)]


def test_without_a_number_the_session_has_its_template() -> None:
    some = empty(kinds=2)
    for slot, kind in enumerate((KIND, b"", KIND[::-1])):
        some.put(some.said(A_HOST + slot)[0], A_HOST + slot, slot, kind, IDS, 1)
    assert [record(some, place)[3] for place, _ in sorted(some.taken(), key=lambda one: one[1])] == [1, 0, 0]
