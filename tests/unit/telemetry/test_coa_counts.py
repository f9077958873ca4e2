"""Counters of CoA- and Disconnect-Requests."""

from __future__ import annotations

from bras.errors import DropReason
from bras.radius.coa_events import CoaDropped, CoaRepeated
from bras.telemetry.coa_counts import CoaCounts
from tests.unit.telemetry.facts import COA_ACKNOWLEDGED, COA_REFUSED


def test_they_begin_at_zero_for_whom_the_configuration_names() -> None:
    counts = CoaCounts(["aaa", "bbb"])
    assert dict(counts.requests) == {
        (name, kind, "ack"): 0 for name in ("aaa", "bbb") for kind in ("coa", "disconnect")
    }
    assert dict(counts.repeated) == {("aaa",): 0, ("bbb",): 0}
    assert set(counts.latency) == {("coa",), ("disconnect",)}


def test_each_outcome_is_counted_by_client_and_kind() -> None:
    counts = CoaCounts(["aaa"])
    counts.answered(COA_ACKNOWLEDGED)
    counts.answered(COA_REFUSED)
    counts.answered(COA_REFUSED)
    counts.drop(CoaDropped("", "192.0.2.9", DropReason.RADIUS_UNKNOWN_CLIENT))
    counts.came_again(CoaRepeated("aaa", False))
    assert counts.requests["aaa", "coa", "ack"] == 1
    assert counts.requests["aaa", "disconnect", "session_context_not_found"] == 2
    assert dict(counts.dropped) == {("", "radius_unknown_client"): 1}
    assert counts.repeated["aaa",] == 1
    assert sum(counts.latency["disconnect",].counts) == 2
