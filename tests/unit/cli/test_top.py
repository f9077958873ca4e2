from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bras.cli.main import app
from tests.unit.cli.rows import daemon
from tests.unit.cli.test_top_loop import _Headend


def test_pages_where_nothing_can_be_drawn_in_place(tmp_path: Path) -> None:
    with daemon(tmp_path / "s", _Headend()) as requests:
        options = [
            "--count",
            "2",
            "--interval",
            "0.5",
            "--sort",
            "user",
            "--match",
            "user==a",
            "--socket",
            str(tmp_path / "s"),
        ]
        result = CliRunner().invoke(app, ["top", *options])
    assert result.exit_code == 0, result.output
    assert result.stdout.count("sessions  1,234 up") == 2
    assert "\x1b" not in result.stdout
    asked = [request["arguments"] for request in requests if request["command"] == "show sessions"]
    assert [(one["sort"], one["match"]) for one in asked] == [("user", "user==a")] * 2


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--sort", "usr"], 2, "no field 'usr' to sort by"),
        (["--match", "user=="], 2, "expected a value after =="),
        (["--interval", "0.1"], 2, "equal to 0.5"),
        ([], 1, "no daemon answers"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, options: list[str], code: int, says: str) -> None:
    result = CliRunner().invoke(app, ["top", *options, "--socket", str(tmp_path / "none")])
    assert result.exit_code == code
    assert says in result.stderr
