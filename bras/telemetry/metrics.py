"""Counters and a census -> Prometheus samples; the families that MANUAL.md lists.

Nothing here runs for an event: samples are made when somebody scrapes, and their number
depends on the configuration, not on how many subscribers there are.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bras.errors import DropReason
from bras.forwarding.entry import Counters
from bras.lns.commands import Plain
from bras.telemetry.counts import Counts, Histogram, Labels

DataplaneTotals = Callable[[], tuple[Counters, Mapping[DropReason, int]]]
"""What the data plane has carried in all, and dropped, since the start."""

Row = dict[str, Any]
Samples = Iterable[tuple[Labels, float]]


class BrasCollector(Collector):
    """Everything that bras itself measures; give it a fresh census before each scrape."""

    def __init__(
        self,
        counts: Counts,
        dataplane: DataplaneTotals,
        *,
        version: str,
        log_lines_dropped: Callable[[], int] = lambda: 0,
    ) -> None:
        """Read ``counts`` and call the two callables at each scrape; ``version`` is bras's own."""
        self._counts = counts
        self._dataplane = dataplane
        self._version = version
        self._log_lines_dropped = log_lines_dropped
        self._census: Row = {}

    def take(self, census: Plain) -> None:
        """Keep the body of a TakeCensus answer for the next ``collect``."""
        self._census = cast(Row, census) if isinstance(census, dict) else {}

    def collect(self) -> Iterator[Metric]:
        """Yield one family after the other."""
        build = InfoMetricFamily("bras_build", "Version of bras and of its Python.")
        build.add_metric([], {"version": self._version, "python": platform.python_version()})
        yield build
        yield from self._tunnels()
        yield from self._subscribers()
        yield from self._radius()
        yield from self._pools()
        yield from self._forwarded()
        yield _counter(
            "bras_log_lines_dropped_total",
            "Log lines lost because their reader was too slow.",
            (),
            [((), self._log_lines_dropped())],
        )

    def _rows(self, name: str, *labels: str) -> list[tuple[Labels, Row]]:
        """Return the rows of a part of the census, each with the values of ``labels``."""
        return [(tuple(row[label] for label in labels), row) for row in self._census.get(name, ())]

    def _tunnels(self) -> Iterator[Metric]:
        counts = self._counts.tunnels
        yield _gauge(
            "bras_tunnels",
            "Tunnels that exist now.",
            ("lac", "state"),
            [(labels, row["count"]) for labels, row in self._rows("tunnels", "lac", "state")],
        )
        yield _counter(
            "bras_tunnel_setups_total",
            "Tunnels that LACs asked for, by what became of it.",
            ("lac", "outcome", "cause"),
            counts.setups.items(),
        )
        yield _counter(
            "bras_tunnels_ended_total",
            "Established tunnels that ended.",
            ("lac", "by", "cause"),
            counts.tunnels_ended.items(),
        )
        yield _counter(
            "bras_calls_total",
            "Calls that LACs asked for, by what became of it.",
            ("lac", "outcome", "cause"),
            counts.calls.items(),
        )
        yield _counter(
            "bras_calls_ended_total",
            "Established calls that ended.",
            ("lac", "by", "cause"),
            counts.calls_ended.items(),
        )
        yield _counter(
            "bras_retransmissions_total",
            "L2TP control messages that were sent again.",
            ("lac",),
            counts.retransmissions.items(),
        )

    def _subscribers(self) -> Iterator[Metric]:
        counts = self._counts.subscribers
        yield _gauge(
            "bras_sessions",
            "Sessions that exist now, by where they stand.",
            ("lac", "state"),
            [(labels, row["count"]) for labels, row in self._rows("sessions", "lac", "state")],
        )
        yield _counter(
            "bras_authentications_total",
            "Authentications that were decided.",
            ("lac", "method", "outcome"),
            counts.authentications.items(),
        )
        yield _counter(
            "bras_sessions_ended_total",
            "Sessions that ended, by Acct-Terminate-Cause and reason.",
            ("lac", "cause", "reason"),
            counts.ended.items(),
        )
        yield _histogram(
            "bras_session_setup_seconds",
            "From an established call to a forwarding session.",
            (),
            [((), counts.setup)],
        )
        yield _histogram(
            "bras_echo_round_trip_seconds",
            "Round-trip time of LCP echoes to subscribers.",
            (),
            [((), counts.echo)],
        )

    def _radius(self) -> Iterator[Metric]:
        counts = self._counts.radius
        service = ("server", "kind")
        rows = self._rows("radius", *service)
        yield _gauge(
            "bras_radius_server_up", "Whether a server counts as alive.", service, [(at, row["up"]) for at, row in rows]
        )
        yield _gauge(
            "bras_radius_requests_in_flight",
            "Requests that wait for an answer.",
            service,
            [(at, row["in_flight"]) for at, row in rows],
        )
        yield _counter(
            "bras_radius_requests_total",
            "Requests sent, repetitions not counted.",
            service,
            [(at, row["requests"]) for at, row in rows],
        )
        yield _counter(
            "bras_radius_retransmissions_total", "Requests that were sent again.", service, counts.resent.items()
        )
        yield _counter(
            "bras_radius_replies_total", "Replies that were taken.", (*service, "code"), counts.replies.items()
        )
        yield _counter(
            "bras_radius_replies_dropped_total",
            "Replies that were dropped.",
            (*service, "reason"),
            counts.replies_dropped.items(),
        )
        yield _counter(
            "bras_radius_unanswered_total",
            "Requests that no server answered; an accounting record is kept and tried again.",
            ("kind",),
            counts.unanswered.items(),
        )
        yield _counter(
            "bras_radius_accounting_acknowledged_total",
            "Accounting records that a server took.",
            ("server",),
            counts.acknowledged.items(),
        )
        yield _histogram(
            "bras_radius_latency_seconds",
            "From the first transmission of a request to its reply.",
            service,
            counts.latency.items(),
        )

    def _pools(self) -> Iterator[Metric]:
        rows = self._rows("pools", "pool")
        yield _gauge(
            "bras_pool_addresses",
            "Addresses of a pool: in use, held for who had them last, free.",
            ("pool", "state"),
            [((*pool, state), row[state]) for pool, row in rows for state in ("used", "held", "free")],
        )
        yield _counter(
            "bras_pool_exhausted_total",
            "Requests that a pool had no address for.",
            ("pool",),
            [(pool, row["exhausted"]) for pool, row in rows],
        )

    def _forwarded(self) -> Iterator[Metric]:
        total, drops = self._dataplane()
        way = ("direction", "family")
        yield _counter(
            "bras_forwarded_bytes_total",
            "Octets of subscribers' IP packets as forwarded; up is from the subscriber.",
            way,
            [
                (("up", "ipv4"), total.up_octets4),
                (("down", "ipv4"), total.down_octets4),
                (("up", "ipv6"), total.up_octets6),
                (("down", "ipv6"), total.down_octets6),
            ],
        )
        yield _counter(
            "bras_forwarded_packets_total",
            "Subscribers' IP packets as forwarded; up is from the subscriber.",
            way,
            [
                (("up", "ipv4"), total.up_packets4),
                (("down", "ipv4"), total.down_packets4),
                (("up", "ipv6"), total.up_packets6),
                (("down", "ipv6"), total.down_packets6),
            ],
        )
        layers = (
            ("l2tp", self._counts.tunnels.dropped),
            ("ppp", self._counts.subscribers.dropped),
            ("dataplane", drops),
        )
        yield _counter(
            "bras_dropped_total",
            "Datagrams, frames and packets that were dropped.",
            ("layer", "reason"),
            [((layer, reason.value), count) for layer, dropped in layers for reason, count in dropped.items()],
        )


def make_registry(collector: BrasCollector) -> CollectorRegistry:
    """Return a registry with bras's samples, and those of its process and garbage collector."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def _counter(name: str, text: str, labels: tuple[str, ...], samples: Samples) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in samples:
        family.add_metric(values, count)
    return family


def _gauge(name: str, text: str, labels: tuple[str, ...], samples: Samples) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, count in samples:
        family.add_metric(values, count)
    return family


def _histogram(name: str, text: str, labels: tuple[str, ...], samples: Iterable[tuple[Labels, Histogram]]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, histogram in samples:
        buckets = []
        below = 0
        for bound, count in zip((*map(str, histogram.bounds), "+Inf"), histogram.counts, strict=True):
            below += count
            buckets.append((bound, below))
        family.add_metric(values, buckets, sum_value=histogram.total)
    return family
