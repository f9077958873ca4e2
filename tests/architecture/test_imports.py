"""Imports go downward only, and the core reaches nothing outside (contracts in pyproject.toml).

The contracts are judged on the house as it stands, and on copies with one bad import each:
a contract that lets everything pass would look just as green.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE, ROOT

_LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"


def _lint(house: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(house)!r}); {_LINT}"]
    return subprocess.run(command, cwd=house, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the house in which a test may break something."""
    shutil.copytree(PACKAGE, tmp_path / "bras", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_contracts_hold() -> None:
    done = _lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        pytest.param("ppp/events.py", "from bras.l2tp import events as _sideways", id="sideways"),
        pytest.param("l2tp/events.py", "from bras.subscriber import events as _upward", id="upward"),
        pytest.param("timers.py", "import time as _clock", id="clock"),
        pytest.param("radius/events.py", "import random as _dice", id="dice"),
        pytest.param("addressing/__init__.py", "import socket as _outside", id="outside"),
        pytest.param("subscriber/events.py", "from bras.l2tp import events as _l2tp", id="subscriber knows l2tp"),
    ],
)
def test_contracts_bite(copy: Path, module: str, line: str) -> None:
    with (copy / "bras" / module).open("a") as broken:
        broken.write(f"\n{line}\n")
    done = _lint(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


def test_a_new_folder_must_find_its_floor(copy: Path) -> None:
    (copy / "bras" / "attic").mkdir()
    (copy / "bras" / "attic" / "__init__.py").write_text('"""A floor that is in no list."""\n')
    done = _lint(copy)
    assert done.returncode == 1
    assert "bras.attic" in done.stdout + done.stderr
