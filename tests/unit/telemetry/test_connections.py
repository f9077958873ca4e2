"""Samples of connections over TLS."""

from __future__ import annotations

from bras.telemetry.connections import NO_CONNECTIONS, ConnectionFigures, connection_families


def test_each_figure_has_its_sample() -> None:
    figures = ConnectionFigures(
        {("r1", "auth"): 2},
        {("r1", "auth"): 5},
        {("r1", "auth", "expired"): 3},
        {("r1",): 1_800_000_000},
    )
    samples = [
        (sample.name, sample.labels, sample.value)
        for family in connection_families(figures)
        for sample in family.samples
    ]
    assert samples == [
        ("bras_radius_connections", {"server": "r1", "kind": "auth"}, 2),
        ("bras_radius_connection_tries_total", {"server": "r1", "kind": "auth"}, 5),
        ("bras_radius_connections_lost_total", {"server": "r1", "kind": "auth", "reason": "expired"}, 3),
        ("bras_radius_certificate_end_timestamp_seconds", {"server": "r1"}, 1_800_000_000),
    ]


def test_without_connections_the_families_are_there_and_empty() -> None:
    families = list(connection_families(NO_CONNECTIONS))
    assert len(families) == 4
    assert not [sample for family in families for sample in family.samples]
