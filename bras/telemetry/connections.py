"""Samples of connections towards RADIUS servers over TLS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric


class ConnectionFigures(NamedTuple):
    """What there is to count."""

    up: Mapping[tuple[str, str], int]
    """Connections that are up, by server and kind."""
    tries: Mapping[tuple[str, str], int]
    """By server and kind."""
    losses: Mapping[tuple[str, str, str], int]
    """By server, kind and reason."""
    ends: Mapping[tuple[str], int]
    """Last second in which our certificate for a server is good, of the wall clock."""


NO_CONNECTIONS = ConnectionFigures({}, {}, {}, {})


def connection_families(figures: ConnectionFigures) -> Iterator[Metric]:
    """Yield one family after the other."""
    up = GaugeMetricFamily("bras_radius_connections", "Connections over TLS that are up.", labels=("server", "kind"))
    ends = GaugeMetricFamily(
        "bras_radius_certificate_end_timestamp_seconds",
        "When our certificate for a server over TLS ends.",
        labels=("server",),
    )
    tries = CounterMetricFamily(
        "bras_radius_connection_tries_total",
        "Times that a connection over TLS was tried.",
        labels=("server", "kind"),
    )
    losses = CounterMetricFamily(
        "bras_radius_connections_lost_total",
        "Connections over TLS that were lost, or could not be made.",
        labels=("server", "kind", "reason"),
    )
    for family, samples in ((up, figures.up), (tries, figures.tries), (losses, figures.losses), (ends, figures.ends)):
        for labels, value in samples.items():
            family.add_metric(labels, value)
        yield family
