"""The manual pages in deploy/ say what the program and MANUAL.md say today, and groff takes them without a word."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from bras.cli.manpage import page as commands
from bras.config.manpage import page as configuration
from bras.config.manual import describe
from tests.architecture.source import ROOT

DEPLOY = ROOT / "deploy"


def test_commands_are_in_step() -> None:
    manual = (ROOT / "MANUAL.md").read_text(encoding="utf-8")
    assert (DEPLOY / "bras.1").read_text(encoding="utf-8") == commands(manual), "run: python -m bras.cli.manpage"


def test_keys_are_in_step() -> None:
    shipped = (DEPLOY / "bras.toml.5").read_text(encoding="utf-8")
    assert shipped == configuration(describe()), "run: python -m bras.config.manual"


@pytest.mark.parametrize("name", ["bras.1", "bras.toml.5"])
def test_they_render_without_a_warning(name: str, tool: Callable[[str], str]) -> None:
    done = subprocess.run(
        [tool("groff"), "-man", "-Tutf8", "-ww", str(DEPLOY / name)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "N\bNA\bAM\bME\bE" in done.stdout
    shown = subprocess.run(
        [tool("man"), "--warnings", "-l", str(DEPLOY / name)], capture_output=True, text=True, check=True
    )
    assert shown.stderr == ""


def test_they_are_in_the_wheel() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"deploy/bras.1" = "share/man/man1/bras.1"' in text
    assert '"deploy/bras.toml.5" = "share/man/man5/bras.toml.5"' in text
