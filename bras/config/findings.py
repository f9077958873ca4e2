"""What checking a configuration has found so far: problems that stop it, and warnings."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable

from bras.errors import ConfigProblem


class Findings:
    """Problems and warnings of one file, in the order in which they were found.

    ``at`` is a key path such as ``lac[1].secret``; ``wrong`` says what is, ``right`` what would do.
    """

    def __init__(self, file: str) -> None:
        """Begin with nothing found."""
        self.file = file
        self.problems: list[ConfigProblem] = []
        self.warnings: list[ConfigProblem] = []

    def wrong(self, at: str, wrong: str, right: str) -> None:
        """Note a problem: the configuration cannot be used."""
        self.problems.append(ConfigProblem(self.file, at, wrong, right))

    def doubtful(self, at: str, wrong: str, right: str) -> None:
        """Note a warning: the configuration can be used, but hardly as it was meant."""
        self.warnings.append(ConfigProblem(self.file, at, wrong, right))

    def unknown(self, at: str, name: str, what: str, known: Iterable[str]) -> None:
        """Note that nothing is called ``name``, and the nearest name that something is called."""
        names = list(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        if near:
            right = f'did you mean "{near[0]}"?'
        elif names:
            right = "known are " + ", ".join(names)
        else:
            right = "there is none yet"
        self.wrong(at, f"{json.dumps(name, ensure_ascii=False)} is no {what}", right)
