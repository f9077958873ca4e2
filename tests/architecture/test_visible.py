"""MANUAL.md names every command, metric and log event that there is, and none that is not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import structlog
import typer
from structlog.testing import capture_logs

from bras.cli.main import app
from bras.errors import FallbackReason
from bras.forwarding.entry import Counters
from bras.runtime.admin import NAMES
from bras.telemetry.counts import Counts
from bras.telemetry.lines import Lines
from bras.telemetry.metrics import BrasCollector, DataplaneFigures
from bras.telemetry.session_series import SERIES
from tests.architecture.source import ROOT, modules, tree
from tests.unit.telemetry.facts import FACTS

MANUAL = (ROOT / "MANUAL.md").read_text(encoding="utf-8")
_WRITERS = {"debug", "info", "warning", "error", "exception", "critical"}
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


def _events_of_facts() -> set[str]:
    with capture_logs() as captured:
        handlers = Lines(structlog.get_logger()).handlers(debug=True)
        for fact in FACTS:
            handlers[type(fact)](fact)
    return {line["event"] for line in captured}


def _events_in_source() -> set[str]:
    """Return the constant first argument of every call of a logger's method."""
    found = set()
    for node in (node for path in modules() for node in ast.walk(tree(path))):
        match node:
            case ast.Call(func=ast.Attribute(attr=attr), args=[ast.Constant(value=str(event)), *_]) if attr in _WRITERS:
                found.add(event)
    return found


def test_log_events() -> None:
    assert _first_cells(_section("Log events")) == _events_of_facts() | _events_in_source()
