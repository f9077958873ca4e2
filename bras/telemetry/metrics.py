"""Counters and a census -> Prometheus samples; the families that MANUAL.md lists.

Nothing here runs for an event: samples are made when somebody scrapes, and their number
depends on the configuration, not on how many subscribers there are.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple, cast

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bras.errors import DropReason, FallbackReason
from bras.forwarding.entry import Counters
from bras.lns.commands import Plain
from bras.telemetry.connections import NO_CONNECTIONS, ConnectionFigures, connection_families
from bras.telemetry.counts import Counts
from bras.telemetry.families import CENSUS, COUNTED, MEASURED, WAY, family, histogram_family


class JournalFigures(NamedTuple):
    """Where the journal stands."""

    failures: int
    """Writes that the disk refused."""
    octets: int
    """Size of the file."""
    behind_s: float
    """Since so many seconds the oldest change waits to be written; 0 when none does."""


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

_JOURNAL = (
    ("bras_journal_write_failures_total", "Writes of the journal that the disk refused."),
    ("bras_journal_bytes", "Size of the journal's file."),
    ("bras_journal_behind_seconds", "Age of the oldest change that the disk has not taken yet; 0: it has all."),
)


class BrasCollector(Collector):
    """Everything that bras itself measures; give it a fresh census before each scrape."""

    def __init__(
        self,
        counts: Counts,
        dataplane: Callable[[], DataplaneFigures],
        *,
        version: str,
        log_lines_dropped: Callable[[], int] = lambda: 0,
        journal: Callable[[], JournalFigures] | None = None,
        sockets: Callable[[], Iterable[tuple[str, int]]] = tuple,
        connections: Callable[[], ConnectionFigures] = lambda: NO_CONNECTIONS,
    ) -> None:
        """Read ``counts`` and call the callables at each scrape; ``version`` is bras's own.

        ``journal`` tells of the journal; none: none is kept.
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
        for name, text, part, labels, key in CENSUS:
            found = self._census.get(part, ())
            rows = [found] if isinstance(found, dict) else found
            yield family(name, text, labels, [(tuple(row[label] for label in labels), row[key]) for row in rows])
        yield self._pools()
        for name, text, labels, where in COUNTED:
            yield family(name, text, labels, attrgetter(where)(self._counts).items())
        yield from connection_families(self._connections())
        for name, text, labels, where in MEASURED:
            yield histogram_family(name, text, labels, attrgetter(where)(self._counts))
        yield from self._forwarded(figures := self._dataplane())
        yield from _dataplane(figures)
        lost = self._log_lines_dropped()
        yield family("bras_log_lines_dropped_total", "Log lines lost: their reader was too slow.", (), [((), lost)])
        yield family(
            "bras_socket_dropped_total",
            "Datagrams that the kernel dropped before us: for want of room, or because a flood is held back.",
            ("listen",),
            [((listen,), dropped) for listen, dropped in self._sockets()],
        )
        yield from _journal(self._journal() if self._journal is not None else None)

    def _pools(self) -> Metric:
        return family(
            "bras_pool_addresses",
            "Addresses of a pool: in use, held for who had them last, free.",
            ("pool", "state"),
            [((row["pool"], at), row[at]) for row in self._census.get("pools", ()) for at in ("used", "held", "free")],
        )

    def _forwarded(self, figures: DataplaneFigures) -> Iterator[Metric]:
        for unit, what in (("octets", "bytes"), ("packets", "packets")):
            yield family(
                f"bras_forwarded_{what}_total",
                f"Subscribers' IP packets as forwarded, in {what}; up is from the subscriber.",
                WAY,
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
        yield family(
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


def _journal(figures: JournalFigures | None) -> Iterator[Metric]:
    for place, (name, text) in enumerate(_JOURNAL):
        yield family(name, text, (), [] if figures is None else [((), figures[place])])


def _dataplane(figures: DataplaneFigures) -> Iterator[Metric]:
    yield family(
        "bras_dataplane_fallbacks_total",
        "Packets that took a slower path than the data plane's fastest.",
        ("reason",),
        [((reason.value,), count) for reason, count in figures.fallbacks.items()],
    )
    yield family("bras_dataplane_entries", "Sessions that the data plane forwards.", (), [((), figures.entries)])
    backend = InfoMetricFamily("bras_dataplane", "The data plane, and the interface that carries all subscribers.")
    backend.add_metric([], {"backend": figures.backend, "interface": figures.interface})
    yield backend
    interfaces = InfoMetricFamily("bras_dataplane_interface", "Interfaces by which packets of LACs come, and how.")
    for interface, mode in figures.interfaces:
        interfaces.add_metric([], {"interface": interface, "mode": mode})
    yield interfaces
