"""Lines of CoA- and Disconnect-Requests."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.testing import capture_logs

from bras.errors import DropReason
from bras.radius.coa_events import CoaDropped, CoaRepeated
from bras.telemetry.coa_lines import CoaLines
from bras.telemetry.limit import RepeatLimit
from tests.unit.telemetry.facts import COA_ACKNOWLEDGED, COA_REFUSED


def written(*facts: object, debug: bool = False) -> list[MutableMapping[str, Any]]:
    with capture_logs() as lines:
        handlers = CoaLines(structlog.get_logger(), RepeatLimit(clock=lambda: 0.0)).handlers(debug=debug)
        for fact in facts:
            handlers[type(fact)](fact)
    return lines


def test_they_say_who_asked_for_what_and_what_became_of_it() -> None:
    done, refused = written(COA_ACKNOWLEDGED, COA_REFUSED)
    assert (done["event"], done["log_level"], done["client"], done["kind"]) == ("coa_answered", "info", "aaa", "coa")
    assert (done["outcome"], done["sessions"], done["count"]) == ("ack", ["68E0000000000001"], 1)
    assert (done["ms"], done["user"], "text" in done) == (2.1, "ali\nce", False), "the text is made fit for a log later"
    assert (refused["log_level"], refused["outcome"]) == ("warning", "session_context_not_found")
    assert (refused["error_cause"], refused["text"]) == (503, "it ended meanwhile")


def test_what_a_stranger_can_repeat_is_limited() -> None:
    dropped = CoaDropped("", "192.0.2.9", DropReason.RADIUS_UNKNOWN_CLIENT)
    lines = written(*[dropped] * 50, CoaDropped("aaa", "198.18.1.9", DropReason.RADIUS_STALE))
    assert len(lines) == 6
    assert (lines[0]["event"], lines[0]["address"], lines[0]["reason"]) == (
        "coa_dropped",
        "192.0.2.9",
        "radius_unknown_client",
    )
    assert lines[-1]["client"] == "aaa"


def test_repeats_are_for_who_looks_closely() -> None:
    (line,) = written(CoaRepeated("aaa", True), debug=True)
    assert (line["event"], line["answered"]) == ("coa_repeated", True)
