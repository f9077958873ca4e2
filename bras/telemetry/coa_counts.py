"""Counters of CoA- and Disconnect-Requests (RFC 5176)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bras.radius.coa_events import CoaAnswered, CoaDropped, CoaRepeated
from bras.radius.dynauth import Asked
from bras.telemetry.tally import LATENCY_BOUNDS_S, Handlers, Histogram, Labels, Tally


class CoaCounts:
    """What became of the requests of those who may change and end sessions."""

    __slots__ = ("dropped", "latency", "repeated", "requests")

    def __init__(self, clients: Iterable[str]) -> None:
        """Begin at zero, with the samples of the configured clients already there."""
        names = list(clients)
        self.requests: Tally = defaultdict(int, {(name, kind.value, "ack"): 0 for name in names for kind in Asked})
        """By client, kind, outcome: `ack`, or the Error-Cause of the NAK in words."""
        self.dropped: Tally = defaultdict(int)
        """By client (empty: none of ours), reason."""
        self.repeated: Tally = defaultdict(int, {(name,): 0 for name in names})
        """By client."""
        self.latency: dict[Labels, Histogram] = {(kind.value,): Histogram(LATENCY_BOUNDS_S) for kind in Asked}
        """By kind."""

    def handlers(self) -> Handlers:
        """Return what to call for which fact."""
        return {CoaAnswered: self.answered, CoaDropped: self.drop, CoaRepeated: self.came_again}

    def answered(self, fact: CoaAnswered) -> None:
        """Count an answer, and how long it took."""
        self.requests[fact.client, fact.asked.value, outcome(fact)] += 1
        self.latency[fact.asked.value,].observe(fact.seconds)

    def drop(self, fact: CoaDropped) -> None:
        """Count a request that was dropped."""
        self.dropped[fact.client, fact.reason.value] += 1

    def came_again(self, fact: CoaRepeated) -> None:
        """Count a repeated request."""
        self.repeated[fact.client,] += 1


def outcome(fact: CoaAnswered) -> str:
    """Return what became of a request, as a stable word."""
    return "ack" if fact.cause is None else fact.cause.name.lower()
