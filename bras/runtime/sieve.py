"""A filter in the kernel for a flood: what strangers send too much of is dropped before it costs us a turn.

Reading a datagram and turning it away costs Python about ten microseconds, and the socket's buffer holds
half a second of a heavy flood; then good datagrams are lost with the bad.  So when more is turned
away than ``MOST_PER_S``, each socket gets a classic BPF program (no right is needed for one) that
lets pass

- whoever has a tunnel, or has had one: their addresses stand in the program;
- of all others those whose address falls, by a secret multiplication, into a slice of 256 parts.
  The slice is as wide as we can bear and moves on every ``SLICE_S``, so that a LAC that was never here
  is heard for long enough to come again, sooner or later.

It is taken off when the flood is over.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import structlog

from bras.errors import DropReason

log = structlog.get_logger()

CHECK_S = 0.1
"""Seconds between two looks at how much was turned away: less than a flood needs to fill the buffer."""
MOST_PER_S = 5000.0
"""Datagrams turned away a second without the filter, and with it: some five per cent of a core."""
SLICE_S = 8.0
"""Seconds that a slice stays: SCCRQs at 0, 1, 3 and 7 s (RFC 2661 section 5.8)."""
CALM_CHECKS = 50
"""Looks in a row at less than half of it after which the filter is taken off."""
MOST_SOURCES = 1000
"""Addresses in a program; where there are more, their networks stand for them."""

OF_STRANGERS = (
    DropReason.RATE_LIMITED,
    DropReason.NO_LAC_GROUP,
    DropReason.ANSWER_WITHHELD,
    DropReason.UNKNOWN_TUNNEL,
    DropReason.UNKNOWN_VERSION,
    DropReason.L2TPV3,
    DropReason.BAD_HEADER,
    DropReason.BAD_AVP,
    DropReason.SHORT_DATAGRAM,
)
"""For these reasons strangers are turned away."""

_ATTACH, _DETACH = 26, 27  # SO_ATTACH_FILTER, SO_DETACH_FILTER
_NETWORK: Final = 0xFFF00000  # SKF_NET_OFF: the IP header
_LOAD, _AND, _MULTIPLY, _RIGHT, _SUBTRACT, _XOR_X, _TO_X = 0x20, 0x54, 0x24, 0x74, 0x14, 0xAC, 0x07
_JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x15, 0x35, 0x06
_WHOLE: Final = 0xFFFFFFFF
_PARTS: Final = 256

Instruction = tuple[int, int, int, int]
"""Operation, how far to jump if true, if false, operand."""


def program(sources: Iterable[str], *, ipv6: bool, factor: int, first: int, width: int) -> list[Instruction]:
    """Return the program that lets ``sources`` pass, and others in ``width`` parts from part ``first`` on.

    ``factor`` is odd and secret.  Of IPv6 addresses the first 64 bits count.
    """
    ours = [ip_address(source.partition("%")[0]) for source in sources]
    numbers = {int(one) >> 96 if ipv6 else int(one) for one in ours if (one.version == 6) == ipv6}
    mask = _WHOLE
    while len(numbers) > MOST_SOURCES:
        mask = mask << 1 & _WHOLE
        numbers = {number & mask for number in numbers}
    address = _NETWORK + (8 if ipv6 else 12)
    code: list[Instruction] = [(_LOAD, 0, 0, address), (_AND, 0, 0, mask)]
    for number in sorted(numbers):
        code += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _WHOLE)]
    code += [(_LOAD, 0, 0, address)]
    if ipv6:
        code += [(_TO_X, 0, 0, 0), (_LOAD, 0, 0, address + 4), (_XOR_X, 0, 0, 0)]
    code += [
        (_MULTIPLY, 0, 0, factor),
        (_RIGHT, 0, 0, 24),
        (_SUBTRACT, 0, 0, first),
        (_AND, 0, 0, _PARTS - 1),
        (_JUMP_AT_LEAST, 0, 1, width),
        (_RETURN, 0, 0, 0),
        (_RETURN, 0, 0, _WHOLE),
    ]
    return code


def attach(bound: socket.socket, code: list[Instruction]) -> None:
    """Put a program before a socket, in place of the one that is there; OSError when the kernel will not."""
    octets = b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
    buffer = ctypes.create_string_buffer(octets, len(octets))
    bound.setsockopt(socket.SOL_SOCKET, _ATTACH, struct.pack("@HP", len(code), ctypes.addressof(buffer)))


@dataclass(slots=True)
class Flood:
    """How a flood stands."""

    width: int
    """Of 256 parts of all strangers how many are heard."""
    first: int
    since: float
    """When the slice came to where it is."""
    sources: frozenset[str]
    calm: int = 0


class Sieve:
    """Watches what is turned away, and puts the filter before the sockets while that is too much."""

    def __init__(
        self,
        sockets: Iterable[socket.socket],
        turned_away: Callable[[], int],
        known: Callable[[], Iterable[str]],
        secret: bytes,
    ) -> None:
        """``turned_away`` counts datagrams of strangers; ``known`` are the addresses that always pass."""
        self.flood: Flood | None = None
        self._sockets = sockets
        self._turned_away = turned_away
        self._known = known
        self._factor = int.from_bytes(secret[:4], "big") | 1
        self._before = turned_away()
        self._at: float | None = None

    def check(self, *, now: float) -> None:
        """Look how much was turned away since the last time, and act on it."""
        count, before, at = self._turned_away(), self._before, self._at
        self._before, self._at = count, now
        if at is None or now <= at:
            return
        rate = (count - before) / (now - at)
        if self.flood is None:
            if rate > MOST_PER_S:
                self._begin(rate, now)
            return
        self._follow(self.flood, rate, now)

    def _begin(self, rate: float, now: float) -> None:
        width = max(1, int(_PARTS * MOST_PER_S / rate))
        self.flood = Flood(min(width, _PARTS - 1), 0, now, frozenset(self._known()))
        log.warning("flood_began", turned_away_per_s=round(rate), known=len(self.flood.sources))
        self._attach(self.flood)

    def _follow(self, flood: Flood, rate: float, now: float) -> None:
        whole = rate * _PARTS / flood.width  # what it would be without the filter
        flood.calm = flood.calm + 1 if whole < MOST_PER_S / 2 else 0
        if flood.calm >= CALM_CHECKS:
            self._end()
            return
        stood = (flood.width, flood.first, flood.sources)
        if whole > MOST_PER_S:
            wanted = max(1, min(_PARTS - 1, int(_PARTS * MOST_PER_S / whole)))
            if wanted < 0.8 * flood.width or wanted > 2 * flood.width:  # not for every ripple
                flood.width = wanted
        if now >= flood.since + SLICE_S:
            flood.first = (flood.first + flood.width) % _PARTS
            flood.since = now
        flood.sources = frozenset(self._known())
        if (flood.width, flood.first, flood.sources) != stood:
            self._attach(flood)

    def _attach(self, flood: Flood) -> None:
        codes = {
            ipv6: program(flood.sources, ipv6=ipv6, factor=self._factor, first=flood.first, width=flood.width)
            for ipv6 in (False, True)
        }
        for bound in self._sockets:
            code = codes[bound.family == socket.AF_INET6]
            with contextlib.suppress(OSError):  # without it we do as well as we can
                attach(bound, code)

    def _end(self) -> None:
        self.flood = None
        log.info("flood_ended")
        for bound in self._sockets:
            with contextlib.suppress(OSError):
                bound.setsockopt(socket.SOL_SOCKET, _DETACH, 0)
