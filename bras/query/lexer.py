"""The words of a match expression, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from bras.errors import BrasError

MOST_CHARACTERS: Final = 2000
_OPERATORS: Final = ("==", "!=", "=~", "!~", "<=", ">=", "<", ">")
_ENDS_A_WORD: Final = frozenset("()=!<>~\"'")


class QueryError(BrasError):
    """An expression that makes no sense; ``at`` is the character, from 0 on, where it ceases to."""

    def __init__(self, words: str, at: int) -> None:
        """Remember what is wrong and where."""
        super().__init__(f"{words}, at character {at + 1}")
        self.words = words
        self.at = at


class Sort(Enum):
    """What a token is."""

    WORD = "word"
    TEXT = "text"
    """In quotes."""
    OPERATOR = "operator"
    OPEN = "("
    CLOSE = ")"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token: what it says, without quotes, and where it begins."""

    sort: Sort
    text: str
    at: int

    def __str__(self) -> str:
        return "the end" if self.sort is Sort.END else repr(self.text)


def tokens(text: str) -> list[Token]:
    """Return the tokens of an expression, an END last; QueryError otherwise."""
    if len(text) > MOST_CHARACTERS:
        raise QueryError(f"an expression has at most {MOST_CHARACTERS} characters", MOST_CHARACTERS)
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token, at = _token(text, at)
        found.append(token)
    found.append(Token(Sort.END, "", len(text)))
    return found


def _token(text: str, at: int) -> tuple[Token, int]:
    """Return the token that begins at ``at``, and where the next may begin."""
    char = text[at]
    if char == "(":
        return Token(Sort.OPEN, char, at), at + 1
    if char == ")":
        return Token(Sort.CLOSE, char, at), at + 1
    if char in "\"'":
        return _quoted(text, at)
    for operator in _OPERATORS:
        if text.startswith(operator, at):
            return Token(Sort.OPERATOR, operator, at), at + len(operator)
    if char in _ENDS_A_WORD:
        raise QueryError(f"{char!r} is no operator; there are {', '.join(_OPERATORS)} and in", at)
    end = at
    while end < len(text) and text[end] not in _ENDS_A_WORD and not text[end].isspace():
        end += 1
    return Token(Sort.WORD, text[at:end], at), end


def _quoted(text: str, at: int) -> tuple[Token, int]:
    """Read up to the quote that ends the text; a backslash before such a quote makes it part of the text."""
    quote, said, here = text[at], "", at + 1
    while here < len(text):
        char = text[here]
        if char == quote:
            return Token(Sort.TEXT, said, at), here + 1
        if char == "\\" and text.startswith(quote, here + 1):
            char, here = quote, here + 1
        said += char
        here += 1
    raise QueryError("a quote that nothing ends", at)
