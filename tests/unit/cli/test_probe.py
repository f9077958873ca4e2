"""What `bras probe` makes of what it sees each second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from bras.cli import probe
from bras.cli.main import app
from bras.cli.probe import Tally
from tests.unit.cli.rows import daemon

Row = dict[str, Any]


def row(answered: int, lost: int, echo_ms: float | None = 12.0) -> Row:
    return {"echoes_answered": answered, "echoes_lost": lost, "echo_ms": echo_ms}


def test_only_what_is_new_is_counted() -> None:
    tally = Tally()
    news = []
    for answered, lost, echo_ms in ((10, 2, 5.0), (11, 2, 12.0), (11, 3, 12.0), (11, 3, 12.0), (12, 4, 30.0)):
        tally.look(row(answered, lost, echo_ms))
        news.append(tally.news)
    assert news == ["nothing yet", "12.0 ms", "no answer", "nothing yet", "30.0 ms, 1 before it lost"]
    assert tally.told() == "2 answered, 2 lost (50.0%), 12.0 ms / 21.0 ms / 30.0 ms"


def test_silence() -> None:
    tally = Tally()
    assert tally.told() == "nothing was heard of any echo"
    tally.look(row(0, 0, None))
    tally.look(row(0, 3, None))
    assert tally.told() == "no answer to 3 echoes"


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_session_that_ends_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setattr(probe, "_LOOK_S", 0.0)
    rows = [row(0, 0), row(1, 0), row(2, 0, 14.0)]

    def answer(request: Row) -> Row:
        if request["command"] == "probe":
            assert request["arguments"] == {"selector": "alice", "for_s": 5.0}
            return {"ok": True, "body": {"sessions": ["S1"], "for_s": 5.0}}
        return {"ok": True, "body": {"sessions": [rows.pop(0)]}} if rows else {"ok": False, "body": {"error": "gone"}}

    with daemon(tmp_path / "s", answer):
        result = CliRunner().invoke(app, ["probe", "alice", "--for", "5", *words, "--socket", str(tmp_path / "s")])
    assert result.exit_code == 0, result.output
    if words:
        (found,) = orjson.loads(result.stdout)["sessions"]
        assert (found["session"], found["answered"], found["lost"], found["mean_ms"]) == ("S1", 2, 0, 13.0)
    else:
        assert result.stdout.splitlines() == [
            "12.0 ms",
            "14.0 ms",
            "the session has ended",
            "S1: 2 answered, 0 lost (0%), 12.0 ms / 13.0 ms / 14.0 ms",
        ]
