"""Lines of thresholds that were passed, and of records that were given up."""

from __future__ import annotations

import structlog
from structlog.testing import capture_logs

from bras.accounting.events import Forgotten, SpoolAlert
from bras.telemetry.limit import RepeatLimit
from bras.telemetry.spool_lines import SpoolLines


def test_a_threshold_is_passed_and_is_no_more() -> None:
    with capture_logs() as lines:
        handlers = SpoolLines(structlog.get_logger(), RepeatLimit()).handlers()
        handlers[SpoolAlert](SpoolAlert("records", "books", True, 10_000.0))
        handlers[SpoolAlert](SpoolAlert("records", "books", False, 9_000.0))
    about = {"kind": "records", "group": "books"}
    assert lines == [
        {"event": "spool_alert", "log_level": "warning", **about, "figure": 10_000.0},
        {"event": "spool_alert_ended", "log_level": "info", **about, "figure": 9_000.0},
    ]


def test_of_many_that_are_given_up_few_are_written_and_the_others_counted() -> None:
    now = [0.0]
    with capture_logs() as lines:
        handlers = SpoolLines(structlog.get_logger(), RepeatLimit(clock=lambda: now[0])).handlers()
        for number in range(1000):
            handlers[Forgotten](Forgotten(None, f"s{number}", 2))
        written = len(lines)
        now[0] = 3600.0
        handlers[Forgotten](Forgotten(None, "last", 3))
    first, *_, last = lines
    assert written < 100
    assert (first["event"], first["log_level"], first["session"], first["status"]) == (
        "accounting_forgotten", "error", "s0", 2,
    )  # fmt: skip
    assert (last["session"], last["status"]) == ("last", 3)
    assert last["held_back"] == 1000 - written
