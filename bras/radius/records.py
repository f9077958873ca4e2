"""The accounting records that await their acknowledgement: how many there are, who rests, who must go first.

At most ``MAX_RECORDS`` of about 1 kB are held.  One more takes the place of the oldest
Interim-Update, which a later record makes good; else of the oldest.
"""

from __future__ import annotations

from collections import OrderedDict

from bras.radius.accounting import INTERIM_UPDATE

MAX_RECORDS = 100_000
REST_FIRST_S = 30.0
REST_CAP_S = 300.0
WOKEN_BY_ANSWER = 2


class Records:
    """The numbers of the requests that are accounting records."""

    __slots__ = ("_all", "_interims", "most", "resting")

    def __init__(self) -> None:
        """Begin with none."""
        self.most = MAX_RECORDS
        self._all: dict[int, None] = {}
        self._interims: dict[int, None] = {}
        self.resting: OrderedDict[int, None] = OrderedDict()
        """Those that no server answered and that are tried again later, the longest resting first."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all)

    def enter(self, number: int, attributes: bytes) -> None:
        """Take one more; its attributes begin with Acct-Status-Type."""
        self._all[number] = None
        if attributes[5] == INTERIM_UPDATE:
            self._interims[number] = None

    def leave(self, number: int) -> None:
        """Forget one."""
        del self._all[number]
        self._interims.pop(number, None)
        self.resting.pop(number, None)

    def superfluous(self) -> int | None:
        """Return the one that must make room for another; ``None`` while there is room."""
        if len(self._all) < self.most:
            return None
        return next(iter(self._interims or self._all))

    def wake(self) -> list[int]:
        """Take those out of their rest that have rested longest: a server answers again."""
        return [self.resting.popitem(last=False)[0] for _ in range(min(WOKEN_BY_ANSWER, len(self.resting)))]


def rest_s(rounds: int) -> float:
    """Return how long a record rests that all servers left unanswered so often."""
    return float(min(REST_FIRST_S * (1 << min(rounds - 1, 8)), REST_CAP_S))
