from __future__ import annotations

import structlog
from structlog.testing import capture_logs

from bras.subscriber.events import Authenticated, AuthOutcome
from bras.telemetry.auth_lines import AuthLines
from bras.telemetry.limit import RepeatLimit


def test_a_user_who_tries_again_and_again_hides_nobody() -> None:
    now = [1000.0]
    limit = RepeatLimit(burst=2, period_s=10.0, clock=lambda: now[0])
    with capture_logs() as lines:
        write = AuthLines(structlog.get_logger(), limit).handlers()[Authenticated]
        for _ in range(5):
            write(Authenticated("any", "pap", AuthOutcome.REJECTED, "r1", "alice"))
        write(Authenticated("any", "pap", AuthOutcome.REJECTED, "r1", "bob"))
        for number in range(5):
            write(Authenticated("any", "pap", AuthOutcome.UNANSWERED, "", f"user{number}"))
        now[0] += 10.0
        write(Authenticated("any", "pap", AuthOutcome.REJECTED, "r1", "alice"))
    told = [(line["event"], line["user"], line.get("held_back")) for line in lines]
    rejected, unanswered = "authentication_rejected", "authentication_unanswered"
    assert told == [
        (rejected, "alice", None),
        (rejected, "alice", None),
        (rejected, "bob", None),
        (unanswered, "user0", None),
        (unanswered, "user1", None),
        (rejected, "alice", 3),
    ]
