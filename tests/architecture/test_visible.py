"""MANUAL.md names every command, metric and log event that there is, and none that is not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import typer

from bras.cli.main import app
from bras.errors import FallbackReason
from bras.forwarding.entry import Counters
from bras.runtime.admin import NAMES
from bras.telemetry.counts import Counts
from bras.telemetry.metrics import BrasCollector, DataplaneFigures
from bras.telemetry.session_series import SERIES
from tests.architecture.source import ROOT
from tests.support.log_events import events, expected, rows

MANUAL = (ROOT / "MANUAL.md").read_text(encoding="utf-8")
_SUFFIXES = {"counter": "_total", "info": "_info"}


def _section(title: str) -> str:
    return re.split(r"^## ", MANUAL.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def _first_cells(section: str) -> set[str]:
    """Return every name in backquotes in the first column of a section's tables."""
    cells = re.findall(r"^\| (.*?) \|", section, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def _commands(group: typer.core.TyperGroup, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


def test_commands() -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, typer.core.TyperGroup)
    there = set(_commands(root, "bras"))
    written = {
        re.split(r" [A-Z\[]", name)[0] for name in _first_cells(_section("Commands")) if name.startswith("bras ")
    }
    assert {name.removesuffix(" lac").removesuffix(" radius") if " lab" in name else name for name in written} == there


def test_commands_of_the_admin_socket() -> None:
    about = re.split(r"^### ", MANUAL.split("\n### The admin socket\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    written = _first_cells(about)
    assert written == set(NAMES)


def test_metrics() -> None:
    collector = BrasCollector(Counts(), lambda: DataplaneFigures(Counters(), {}, {}), version="0")
    there = {family.name + _SUFFIXES.get(family.type, "") for family in collector.collect()}
    assert _first_cells(_section("Metrics")) == there | {series.name for series in SERIES}


def test_reasons_for_a_slower_path() -> None:
    assert _first_cells(_section("What takes a slower path")) == {reason.value for reason in FallbackReason}


def test_log_events() -> None:
    there, text = events(), MANUAL
    written = list(rows(text))
    assert {name for _, names, _, _ in written for name in names} == set(there)
    for line, names, levels, fields in written:
        assert (levels, fields) == expected(there, names), f"run: python -m tests.support.log_events\n{line}"


def test_log_events_have_few_levels() -> None:
    assert {level for told in events().values() for level in told.levels} <= {"debug", "info", "warning", "error"}
