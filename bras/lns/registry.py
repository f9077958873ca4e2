"""Who is here: subscribers by number, call, user and attribute, and how many stand where."""

from __future__ import annotations

from collections import deque
from typing import Final

from bras.ids import CallKey
from bras.lns.index import Index
from bras.lns.lacs import Lacs
from bras.lns.rounds import Rounds
from bras.lns.stages import SetupTimed, Stages
from bras.plain import Saved
from bras.radius.profile import Profile
from bras.subscriber.events import Phase
from bras.subscriber.parts import EntryState
from bras.subscriber.subscriber import Subscriber
from bras.timers import DeadlineQueue

_UP: Final = Phase.UP
_ENDING: Final = Phase.ENDING
_NO_ENTRY: Final = EntryState.NONE


class Registry:
    """All subscribers of this worker."""

    __slots__ = (
        "_free_slots",
        "_next_slot",
        "by_call",
        "by_number",
        "changed",
        "deadlines",
        "index",
        "lacs",
        "leaving",
        "next_number",
        "rounds",
        "stages",
    )

    def __init__(self) -> None:
        """Begin empty."""
        self.by_number: dict[int, Subscriber] = {}
        self.by_call: dict[CallKey, Subscriber] = {}
        self.index = Index()
        """Numbers of the admitted sessions."""
        self.deadlines: DeadlineQueue[int] = DeadlineQueue()
        self.rounds = Rounds()
        """Those with an idle timeout or a quota, and where a journal is kept all: their counters are read in turn."""
        self.lacs = Lacs()
        """Those who were seen."""
        self.leaving: dict[int, int] = {}
        """Slots of subscribers (by number) that were forgotten while their Entry was still to be removed."""
        self._free_slots: deque[int] = deque()
        self._next_slot = 0
        self.next_number = 1
        self.stages = Stages()
        """How many stand where, and how long those who are not up yet stood there."""
        self.changed: dict[int, None] | None = None
        """Where a journal is kept, numbers of those to which something happened that must outlive us."""

    def new_number(self) -> int:
        """Return a subscriber number that this start of the daemon has not used."""
        number = self.next_number
        self.next_number = number + 1
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
        self.index.add(subscriber.number)
        self.by_call[key] = subscriber
        self.stages.begin(subscriber.number, subscriber.instants.called_at)
        self._count(subscriber)

    def adopt(self, subscriber: Subscriber) -> None:
        """Enter a subscriber of an earlier process, for which time stands still until it is touched.

        Slots that are free from now on lie above its own and between.
        """
        slot = subscriber.forwarding.slot
        self._free_slots.extend(range(self._next_slot, slot))
        if slot >= self._next_slot:
            self._next_slot = slot + 1
        else:
            self._free_slots.remove(slot)
        self.by_number[subscriber.number] = subscriber
        self.index.add(subscriber.number)
        if subscriber.standing.call_up:
            self.by_call[subscriber.leg.key] = subscriber
        self._count(subscriber)

    def touched(self, subscriber: Subscriber, now: float) -> SetupTimed | None:
        """Follow what an input may have changed: phase and deadline; return how a set-up went that is complete.

        To work out a deadline costs more than to wake up in vain.  While set-up goes on, a
        wake-up within ``shortest_wait_s`` is early enough for any timer that was armed
        meanwhile; so most inputs of a set-up pass here without a look at the machines.
        """
        standing = subscriber.standing
        if self.changed is not None and (standing.started or subscriber.forwarding.state is not _NO_ENTRY):
            self.changed[subscriber.number] = None
        if standing.counted is not standing.phase:
            left, phase = standing.counted, standing.phase
            standing.counted = phase
            spent = self.stages.moved(subscriber.number, subscriber.line.group, left, phase, now)
            if phase is _UP or phase is _ENDING:
                if phase is _UP:
                    self.rounds.interims.follow(subscriber)
                self.deadlines.set(subscriber.number, subscriber.deadline)
                return None if spent is None else SetupTimed(subscriber.session_id, spent)
        elif standing.phase is _UP:
            self.rounds.interims.follow(subscriber)
        at = self.deadlines.wanted.get(subscriber.number)
        if at is None or at > now + subscriber.settings.shortest_wait_s:
            self.deadlines.set(subscriber.number, subscriber.deadline)
        return None

    def _count(self, subscriber: Subscriber) -> None:
        """Count a new subscriber where it stands."""
        standing = subscriber.standing
        standing.counted = standing.phase
        self.stages.moved(subscriber.number, subscriber.line.group, None, standing.phase, subscriber.instants.called_at)

    @property
    def counts(self) -> dict[tuple[str, Phase], int]:
        """Return how many subscribers there are by group and phase."""
        return self.stages.counts

    def name(self, subscriber: Subscriber, user: str) -> None:
        """Index an admitted subscriber by its user name, and by no other that it had before."""
        standing = subscriber.standing
        if standing.named != user:
            self.unname(subscriber)
            standing.named = user
            self.index.name(user, (*self.index.of_user(user), subscriber.number))
        self.learn_attributes(subscriber)

    def learn_attributes(self, subscriber: Subscriber) -> None:
        """Let an admitted subscriber be found by what its records say."""
        if self.index.has_attributes and subscriber.standing.named:
            self.index.enter(subscriber.number, subscriber.who.record or subscriber.who.identity)

    def forget_attributes(self, subscriber: Subscriber) -> None:
        """Let a subscriber be found by none of them: it is over, or they are about to be others."""
        if self.index.has_attributes:
            self.index.leave(subscriber.number, subscriber.who.record or subscriber.who.identity)

    def index_attributes(self, wanted: bool) -> None:
        """Let sessions be found by attribute from now on, or no longer."""
        if wanted == self.index.has_attributes:
            return
        if not wanted:
            self.index.end()
            return
        self.index.begin()
        for subscriber in self.by_number.values():
            self.learn_attributes(subscriber)

    def watch(self, subscriber: Subscriber, profile: Profile, now: float) -> None:
        """See that counters are read where something follows from them, and that nobody misses the hour of its end."""
        if profile.idle_timeout_s or profile.limited or self.changed is not None:
            self.rounds.enter(subscriber, now)
        else:
            self.rounds.leave(subscriber)
        dated = self.rounds.dated
        if profile.session_ends_at or dated:
            dated.set(subscriber.number, profile.session_ends_at or None)

    def of_user(self, user: str) -> list[Subscriber]:
        """Return the admitted sessions of a user name, oldest first."""
        return [self.by_number[number] for number in self.index.of_user(user)]

    def unname(self, subscriber: Subscriber) -> None:
        """Take a subscriber out of the index by user: it is over."""
        standing = subscriber.standing
        user, standing.named = standing.named, ""
        self.forget_attributes(subscriber)
        self.index.name(user, tuple(number for number in self.index.of_user(user) if number != subscriber.number))

    def call_ended(self, key: CallKey) -> Subscriber | None:
        """Forget the call; its id may be another's at once."""
        return self.by_call.pop(key, None)

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a subscriber of which nothing is left."""
        number = subscriber.number
        if self.by_number.pop(number, None) is None:
            return
        self.index.remove(number)
        if self.changed is not None:
            self.changed[number] = None
        self.stages.forget(number)
        self.unname(subscriber)
        if self.rounds.dated:
            self.rounds.dated.set(number, None)
        self.deadlines.set(number, None)
        self.rounds.interims.leave(subscriber)
        if subscriber.standing.counted is not None:
            self.counts[subscriber.line.group, subscriber.standing.counted] -= 1
        if subscriber.forwarding.state is _NO_ENTRY:
            self._free_slots.append(subscriber.forwarding.slot)
        else:
            self.leaving[number] = subscriber.forwarding.slot

    def entry_gone(self, number: int) -> None:
        """Give back the slot of one who was forgotten before: the data plane has answered."""
        slot = self.leaving.pop(number, None)
        if slot is not None:
            self._free_slots.append(slot)

    def entries(self) -> list[tuple[int, int]]:
        """Return (slot, generation) of everyone: no other Entry may be in a data plane that outlives us."""
        return [(subscriber.forwarding.slot, number) for number, subscriber in self.by_number.items()]

    # -- state

    def save(self) -> Saved:
        """Return plain data; the subscribers in it are whole."""
        return {
            "subscribers": [subscriber.save() for subscriber in self.by_number.values()],
            "users": [[user, list(self.index.of_user(user))] for user in self.index.by_user],
            "counts": [[group, phase.value, count] for (group, phase), count in self.counts.items()],
            "rounds": self.rounds.save(),
            "free_slots": list(self._free_slots),
            "next_slot": self._next_slot,
            "next_number": self.next_number,
            "stages": self.stages.save(),
            "leaving": list(self.leaving.items()),
            "lacs": self.lacs.save(),
        }

    @classmethod
    def restore(cls, saved: Saved, subscribers: list[Subscriber]) -> Registry:
        """Return the registry that ``save`` was called on, with its subscribers restored."""
        registry = cls()
        for subscriber in subscribers:
            registry.by_number[subscriber.number] = subscriber
            registry.index.add(subscriber.number)
            if subscriber.standing.call_up:
                registry.by_call[subscriber.leg.key] = subscriber
            registry.deadlines.set(subscriber.number, subscriber.deadline)
        for user, numbers in saved["users"]:
            registry.index.name(user, tuple(numbers))
        registry.rounds = Rounds.restore(saved["rounds"])
        registry.leaving = dict(saved["leaving"])
        registry.lacs = Lacs.restore(saved["lacs"])
        registry.stages = Stages.restore(saved["stages"])
        registry.stages.counts = {(group, Phase(phase)): count for group, phase, count in saved["counts"]}
        registry._free_slots = deque(saved["free_slots"])
        registry._next_slot, registry.next_number = saved["next_slot"], saved["next_number"]
        return registry
