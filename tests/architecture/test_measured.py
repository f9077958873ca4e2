"""Every metric has a test that makes it change: one without is a defect.

The families are walked, so a new metric fails here until it has its line in ``EFFECTS``: a test that names
the metric, or one of its samples, and what it must be after something has happened.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from bras.forwarding.entry import Counters
from bras.telemetry.counts import Counts
from bras.telemetry.metrics import BrasCollector, DataplaneFigures
from bras.telemetry.session_series import SERIES

ROOT = Path(__file__).resolve().parents[2] / "tests"
SAMPLE = "unit/telemetry/test_metrics.py::test_a_sample"
SESSION = "unit/telemetry/test_session_series.py::test_a_sample"
TLS = "unit/telemetry/test_connections.py"
SUFFIX = {"counter": "_total", "info": "_info"}

EFFECTS = {
    "bras_build_info": "unit/telemetry/test_metrics.py::test_the_build_and_the_process_are_there",
    "bras_radius_connections": TLS,
    "bras_radius_certificate_end_timestamp_seconds": TLS,
    "bras_radius_connection_tries_total": TLS,
    "bras_radius_connections_lost_total": TLS,
}
"""Where not ``SAMPLE`` or ``SESSION``."""


def _families() -> list[str]:
    collector = BrasCollector(Counts(), lambda: DataplaneFigures(Counters(), {}, {}), version="0")
    return [family.name + SUFFIX.get(family.type, "") for family in collector.collect()]


@cache
def _texts(path: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the tests of a file, and every text in it."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return frozenset(tests), frozenset(texts)


def _named(place: str, name: str) -> bool:
    path, _, test = place.partition("::")
    tests, texts = _texts(path)
    samples = {name, *(name + end for end in ("_bucket", "_count", "_sum"))}
    return (not test or test in tests) and bool(samples & texts)


@pytest.mark.parametrize("name", _families())
def test_a_metric_changes(name: str) -> None:
    place = EFFECTS.get(name, SAMPLE)
    assert _named(place, name), f"{name} is not in {place}"


@pytest.mark.parametrize("name", [series.name for series in SERIES])
def test_a_series_of_a_session_changes(name: str) -> None:
    assert _named(SESSION, name.removeprefix("bras_session_")), f"{name} is not in {SESSION}"


def test_nothing_is_listed_in_vain() -> None:
    assert set(EFFECTS) <= set(_families())
