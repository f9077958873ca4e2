"""Who is heard that has no tunnel: decided by the source address alone, before anything is parsed.

The address of a LAC that has proven its return path before is known, and has an allowance of
its own.  All strangers share one; when it is used up, only those are heard who come again:
every LAC sends its SCCRQ again (RFC 2661 section 5.8), a flood of invented addresses does
not.  So such a flood costs honest strangers a retransmission, and known LACs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from zlib import crc32

from bras.l2tp.bucket import Bucket, Buckets
from bras.l2tp.sources import source_of
from bras.plain import Saved

MOST_KNOWN: Final = 4096
"""Known addresses remembered: as many as there can be tunnels."""
SEEN_S: Final = 10.0
"""Seconds that strangers are remembered at least, and at most twice as long: longer than a LAC waits to come again."""
_BITS: Final = 24
"""Of each memory 2 MB, there only while there are too many strangers; after a million of them it errs once in 300."""
_KNOWN_PER_S: Final = 100.0
_KNOWN_BURST: Final = 1000.0
"""Of each known address: messages a second, and in a burst."""
_STRANGERS_PER_S: Final = 500.0
_STRANGERS_BURST: Final = 2000.0
"""Of all strangers together; a burst is what a provider's LACs do after a power cut."""
_AGAIN_PER_S: Final = 200.0
_AGAIN_BURST: Final = 400.0
"""Of those who come again when there are too many strangers."""


class Memory:
    """Who has come before: never forgets within ``SEEN_S``, seldom takes one for another, and does not grow."""

    __slots__ = ("_earlier", "_now", "_turns_at")

    def __init__(self) -> None:
        """Begin with nobody."""
        self._now = bytearray()
        self._earlier = bytearray()
        self._turns_at = 0.0

    def came_before(self, source: str, *, now: float) -> bool:
        """Return whether ``source`` has come before, and remember that it has come."""
        if now >= self._turns_at:
            fresh = now < self._turns_at + SEEN_S
            self._earlier, self._now = (self._now if fresh else bytearray()), bytearray(1 << _BITS - 3)
            self._turns_at = now + SEEN_S
        octets = source.encode()
        one, other = crc32(octets) >> 32 - _BITS, crc32(octets, 1) & (1 << _BITS) - 1
        before = _has(self._now, one, other) or (bool(self._earlier) and _has(self._earlier, one, other))
        self._now[one >> 3] |= 1 << (one & 7)
        self._now[other >> 3] |= 1 << (other & 7)
        return before

    def save(self) -> Saved:
        """Return plain data."""
        return [bytes(self._now), bytes(self._earlier), self._turns_at]

    def resume(self, saved: Saved) -> None:
        """Go on from ``save``."""
        present, earlier, self._turns_at = saved
        self._now, self._earlier = bytearray(present), bytearray(earlier)


def _has(bits: bytearray, one: int, other: int) -> bool:
    return bits[one >> 3] >> (one & 7) & bits[other >> 3] >> (other & 7) & 1 == 1


class Gate:
    """Lets control messages without a tunnel id in, or not."""

    __slots__ = ("_again", "_known", "_seen", "_strangers")

    def __init__(self) -> None:
        """Begin with nobody known."""
        self._known = Buckets(_KNOWN_PER_S, _KNOWN_BURST, MOST_KNOWN)
        self._strangers = Bucket(_STRANGERS_PER_S, _STRANGERS_BURST)
        self._again = Bucket(_AGAIN_PER_S, _AGAIN_BURST)
        self._seen = Memory()

    def admits(self, address: str, *, now: float) -> bool:
        """Return whether a message from ``address`` is heard."""
        if self._known.take(address, now=now):
            return True
        if self._strangers.take(now=now):
            return True
        return self._seen.came_before(source_of(address), now=now) and self._again.take(now=now)

    def knows(self, address: str) -> bool:
        """Return whether the return path to ``address`` was proven."""
        return address in self._known

    def known(self) -> Iterator[str]:
        """Iterate over the addresses whose return path was proven."""
        return iter(self._known)

    def proven(self, address: str, *, now: float) -> None:
        """Know ``address`` from now on: an SCCCN has come from there."""
        self._known.enter(address, now=now)

    def save(self) -> Saved:
        """Return plain data."""
        return {
            "known": self._known.save(),
            "strangers": self._strangers.save(),
            "again": self._again.save(),
            "seen": self._seen.save(),
        }

    def resume(self, saved: Saved) -> None:
        """Go on from ``save``."""
        self._known.resume(saved["known"])
        self._strangers = Bucket.restore(_STRANGERS_PER_S, _STRANGERS_BURST, saved["strangers"])
        self._again = Bucket.restore(_AGAIN_PER_S, _AGAIN_BURST, saved["again"])
        self._seen.resume(saved["seen"])
