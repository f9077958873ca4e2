"""Deadlines of many machines in one queue.

Postponing a deadline, by far the commonest move (an answer came, a packet was seen), only
writes a dictionary; the stale heap entry is put back when it surfaces.  Entries that have
become useless (the key went, or was queued again for an earlier instant) are taken out when
they are the earliest and another key goes, and swept out when they outnumber the others: a
day's session timeout does not outlive its session.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

Key = TypeVar("Key", int, str)

_SLACK = 64
"""Useless heap entries below which sweeping is not worth its while."""


class DeadlineQueue(Generic[Key]):
    """The earliest deadline of each key, in the monotonic seconds of ``now``."""

    __slots__ = ("_heap", "_most", "_queued", "wanted")

    def __init__(self) -> None:
        """Begin empty."""
        self._heap: list[tuple[float, Key]] = []
        self._queued: dict[Key, float] = {}
        self.wanted: dict[Key, float] = {}
        """The deadline that each key was given last, to be read only."""
        self._most = _SLACK
        """With more entries than this it is time to look whether they are of use."""

    def set(self, key: Key, deadline: float | None) -> None:
        """Give ``key`` the deadline; ``None`` takes it away."""
        if deadline is None:
            wanted, heap = self.wanted, self._heap
            wanted.pop(key, None)
            while heap and heap[0][1] not in wanted:  # nobody is to be woken for it
                self._queued.pop(heappop(heap)[1], None)
            return
        self.wanted[key] = deadline
        queued = self._queued.get(key)
        if queued is None or deadline < queued:
            self._queued[key] = deadline
            heap = self._heap
            heappush(heap, (deadline, key))
            if len(heap) > self._most:
                self._sweep()

    def _sweep(self) -> None:
        """Keep one heap entry for each key that has a deadline, if too many are of no use."""
        if len(self._heap) > 2 * len(self.wanted) + _SLACK:
            self._queued = dict(self.wanted)
            self._heap = [(deadline, key) for key, deadline in self.wanted.items()]
            heapify(self._heap)
        self._most = 2 * len(self.wanted) + _SLACK

    def get(self, key: Key) -> float | None:
        """Return the deadline that ``key`` was given last; ``None`` when it has none."""
        return self.wanted.get(key)

    @property
    def next_deadline(self) -> float | None:
        """Return the instant at which ``pop_expired`` should be called, or ``None``.

        It can be earlier than any deadline (a stale entry), never later.
        """
        return self._heap[0][0] if self._heap else None

    def pop_expired(self, now: float, *, most: int = 0) -> list[Key]:
        """Take out and return the keys whose deadline has come, earliest first; not more than ``most``, unless 0."""
        expired: list[Key] = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, key = heappop(heap)
            if self._queued.get(key) != at:
                continue  # an older entry of a key that was queued again, earlier
            wanted = self.wanted.get(key)
            if wanted is None:
                del self._queued[key]
            elif wanted == at:
                del self._queued[key]
                del self.wanted[key]
                expired.append(key)
                if len(expired) == most:
                    break
            else:  # postponed: it surfaces again in its turn, perhaps in this very loop
                self._queued[key] = wanted
                heappush(heap, (wanted, key))
        return expired

    @property
    def entries(self) -> int:
        """Return how many heap entries there are, stale ones among them: its memory."""
        return len(self._heap)

    def __iter__(self) -> Iterator[Key]:
        """Return the keys that have a deadline."""
        return iter(self.wanted)

    def __len__(self) -> int:
        """Return how many keys have a deadline."""
        return len(self.wanted)
