"""Coverage-guided fuzzing of every harness by atheris; BRAS_FUZZ_INPUTS says how many inputs in all.

`make test` tries a few, to see that it can; `make test-long` ten million.  Each harness is a
process of its own.  What it finds stays as a file, with the command that repeats it.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import harness as base

INPUTS = int(os.environ.get("BRAS_FUZZ_INPUTS", "8000"))
SEED = int(os.environ.get("BRAS_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
FEWEST = 200
ROOT = Path(__file__).resolve().parents[2]
FOUND = ROOT / "build" / "fuzz"
REACHED_PERCENT = {"l2tp": 88, "ppp": 84, "radius": 85, "dataplane/forward.py": 70}
"""Lines of functions that the corpora must reach, at least."""


def _inputs(name: str) -> int:
    shares = {one: base.SHARES[one] for one in base.NAMES}
    return max(FEWEST, round(INPUTS * shares[name] / sum(shares.values())))


@pytest.mark.parametrize("name", base.NAMES)
def test_nothing_is_found(name: str) -> None:
    FOUND.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.fuzz", name, "--seed", str(SEED), "--inputs", str(_inputs(name))]
    print("repeat:", " ".join(command))
    before = set(FOUND.glob(f"{name}-*"))
    done = subprocess.run(
        [*command, "--found", str(FOUND)], cwd=ROOT, capture_output=True, text=True, errors="replace", check=False
    )
    found = [f"{sys.executable} -m tests.fuzz {name} {path}" for path in set(FOUND.glob(f"{name}-*")) - before]
    assert not found, f"seed {SEED}; repeat by: {' '.join(found)}\n{done.stdout[-500:]}\n{done.stderr[-3000:]}"
    figures = next((json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")), None)
    assert done.returncode == 0, f"seed {SEED}: {figures or done.stderr[-3000:]}"
    assert figures is not None
    assert figures["inputs"] == _inputs(name)
    print(f"{name}: seed {SEED}, {figures}")


def test_the_corpora_reach_deep() -> None:
    """A corpus grows old with the code: this says when it is time for ``python -m tests.fuzz.keep``."""
    command = [sys.executable, "-m", "tests.fuzz.keep", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout.splitlines()[-1])
    for part, least in REACHED_PERCENT.items():
        mine = {module: row for module, row in modules.items() if module.startswith(part)}
        reached, lines = sum(row[0] for row in mine.values()), sum(row[1] for row in mine.values())
        worst = sorted(mine.items(), key=lambda item: item[1][0] - item[1][1])[:3]
        assert 100 * reached >= least * lines, f"{part}: {reached} of {lines} lines; {worst}"
