"""What `bras reload` says, and with which exit status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from bras.cli.main import app
from tests.unit.cli.rows import daemon

FILE = "/etc/bras/bras.toml"
BODY: dict[str, Any] = {
    "outcome": "applied",
    "dry_run": False,
    "file": FILE,
    "live": [],
    "restart": [],
    "problems": [],
    "warnings": [],
}


@pytest.mark.parametrize(
    ("change", "words", "status", "out", "err"),
    [
        ({}, [], 0, f"{FILE}: in force, nothing has changed\n", ""),
        ({"live": ["lac[a].secrets"]}, [], 0, f"changed: lac[a].secrets\n{FILE}: in force\n", ""),
        ({"dry_run": True}, ["--dry-run"], 0, f"{FILE}: ok, nothing would change\n", ""),
        ({"dry_run": True, "live": ["log.level"]}, ["--dry-run"], 0, f"would change: log.level\n{FILE}: ok\n", ""),
        (
            {"outcome": "partly", "restart": ["lns.listen"], "warnings": ["f: file: w"]},
            [],
            3,
            f"needs a restart: lns.listen\n{FILE}: in force, but for what needs a restart\n",
            "warning: f: file: w\n",
        ),
        (
            {"outcome": "refused", "problems": ["f: lac[0].name: it is missing, give a name"]},
            [],
            2,
            "",
            f"f: lac[0].name: it is missing, give a name\n{FILE}: not put into force, nothing has changed\n",
        ),
        ({"outcome": "failed"}, [], 1, "", f"{FILE}: not put into force: see the daemon's log\n"),
    ],
)
def test_what_it_says(
    tmp_path: Path, change: dict[str, Any], words: list[str], status: int, out: str, err: str
) -> None:
    body = BODY | change
    with daemon(tmp_path / "s", lambda _: {"ok": True, "body": body}) as requests:
        result = CliRunner().invoke(app, ["reload", *words, "--socket", str(tmp_path / "s")])
        again = CliRunner().invoke(app, ["reload", *words, "--json", "--socket", str(tmp_path / "s")])
    assert (result.exit_code, result.stdout, result.stderr) == (status, out, err)
    assert (again.exit_code, orjson.loads(again.stdout)) == (status, body)
    assert requests[0] == {"command": "reload", "arguments": {"dry_run": bool(words)}}


def test_nobody_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["reload", "--socket", str(tmp_path / "s")])
    assert result.exit_code == 1
    assert "no daemon answers" in result.stderr
