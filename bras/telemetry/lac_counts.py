"""Counters of LACs: what they were refused, how quickly they answer, and when they do not."""

from __future__ import annotations

from collections import defaultdict

from bras.l2tp import events as l2tp
from bras.telemetry.tally import Histogram, Labels, Tally

ROUND_TRIP_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LacCounts:
    """What LACs were refused, and how quickly they answer."""

    __slots__ = ("calls_refused", "lockouts", "moves", "probes", "round_trip", "stalls", "tunnels_refused")

    def __init__(self, names: list[str]) -> None:
        """Begin at zero, with the samples of the groups of these names already there."""
        self.lockouts: Tally = defaultdict(int, {(name,): 0 for name in names})
        """By group."""
        self.probes: Tally = defaultdict(int, {(name,): 0 for name in names})
        """By group."""
        self.moves: Tally = defaultdict(int, {(name,): 0 for name in names})
        """By group."""
        self.stalls: Tally = defaultdict(int, {(name,): 0 for name in names})
        """By group."""
        self.tunnels_refused: Tally = defaultdict(int)
        """By group, reason."""
        self.calls_refused: Tally = defaultdict(int)
        """By group, reason."""
        self.round_trip: dict[Labels, Histogram] = {(name,): Histogram(ROUND_TRIP_BOUNDS_S) for name in names}
        """Of control messages, by group."""

    def round_trip_measured(self, fact: l2tp.RoundTripMeasured) -> None:
        """Count how long a LAC took to acknowledge."""
        histogram = self.round_trip.get((fact.group,))
        if histogram is None:
            histogram = self.round_trip[fact.group,] = Histogram(ROUND_TRIP_BOUNDS_S)
        histogram.observe(fact.round_trip_s)

    def locked_out(self, fact: l2tp.LockedOut) -> None:
        """Count the beginning of a lock-out."""
        self.lockouts[fact.group,] += 1

    def tunnel_probed(self, fact: l2tp.TunnelProbed) -> None:
        """Count a LAC that may be at another port."""
        self.probes[fact.group,] += 1

    def tunnel_moved(self, fact: l2tp.TunnelMoved) -> None:
        """Count a LAC that is at another port."""
        self.moves[fact.group,] += 1

    def lockout_ended(self, fact: l2tp.LockoutEnded) -> None:
        """Count nothing: each lock-out that begins ends."""
