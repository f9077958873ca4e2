"""Histograms."""

from __future__ import annotations

from bras.telemetry.tally import Histogram


def test_a_value_is_counted_at_its_upper_bound() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 9.0):
        histogram.observe(value)
    assert (histogram.counts, histogram.total) == ([2, 2, 1], 14.0)
