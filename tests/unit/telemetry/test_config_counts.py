"""How often the configuration was read again, and what became of it."""

from __future__ import annotations

from bras.telemetry.config_counts import ConfigCounts, ReloadOutcome


def test_only_what_is_in_force_has_an_instant() -> None:
    counts = ConfigCounts()
    counts.begun(at=10.0)
    counts.reloaded(ReloadOutcome.PARTLY, waiting=2, at=20.0)
    counts.reloaded(ReloadOutcome.REFUSED, waiting=0, at=30.0)
    counts.reloaded(ReloadOutcome.FAILED, waiting=0, at=40.0)
    assert (counts.read_at, counts.waiting) == ({(): 20.0}, {(): 2})
    counts.reloaded(ReloadOutcome.APPLIED, waiting=0, at=50.0)
    assert (counts.read_at, counts.waiting) == ({(): 50.0}, {(): 0})
    assert counts.reloads == {("applied",): 1, ("partly",): 1, ("refused",): 1, ("failed",): 1}
