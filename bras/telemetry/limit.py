"""A limit on log lines that repeat: a few, then silence, then one that says how many it stands for."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

MAX_KEYS = 1000


class RepeatLimit:
    """Lets ``burst`` lines of one key pass in ``period_s`` seconds, and counts the rest."""

    __slots__ = ("_burst", "_clock", "_period_s", "_seen")

    def __init__(self, *, burst: int = 5, period_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with every key silent; ``clock`` tells monotonic seconds."""
        self._burst = burst
        self._period_s = period_s
        self._clock = clock
        self._seen: dict[Hashable, tuple[float, int]] = {}
        """Key -> (end of its period, lines in it)."""

    def allow(self, key: Hashable) -> int | None:
        """Return how many lines of ``key`` were held back before this one; ``None``: hold this one back too."""
        now = self._clock()
        ends_at, lines = self._seen.get(key, (now, 0))
        if now < ends_at:
            self._seen[key] = (ends_at, lines + 1)
            return 0 if lines < self._burst else None
        if len(self._seen) >= MAX_KEYS:
            self._seen = {other: entry for other, entry in self._seen.items() if entry[0] > now}
        self._seen[key] = (now + self._period_s, 1)
        return max(0, lines - self._burst)


def repeated(held_back: int) -> dict[str, int]:
    """Return what a line says of those that were held back before it."""
    return {"held_back": held_back} if held_back else {}
