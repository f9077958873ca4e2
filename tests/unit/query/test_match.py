from __future__ import annotations

import pytest

from bras.query.lexer import QueryError
from bras.query.match import MOST_COMPARISONS, understand
from tests.unit.query.fields import FIELDS, ROW


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("user==alice@isp.example", True),
        ("user!=alice@isp.example", False),
        ('user=~"^a.*@isp"', True),
        ("user!~^b", True),
        ("address==10.64.3.7", True),
        ("address in 10.64.0.0/16", True),
        ("address in 10.65.0.0/16", False),
        ("address=~^10", True),
        ("secret==yes", True),
        ("secret!=yes", False),
        ("secret==no", False),
        ("calls==12", True),
        ("calls!=12", False),
        ("calls<12", False),
        ("calls<=12", True),
        ("calls>11", True),
        ("calls>=13", False),
        ("down>1.4M", True),
        ("rate<2M", False),
        ("uptime>2h", True),
        ("uptime>3h", False),
        ("echo>12ms", True),
        ("user", True),
        ("not user", False),
        ("calls==1 or calls==12", True),
        ("calls==12 and down==0", False),
        ("calls==12 or calls==1 and down==0", True),
        ("(calls==12 or calls==1) and down==0", False),
        ("not calls==1 and not (down==0)", True),
        ("not not user", True),
        ("user == 'alice@isp.example'", True),
    ],
)
def test_it_holds_or_not(text: str, holds: bool) -> None:
    assert understand(text, FIELDS).holds(ROW) is holds


@pytest.mark.parametrize("name", list(FIELDS))
def test_what_is_not_there_meets_only_not_equal(name: str) -> None:
    written = {"user": "x", "address": "10.0.0.1", "secret": "yes"}.get(name, "1")
    empty = dict.fromkeys(ROW)
    assert not understand(f"{name}=={written}", FIELDS).holds(empty)
    assert understand(f"{name}!={written}", FIELDS).holds(empty)
    assert not understand(name, FIELDS).holds(empty)
    if name not in ("user", "address", "secret"):
        assert not any(understand(f"{name}{sign}1", FIELDS).holds(empty) for sign in ("<", "<=", ">", ">="))


def test_no_text_is_empty_text() -> None:
    assert understand('user==""', FIELDS).holds({"user": None})
    assert understand("user=~^$", FIELDS).holds({"user": None})
    assert not understand("address in 0.0.0.0/0", FIELDS).holds({"address": None})


def test_the_fields_that_it_looks_at() -> None:
    assert understand("user==a and (rate>1 or not uptime)", FIELDS).fields == {"user", "rate", "uptime"}


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("", 0, "expected a field, not the end"),
        ("and", 0, "expected a field, not 'and'"),
        ('"user"==a', 0, "expected a field, not 'user'"),
        ("usr==a", 0, "no field 'usr'; there are user, address"),
        ("user==", 6, "expected a value after ==, not the end"),
        ("user==(a)", 6, "expected a value"),
        ("user==a adn calls>1", 8, "expected and, or, or the end, not 'adn'"),
        ("user==a)", 7, "nothing has opened"),
        ("(user==a", 0, "nothing closes"),
        ("(user==a b", 9, "expected and, or, or"),
        ("calls>x", 6, "'x' is not a number"),
        ("uptime>2y", 7, "is not a time"),
        ("secret==maybe", 8, "neither yes nor no"),
        ("user>a", 4, "> compares numbers, and this is text"),
        ("calls=~1", 5, "=~ searches in text, and this is number"),
        ("user in 10.0.0.0/8", 0, "user is no address"),
        ("address in x", 11, "neither an address nor a prefix"),
        ('user=~"a("', 7, "missing"),
        ("user=~a**", 7, "bad repetition operator"),
        ("not " * 60 + "user", 200, "in each other"),
        (" or ".join(["user"] * (MOST_COMPARISONS + 1)), 8 * MOST_COMPARISONS, "more than 64 comparisons"),
        ('user=~"(aaaa){300}" or user=~"(bbbb){300}"', 29, "too large together"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(text: str, at: int, words: str) -> None:
    with pytest.raises(QueryError, match=words) as raised:
        understand(text, FIELDS)
    assert raised.value.at == at
    assert f"at character {at + 1}" in str(raised.value)
