r"""Regular expressions as far as ``=~`` has them: text to a tree.

What is there means what it means in Python and PCRE: literals, ``.``, ``[a-z]``, ``[^a-z]``, ``\d \w \s`` and their
capitals (ASCII), ``^``, ``$``, ``|``, ``( )``, ``(?: )``, ``* + ? {m,n}`` and ``(?i)`` at the beginning.  What can make
a search take for ever (references, looking around) is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bras.query.lexer import QueryError

MOST_DEPTH: Final = 30
MOST_TIMES: Final = 250
Range = tuple[int, int]

_DIGITS: Final[tuple[Range, ...]] = ((48, 57),)
_WORDS: Final[tuple[Range, ...]] = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACES: Final[tuple[Range, ...]] = ((9, 13), (32, 32))
_NAMED: Final = {"d": _DIGITS, "w": _WORDS, "s": _SPACES}
_CONTROLS: Final = {"t": 9, "n": 10, "r": 13, "f": 12, "v": 11}
_HEXADECIMAL: Final = {"x": 2, "u": 4}
_LAST: Final = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of these."""

    ranges: tuple[Range, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """The beginning of the text, or its end."""

    begins: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One after the other."""

    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these."""

    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """At least so often, and at most (``None``: any number of times)."""

    item: Tree
    least: int
    most: int | None


Tree = Chars | Edge | Row | Choice | Repeat
ANY: Final = Chars(((0, _LAST),))


class Reader:
    """Reads one expression from its beginning to its end; ``at`` is where it stands in a larger text."""

    __slots__ = ("_at", "_depth", "_here", "_text", "folds")

    def __init__(self, text: str, at: int) -> None:
        """Begin."""
        self._text = text
        self._at = at
        self._here = 0
        self._depth = 0
        self.folds = text.startswith("(?i)")
        """Capitals and small letters are the same."""
        if self.folds:
            self._here = 4

    def read(self) -> Tree:
        """Return the tree; QueryError says what is wrong and where."""
        tree = self._choice()
        if self._here < len(self._text):
            raise self._error("a ) that nothing has opened")
        return tree

    def _error(self, words: str) -> QueryError:
        return QueryError(f"regular expression: {words}", self._at + self._here)

    def _peek(self) -> str:
        return self._text[self._here] if self._here < len(self._text) else ""

    def _take(self, text: str) -> bool:
        if self._text.startswith(text, self._here):
            self._here += len(text)
            return True
        return False

    def _choice(self) -> Tree:
        items = [self._row()]
        while self._take("|"):
            items.append(self._row())
        return items[0] if len(items) == 1 else Choice(tuple(items))

    def _row(self) -> Tree:
        items: list[Tree] = []
        while self._peek() not in ("", "|", ")"):
            items.append(self._repeated())
        return items[0] if len(items) == 1 else Row(tuple(items))

    def _repeated(self) -> Tree:
        item = self._one()
        times = self._times()
        if times is None:
            return item
        if self._peek() in ("*", "+", "?") or self._brace() is not None:
            raise self._error("repeated twice; put the inner one into ( )")
        return Repeat(item, times[0], times[1])

    def _times(self) -> tuple[int, int | None] | None:
        """Read how often the last one may come, if that is said."""
        if self._take("*"):
            return 0, None
        if self._take("+"):
            return 1, None
        if self._take("?"):
            return 0, 1
        braced = self._brace()
        if braced is None:
            return None
        least, most, length = braced
        if least > MOST_TIMES or (most or 0) > MOST_TIMES:
            raise self._error(f"repeated more than {MOST_TIMES} times")
        if most is not None and most < least:
            raise self._error("repeated at most fewer times than at least")
        self._here += length
        return least, most

    def _brace(self) -> tuple[int, int | None, int] | None:
        """Return what ``{m}``, ``{m,}``, ``{,n}`` or ``{m,n}`` says here, and its length; ``None``: a literal brace."""
        if self._peek() != "{":
            return None
        inside, closed, _ = self._text[self._here + 1 :].partition("}")
        first, comma, last = inside.partition(",")
        if (
            not closed
            or not first + last
            or not all(part.isascii() and part.isdigit() for part in (first, last) if part)
        ):
            return None
        if len(first) > 6 or len(last) > 6:
            raise self._error(f"repeated more than {MOST_TIMES} times")
        least = int(first or "0")
        most = (int(last) if last else None) if comma else least
        return least, most, len(inside) + 2

    def _one(self) -> Tree:
        char = self._peek()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return Chars(*self._escape())
        if char in "*+?" or self._brace() is not None:
            raise self._error("nothing to repeat")
        self._here += 1
        if char == ".":
            return ANY
        if char in "^$":
            return Edge(char == "^")
        return Chars(((ord(char), ord(char)),))

    def _group(self) -> Tree:
        self._here += 1
        if not self._take("?:") and self._peek() == "?":
            raise self._error("of what begins with (? there is (?:…), and (?i) at the beginning")
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._error(f"more than {MOST_DEPTH} ( in each other")
        tree = self._choice()
        self._depth -= 1
        if not self._take(")"):
            raise self._error("a ( that nothing closes")
        return tree

    def _escape(self) -> tuple[tuple[Range, ...], bool]:
        """Read a backslash and what comes after it."""
        self._here += 1
        char = self._peek()
        if char.lower() in _NAMED and char:
            self._here += 1
            return _NAMED[char.lower()], char.isupper()
        if char in _CONTROLS:
            self._here += 1
            return ((_CONTROLS[char], _CONTROLS[char]),), False
        if char in _HEXADECIMAL:
            digits = self._text[self._here + 1 : self._here + 1 + _HEXADECIMAL[char]]
            if len(digits) < _HEXADECIMAL[char] or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                raise self._error(f"\\{char} has {_HEXADECIMAL[char]} hexadecimal digits")
            self._here += 1 + len(digits)
            return ((int(digits, 16), int(digits, 16)),), False
        if not char or (char.isascii() and char.isalnum()):
            raise self._error(f"\\{char} is not known")
        self._here += 1
        return ((ord(char), ord(char)),), False

    def _class(self) -> Tree:
        opened = self._here
        self._here += 1
        negated = self._take("^")
        ranges: list[Range] = []
        first = True
        while first or self._peek() != "]":
            if not self._peek():
                self._here = opened
                raise self._error("a [ that nothing closes")
            first = False
            ranges += self._member()
        self._here += 1
        return Chars(tuple(ranges), negated)

    def _member(self) -> tuple[Range, ...]:
        """Read a character, a range or a named class of a ``[ ]``."""
        low, one = self._single()
        following = self._text[self._here + 1 : self._here + 2]
        if self._peek() != "-" or following in ("]", ""):
            return low
        self._here += 1
        high, one_too = self._single()
        if not one or not one_too or high[0][0] < low[0][0]:
            raise self._error("a range that does not go up")
        return ((low[0][0], high[0][0]),)

    def _single(self) -> tuple[tuple[Range, ...], bool]:
        """Read a member of a class; whether it is one character."""
        char = self._peek()
        if char != "\\":
            self._here += 1
            return ((ord(char), ord(char)),), True
        named = self._text[self._here + 1 : self._here + 2].lower() in _NAMED
        ranges, negated = self._escape()
        return (complement(ranges) if negated else ranges), not named


def complement(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    """Return all characters but these, which are sorted and apart."""
    found: list[Range] = []
    begin = 0
    for low, high in ranges:
        if begin < low:
            found.append((begin, low - 1))
        begin = high + 1
    found.append((begin, _LAST))
    return tuple(found)
