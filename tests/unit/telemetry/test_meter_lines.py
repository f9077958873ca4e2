"""Lines of quotas that slow sessions down, and of intervals that were too short."""

from __future__ import annotations

import structlog
from structlog.testing import capture_logs

from bras.lns.policy import InterimRaised
from bras.subscriber.events import QuotaTold
from bras.telemetry.meter_lines import MeterLines


def test_which_quota_and_the_rates_from_now_on() -> None:
    with capture_logs() as lines:
        handlers = MeterLines(structlog.get_logger()).handlers()
        handlers[QuotaTold](QuotaTold("s1", "alice", "any", "quota of 9 octets up is exhausted", 64_000, 256_000))
        handlers[QuotaTold](QuotaTold("s1", "alice", "any", "", 5_000_000, 50_000_000))
    slowed, lifted = lines
    assert slowed == {
        "event": "session_throttled",
        "log_level": "info",
        "session": "s1",
        "user": "alice",
        "lac": "any",
        "rate_up_bps": 64_000,
        "rate_down_bps": 256_000,
        "text": "quota of 9 octets up is exhausted",
    }
    assert (lifted["event"], lifted["rate_up_bps"], lifted["rate_down_bps"]) == (
        "session_unthrottled",
        5_000_000,
        50_000_000,
    )


def test_who_gives_an_interval_that_is_too_short() -> None:
    with capture_logs() as (lines):
        MeterLines(structlog.get_logger()).handlers()[InterimRaised](InterimRaised("lac", 5.0, 60.0))
    (line,) = lines
    assert (line["event"], line["log_level"], line["source"]) == ("interim_interval_raised", "warning", "lac")
    assert (line["interval_s"], line["counts_as_s"]) == (5.0, 60.0)
