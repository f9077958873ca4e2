"""In which order rows come: ``down_rate`` ascending, ``-down_rate`` descending; rows without a value last."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from bras.query.kinds import Value
from bras.query.lexer import QueryError
from bras.query.match import Field

Rank = tuple[bool, Any, int]
"""Whether there is (descending) or is not (ascending) a value, the value, and what decides among equals."""
Ranked = tuple[Rank, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """By which field, and which way."""

    field: str
    get: Callable[[Any], Value]
    descends: bool

    def rank(self, row: Any, number: int) -> Rank:
        """Return by what a row is ordered; of equal ones the smaller ``number`` comes first."""
        value = self.get(row)
        if self.descends:
            return value is not None, 0 if value is None else value, -number
        return value is None, 0 if value is None else value, number


def order(text: str, fields: Mapping[str, Field]) -> Order:
    """Return what ``FIELD`` or ``-FIELD`` means; QueryError otherwise."""
    name = text[1:] if text[:1] in ("-", "+") else text
    field = fields.get(name)
    if field is None:
        raise QueryError(f"no field {name!r} to sort by; there are {', '.join(fields)}", len(text) - len(name))
    return Order(name, field.get, descends=text.startswith("-"))


def first(ranked: Iterable[Ranked], most: int | None, *, descends: bool) -> list[Ranked]:
    """Return the first ``most`` (``None``: all) in order."""
    if most is None:
        return sorted(ranked, key=_rank, reverse=descends)
    choose = heapq.nlargest if descends else heapq.nsmallest
    return choose(most, ranked, key=_rank)


_rank = itemgetter(0)
