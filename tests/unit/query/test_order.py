from __future__ import annotations

import pytest

from bras.query.lexer import QueryError
from bras.query.order import first, order
from tests.unit.query.fields import FIELDS

ROWS = [{"calls": 3}, {"calls": None}, {"calls": 1}, {"calls": 3}, {"calls": 2}]


@pytest.mark.parametrize(
    ("text", "most", "numbers"),
    [
        ("calls", None, [2, 4, 0, 3, 1]),
        ("+calls", None, [2, 4, 0, 3, 1]),
        ("-calls", None, [0, 3, 4, 2, 1]),
        ("calls", 2, [2, 4]),
        ("-calls", 3, [0, 3, 4]),
    ],
)
def test_what_has_no_value_is_last_and_equals_keep_their_order(text: str, most: int | None, numbers: list[int]) -> None:
    wanted = order(text, FIELDS)
    ranked = [(wanted.rank(row, number), number) for number, row in enumerate(ROWS)]
    assert [number for _, number in first(ranked, most, descends=wanted.descends)] == numbers


def test_texts_descend_too() -> None:
    wanted = order("-user", FIELDS)
    users = ["b", "", "c", "a"]
    ranked = [(wanted.rank({"user": user}, number), user) for number, user in enumerate(users)]
    assert [user for _, user in first(ranked, None, descends=True)] == ["c", "b", "a", ""]


def test_no_such_field() -> None:
    with pytest.raises(QueryError, match="no field 'x' to sort by; there are user") as raised:
        order("-x", FIELDS)
    assert raised.value.at == 1
