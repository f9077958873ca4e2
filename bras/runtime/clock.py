"""The only clocks: what ``now`` is, and how far the wall is from it."""

from __future__ import annotations

import time


def now() -> float:
    """Return seconds that never jump and go on while the machine sleeps (CLOCK_BOOTTIME)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wall_offset() -> float:
    """Return wall clock minus ``now()``, in seconds."""
    return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_BOOTTIME)


def wall_seconds() -> int:
    """Return the wall clock in whole seconds."""
    return int(time.clock_gettime(time.CLOCK_REALTIME))
