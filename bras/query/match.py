"""Match expressions: text to a function that says whether a row meets it.

    expression = term { "or" term }           term = factor { "and" factor }
    factor     = "not" factor | "(" expression ")" | comparison
    comparison = field | field operator value | address-field "in" prefix

A field alone holds where it has a value other than 0, no and nothing.  A field without a value meets ``!=`` and
``!~`` and nothing else.  Words need no quotes if they have no blanks and no characters of operators in them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bras.query.kinds import Kind, Value, flag, lies_in, network, number
from bras.query.lexer import QueryError, Sort, Token, tokens
from bras.query.pattern import Pattern

MOST_DEPTH: Final = 50
MOST_COMPARISONS: Final = 64
MOST_PLACES: Final = 2000
"""Of all regular expressions together."""

Holds = Callable[[Any], bool]
_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_KEYWORDS: Final = ("and", "or", "not", "in")


@dataclass(frozen=True, slots=True)
class Field:
    """What can be asked for of a row."""

    kind: Kind
    get: Callable[[Any], Value]


@dataclass(frozen=True, slots=True)
class Match:
    """An expression that was understood."""

    holds: Holds
    fields: frozenset[str]
    """The fields that it looks at."""


def understand(text: str, fields: Mapping[str, Field]) -> Match:
    """Return what an expression means for rows with these fields; QueryError says what is wrong and where."""
    return _Parser(text, fields).parse()


class _Parser:
    __slots__ = ("_comparisons", "_depth", "_fields", "_here", "_places", "_tokens", "_used")

    def __init__(self, text: str, fields: Mapping[str, Field]) -> None:
        self._tokens = tokens(text)
        self._here = 0
        self._fields = fields
        self._used = set[str]()
        self._depth = 0
        self._comparisons = 0
        self._places = 0

    def parse(self) -> Match:
        holds = self._expression()
        token = self._token
        if token.sort is Sort.CLOSE:
            raise QueryError("a ) that nothing has opened", token.at)
        if token.sort is not Sort.END:
            raise QueryError(f"expected and, or, or the end, not {token}", token.at)
        return Match(holds, frozenset(self._used))

    @property
    def _token(self) -> Token:
        return self._tokens[self._here]

    def _take(self) -> Token:
        token = self._tokens[self._here]
        if token.sort is not Sort.END:
            self._here += 1
        return token

    def _is_word(self, word: str) -> bool:
        token = self._token
        if token.sort is Sort.WORD and token.text == word:
            self._here += 1
            return True
        return False

    def _expression(self) -> Holds:
        parts = [self._term()]
        while self._is_word("or"):
            parts.append(self._term())
        return _either(parts)

    def _term(self) -> Holds:
        parts = [self._factor()]
        while self._is_word("and"):
            parts.append(self._factor())
        return _both(parts)

    def _factor(self) -> Holds:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise QueryError(f"more than {MOST_DEPTH} not and ( in each other", self._token.at)
        if self._is_word("not"):
            holds = _opposite(self._factor())
        elif self._token.sort is Sort.OPEN:
            opened = self._take()
            holds = self._expression()
            self._close(opened)
        else:
            holds = self._comparison()
        self._depth -= 1
        return holds

    def _close(self, opened: Token) -> None:
        token = self._take()
        if token.sort is Sort.END:
            raise QueryError("a ( that nothing closes", opened.at)
        if token.sort is not Sort.CLOSE:
            raise QueryError(f"expected and, or, or ), not {token}", token.at)

    def _comparison(self) -> Holds:
        token = self._take()
        field = self._fields.get(token.text) if token.sort is Sort.WORD else None
        if field is None:
            if token.sort is not Sort.WORD or token.text in _KEYWORDS:
                raise QueryError(f"expected a field, not {token}", token.at)
            raise QueryError(f"no field {token}; there are {', '.join(self._fields)}", token.at)
        self._comparisons += 1
        if self._comparisons > MOST_COMPARISONS:
            raise QueryError(f"more than {MOST_COMPARISONS} comparisons", token.at)
        self._used.add(token.text)
        if self._is_word("in"):
            return self._within(field, token)
        if self._token.sort is not Sort.OPERATOR:
            return _present(field.get)
        operation, value = self._take(), self._take()
        if value.sort not in (Sort.WORD, Sort.TEXT):
            raise QueryError(f"expected a value after {operation.text}, not {value}", value.at)
        return self._compared(field, operation, value)

    def _within(self, field: Field, name: Token) -> Holds:
        if field.kind is not Kind.ADDRESS:
            raise QueryError(f"{name.text} is no address: in asks whether an address lies in a prefix", name.at)
        where, get = network(self._take()), field.get

        def holds(row: Any) -> bool:
            value = get(row)
            return isinstance(value, str) and bool(value) and lies_in(value, where)

        return holds

    def _compared(self, field: Field, operation: Token, value: Token) -> Holds:
        kind, sign = field.kind, operation.text
        if sign in ("=~", "!~"):
            if kind not in (Kind.TEXT, Kind.ADDRESS):
                raise QueryError(f"{sign} searches in text, and this is {kind.value}", operation.at)
            return self._searched(field, sign, value)
        if kind in (Kind.TEXT, Kind.ADDRESS, Kind.FLAG):
            if sign in _ORDERS:
                raise QueryError(f"{sign} compares numbers, and this is {kind.value}", operation.at)
            wanted: Value = flag(value) if kind is Kind.FLAG else value.text
            return _equals(field.get, wanted, negated=sign == "!=", missing=None if kind is Kind.FLAG else "")
        amount = number(kind, value)
        if sign in ("==", "!="):
            return _equals(field.get, amount, negated=sign == "!=", missing=None)
        return _ordered(field.get, _ORDERS[sign], amount)

    def _searched(self, field: Field, sign: str, value: Token) -> Holds:
        pattern = Pattern(value.text, value.at + (value.sort is Sort.TEXT))
        self._places += pattern.size
        if self._places > MOST_PLACES:
            raise QueryError("regular expressions: too large together", value.at)
        get, found, wanted = field.get, pattern.found, sign == "=~"

        def holds(row: Any) -> bool:
            text = get(row)
            return found(text if isinstance(text, str) else "") == wanted

        return holds


def _both(parts: Sequence[Holds]) -> Holds:
    """Join from the right: two calls a part, and none for what need not be asked."""
    holds = parts[-1]
    for part in reversed(parts[:-1]):
        holds = _pair(part, holds, joined=True)
    return holds


def _either(parts: Sequence[Holds]) -> Holds:
    holds = parts[-1]
    for part in reversed(parts[:-1]):
        holds = _pair(part, holds, joined=False)
    return holds


def _pair(one: Holds, other: Holds, *, joined: bool) -> Holds:
    if joined:
        return lambda row: one(row) and other(row)
    return lambda row: one(row) or other(row)


def _opposite(part: Holds) -> Holds:
    return lambda row: not part(row)


def _present(get: Callable[[Any], Value]) -> Holds:
    return lambda row: bool(get(row))


def _equals(get: Callable[[Any], Value], wanted: Value, *, negated: bool, missing: Value) -> Holds:
    def holds(row: Any) -> bool:
        value = get(row)
        return ((missing if value is None else value) == wanted) != negated

    return holds


def _ordered(get: Callable[[Any], Value], order: Callable[[Any, Any], bool], amount: float) -> Holds:
    def holds(row: Any) -> bool:
        value = get(row)
        return value is not None and order(value, amount)

    return holds
