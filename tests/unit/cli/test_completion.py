from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bras.cli.completion import Shell, script
from bras.cli.main import app
from tests.unit.cli.rows import Row, daemon, reply, session

_BRAS = f'#!/bin/sh\nexec {sys.executable} -c "from bras.cli.main import main; main()" "$@"\n'
_ASK = r"""
source "$1"
COMP_LINE="$2"; COMP_POINT=${#COMP_LINE}
_bras_completion bras
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def bras(tmp_path: Path) -> Path:
    """A folder with a command ``bras`` and the script for bash."""
    (tmp_path / "bras").write_text(_BRAS)
    (tmp_path / "bras").chmod(0o755)
    (tmp_path / "script").write_text(script(Shell.BASH))
    return tmp_path


def _complete(folder: Path, line: str, *, breaks: str = " \t\n\"'@><=;|&(:") -> list[str]:
    """Return what bash offers for a line that ends where the cursor is."""
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": os.getcwd()}
    command = ["bash", "--norc", "-c", f"COMP_WORDBREAKS=$3\n{_ASK}", "bash", str(folder / "script"), line, breaks]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_commands_options_and_words(bras: Path) -> None:
    assert {"run", "show", "top", "disconnect", "reload", "completion"} <= set(_complete(bras, "bras "))
    assert _complete(bras, "bras sh") == ["show"]
    assert {"session", "sessions"} == set(_complete(bras, "bras show sess"))
    assert {"--match", "--columns", "--sort", "--limit", "--watch", "--json"} <= set(
        _complete(bras, "bras show sessions --")
    )
    assert _complete(bras, "bras show sessions --sort down_r") == ["down_rate"]
    assert _complete(bras, "bras show sessions --columns user,lac_a") == ["user,lac_address"]
    assert _complete(bras, "bras completion z") == ["zsh"]


def test_what_the_daemon_knows(bras: Path) -> None:
    def answer(request: Row) -> Row:
        if request["command"] != "show sessions":
            return reply(request)
        users = ["alice@isp.example", "alice@other.example", "$(touch hacked)", "al *"]
        return {"ok": True, "body": {"sessions": [session(user=user) for user in users], "next": None}}

    path = bras / "s"
    with daemon(path, answer):
        assert _complete(bras, f"bras show sessions --socket {path} --lac a") == ["any"]
        assert _complete(bras, f"bras disconnect --socket {path} al") == ["alice@isp.example", "alice@other.example"]
        # bash takes the name apart at the @, and completes what stands after it.
        assert _complete(bras, f"bras show session --socket {path} alice@i") == ["isp.example"]
        assert _complete(bras, f"bras show session --socket {path} alice@i", breaks=" \t\n") == ["alice@isp.example"]
    assert not (bras / "hacked").exists()


def test_bash_takes_the_script(bras: Path) -> None:
    command = f"source {bras / 'script'}; complete -p bras; compgen -A function _bras"
    done = subprocess.run(["bash", "--norc", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["complete -o default -F _bras_completion bras", "_bras_completion"]


@pytest.mark.parametrize(
    ("shell", "says"), [("bash", "complete -o"), ("zsh", "#compdef bras"), ("fish", "complete --command bras")]
)
def test_every_shell_has_a_script(shell: str, says: str) -> None:
    result = CliRunner().invoke(app, ["completion", shell])
    assert result.exit_code == 0
    assert says in result.stdout
    assert "_BRAS_COMPLETE" in result.stdout


def test_no_other_shell() -> None:
    assert CliRunner().invoke(app, ["completion", "tcsh"]).exit_code == 2
