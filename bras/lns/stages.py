"""How many subscribers stand where, and how long a set-up stands in each phase.

What is kept are some instants of those who are on their way, which are told when the session is
up; one that is up, or that failed, has nothing here any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bras.plain import Saved
from bras.subscriber.events import Phase
from bras.value import hasten

PHASES: Final = (Phase.LINK, Phase.AUTHENTICATING, Phase.ADDRESSING, Phase.NETWORK, Phase.PROGRAMMING)
"""Those of a set-up, in their order."""
_PLACE: Final = {phase: place for place, phase in enumerate(PHASES, 1)}
_NEVER: Final = -1.0
_UP: Final = Phase.UP


@dataclass(frozen=True, slots=True)
class SetupTimed:
    """A session is up for the first time: so long it stood in each phase."""

    session: str
    """Acct-Session-Id."""
    seconds: tuple[float, ...]
    """In each of ``PHASES``; negative where it never stood when an input was done, such as an address that was free."""

    @property
    def by_phase(self) -> list[tuple[Phase, float]]:
        """Return the phases in which it stood, with the seconds."""
        return [(phase, seconds) for phase, seconds in zip(PHASES, self.seconds, strict=True) if seconds >= 0.0]


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

    def begin(self, number: int, now: float) -> None:
        """Note a new subscriber, which stands in the first phase."""
        self._spent[number] = [now, _NEVER, _NEVER, _NEVER, _NEVER, _NEVER]

    def moved(self, number: int, group: str, left: Phase | None, phase: Phase, now: float) -> tuple[float, ...] | None:
        """Count a subscriber where it stands from now on; return how its set-up went when it is up, once."""
        counts, key = self.counts, (group, phase)
        counts[key] = counts.get(key, 0) + 1
        if left is None:
            return None
        counts[group, left] -= 1
        spent = self._spent.get(number)
        if spent is None:
            return None  # it was up before
        place = _PLACE[left]
        seconds, before = now - spent[0], spent[place]
        spent[place] = seconds if before < 0.0 else before + seconds
        spent[0] = now
        if phase in _PLACE:
            return None
        del self._spent[number]
        return tuple(spent[1:]) if phase is _UP else None

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


hasten(SetupTimed)
