"""What an ordinary packet from a LAC needs, where the number of its call says: ``struct uplink`` of ``bpf/bras.h``.

A record is written when a session comes, with flags of zero, and its flags when all else of the session is
there.  It stays, with what it has counted, until the session's end has been told; then its place is free.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from bras.dataplane.peers import Numbers
from bras.dataplane.records import GOLDEN, OTHER, PEER, SPREAD_SHIFT, UPLINK, Uplink

NOWHERE = 0
"""Nobody's place."""
EACH = 8
"""Places for each slot, at least: with so many nearly every call lies where its number says."""
_write = struct.Struct("=II2xHI").pack_into
"""The part of it that is not zero where nothing was carried."""
_OCTETS, _WORDS, HALVES, _LONGS = UPLINK.size, UPLINK.size // 4, UPLINK.size // 2, UPLINK.size // 8
_SLOT, _ADDRESS = Uplink.slot.offset // 4, Uplink.address.offset // 4
FLAGS_AT, _PEER = Uplink.flags.offset // 2, Uplink.peer.offset // 2
_COUNTERS = slice(Uplink.up_octets4.offset // 8, _LONGS)
_U32, _U16 = 0xFFFFFFFF, 0xFFFF
_TUNNEL = 16
"""Bits of a call below the tunnel's id."""


def places(slots: int) -> int:
    """Return how many places there are for so many slots: a power of two."""
    return 1 << (EACH * slots - 1).bit_length()


class First(dict[int, int]):
    """Where the calls of each tunnel begin, most often; and the addresses of each network (hosts.py): `place_by`."""

    def __missing__(self, tunnel: int) -> int:
        first = self[tunnel] = (tunnel * GOLDEN & _U32) >> SPREAD_SHIFT
        return first

    def said(self, number: int, mask: int) -> tuple[int, int]:
        """Return both places that a number says, of ``mask`` + 1."""
        above, below = number >> _TUNNEL, number & _U16
        return self[above] + below & mask, ((above * OTHER & _U32) >> SPREAD_SHIFT) + below & mask


class Uplinks:
    """The records, by place."""

    __slots__ = ("_first", "_mask", "_new_number", "_numbers", "_octets", "_words", "halves", "longs")

    def __init__(self, uplinks: memoryview, peers: memoryview) -> None:
        """Take the memory of the maps of these names."""
        self._octets = uplinks.cast("B")
        self._words, self.halves = self._octets.cast("I"), self._octets.cast("H")
        """As words, and as 16-bit words."""
        self._first = First()
        self.longs = self._octets.cast("Q")
        """As 64-bit words."""
        self._mask = len(self._octets) // _OCTETS - 1
        known = Numbers(peers, PEER.size, lambda: set(self.halves[_PEER::HALVES].tolist()))
        self._numbers, self._new_number = known.numbers, known.number

    @property
    def mask(self) -> int:
        """Return the number of places, less one."""
        return self._mask

    def said(self, call: int) -> tuple[int, int]:
        """Return where the number of a call says that it may lie."""
        return self._first.said(call, self._mask)

    def begin(self, call: int, slot: int, peer: bytes, address: int) -> int:
        """Write the record of a call that does not forward yet and has carried nothing, and return its place.

        It is negative where the number of the call does not say so, ``NOWHERE`` if there is no place at all.
        """
        place = self._first[call >> _TUNNEL] + (call & _U16) & self._mask
        number = self._numbers.get(peer) or self._new_number(peer)
        if place and not self._words[place * _WORDS]:
            _write(self._octets, place * _OCTETS, call, slot, number, address)
            return place
        place = self._farther(call)
        if place:
            _write(self._octets, abs(place) * _OCTETS, call, slot, number, address)
        return place

    def _farther(self, call: int) -> int:
        words, mask = self._words, self._mask
        place = second = self.said(call)[1]
        while not place or words[place * _WORDS]:
            place = place + 1 & mask
            if place == second:
                return NOWHERE
        return place if place == second else -place

    def change(self, place: int, peer: bytes, address: int) -> None:
        """Write what may have changed; the peer changes only while the flags are zero."""
        self.halves[place * HALVES + _PEER] = self._new_number(peer)
        self._words[place * _WORDS + _ADDRESS] = address

    def flag(self, place: int, flags: int) -> None:
        """Write the flags: what a record begins to forward with, and ceases."""
        self.halves[place * HALVES + FLAGS_AT] = flags

    def owner(self, place: int) -> tuple[int, int]:
        """Return the call and the slot of a record; the call of a free place is 0."""
        at = place * _WORDS
        return self._words[at], self._words[at + _SLOT]

    def counters(self, place: int) -> memoryview:
        """Return octets and packets."""
        at = place * _LONGS
        return self.longs[at + _COUNTERS.start : at + _COUNTERS.stop]

    def leave(self, place: int) -> None:
        """Have a place free again."""
        self._octets[place * _OCTETS : (place + 1) * _OCTETS] = bytes(_OCTETS)

    def taken(self) -> Iterator[tuple[int, int]]:
        """Iterate over (place, slot) of all records."""
        calls, slots = self._words[::_WORDS].tolist(), self._words[_SLOT::_WORDS].tolist()
        return ((place, slots[place]) for place, call in enumerate(calls) if call)
