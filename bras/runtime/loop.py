"""The event loop, which knows how long each of its turns has held up everybody else."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable

Observe = Callable[[float], None]


class WatchedSelector(selectors.EpollSelector):
    """Waits for sockets and timers; what lies between two waits is a turn of the loop, with all that runs in it."""

    def __init__(self, observe: Observe) -> None:
        """Tell ``observe`` the seconds of each turn."""
        super().__init__()
        self._observe = observe
        self._woken_at = time.perf_counter()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """End the turn, wait, begin the next one."""
        self._observe(time.perf_counter() - self._woken_at)
        ready = super().select(timeout)
        self._woken_at = time.perf_counter()
        return ready


def make_loop(observe: Observe) -> asyncio.AbstractEventLoop:
    """Return a loop that tells the seconds of each turn."""
    return asyncio.SelectorEventLoop(WatchedSelector(observe))
