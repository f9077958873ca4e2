"""Lines of lock-outs, and their limit."""

from __future__ import annotations

import structlog
from structlog.testing import capture_logs

from bras.l2tp import events as l2tp
from bras.l2tp.events import Path
from bras.telemetry.limit import RepeatLimit
from bras.telemetry.lockout_lines import LockoutLines

PATH = Path(0, "198.18.0.1", 1701, "198.18.0.2", 1701)


def test_they_say_who_and_for_how_long() -> None:
    with capture_logs() as lines:
        handlers = LockoutLines(structlog.get_logger(), RepeatLimit()).handlers()
        handlers[l2tp.LockedOut](l2tp.LockedOut("g", "lac1", PATH, 3, 40.0))
        handlers[l2tp.LockoutEnded](l2tp.LockoutEnded("g", "lac1", "198.18.0.2", 3))
    begun, ended = lines
    assert (begun["event"], begun["log_level"], begun["failures"], begun["seconds"]) == (
        "lac_locked_out",
        "warning",
        3,
        40.0,
    )
    assert (ended["event"], ended["lac_address"], ended["lac_hostname"]) == ("lac_lockout_ended", "198.18.0.2", "lac1")


def test_they_are_limited_and_the_rest_is_counted() -> None:
    now = [0.0]
    with capture_logs() as lines:
        handlers = LockoutLines(structlog.get_logger(), RepeatLimit(clock=lambda: now[0])).handlers()
        for number in range(50):
            handlers[l2tp.LockedOut](l2tp.LockedOut("g", f"evil{number}", PATH, 1, 10.0))
        now[0] = 11.0
        handlers[l2tp.LockedOut](l2tp.LockedOut("g", "evil", PATH, 1, 10.0))
    assert len(lines) == 6
    assert lines[-1]["held_back"] == 45
