"""Fuzz one harness: ``python -m tests.fuzz NAME [--inputs N] [--seed N] [--found FOLDER] [--kept FOLDER]``.

A crash is written into ``found``; what reached something new is kept in ``kept``, and
``python -m tests.fuzz.keep NAME FOLDER`` puts the best of it into the corpus.

``python -m tests.fuzz NAME FILE...`` feeds it files instead, without atheris: so a crash is repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.fuzz import harness as base

WARM = 5
"""Memory and objects are compared from a fifth of the inputs on: until then caches fill."""
MOST_GROWTH_OCTETS = 48 << 20
"""The fuzzer's own corpus grows too."""
MOST_NEW_OBJECTS = 20_000
"""Caches with a bound (1024 pairs of name servers, eleven objects each) may fill late; a leak grows on."""


class Counted:
    """Counts the inputs, and ends the process after the last one: in words, with the figures."""

    def __init__(self, run: Callable[[bytes], None], inputs: int) -> None:
        self._run = run
        self._inputs = inputs
        self._warm = max(inputs // WARM, 1)
        self._count = 0
        self._before = (0, 0)
        self._began = time.monotonic()
        self._used = time.process_time()

    def __call__(self, data: bytes) -> None:
        self._run(data)
        self._count += 1
        if self._count == self._warm:
            self._before = (base.resident_octets(), base.objects())
        if self._count >= self._inputs:
            self._end()

    def _end(self) -> None:
        seconds = time.monotonic() - self._began
        grown = (base.resident_octets() - self._before[0], base.objects() - self._before[1])
        figures = {"inputs": self._count, "seconds": round(seconds, 1), "inputs_s": round(self._count / seconds)}
        figures["cpu_seconds"] = round(time.process_time() - self._used, 1)
        figures |= {"grown_octets": grown[0], "grown_objects": grown[1]}
        sys.stderr.flush()
        print(json.dumps(figures), flush=True)
        leaks = grown[0] > MOST_GROWTH_OCTETS or grown[1] > MOST_NEW_OBJECTS
        os._exit(3 if leaks else 0)  # libFuzzer would go on to write its summary and swallow the code


def fuzz(name: str, inputs: int, seed: int, found: str, kept: Path) -> None:
    """Fuzz until so many inputs were tried or one fails; does not return."""
    import atheris

    with atheris.instrument_imports(include=["bras"]):
        one = base.load(name)
    kept.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(base.corpus(name)):
        (kept / f"{number:04}").write_bytes(data)
    options = [f"-seed={seed}", f"-max_len={one.largest_octets}", f"-artifact_prefix={found}/{name}-", "-timeout=20"]
    options += ["-rss_limit_mb=1024", "-verbosity=0", "-len_control=20"]
    if one.words:
        words = Path(f"{kept}.words")
        words.write_text("".join(_quoted(word) for word in one.words), encoding="ascii")
        options.append(f"-dict={words}")
    print(f"harness={name} seed={seed} inputs={inputs} corpus={kept}", flush=True)
    atheris.Setup([sys.argv[0], *options, str(kept)], Counted(one.run, inputs))
    atheris.Fuzz()


def _quoted(word: bytes) -> str:
    """Write a word as a line of libFuzzer's dictionaries."""
    return '"' + "".join(f"\\x{octet:02x}" for octet in word) + '"\n'


def main(arguments: Sequence[str]) -> None:
    """Parse, fuzz or repeat."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("name", choices=sorted(base.NAMES))
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", default=".")
    parser.add_argument("--kept", type=Path)
    given = parser.parse_args(arguments)
    if given.files:
        run = base.load(given.name).run
        for path in given.files:
            run(path.read_bytes())
            print(f"{path}: nothing wrong")
        return
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        fuzz(given.name, given.inputs, given.seed, given.found, given.kept or Path(folder, given.name))


main(sys.argv[1:])
