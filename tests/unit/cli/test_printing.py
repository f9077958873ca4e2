from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from bras.cli.main import app
from tests.unit.cli.rows import TUNNEL, VERSION, Row, daemon, session


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    with daemon(tmp_path / "s"):
        yield tmp_path / "s"


def _lines(*arguments: str | Path) -> list[str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_chosen_columns(path: Path) -> None:
    heading, line = _lines("show", "tunnels", "--columns", "calls,hostname", "--socket", path)
    assert heading.split() == ["calls", "hostname"]
    assert line.split() == [str(TUNNEL["calls"]), "lac1.example"]


def test_rows_that_match(path: Path) -> None:
    assert len(_lines("show", "tunnels", "--match", "hostname=~^lac1", "--socket", path)) == 2
    assert len(_lines("show", "tunnels", "--match", "hostname=~^lac2", "--socket", path)) == 1


def test_json_of_rows_that_match(path: Path) -> None:
    body = orjson.loads("\n".join(_lines("show", "lacs", "--match", "lac==south", "--json", "--socket", path)))
    assert [row["lac"] for row in body["lacs"]] == ["south"]


def test_json_is_harmless_on_a_terminal(tmp_path: Path) -> None:
    def answer(_request: Row) -> Row:
        return {"ok": True, "body": {"sessions": [session(user="\x9b2J\u202e\x7f")], "next": None}}

    with daemon(tmp_path / "s", answer):
        for what in (["sessions"], ["session", "x"]):  # one is streamed, the other printed whole
            text = "\n".join(_lines("show", *what, "--json", "--socket", tmp_path / "s"))
            assert text.replace("\n", "").isprintable()
            assert orjson.loads(text)["sessions"][0]["user"] == "\x9b2J\u202e\x7f"


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (["tunnels", "--match", "calls>=0", "--columns", "tunnel"], {"tunnels": [TUNNEL]}),
        (["version"], None),
        (["sessions"], None),
    ],
)
def test_watched_json_is_a_line_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: list[str], expected: Row | None
) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            raise KeyboardInterrupt

    with daemon(tmp_path / "s"):
        monkeypatch.setattr("bras.cli.printing.time.sleep", nap)
        lines = _lines("show", *what, "--json", "--watch", "7", "--socket", tmp_path / "s")
    assert naps == [7.0, 7.0]
    assert len(lines) == 2
    assert lines[0] == lines[1]
    body = orjson.loads(lines[0])
    if expected is not None:
        assert body == expected
    if what == ["version"]:
        assert body["daemon"] == VERSION
