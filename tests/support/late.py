"""Data planes that answer removals some wakes later, in any order, and worlds that have one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from bras.dataplane.null import Null
from bras.forwarding.entry import AddEntry, Counters, Operation, Outcome, RemoveEntry
from bras.lns.inputs import Programmed
from tests.support.crash import Mortal, Pinned
from tests.support.lives import Watched
from tests.support.world import World

MOST_LATE_S = 0.3


class Late(Null):
    """Its removals wait until no packet is on its way, as those of a kernel do.

    An Entry that goes forwards no more, its call and address are free; its slot is not, and
    what was on its way may still be counted, until it is answered.
    """

    def __init__(self, soon: Callable[[Callable[[], Outcome]], None]) -> None:
        """Have ``soon`` call what it is given at some later instant, and tell the Outcome."""
        super().__init__()
        self.going: dict[int, int] = {}
        """Generation of those that go, by slot."""
        self.late = 0
        """Removals that were answered late."""
        self._soon = soon
        self._on_its_way: dict[int, Counters] = {}

    def program_all(self, operations: Sequence[Operation]) -> list[Outcome]:
        outcomes = []
        for operation in operations:
            if isinstance(operation, RemoveEntry) and self._goes(operation):
                continue
            if isinstance(operation, AddEntry):
                assert operation.entry.slot not in self.going, "the slot is nobody's before the removal was answered"
            outcomes.append(self.program(operation))
        return outcomes

    def _goes(self, operation: RemoveEntry) -> bool:
        """Begin to remove; false if there is nothing that could take longer."""
        slot, generation = operation.slot, operation.generation
        if self.going.get(slot) != generation:
            if not self._has(slot, generation):
                return False
            outcome = self._remove(slot, generation)
            assert outcome.counters is not None
            self.going[slot], self._on_its_way[slot] = generation, outcome.counters
        self._soon(lambda: self._gone(slot, generation))
        return True

    def feed(self, slot: int, counters: Counters) -> None:
        if slot in self.going:
            self._on_its_way[slot] += counters
        else:
            super().feed(slot, counters)

    def _gone(self, slot: int, generation: int) -> Outcome:
        if self.going.get(slot) == generation:
            del self.going[slot]
            self.late += 1
            return self.final(Outcome(slot, generation, ok=True, counters=self._on_its_way.pop(slot)))
        return self.program(RemoveEntry(slot, generation))  # it was asked for twice

    def final(self, outcome: Outcome) -> Outcome:
        """Return what a removal came to."""
        return outcome


class LatePinned(Late, Pinned):
    """Its Entries, and those that go, outlive the process; answers that are on their way do not."""

    def final(self, outcome: Outcome) -> Outcome:
        self._final[outcome.slot] = outcome
        return outcome

    def retain(self, entries: Iterable[tuple[int, int]]) -> None:
        kept = set(entries)
        super().retain(kept)
        self.going = {slot: generation for slot, generation in self.going.items() if (slot, generation) in kept}


class LateWorld(World):
    """Answers removals up to ``MOST_LATE_S`` later; with dice of its own, so that all else falls as it would."""

    late_dice: random.Random
    held: list[Callable[[], None]] | None
    """Answers that wait for ``release``, once this is a list."""

    def _new_plane(self) -> Null:
        self.late_dice, self.held = random.Random(7), None
        return Late(self._soon)

    def _soon(self, what: Callable[[], Outcome]) -> None:
        self.later(lambda: self.give(Programmed(what())))

    def later(self, what: Callable[[], None]) -> None:
        """Do it up to ``MOST_LATE_S`` later, or when answers are released."""
        if self.held is None:
            self.at(self.now + self.late_dice.random() * MOST_LATE_S, what)
        else:
            self.held.append(what)

    @property
    def late(self) -> Late:
        """Return the data plane."""
        assert isinstance(self.plane, Late)
        return self.plane

    def release(self) -> None:
        """Give the answers that were held, in any order, and go on without holding any."""
        assert self.held is not None
        held, self.held = self.held, None
        self.late_dice.shuffle(held)
        for what in held:
            what()


class LateWatched(LateWorld, Watched):
    """A Watched one."""


class LateMortal(LateWorld, Mortal):
    """A Mortal one; who was killed hears no answer any more."""

    def _new_plane(self) -> Null:
        super()._new_plane()
        return LatePinned(self._soon) if self.pinned else Late(self._soon)

    def _soon(self, what: Callable[[], Outcome]) -> None:
        life = self.lives
        self.later(lambda: self._tell(life, what))

    def _tell(self, life: int, what: Callable[[], Outcome]) -> None:
        if self.alive and self.lives == life:
            self.give(Programmed(what()))
