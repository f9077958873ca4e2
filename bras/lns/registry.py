"""Who is here: subscribers by number, call and user, and how many stand where."""

from __future__ import annotations

from collections import deque

from bras.ids import CallKey
from bras.subscriber.events import Phase
from bras.subscriber.subscriber import Subscriber
from bras.timers import DeadlineQueue


class Registry:
    """All subscribers of this worker."""

    __slots__ = (
        "_counted",
        "_free_slots",
        "_next_number",
        "_next_slot",
        "by_call",
        "by_number",
        "by_user",
        "counts",
        "deadlines",
        "idlers",
    )

    def __init__(self) -> None:
        """Begin empty."""
        self.by_number: dict[int, Subscriber] = {}
        self.by_call: dict[CallKey, Subscriber] = {}
        self.by_user: dict[str, tuple[int, ...]] = {}
        """Numbers of the admitted sessions of each user name."""
        self.counts: dict[tuple[str, Phase], int] = {}
        """Subscribers by group and phase."""
        self.deadlines: DeadlineQueue[int] = DeadlineQueue()
        self.idlers: set[int] = set()
        """Numbers of those with an idle timeout, whose counters are read now and then."""
        self._counted: dict[int, Phase] = {}
        self._free_slots: deque[int] = deque()
        self._next_slot = 0
        self._next_number = 1

    def new_number(self) -> int:
        """Return a subscriber number that this start of the daemon has not used."""
        number = self._next_number
        self._next_number = number + 1
        return number

    def new_slot(self) -> int:
        """Return a free slot of the data plane: the longest unused one, so that late counters find nobody."""
        if len(self._free_slots) > 64:
            return self._free_slots.popleft()
        slot = self._next_slot
        self._next_slot = slot + 1
        return slot

    def add(self, key: CallKey, subscriber: Subscriber) -> None:
        """Enter a new subscriber."""
        self.by_number[subscriber.number] = subscriber
        self.by_call[key] = subscriber
        self._count(subscriber)

    def touched(self, subscriber: Subscriber) -> None:
        """Follow what an input may have changed: phase and deadline."""
        if self._counted.get(subscriber.number) is not subscriber.standing.phase:
            self._count(subscriber)
        self.deadlines.set(subscriber.number, subscriber.deadline)

    def _count(self, subscriber: Subscriber) -> None:
        group, phase = subscriber.line.group, subscriber.standing.phase
        before = self._counted.get(subscriber.number)
        if before is not None:
            self.counts[group, before] -= 1
        self.counts[group, phase] = self.counts.get((group, phase), 0) + 1
        self._counted[subscriber.number] = phase

    def name(self, subscriber: Subscriber, user: str) -> None:
        """Index an admitted subscriber by its user name."""
        numbers = self.by_user.get(user, ())
        if subscriber.number not in numbers:
            self.by_user[user] = (*numbers, subscriber.number)

    def of_user(self, user: str) -> list[Subscriber]:
        """Return the admitted sessions of a user name, oldest first."""
        return [self.by_number[number] for number in self.by_user.get(user, ())]

    def unname(self, subscriber: Subscriber) -> None:
        """Take a subscriber out of the index by user: it is over."""
        user = subscriber.who.user
        left = tuple(number for number in self.by_user.get(user, ()) if number != subscriber.number)
        if left:
            self.by_user[user] = left
        else:
            self.by_user.pop(user, None)

    def call_ended(self, key: CallKey) -> Subscriber | None:
        """Forget the call; its id may be another's at once."""
        return self.by_call.pop(key, None)

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a subscriber of which nothing is left."""
        number = subscriber.number
        if self.by_number.pop(number, None) is None:
            return
        self.unname(subscriber)
        self.idlers.discard(number)
        self.deadlines.set(number, None)
        phase = self._counted.pop(number)
        self.counts[subscriber.line.group, phase] -= 1
        self._free_slots.append(subscriber.forwarding.slot)
