"""The core compiles with mypyc as it is, and behaves the same compiled.

The house is copied, the core is compiled in the copy, and the core's own tests run against it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.source import CORE, PACKAGE, ROOT, modules

_CORE_TESTS = ("unit", "property", "scenario")
_OUTSIDE = ("cli", "lab", "runtime", "dataplane", "store", "telemetry")
# The one C file has 170 MB, most of it indentation; gcc would look it up line by line, for 80 seconds.
_QUICKLY = {"MYPYC_OPT_LEVEL": "0", "MYPYC_DEBUG_LEVEL": "0", "CFLAGS": "-Wno-misleading-indentation"}
_COMPILER = """#!/bin/sh
case "$*" in
*__native_*) exec clang "$@" ;;
*) exec gcc "$@" ;;
esac
"""
"""clang reads that file in half the time; of the small ones, one for each module, gcc has sooner begun."""

_IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
_FEW = {"HYPOTHESIS_PROFILE": "brief", "BRAS_STORM_CALLS": "10", "BRAS_STORM_SEEDS": "10", "BRAS_CRASH_SEEDS": "2"}
_LESS: dict[str, str] = {} if _IS_LONG else _FEW
"""The same tests have run interpreted; `make test-long` has them all compiled, too."""


def _run(command: list[str], house: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=house,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command[:4])} …: exit {done.returncode}\n{done.stdout[-8000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the house whose core is compiled."""
    house = tmp_path_factory.mktemp("mypyc")
    shutil.copytree(PACKAGE, house / "bras", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    shutil.copytree(ROOT / "dictionaries", house / "dictionaries")
    shutil.copy(ROOT / "MANUAL.md", house)  # its tables are held against what the core does
    shutil.copytree(ROOT / "tests", house / "tests", ignore=shutil.ignore_patterns("__pycache__", "interop"))
    compiler = house / "cc"
    compiler.write_text(_COMPILER)
    compiler.chmod(0o755)
    sources = [str(path.relative_to(ROOT)) for path in modules(*CORE)]
    configuration = f"--config-file={ROOT / 'pyproject.toml'}"
    _run([sys.executable, "-m", "mypyc", configuration, *sources], house, CC=str(compiler), **_QUICKLY)
    shutil.copy(ROOT / "pyproject.toml", house)  # after it: setuptools would build the project that it describes
    return house


def test_the_whole_core_compiles(compiled: Path, tool: Callable[[str], str]) -> None:
    for program in ("gcc", "clang"):
        tool(program)
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    left = [path for path in modules(*CORE) if not (compiled / path.relative_to(ROOT)).with_suffix(suffix).exists()]
    assert not left, f"not compiled: {left}"


def test_compiled_it_behaves_the_same(compiled: Path) -> None:
    tests = [f"tests/{folder}" for folder in _CORE_TESTS if (compiled / "tests" / folder).is_dir()]
    outside = [f"--ignore=tests/unit/{folder}" for folder in _OUTSIDE]
    prove = "import bras.wire, sys; sys.exit(not bras.wire.__file__.endswith('.so'))"
    _run([sys.executable, "-c", prove], compiled, PYTHONPATH=str(compiled))
    summary = _run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not long and not interpreted", *outside, *tests],
        compiled,
        PYTHONPATH=str(compiled),
        **_LESS,
    )
    assert " passed" in summary
