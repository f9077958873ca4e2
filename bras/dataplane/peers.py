"""What many calls have in common, by number: who sends to whom, and what is before a packet.

What a number stands for is written once, before anything refers to it.  There are more numbers than LACs; as
LACs come by ever other ports they may all be given some day, and then those that nobody uses any more are
given again, when no program can still be reading what they stood for.
"""

from __future__ import annotations

from collections.abc import Callable

from bras.dataplane.grace import barrier

NOBODY = 0
"""The number of whoever has none."""
_PATIENCE = 4096
"""So many go without a number, when all are in use, before it is looked again."""


class Numbers:
    """The numbers, and what the programs know of them."""

    __slots__ = ("_free", "_memory", "_octets", "_patience", "_used", "numbers")

    def __init__(self, memory: memoryview, octets: int, used: Callable[[], set[int]]) -> None:
        """Take the memory of a map whose records have so many octets, with what a predecessor wrote.

        ``used`` tells which are referred to.
        """
        self._memory = memory.cast("B")
        self._octets = octets
        self._used = used
        self.numbers: dict[bytes, int] = {}
        """By record."""
        there = self._memory.tobytes()
        for number in range(len(there) // octets - 1, NOBODY, -1):
            self.numbers[there[number * octets : (number + 1) * octets]] = number
        self.numbers.pop(bytes(octets), None)
        self._free = self._others(set(self.numbers.values()))
        self._patience = 0

    def number(self, record: bytes) -> int:
        """Return the number of a record; ``NOBODY`` when all are in use."""
        return self.numbers.get(record) or self._new(record)

    def _new(self, record: bytes) -> int:
        if not self._free:
            self._reclaim()
        if not self._free:
            return NOBODY
        number = self.numbers[record] = self._free.pop()
        self._memory[number * self._octets : (number + 1) * self._octets] = record
        return number

    def _reclaim(self) -> None:
        """Have those again to which nothing refers; waits for milliseconds when there are some."""
        if self._patience:
            self._patience -= 1
            return
        used = self._used()
        for record in [record for record, number in self.numbers.items() if number not in used]:
            del self.numbers[record]
        self._free = self._others(used)
        if self._free:
            barrier()
        else:
            self._patience = _PATIENCE

    def _others(self, taken: set[int]) -> list[int]:
        """Return the numbers that are not taken, the lowest last."""
        return [number for number in range(len(self._memory) // self._octets - 1, NOBODY, -1) if number not in taken]
