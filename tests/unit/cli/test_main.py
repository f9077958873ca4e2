from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

from bras import __version__
from bras.cli.main import app
from tests.unit.cli.rows import daemon

GOOD = """
[lns]
listen = ["198.18.0.1", "[2001:db8::1]:1702"]
[[lac]]
name = "any"
secret = "tunsecret"
pool = "default"
[[radius.server]]
address = "198.18.1.2"
secret = "radsecret"
[[pool]]
name = "default"
ranges = ["10.64.0.0/24"]
[dataplane]
backend = "tun"
"""


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"bras {__version__}\n")


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in ("run", "check-config", "show", "disconnect", "lab"):
        assert command in result.stdout


def test_help_does_without_what_the_daemon_needs() -> None:
    """Otherwise `bras --help` would take half a second."""
    code = (
        "import sys; import bras.cli.main; "
        "heavy = {'aiohttp', 'pyroute2', 'prometheus_client', 'structlog', 'pyrad', 'asyncio'}; "
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_good_configuration_is_summed_up(tmp_path: Path) -> None:
    path = tmp_path / "bras.toml"
    path.write_text(GOOD)
    path.chmod(0o600)
    result = CliRunner().invoke(app, ["check-config", "-c", str(path)])
    assert result.exit_code == 0, result.stderr
    assert result.stdout == (
        f"{path}: ok: listens on 198.18.0.1:1701, [2001:db8::1]:1702; "
        "1 LAC group; 1 RADIUS server; 1 pool (254 addresses)\n"
    )


@pytest.mark.parametrize("command", ["check-config", "run"])
def test_a_dictionary_that_cannot_be_read_is_told(tmp_path: Path, command: str) -> None:
    """As a reload would, and the next start."""
    (tmp_path / "own").write_text("ATTRIBUTE Foo 300x string\n")
    path = tmp_path / "bras.toml"
    path.write_text(GOOD + '[radius]\ndictionaries = ["own"]\n')
    path.chmod(0o600)
    result = CliRunner().invoke(app, [command, "-c", str(path)])
    assert result.exit_code == 2
    assert f"{tmp_path}/own:1: Foo: Illegal attribute code" in result.output


@pytest.mark.parametrize("command", ["check-config", "run"])
def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path, command: str) -> None:
    path = tmp_path / "bras.toml"
    path.write_text(GOOD.replace("10.64.0.0/24", "10.64.0.0/99").replace('pool = "default"', 'pool = "other"'))
    result = CliRunner().invoke(app, [command, "-c", str(path)])
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    problems = [line for line in lines if not line.startswith("warning: ")]
    assert len(problems) >= 2
    assert all(line.startswith(f"{path}: ") for line in problems)
    assert "tunsecret" not in result.stderr
    assert "radsecret" not in result.stderr


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    result = CliRunner().invoke(app, ["check-config", "-c", str(path)])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{path}: ")


def test_disconnect(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with daemon(path) as requests:
        result = CliRunner().invoke(app, ["disconnect", "alice", "--socket", str(path)])
        assert (result.exit_code, result.stdout) == (0, "2 sessions disconnected\n")
        result = CliRunner().invoke(app, ["disconnect", "alice", "--json", "--socket", str(path)])
        assert result.stdout == '{\n  "disconnected": 2\n}\n'
        result = CliRunner().invoke(app, ["disconnect", "nobody", "--socket", str(path)])
        assert (result.exit_code, result.stderr) == (1, "bras: no session matches 'nobody'\n")
    assert requests[0] == {"command": "disconnect", "arguments": {"selector": "alice"}}


def test_nothing_to_disconnect_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with daemon(path, lambda _request: {"ok": True, "body": {"disconnected": 0}}):
        result = CliRunner().invoke(app, ["disconnect", "alice", "--socket", str(path)])
    assert (result.exit_code, result.stdout) == (1, "0 sessions disconnected\n")


@pytest.mark.parametrize("arguments", [["show", "nonsense"], ["show", "session"], ["--nonsense"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


def _laboratory() -> ModuleType:
    module = ModuleType("bras.lab.cli")
    laboratory = typer.Typer(no_args_is_help=True)

    @laboratory.command()
    def lac(tunnels: int = 1) -> None:
        typer.echo(f"{tunnels} tunnels")

    @laboratory.command()
    def radius() -> None:
        raise typer.Exit(3)

    module.app = laboratory  # type: ignore[attr-defined]  # a module made by hand has no declared names
    return module


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["lac", "--tunnels", "7"], 0, "7 tunnels"),
        (["radius"], 3, ""),
        (["--help"], 0, "Usage: bras lab"),
        (["lac", "--help"], 0, "--tunnels"),
        (["nonsense"], 2, ""),
    ],
)
def test_the_lab_gets_its_arguments_as_they_are(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, text: str
) -> None:
    monkeypatch.setitem(sys.modules, "bras.lab.cli", _laboratory())
    result = CliRunner().invoke(app, ["lab", *arguments])
    assert result.exit_code == code, result.output
    assert text in result.stdout


def test_a_lab_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bras.lab.cli", None)
    result = CliRunner().invoke(app, ["lab", "lac"])
    assert result.exit_code == 1
    assert "the lab is not installed" in result.stderr
