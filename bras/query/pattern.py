"""Search in time that grows with the text and with nothing else: the regular expressions of RE2.

A backtracking engine, such as Python's own, can be made to try for ever by a pattern of ten characters, and the loop
that forwards control messages would wait for it.
"""

from __future__ import annotations

from typing import Final

import re2

from bras.query.lexer import QueryError

MOST_OCTETS: Final = 1 << 20
"""Memory of a pattern, with what is remembered of searches."""
_OPTIONS: Final = re2.Options()
_OPTIONS.max_mem, _OPTIONS.log_errors, _OPTIONS.dot_nl = MOST_OCTETS, False, True


class Pattern:
    """A regular expression that can be searched for."""

    __slots__ = ("_search", "size")

    def __init__(self, text: str, at: int = 0) -> None:
        """Understand ``text``, which stands at ``at`` in a larger one; QueryError says what is wrong and where."""
        try:
            compiled = re2.compile(text, _OPTIONS)
        except UnicodeEncodeError as wrong:
            raise QueryError("regular expression: this is no character", at + wrong.start) from None
        except re2.error as wrong:
            words = wrong.args[0].decode(errors="replace")
            which = words.partition(": ")[2]  # the part that is wrong
            raise QueryError(f"regular expression: {words}", at + max(0, text.find(which))) from None
        self._search = compiled.search
        self.size: int = compiled.programsize
        """Of how many steps it is made."""

    def found(self, text: str) -> bool:
        """Tell whether it matches anywhere in ``text``."""
        return self._search(text) is not None
