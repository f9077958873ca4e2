"""The accounting records that await their acknowledgement: how many there are, and who rests."""

from __future__ import annotations

from collections import OrderedDict

REST_FIRST_S = 30.0
REST_CAP_S = 300.0
WOKEN_BY_ANSWER = 2


class Records:
    """How many requests are accounting records, and the numbers of those that rest."""

    __slots__ = ("count", "resting")

    def __init__(self) -> None:
        """Begin with none."""
        self.count = 0
        """Whoever begins one or has done with it counts it here."""
        self.resting: OrderedDict[int, None] = OrderedDict()
        """Those that no server answered and that are tried again later, the longest resting first."""

    def leave(self, number: int) -> None:
        """Forget one that may rest."""
        self.count -= 1
        if self.resting:
            self.resting.pop(number, None)

    def wake(self) -> list[int]:
        """Take those out of their rest that have rested longest: a server answers again."""
        return [self.resting.popitem(last=False)[0] for _ in range(min(WOKEN_BY_ANSWER, len(self.resting)))]


def rest_s(rounds: int) -> float:
    """Return how long a record rests that all servers left unanswered so often."""
    return float(min(REST_FIRST_S * (1 << min(rounds - 1, 8)), REST_CAP_S))
