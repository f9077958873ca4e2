"""Whose counters are read each ``counter_interval_s``: those for whom something follows from them.

A session is read again that long after it was read, or entered, and not later by more than a
turn takes, however many come and go meanwhile: the queue is in the order in which they were
read last, and sessions of one tenth of a second stand in it together.  Who ends at an hour of
the wall clock is looked at here as well: that clock may be set.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from bras.lns.interims import Interims
from bras.plain import Saved
from bras.subscriber.subscriber import Subscriber
from bras.timers import DeadlineQueue

A_TURN: Final = 200
"""Sessions read in one turn; what more is due has the next turn, after whoever else waits."""
GRAIN_S: Final = 0.1


class Rounds:
    """The queue; who is in it stands in the session itself (``Forwarding.round_at``)."""

    __slots__ = ("_batches", "dated", "interims")

    def __init__(self) -> None:
        """Begin empty."""
        self._batches: deque[tuple[float, list[int]]] = deque()
        """When they were read or entered, or a little earlier than that, and their numbers."""
        self.dated: DeadlineQueue[int] = DeadlineQueue()
        """Those (numbers) who end at a time of the wall clock, in seconds since 1970."""
        self.interims = Interims()
        """Those whose counters are read when an Interim-Update is due."""

    def __len__(self) -> int:
        """Return how many places are taken; some may be of sessions that are gone."""
        return sum(len(numbers) for _, numbers in self._batches)

    def enter(self, subscriber: Subscriber, now: float) -> None:
        """Read a session's counters from now on; harmless when they are."""
        if subscriber.forwarding.round_at is None:
            self._append(subscriber, now)

    def leave(self, subscriber: Subscriber) -> None:
        """Leave a session alone."""
        subscriber.forwarding.round_at = None

    def spread(self, subscribers: Sequence[Subscriber], interval_s: float, now: float) -> None:
        """Begin anew with these, evenly over one interval: a new process has no other order."""
        self._batches.clear()
        for place, subscriber in enumerate(subscribers):
            self._append(subscriber, now - interval_s + interval_s * (place + 1) / len(subscribers))

    def _append(self, subscriber: Subscriber, at: float) -> None:
        batches = self._batches
        if not batches or batches[-1][0] + GRAIN_S <= at:
            batches.append((at, []))
        begun_at, numbers = batches[-1]
        subscriber.forwarding.round_at = begun_at
        numbers.append(subscriber.number)

    def due_at(self, interval_s: float) -> float | None:
        """Return when ``due`` is to be called next."""
        return self._batches[0][0] + interval_s if self._batches else None

    def due(self, by_number: Mapping[int, Subscriber], interval_s: float, now: float) -> list[Subscriber]:
        """Return those who are to be read now; their next time counts from now."""
        found: list[Subscriber] = []
        batches = self._batches
        while batches and batches[0][0] + interval_s <= now and len(found) < A_TURN:
            at, numbers = batches.popleft()
            room = A_TURN - len(found)
            if len(numbers) > room:
                batches.appendleft((at, numbers[room:]))
            for number in numbers[:room]:
                subscriber = by_number.get(number)
                if subscriber is not None and subscriber.forwarding.round_at == at:
                    subscriber.forwarding.round_at = None  # should it stand here twice: it left and came back
                    found.append(subscriber)
        for subscriber in found:
            self._append(subscriber, now)
        return found

    def save(self) -> Saved:
        """Return plain data."""
        dated = [[number, self.dated.get(number)] for number in self.dated]
        batches = [[at, numbers] for at, numbers in self._batches]
        return {"batches": batches, "dated": dated, "interims": self.interims.save()}

    @classmethod
    def restore(cls, saved: Saved) -> Rounds:
        """Return the queue that ``save`` was called on."""
        rounds = cls()
        rounds._batches.extend((at, list(numbers)) for at, numbers in saved["batches"])
        for number, ends_at in saved["dated"]:
            rounds.dated.set(number, ends_at)
        rounds.interims = Interims.restore(saved["interims"])
        return rounds
