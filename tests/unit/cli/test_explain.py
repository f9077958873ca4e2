"""What `bras explain` prints, and its exit status."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bras.cli.main import app
from tests.unit.cli.rows import daemon

Row = dict[str, Any]
EVENT: Row = {"at": 1000.5, "until": 1000.5, "times": 1, "event": "lcp_again", "text": "it began anew", "values": {}}
STORY: Row = {
    "session": "68E0000000000001",
    "user": "alice",
    "claimed": "alice",
    "headline": "up for 5s",
    "advice": "",
    "events": [EVENT],
}
LAC: Row = {
    "lac": "any",
    "lac_address": "198.18.0.2",
    "lac_hostname": "lac1",
    "tunnels": 1,
    "sessions": 5,
    "last_refusal": "wrong secret",
    "last_reason": "bad_secret",
    "last_refusal_s": 3.2,
}


@pytest.fixture(autouse=True)
def _in_india(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def run(place: Path, body: Row, *words: str) -> tuple[int, str, Row]:
    (place / "s").unlink(missing_ok=True)
    with daemon(place / "s", lambda _: {"ok": True, "body": body}) as requests:
        result = CliRunner().invoke(app, ["explain", *words, "--socket", str(place / "s")])
    return result.exit_code, result.stdout, requests[0]["arguments"]


def body(*stories: Row, more: int = 0, lacs: tuple[Row, ...] = ()) -> Row:
    return {"stories": list(stories), "more": more, "since": 900.0, "now": 1100.0, "lacs": list(lacs)}


def test_a_story(tmp_path: Path) -> None:
    told = STORY | {
        "claimed": "alice@home",
        "advice": "do this",
        "events": [EVENT, EVENT | {"times": 3, "until": 1002.0}],
    }
    status, out, asked = run(tmp_path, body(told, more=2), "alice")
    assert (status, asked) == (0, {"selector": "alice", "last": 1})
    assert out == (
        "alice (it called itself alice@home), session 68E0000000000001: up for 5s\n"
        "  what to do: do this\n"
        "  1970-01-01 05:46:40.500+05:30  it began anew\n"
        "  1970-01-01 05:46:40.500+05:30  it began anew (3 times until 1970-01-01 05:46:42.000+05:30)\n"
        "\n"
        "2 more: see --last and --all\n"
    )


def test_several_stories(tmp_path: Path) -> None:
    nameless = STORY | {"user": "", "claimed": "", "events": []}
    _, out, asked = run(tmp_path, body(STORY, nameless), "alice", "--last", "7")
    assert asked["last"] == 7
    assert out.splitlines()[2:] == ["", "a client that gave no name, session 68E0000000000001: up for 5s"]
    assert run(tmp_path, body(STORY), "alice", "--all")[2]["last"] == 100


def test_json_is_what_the_daemon_says(tmp_path: Path) -> None:
    status, out, _ = run(tmp_path, body(STORY), "alice", "--json")
    assert status == 0
    assert '"headline": "up for 5s"' in out


@pytest.mark.parametrize(
    ("selector", "lacs", "words"),
    [
        ("bob", (), ["No LAC was refused either"]),
        ("bob", (LAC,), ["LAC lac1 (198.18.0.2) was refused 3 s ago: wrong secret (bad_secret)", "that is why"]),
        ("lac1", (LAC | {"last_refusal": None},), ["LAC lac1 (198.18.0.2) has 1 tunnels with 5 sessions"]),
        ("any", (LAC | {"lac_address": None, "lac_hostname": None, "last_refusal": None},), ["LAC ? (never seen)"]),
    ],
)
def test_somebody_unknown(tmp_path: Path, selector: str, lacs: tuple[Row, ...], words: list[str]) -> None:
    status, out, _ = run(tmp_path, body(lacs=lacs), selector)
    assert status == 1
    assert f"was seen since 1970-01-01 05:45:00.000+05:30: {selector}" in out
    for word in words:
        assert word in out


def test_names_neither_drive_the_terminal_nor_turn_it_round(tmp_path: Path) -> None:
    evil = "\u05d0\x1b[2J<script>\n"
    _, out, _ = run(tmp_path, body(STORY | {"user": evil, "events": [EVENT | {"text": evil}]}), evil)
    assert out.count("\n") == 2
    assert "\x1b" not in out
    assert "\\u05d0" in out


def test_how_the_line_answers(tmp_path: Path) -> None:
    line = {"echo_min_ms": 10.0, "echo_mean_ms": 12.0, "echo_max_ms": 20.0, "echo_loss_percent": 1.25}
    _, out, _ = run(tmp_path, body(STORY | {"line": line, "events": []}), "alice")
    assert out.splitlines()[1] == "  its last echoes: 10.0 ms / 12.0 ms / 20.0 ms, 1.2% lost"
    _, out, _ = run(tmp_path, body(STORY | {"line": line | {"echo_mean_ms": None}, "events": []}), "alice")
    assert "echoes" not in out
