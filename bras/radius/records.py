"""The accounting records that await their acknowledgement: how many there are, and who rests."""

from __future__ import annotations

from collections import OrderedDict

REST_FIRST_S = 30.0
REST_CAP_S = 300.0
WOKEN_BY_ANSWER = 2


class Records:
    """The numbers of the requests that are accounting records."""

    __slots__ = ("_all", "resting")

    def __init__(self) -> None:
        """Begin with none."""
        self._all: dict[int, None] = {}
        self.resting: OrderedDict[int, None] = OrderedDict()
        """Those that no server answered and that are tried again later, the longest resting first."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all)

    def enter(self, number: int) -> None:
        """Take one more."""
        self._all[number] = None

    def leave(self, number: int) -> None:
        """Forget one."""
        del self._all[number]
        if self.resting:
            self.resting.pop(number, None)

    def wake(self) -> list[int]:
        """Take those out of their rest that have rested longest: a server answers again."""
        return [self.resting.popitem(last=False)[0] for _ in range(min(WOKEN_BY_ANSWER, len(self.resting)))]


def rest_s(rounds: int) -> float:
    """Return how long a record rests that all servers left unanswered so often."""
    return float(min(REST_FIRST_S * (1 << min(rounds - 1, 8)), REST_CAP_S))
