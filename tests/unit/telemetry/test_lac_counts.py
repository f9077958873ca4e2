from __future__ import annotations

from bras.l2tp import events as l2tp
from bras.telemetry.counts import Counts


def _feed(counts: Counts, *facts: object) -> Counts:
    handlers = counts.handlers()
    for fact in facts:
        handlers[type(fact)](fact)
    return counts


def test_round_trips_by_group() -> None:
    """Also of a group that is configured no more."""
    measured = [l2tp.RoundTripMeasured("any", 0.002), l2tp.RoundTripMeasured("gone", 0.5)]
    counts = _feed(Counts(["any", "quiet"]), *measured).tunnels
    assert {group: sum(one.counts) for (group,), one in counts.lacs.round_trip.items()} == {
        "any": 1,
        "quiet": 0,
        "gone": 1,
    }
    assert counts.lacs.round_trip["any",].total == 0.002


def test_a_stall_is_counted_once() -> None:
    counts = Counts(["any", "quiet"])
    _feed(counts, *(l2tp.Retransmitted(5, "any", retries) for retries in (1, 2, 0, 3, 4)))
    assert counts.tunnels.lacs.stalls == {("any",): 1, ("quiet",): 0}
    assert counts.tunnels.retransmissions == {("any",): 5, ("quiet",): 0}
