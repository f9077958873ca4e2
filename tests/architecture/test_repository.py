"""What holds for every tracked file: no path of one machine, nothing silenced without a reason."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.architecture.source import ROOT

_ME = "tests/architecture/test_repository.py"
_SILENCERS = re.compile(
    r"#\s*(?:type:\s*ignore|noqa|pragma: no cover)|pytest\.(?:skip|xfail|mark\.(?:skip|skipif|xfail))\("
)
_WORDS = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


def _tracked(*patterns: str) -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [path for path in done.stdout.split("\0") if path and (ROOT / path).is_file()]


def _lines(*patterns: str) -> list[tuple[str, int, str]]:
    return [
        (path, number, line)
        for path in _tracked(*patterns)
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8", errors="replace").splitlines(), 1)
    ]


@pytest.mark.parametrize("folder", ["work", "home", "root"])
def test_no_path_of_one_machine(folder: str) -> None:
    found = [f"{path}:{n}" for path, n, line in _lines() if f"/{folder}/" in line]
    assert not found, f"a path below {folder} in {', '.join(found)}"


def test_what_is_silenced_says_why() -> None:
    """``# type: ignore[code]  # reason``: the reason stands on the line itself."""
    found = []
    for path, number, line in _lines("*.py"):
        silenced = _SILENCERS.search(line)
        if silenced and path != _ME:
            rest = line[silenced.end() :]
            if len(re.findall(r"[a-z]{2,}", rest)) < 2:
                found.append(f"{path}:{number}: {line.strip()}")
    assert not found, "\n".join(found)


def test_nothing_is_left_for_later() -> None:
    found = [
        f"{path}:{n}: {line.strip()}"
        for path, n, line in _lines("bras", "tests", "deploy", "Makefile")
        if path != _ME and _WORDS.search(line)
    ]
    assert not found, "\n".join(found)
