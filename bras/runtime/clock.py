"""The only clocks: what ``now`` is, and how far the wall is from it."""

from __future__ import annotations

import time


def now() -> float:
    """Return seconds that never jump and go on while the machine sleeps (CLOCK_BOOTTIME)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wall_offset() -> float:
    """Return wall clock minus ``now()``, in seconds."""
    return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_BOOTTIME)


def wall() -> float:
    """Return the wall clock in seconds."""
    return time.clock_gettime(time.CLOCK_REALTIME)


def boot_id() -> str:
    """Return what names this run of the machine, and so of ``now()``; OSError where the kernel does not tell."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def wall_seconds() -> int:
    """Return the wall clock in whole seconds."""
    return int(time.clock_gettime(time.CLOCK_REALTIME))
