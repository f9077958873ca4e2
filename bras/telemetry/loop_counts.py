"""What the process itself has cost those who wait for it: how long the loop was held, and by what."""

from __future__ import annotations

import gc
import time
from typing import Any

from bras.telemetry.tally import Histogram, Labels

HOLD_BOUNDS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
GENERATIONS = 3


class LoopCounts:
    """Holds of the loop, lateness of timers, pauses of the garbage collector, writes of the journal, defects."""

    __slots__ = ("_collecting_since", "defects", "hold", "journal_writes", "lateness", "pauses", "send_failures")

    def __init__(self) -> None:
        """Begin at zero."""
        self.hold = Histogram(HOLD_BOUNDS_S)
        """Seconds of each wake, from the kernel's word to the next time that it is asked."""
        self.lateness = Histogram(HOLD_BOUNDS_S)
        """Seconds by which timers of the machine fired after their time."""
        self.pauses: dict[Labels, Histogram] = {(str(one),): Histogram(HOLD_BOUNDS_S) for one in range(GENERATIONS)}
        """Seconds of each garbage collection, by generation."""
        self.journal_writes = Histogram(HOLD_BOUNDS_S)
        """Seconds of each write of the journal."""
        self.defects: dict[Labels, int] = {(): 0}
        """Inputs whose handling failed."""
        self.send_failures: dict[Labels, int] = {(): 0}
        """Datagrams that the kernel did not take."""
        self._collecting_since = 0.0

    def watch_collector(self) -> None:
        """Time each garbage collection from now on."""
        gc.callbacks.append(self._collected)

    def unwatch_collector(self) -> None:
        """Time no garbage collection any more."""
        gc.callbacks.remove(self._collected)

    def _collected(self, phase: str, info: dict[str, Any]) -> None:
        """Hear from Python that a collection begins or has ended."""
        if phase == "start":
            self._collecting_since = time.perf_counter()
        else:
            self.pauses[str(info["generation"]),].observe(time.perf_counter() - self._collecting_since)
