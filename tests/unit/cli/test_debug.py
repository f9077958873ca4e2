"""What `bras debug` asks, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bras.cli.main import app
from tests.unit.cli.rows import daemon

ROWS = [{"kind": "lac", "name": "no\x1b[2Jrth", "left_s": 599.5}]


def run(place: Path, rows: list[Any], *words: str) -> tuple[int, str, Any]:
    with daemon(place / "s", lambda _: {"ok": True, "body": {"debug": rows}}) as requests:
        result = CliRunner().invoke(app, ["debug", *words, "--socket", str(place / "s")])
    return result.exit_code, result.output, requests[0]["arguments"] if requests else None


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["lac", "north"], {"kind": "lac", "name": "north", "for_s": 600.0}),
        (["user", "alice", "--for", "90s"], {"kind": "user", "name": "alice", "for_s": 90.0}),
        (["lac", "north", "--for", "2h"], {"kind": "lac", "name": "north", "for_s": 7200.0}),
        (["lac", "north", "--for", "45"], {"kind": "lac", "name": "north", "for_s": 45.0}),
        (["off"], {"off": True}),
        (["list"], {}),
    ],
)
def test_what_is_asked(tmp_path: Path, words: list[str], asked: Any) -> None:
    assert run(tmp_path, [], *words) == (0, "nobody is chosen\n", asked)


def test_who_is_chosen(tmp_path: Path) -> None:
    assert run(tmp_path, ROWS, "list")[1] == "lac no\\x1b[2Jrth: 9m 59s more\n"


def test_json(tmp_path: Path) -> None:
    assert '"left_s": 599.5' in run(tmp_path, ROWS, "list", "--json")[1]


def test_no_time(tmp_path: Path) -> None:
    status, out, asked = run(tmp_path, [], "lac", "north", "--for", "soon")
    assert (status, asked) == (2, None)
    assert "90s, 10m or 2h" in out
