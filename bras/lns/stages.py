"""How many subscribers stand where, and how long a set-up stands in each phase.

What is kept are some instants of those who are on their way, which are told when the session is
up; one that is up, or that failed, has nothing here any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bras.plain import Saved
from bras.subscriber.events import Phase

PHASES: Final = (Phase.LINK, Phase.AUTHENTICATING, Phase.ADDRESSING, Phase.NETWORK, Phase.PROGRAMMING)
"""Those of a set-up, in their order."""
_PLACE: Final = {phase: place for place, phase in enumerate(PHASES, 1)}
_NEVER: Final = -1.0


Spent = tuple[tuple[Phase, float], ...]


@dataclass(frozen=True, slots=True)
class SetupTimed:
    """A session is up for the first time: so long it stood in each phase."""

    session: str
    """Acct-Session-Id."""
    seconds: Spent
    """Of the phases in which it stood at the end of an input; who need not wait for an address passes that one by."""


class Stages:
    """Where the time of those goes who are on their way."""

    __slots__ = ("_spent", "counts")

    def __init__(self) -> None:
        """Begin with nobody."""
        self.counts: dict[tuple[str, Phase], int] = {}
        """Subscribers by group and phase, those who are up too."""
        self._spent: dict[int, list[float]] = {}
        """By number: since when it stands where it stands, and the seconds in each of ``PHASES`` so far."""

    def __len__(self) -> int:
        """Return how many are on their way."""
        return len(self._spent)

    def count(self, group: str, left: Phase | None, phase: Phase) -> None:
        """Count a subscriber of a group where it stands now, and no more where it stood."""
        counts, key = self.counts, (group, phase)
        if left is not None:
            counts[group, left] -= 1
        counts[key] = counts.get(key, 0) + 1

    def begin(self, number: int, now: float) -> None:
        """Note a new subscriber, which stands in the first phase."""
        self._spent[number] = [now, _NEVER, _NEVER, _NEVER, _NEVER, _NEVER]

    def moved(self, number: int, left: Phase | None, phase: Phase, now: float) -> Spent | None:
        """Note that a subscriber has left a phase for another; return the whole story when it is up, once."""
        spent = self._spent.get(number)
        if spent is None:
            return None  # it was up before
        place = _PLACE.get(left) if left is not None else None
        if place is not None:
            spent[place] = max(spent[place], 0.0) + now - spent[0]
        spent[0] = now
        if phase is Phase.UP:
            del self._spent[number]
            return tuple((phase, seconds) for phase, seconds in zip(PHASES, spent[1:], strict=True) if seconds >= 0.0)
        if phase is Phase.ENDING:
            del self._spent[number]
        return None

    def forget(self, number: int) -> None:
        """Forget a subscriber of which nothing is left."""
        self._spent.pop(number, None)

    def save(self) -> Saved:
        """Return plain data."""
        return [[number, list(spent)] for number, spent in self._spent.items()]

    @classmethod
    def restore(cls, saved: Saved) -> Stages:
        """Return what ``save`` was called on."""
        stages = cls()
        stages._spent = {number: list(spent) for number, spent in saved}
        return stages
