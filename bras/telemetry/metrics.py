"""Counters and a census -> Prometheus samples; the families that MANUAL.md lists.

Nothing here runs for an event: samples are made when somebody scrapes, and their number
depends on the configuration, not on how many subscribers there are.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from typing import Any, cast

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bras.errors import DropReason, FallbackReason
from bras.forwarding.entry import Counters
from bras.lns.commands import Plain
from bras.telemetry.connections import NO_CONNECTIONS, ConnectionFigures, connection_families
from bras.telemetry.counts import Counts
from bras.telemetry.tally import Histogram, Labels


@dataclass(frozen=True, slots=True)
class DataplaneFigures:
    """What the data plane is, and has carried in all, dropped and left to a slower path since the start."""

    totals: Counters
    drops: Mapping[DropReason, int]
    fallbacks: Mapping[FallbackReason, int]
    backend: str = ""
    interface: str = ""
    entries: int = 0
    interfaces: tuple[tuple[str, str], ...] = ()
    """(name, mode) of each interface by which it takes packets of LACs."""


Row = dict[str, Any]
Samples = Iterable[tuple[Labels, float]]

_SERVICE = ("server", "kind")
_WAY = ("direction", "family")

_COUNTED: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "bras_tunnel_setups_total",
        "Tunnels that LACs asked for, by what became of it.",
        ("lac", "outcome", "cause"),
        "tunnels.setups",
    ),
    ("bras_tunnels_ended_total", "Established tunnels that ended.", ("lac", "by", "cause"), "tunnels.tunnels_ended"),
    (
        "bras_calls_total",
        "Calls that LACs asked for, by what became of it.",
        ("lac", "outcome", "cause"),
        "tunnels.calls",
    ),
    (
        "bras_lockouts_total",
        "Lock-outs of LACs that gave a wrong response to our Challenge.",
        ("lac",),
        "tunnels.lacs.lockouts",
    ),
    (
        "bras_tunnel_probes_total",
        "HELLOs sent because a LAC may be at another port (follow_port).",
        ("lac",),
        "tunnels.lacs.probes",
    ),
    ("bras_tunnel_moves_total", "Tunnels whose LAC went on from another port.", ("lac",), "tunnels.lacs.moves"),
    ("bras_calls_ended_total", "Established calls that ended.", ("lac", "by", "cause"), "tunnels.calls_ended"),
    (
        "bras_ppp_disconnects_total",
        "Ends of calls by what became of PPP (RFC 3145), as the end that hung up said.",
        ("lac", "by", "cause"),
        "tunnels.disconnects",
    ),
    (
        "bras_call_reports_total",
        "What LACs told of established calls: line errors (WEN), ACCM (SLI), new speeds (CSUN).",
        ("lac", "report"),
        "tunnels.reports",
    ),
    (
        "bras_tunnels_refused_total",
        "Tunnels that never came up, by why.",
        ("lac", "reason"),
        "tunnels.lacs.tunnels_refused",
    ),
    ("bras_calls_refused_total", "Calls that never came up, by why.", ("lac", "reason"), "tunnels.lacs.calls_refused"),
    ("bras_retransmissions_total", "L2TP control messages that were sent again.", ("lac",), "tunnels.retransmissions"),
    ("bras_data_lost_total", "Numbered data messages that did not come in time.", ("lac",), "tunnels.data_lost"),
    (
        "bras_data_reordered_total",
        "Numbered data messages that were held until an earlier one had come.",
        ("lac",),
        "tunnels.data_reordered",
    ),
    (
        "bras_authentications_total",
        "Authentications that were decided.",
        ("lac", "method", "outcome"),
        "subscribers.authentications",
    ),
    (
        "bras_proxy_total",
        "Calls whose LCP and authentication the LAC had done, by what became of that and why.",
        ("lac", "result", "reason"),
        "subscribers.proxies",
    ),
    (
        "bras_sessions_ended_total",
        "Sessions that ended, by Acct-Terminate-Cause and reason.",
        ("lac", "cause", "reason"),
        "subscribers.ended",
    ),
    ("bras_radius_retransmissions_total", "Requests that were sent again.", _SERVICE, "radius.resent"),
    ("bras_radius_replies_total", "Replies that were taken.", (*_SERVICE, "code"), "radius.replies"),
    (
        "bras_radius_replies_dropped_total",
        "Replies that were dropped.",
        (*_SERVICE, "reason"),
        "radius.replies_dropped",
    ),
    (
        "bras_radius_accounting_acknowledged_total",
        "Accounting records that a server took.",
        ("server",),
        "radius.acknowledged",
    ),
    (
        "bras_radius_accounting_unanswered_total",
        "Rounds of an accounting record through all servers without an answer; it is kept and tried again.",
        (),
        "radius.unacknowledged",
    ),
    (
        "bras_radius_accounting_forgotten_total",
        "Accounting records that were given up, because too many wait for an answer.",
        (),
        "radius.forgotten",
    ),
    (
        "bras_coa_requests_total",
        "CoA- and Disconnect-Requests that were answered: with ACK, or with which Error-Cause.",
        ("client", "kind", "outcome"),
        "coa.requests",
    ),
    ("bras_coa_repeated_total", "CoA- and Disconnect-Requests that came again.", ("client",), "coa.repeated"),
    (
        "bras_coa_dropped_total",
        "CoA- and Disconnect-Requests that were dropped; without client: nobody's of the configuration.",
        ("client", "reason"),
        "coa.dropped",
    ),
    ("bras_config_reloads_total", "Times the configuration was read again.", ("outcome",), "config.reloads"),
    (
        "bras_config_last_reload_success_timestamp_seconds",
        "When the configuration in force was read, at the start or by a reload.",
        (),
        "config.read_at",
    ),
    ("bras_config_restart_needed", "Keys of the file that wait for a restart.", (), "config.waiting"),
)
"""What is counted where it happens: name, help, labels, where in ``Counts``."""

_CENSUS: tuple[tuple[str, str, str, tuple[str, ...], str], ...] = (
    ("bras_tunnels", "Tunnels that exist now.", "tunnels", ("lac", "state"), "count"),
    ("bras_sessions", "Sessions that exist now, by where they stand.", "sessions", ("lac", "state"), "count"),
    ("bras_radius_server_up", "Whether a server counts as alive.", "radius", _SERVICE, "up"),
    ("bras_radius_requests_in_flight", "Requests that wait for an answer.", "radius", _SERVICE, "in_flight"),
    ("bras_radius_requests_total", "Requests sent, repetitions not counted.", "radius", _SERVICE, "requests"),
    ("bras_radius_probes_total", "Status-Servers sent to a dead server.", "radius", _SERVICE, "probes"),
    (
        "bras_radius_probes_answered_total",
        "Status-Servers that a dead server answered.",
        "radius",
        _SERVICE,
        "probes_answered",
    ),
    ("bras_pool_exhausted_total", "Requests that a pool had no address for.", "pools", ("pool",), "exhausted"),
)
"""What the census says: name (``_total`` makes it a counter), help, list, labels, key of the value."""

_MEASURED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("bras_session_setup_seconds", "From an established call to a forwarding session.", ()),
    ("bras_echo_round_trip_seconds", "Round-trip time of LCP echoes to subscribers.", ()),
    ("bras_tunnel_round_trip_seconds", "Until a LAC acknowledged a control message that was sent once.", ("lac",)),
    ("bras_radius_latency_seconds", "From the first transmission of a request to its reply.", _SERVICE),
    ("bras_coa_latency_seconds", "From a CoA- or Disconnect-Request to its answer.", ("kind",)),
)
"""Histograms: name, help, labels."""


class BrasCollector(Collector):
    """Everything that bras itself measures; give it a fresh census before each scrape."""

    def __init__(
        self,
        counts: Counts,
        dataplane: Callable[[], DataplaneFigures],
        *,
        version: str,
        log_lines_dropped: Callable[[], int] = lambda: 0,
        journal: Callable[[], tuple[int, int]] | None = None,
        sockets: Callable[[], Iterable[tuple[str, int]]] = tuple,
        connections: Callable[[], ConnectionFigures] = lambda: NO_CONNECTIONS,
    ) -> None:
        """Read ``counts`` and call the callables at each scrape; ``version`` is bras's own.

        ``journal`` returns (writes that failed, octets of the file); none: no journal is kept.
        ``sockets`` returns each listening address with what the kernel has dropped before it,
        ``connections`` what there is of RADIUS over TLS.
        """
        self._counts = counts
        self._dataplane = dataplane
        self._version = version
        self._log_lines_dropped = log_lines_dropped
        self._journal = journal
        self._sockets = sockets
        self._connections = connections
        self._census: Row = {}

    def take(self, census: Plain) -> None:
        """Keep the body of a TakeCensus answer for the next ``collect``."""
        self._census = cast(Row, census) if isinstance(census, dict) else {}

    def collect(self) -> Iterator[Metric]:
        """Yield one family after the other."""
        build = InfoMetricFamily("bras_build", "Version of bras and of its Python.")
        build.add_metric([], {"version": self._version, "python": platform.python_version()})
        yield build
        for name, text, part, labels, key in _CENSUS:
            rows = self._census.get(part, ())
            yield _family(name, text, labels, [(tuple(row[label] for label in labels), row[key]) for row in rows])
        yield self._pools()
        for name, text, labels, where in _COUNTED:
            yield _family(name, text, labels, attrgetter(where)(self._counts).items())
        yield from connection_families(self._connections())
        yield from self._histograms()
        yield from self._forwarded(figures := self._dataplane())
        yield from _dataplane(figures)
        lost = self._log_lines_dropped()
        yield _family("bras_log_lines_dropped_total", "Log lines lost: their reader was too slow.", (), [((), lost)])
        yield _family(
            "bras_socket_dropped_total",
            "Datagrams that the kernel dropped before us: for want of room, or because a flood is held back.",
            ("listen",),
            [((listen,), dropped) for listen, dropped in self._sockets()],
        )
        failures, octets = self._journal() if self._journal is not None else (None, None)
        for name, text, value in (
            ("bras_journal_write_failures_total", "Writes of the journal that the disk refused.", failures),
            ("bras_journal_bytes", "Size of the journal's file.", octets),
        ):
            yield _family(name, text, (), [((), value)] if value is not None else [])

    def _pools(self) -> Metric:
        return _family(
            "bras_pool_addresses",
            "Addresses of a pool: in use, held for who had them last, free.",
            ("pool", "state"),
            [((row["pool"], at), row[at]) for row in self._census.get("pools", ()) for at in ("used", "held", "free")],
        )

    def _histograms(self) -> Iterator[Metric]:
        subscribers = self._counts.subscribers
        latency = self._counts.radius.latency
        sources: tuple[dict[Labels, Histogram], ...] = (
            {(): subscribers.setup},
            {(): subscribers.echo},
            self._counts.tunnels.lacs.round_trip,
            latency,
            self._counts.coa.latency,
        )
        for (name, text, labels), histograms in zip(_MEASURED, sources, strict=True):
            family = HistogramMetricFamily(name, text, labels=labels)
            for values, histogram in histograms.items():
                family.add_metric(values, _buckets(histogram), sum_value=histogram.total)
            yield family

    def _forwarded(self, figures: DataplaneFigures) -> Iterator[Metric]:
        for unit, what in (("octets", "bytes"), ("packets", "packets")):
            yield _family(
                f"bras_forwarded_{what}_total",
                f"Subscribers' IP packets as forwarded, in {what}; up is from the subscriber.",
                _WAY,
                [
                    ((direction, f"ipv{family}"), getattr(figures.totals, f"{direction}_{unit}{family}"))
                    for family in (4, 6)
                    for direction in ("up", "down")
                ],
            )
        layers = (
            ("l2tp", self._counts.tunnels.dropped),
            ("ppp", self._counts.subscribers.dropped),
            ("dataplane", figures.drops),
        )
        yield _family(
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


def _dataplane(figures: DataplaneFigures) -> Iterator[Metric]:
    yield _family(
        "bras_dataplane_fallbacks_total",
        "Packets that took a slower path than the data plane's fastest.",
        ("reason",),
        [((reason.value,), count) for reason, count in figures.fallbacks.items()],
    )
    yield _family("bras_dataplane_entries", "Sessions that the data plane forwards.", (), [((), figures.entries)])
    backend = InfoMetricFamily("bras_dataplane", "The data plane, and the interface that carries all subscribers.")
    backend.add_metric([], {"backend": figures.backend, "interface": figures.interface})
    yield backend
    interfaces = InfoMetricFamily("bras_dataplane_interface", "Interfaces by which packets of LACs come, and how.")
    for interface, mode in figures.interfaces:
        interfaces.add_metric([], {"interface": interface, "mode": mode})
    yield interfaces


def _family(name: str, text: str, labels: tuple[str, ...], samples: Samples) -> Metric:
    make = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    family: CounterMetricFamily | GaugeMetricFamily = make(name, text, labels=labels)
    for values, count in samples:
        family.add_metric(values, count)
    return family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Return upper bounds with what lies at or below each."""
    bounds = (*map(str, histogram.bounds), "+Inf")
    return list(zip(bounds, accumulate(histogram.counts), strict=True))
