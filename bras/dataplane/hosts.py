"""What an ordinary packet towards a client needs, where its address says: ``struct host`` of ``bpf/bras.h``.

Each session's first IPv4 address has two places that its number says, by the rule of uplinks: the addresses of a
pool follow each other, so none of them is in the way of another.  A record is written when a session comes, with
flags of zero, and its flags when all else of the session is there; they are cleared first when it goes.  What many
sessions have in common, the template of what is before a packet, has a number (``kinds``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from socket import htonl

from bras.dataplane.peers import Numbers
from bras.dataplane.records import HOST, TEMPLATE, Host
from bras.dataplane.uplinks import First, places

_NETWORK, _NUMBER = 16, 0xFFFF
"""Bits below the number of an address's network, and those bits."""
OCTETS, WORDS, HALVES = HOST.size, HOST.size // 4, HOST.size // 2
KIND_AT, FLAGS_AT = Host.kind.offset // 2, Host.flags.offset // 2
_SLOT = Host.slot.offset // 4
_IDS = slice(Host.ids.offset, Host.ids.offset + 4)
_NO_KIND = 0
_EMPTY = bytes(OCTETS)
_write = struct.Struct("=II4sH").pack_into
"""Address as it stands in memory, slot, ids, kind: the record but for its flags."""


def hosts(slots: int) -> int:
    """Return how many places there are for so many slots: half as many as of uplinks, for addresses lie closer."""
    return places(slots) // 2


class Hosts:
    """The records, by place."""

    __slots__ = ("_first", "_kinds", "_new_kind", "halves", "mask", "octets", "words")

    def __init__(self, memory: memoryview, kinds: memoryview) -> None:
        """Take the memory of the maps of these names."""
        self.octets = memory.cast("B")
        self.words, self.halves = self.octets.cast("I"), self.octets.cast("H")
        """As words, and as 16-bit words."""
        self.mask = len(self.octets) // OCTETS - 1
        """Places that there are, less one."""
        self._first = First()
        known = Numbers(kinds, TEMPLATE.size, lambda: set(self.halves[KIND_AT::HALVES].tolist()))
        self._kinds, self._new_kind = known.numbers, known.number
        """Numbers by template, and what gives one that is not there; 0: there is none left."""

    def said(self, host: int) -> tuple[int, int]:
        """Return where the number of an address says that it may lie."""
        return self._first.said(host, self.mask)

    def place(self, host: int, slot: int) -> int | None:
        """Return where the record of an address and a slot lies, if it has one."""
        wanted = htonl(host), slot
        return next((place for place in self.said(host) if self.owner(place) == wanted), None)

    def owner(self, place: int) -> tuple[int, int]:
        """Return address, as it stands in memory, and slot of a record; the address of a free place is 0."""
        at = place * WORDS
        return self.words[at], self.words[at + _SLOT]

    def begin(self, host: int, slot: int, kind: bytes, ids: bytes, flags: int) -> bool:
        """Write the record of a session into its first place, if that is free; tells whether it was."""
        place = self._first[host >> _NETWORK] + (host & _NUMBER) & self.mask
        if self.words[place * WORDS]:
            return False
        number = self._kinds.get(kind) or (self._new_kind(kind) if kind else _NO_KIND)
        _write(self.octets, place * OCTETS, htonl(host), slot, ids, number)
        self.halves[place * HALVES + FLAGS_AT] = flags
        return True

    def put(self, place: int, host: int, slot: int, kind: bytes, ids: bytes, flags: int) -> None:
        """Write a record; that of another, or what may change while it forwards: a kind that differs in no header."""
        number = self._new_kind(kind) if kind else _NO_KIND
        if self.owner(place) == (htonl(host), slot) and self.octets[place * OCTETS :][_IDS] == ids:
            self.halves[place * HALVES + KIND_AT] = number
        else:
            self.flag(place, 0)
            _write(self.octets, place * OCTETS, htonl(host), slot, ids, number)
        self.flag(place, flags)

    def flag(self, place: int, flags: int) -> None:
        """Write the flags: what a record begins to forward with, and ceases."""
        self.halves[place * HALVES + FLAGS_AT] = flags

    def leave(self, host: int, slot: int) -> None:
        """Have the place of an address and a slot free again."""
        place = self.place(host, slot)
        if place is not None:
            self.flag(place, 0)
            self.octets[place * OCTETS : (place + 1) * OCTETS] = _EMPTY

    def taken(self) -> Iterator[tuple[int, int]]:
        """Iterate over (place, slot) of all records."""
        addresses, slots = self.words[::WORDS].tolist(), self.words[_SLOT::WORDS].tolist()
        return ((place, slots[place]) for place, address in enumerate(addresses) if address)
