"""When Interim-Updates are due: sessions of one instant stand together, and their counters are read in one go.

Instants are whole multiples of ``bras.subscriber.metered.GRAIN_S``, so that there are few of them, however many
sessions there are.  Where a session stands it knows itself (``Forwarding.interim_at``): it is in one place, and
leaves that when it goes or when another instant is set.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from typing import Final

from bras.plain import Saved
from bras.subscriber.subscriber import Subscriber

A_TURN: Final = 128
"""Sessions of one turn; what more is due has the next turn, after whoever else waits."""


class Interims:
    """Numbers of the sessions that have Interim-Updates, by the instant of the next one."""

    __slots__ = ("_due", "_instants", "_numbers")

    def __init__(self) -> None:
        """Begin empty."""
        self._numbers: dict[float, list[int]] = {}
        self._instants: list[float] = []
        """A heap of the keys."""
        self._due = deque[int]()
        """Those that are served; nobody between two turns."""

    def __len__(self) -> int:
        """Return how many sessions there are."""
        return sum(map(len, self._numbers.values()))

    @property
    def next_deadline(self) -> float | None:
        """Return the instant at which ``come_due`` is to be called; it may be early, never late."""
        return self._instants[0] if self._instants else None

    def follow(self, subscriber: Subscriber) -> None:
        """Put a session where its next Interim-Update is due; nowhere, if none is."""
        at, forwarding = subscriber.instants.interim_at, subscriber.forwarding
        if at == forwarding.interim_at:
            return
        if forwarding.interim_at is not None:
            self.leave(subscriber)
        forwarding.interim_at = at
        if at is None:
            return
        numbers = self._numbers.get(at)
        if numbers is None:
            numbers = self._numbers[at] = []
            heappush(self._instants, at)
        numbers.append(subscriber.number)

    def leave(self, subscriber: Subscriber) -> None:
        """Have a session nowhere."""
        forwarding = subscriber.forwarding
        at, forwarding.interim_at = forwarding.interim_at, None
        numbers = self._numbers.get(at) if at is not None else None
        if numbers is not None and subscriber.number in numbers:  # else it is being served
            numbers.remove(subscriber.number)

    def come_due(self, now: float) -> deque[int]:
        """Return some of those whose instant has come, longest overdue first; who is served is to be removed."""
        found, heap = self._due, self._instants
        while heap and heap[0] <= now and len(found) < A_TURN:
            numbers, room = self._numbers[heap[0]], A_TURN - len(found)
            found.extend(numbers[:room])
            del numbers[:room]
            if not numbers:
                del self._numbers[heappop(heap)]
        return found

    def save(self) -> Saved:
        """Return plain data."""
        return [[at, list(numbers)] for at, numbers in self._numbers.items()]

    @classmethod
    def restore(cls, saved: Saved) -> Interims:
        """Return what ``save`` was called on."""
        interims = cls()
        interims._numbers = {at: list(numbers) for at, numbers in saved}
        interims._instants = list(interims._numbers)
        heapify(interims._instants)
        return interims
