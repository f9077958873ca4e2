"""Text of the network in a cell: it must neither drive the terminal nor push what stands beside it.

``clean`` takes out what does not print.  What prints and still moves others is escaped here: letters that are written
from right to left, for a terminal that knows them turns round what follows on the line; marks that are put on the
character before them, where there is none or many have come already; and what terminals disagree about how wide it is.
"""

from __future__ import annotations

import unicodedata

from bras.telemetry.text import clean

_FROM_RIGHT = ("R", "AL", "AN")
_MARKS_AT_MOST = 2


def cell(text: str) -> str:
    """Return ``text`` as it can stand in a table."""
    if text.isascii() and text.isprintable():
        return clean(text)
    shown, marks, bare = [], 0, True
    for char in clean(text):
        if unicodedata.category(char).startswith("M"):
            marks += 1
            if bare or marks > _MARKS_AT_MOST or _is_selector(char):
                shown.append(_escape(char))
                continue
        else:
            marks = 0
            if unicodedata.bidirectional(char) in _FROM_RIGHT or _joins(char):
                shown.append(_escape(char))
                bare = True
                continue
            bare = char == " "
        shown.append(char)
    return "".join(shown)


def _is_selector(char: str) -> bool:
    """Tell whether it chooses between a narrow and a wide form (variation selectors)."""
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def _joins(char: str) -> bool:
    """Tell whether it makes one picture of two: skin tones, letters of flags, Hangul that is put together."""
    return "\U0001f3fb" <= char <= "\U0001f3ff" or "\U0001f1e6" <= char <= "\U0001f1ff" or "\u1160" <= char <= "\u11ff"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def json_safe(text: str) -> str:
    r"""Return JSON in which all that does not print is written as ``\u``: the same data, harmless on a terminal."""
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[index]:02x}{units[index + 1]:02x}" for index in range(0, len(units), 2))
