"""Who sends to whom, by number: the ends of tunnels, which the uplinks of all their calls have in common.

What a number stands for is written once, before anything refers to it.  There are more numbers than LACs; as
LACs come by ever other ports they may all be given some day, and then those that nobody uses any more are
given again, when no program can still be reading what they stood for.
"""

from __future__ import annotations

from collections.abc import Callable

from bras.dataplane.grace import barrier
from bras.dataplane.records import PEER

NOBODY = 0
"""The number of whoever has none."""
_OCTETS = PEER.size
_EMPTY = bytes(_OCTETS)
_PATIENCE = 4096
"""So many go without a number, when all are in use, before it is looked again."""


class Peers:
    """The numbers, and what the programs know of them."""

    __slots__ = ("_free", "_memory", "_patience", "_used", "numbers")

    def __init__(self, memory: memoryview, used: Callable[[], set[int]]) -> None:
        """Take the memory of the map ``peers``, with what a predecessor wrote; ``used`` tells which are referred to."""
        self._memory = memory.cast("B")
        self._used = used
        self.numbers: dict[bytes, int] = {}
        """By record."""
        octets = self._memory.tobytes()
        for number in range(len(octets) // _OCTETS - 1, NOBODY, -1):
            self.numbers[octets[number * _OCTETS : (number + 1) * _OCTETS]] = number
        self.numbers.pop(_EMPTY, None)
        self._free = self._others(set(self.numbers.values()))
        self._patience = 0

    def number(self, peer: bytes) -> int:
        """Return the number of a record; ``NOBODY`` when all are in use."""
        return self.numbers.get(peer) or self._new(peer)

    def _new(self, peer: bytes) -> int:
        if not self._free:
            self._reclaim()
        if not self._free:
            return NOBODY
        number = self.numbers[peer] = self._free.pop()
        self._memory[number * _OCTETS : (number + 1) * _OCTETS] = peer
        return number

    def _reclaim(self) -> None:
        """Have those again that no uplink refers to; waits for milliseconds when there are some."""
        if self._patience:
            self._patience -= 1
            return
        used = self._used()
        for peer in [peer for peer, number in self.numbers.items() if number not in used]:
            del self.numbers[peer]
        self._free = self._others(used)
        if self._free:
            barrier()
        else:
            self._patience = _PATIENCE

    def _others(self, taken: set[int]) -> list[int]:
        """Return the numbers that are not taken, the lowest last."""
        return [number for number in range(len(self._memory) // _OCTETS - 1, NOBODY, -1) if number not in taken]
