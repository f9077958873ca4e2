"""Which inputs are worth keeping, and what the kept ones reach.

``python -m tests.fuzz.keep NAME [FOLDER...]`` writes the corpus of a harness anew: of what it
has and what the folders hold, the shortest first, each input that goes from a line to
another one as none before it.  ``python -m tests.fuzz.keep`` tells how many lines are reached,
with ``--json`` as it is read by a test: in a process of its own, for what a process remembers of
earlier inputs it need not run again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import bras
from bras.radius import further
from tests.fuzz import harness as base

ROOT = Path(bras.__path__[0]).resolve()
Arc = tuple[str, int, int]
MOST_KEPT = 400
MEASURED = ("l2tp", "ppp", "radius", "dataplane", "config", "subscriber", "lns")


class Traced:
    """The steps from line to line within bras."""

    def __init__(self) -> None:
        self.arcs: set[Arc] = set()

    def run(self, what: Callable[[], object]) -> set[Arc]:
        """Return those that were taken; what is remembered of earlier runs is forgotten, for it would hide them."""
        self.arcs = set()
        further.understand.cache_clear()
        before = sys.gettrace()
        sys.settrace(self._call)
        try:
            what()
        finally:
            sys.settrace(before)
        return self.arcs

    def _call(self, frame: FrameType, _event: str, _value: object) -> Callable[..., Any] | None:
        file = frame.f_code.co_filename
        if not file.startswith(str(ROOT)):
            return None
        last = frame.f_code.co_firstlineno
        arcs = self.arcs

        def line(frame: FrameType, event: str, _value: object) -> Any:
            nonlocal last
            if event == "line":
                arcs.add((file, last, frame.f_lineno))
                last = frame.f_lineno
            return line

        return line


def choose(run: Callable[[bytes], None], inputs: Iterable[bytes]) -> list[bytes]:
    """Return the inputs that add to what those before them reach, the shortest first."""
    traced, reached, kept = Traced(), set[Arc](), []
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        arcs = traced.run(lambda data=data: run(data))  # type: ignore[misc]  # bound at once
        if not arcs <= reached and len(kept) < MOST_KEPT:
            reached |= arcs
            kept.append(data)
    return kept


def write(name: str, inputs: list[bytes]) -> None:
    """Put a corpus into its file."""
    lines = [data.hex() or "-" for data in inputs]
    (base.CORPUS / f"{name}.hex").write_text("\n".join(lines) + "\n", encoding="ascii")


def lines_of(path: Path) -> set[int]:
    """Return the lines of a module's functions that can be run."""
    found: set[int] = set()
    pending = [compile(path.read_text(encoding="utf-8"), str(path), "exec")]
    while pending:
        code = pending.pop()
        pending += [one for one in code.co_consts if isinstance(one, CodeType)]
        if code.co_flags & 2:  # a function: what a module or class does at its import is no matter here
            found |= {line for _, _, line in code.co_lines() if line and line != code.co_firstlineno}
    return found


def coverage(names: Iterable[str]) -> dict[str, tuple[int, int, list[int]]]:
    """Return for each module how many of its lines the corpora reach, of how many, and those they do not."""
    traced, hit = Traced(), set[Arc]()
    for name in names:
        run = base.load(name).run
        for data in base.corpus(name):
            hit |= traced.run(lambda run=run, data=data: run(data))  # type: ignore[misc]  # bound at once
    reached = {(file, line) for file, _, line in hit}
    found = {}
    for part in MEASURED:
        for path in sorted((ROOT / part).rglob("*.py")):
            lines = lines_of(path)
            missed = sorted(line for line in lines if (str(path), line) not in reached)
            found[path.relative_to(ROOT).as_posix()] = (len(lines) - len(missed), len(lines), missed)
    return found


def main(name: str = "", *folders: str) -> None:
    if name == "--json":
        print(json.dumps(coverage(base.NAMES)))
        return
    if name:
        files = [path.read_bytes() for folder in folders for path in Path(folder).iterdir() if path.is_file()]
        kept = choose(base.load(name).run, [*base.corpus(name), *files])
        write(name, kept)
        print(f"{name}: {len(kept)} inputs, {sum(map(len, kept))} octets")
        return
    for module, (reached, lines, missed) in coverage(base.NAMES).items():
        if lines:
            print(f"{module:32} {reached:4} of {lines:4}  {100 * reached // lines:3} %  {missed[:12]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
