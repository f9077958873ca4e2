"""Load FreeRADIUS-style dictionary files into pyrad's ``Dictionary``.

pyrad's parser stops at the first fault and is strict about case and flags.  Here the files
are read first, their includes spliced in and their dialects levelled (older FreeRADIUS
writes ``String``, newer one ``uint32``), so that every fault is told at once as a
``ConfigProblem`` with file and line, and the operator's own dictionaries load as they are.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

from pyrad.dictionary import ATTRIBUTE_FLAGS, Dictionary, ParseError

from bras.errors import ConfigError, ConfigProblem

MAX_PROBLEMS = 20
"""Faults told at once; a file of another kind has one on each line."""

TYPE_ALIASES = {
    "text": "string",
    "uint8": "byte",
    "uint16": "short",
    "uint32": "integer",
    "uint64": "integer64",
    "int32": "signed",
    "time": "date",
    "ipv4addr": "ipaddr",
}
"""Names of data types in RFC 8044 and newer FreeRADIUS, and what pyrad calls them."""


class _Line(NamedTuple):
    file: str
    number: int
    text: str


def find(package: str) -> str:
    """Return the path of our own dictionary: in a wheel inside ``package``, in a checkout beside it."""
    inside = f"{package}/dictionaries/dictionary"
    try:
        with open(inside, "rb"):
            return inside
    except OSError:
        return f"{package}/../dictionaries/dictionary"


def load(own: str, further: Sequence[str] = ()) -> Dictionary:
    """Read ``own`` and then ``further`` files; raise ``ConfigError`` with all that is wrong."""
    problems: list[ConfigProblem] = []
    lines: list[_Line] = []
    for path in (own, *further):
        lines += _splice(path, (), problems)
    texts = [line.text for line in lines]
    while len(problems) < MAX_PROBLEMS:
        dictionary = Dictionary()
        try:
            dictionary.ReadDictionary(io.StringIO("\n".join(texts)))
        except ParseError as error:
            line = lines[error.line - 1]
            problems.append(_problem(line, error.msg))
            texts[error.line - 1] = ""
        else:
            break
    if problems:
        raise ConfigError(tuple(problems))
    return dictionary


def _problem(line: _Line, wrong: str) -> ConfigProblem:
    """Say what is wrong in one line."""
    words = line.text.split()
    key = words[1] if len(words) > 1 else words[0]
    return ConfigProblem(f"{line.file}:{line.number}", key, wrong, "a line as in our own dictionaries would be right")


def _splice(path: str, within: tuple[str, ...], problems: list[ConfigProblem]) -> list[_Line]:
    """Read one file with what it includes, each line levelled."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            content = file.read()
    except (OSError, ValueError) as error:  # a NUL in a name is a ValueError
        right = "the path of a FreeRADIUS-style dictionary would be right"
        wrong = getattr(error, "strerror", None) or "cannot be read"
        problems.append(ConfigProblem(path.replace("\0", "\\0"), "radius.dictionaries", wrong, right))
        return []
    lines: list[_Line] = []
    for number, raw in enumerate(content.splitlines(), 1):
        words = raw.partition("#")[0].split()
        if words and words[0].upper() in ("$INCLUDE", "$INCLUDE-"):
            lines += _include(_Line(path, number, raw), words, within, problems)
        elif words:
            lines.append(_Line(path, number, _level(words)))
    return lines


def _include(line: _Line, words: list[str], within: tuple[str, ...], problems: list[ConfigProblem]) -> list[_Line]:
    """Read what a ``$INCLUDE`` line names; ``$INCLUDE-`` may name what is not there."""
    if len(words) != 2:
        problems.append(_problem(line, "$INCLUDE takes one file name"))
        return []
    folder = line.file.rpartition("/")
    target = words[1] if words[1].startswith("/") else folder[0] + folder[1] + words[1]
    if target == line.file or target in within:
        problems.append(_problem(line, f"{target} includes itself"))
        return []
    found: list[ConfigProblem] = []
    lines = _splice(target, (*within, line.file), found)
    absent = words[0] == "$INCLUDE-" and len(found) == 1 and found[0].file == target
    if not absent:
        problems += found
    return lines


def _level(words: list[str]) -> str:
    """Bring one line to the dialect that pyrad reads: types in lower case, known flags only."""
    if words[0].upper() != "ATTRIBUTE" or len(words) < 4:
        return " ".join(words)
    kind, bracket, size = words[3].lower().partition("[")
    levelled = [*words[:3], TYPE_ALIASES.get(kind, kind) + bracket + size]
    if len(words) > 4:
        flags = words[4].split(",")
        known = [flag for flag in flags if flag.partition("=")[0] in ATTRIBUTE_FLAGS]
        if known:
            levelled.append(",".join(known))
        else:
            levelled += words[4:]
    return " ".join(levelled)
