from __future__ import annotations

import pytest

from bras.query.lexer import MOST_CHARACTERS, QueryError, tokens


def _texts(text: str) -> list[str]:
    return [token.text for token in tokens(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [""]),
        ("a==b", ["a", "==", "b", ""]),
        ("a <= 10.0.0.0/8", ["a", "<=", "10.0.0.0/8", ""]),
        ("(a)", ["(", "a", ")", ""]),
        ('a=~"^x y$"', ["a", "=~", "^x y$", ""]),
        ("a!='it\\'s'", ["a", "!=", "it's", ""]),
        (r'a=="dom\user"', ["a", "==", r"dom\user", ""]),
        ("user@x!~é", ["user@x", "!~", "é", ""]),
        ("a\t>\nb", ["a", ">", "b", ""]),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert _texts(text) == expected


def test_places() -> None:
    assert [token.at for token in tokens("ab == (c)")] == [0, 3, 6, 7, 8, 9]


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("a = b", 2, "'=' is no operator"),
        ("a ! b", 2, "'!' is no operator"),
        ('a == "b', 5, "a quote that nothing ends"),
        ("x" * (MOST_CHARACTERS + 1), MOST_CHARACTERS, "at most 2000 characters"),
    ],
)
def test_what_is_none(text: str, at: int, words: str) -> None:
    with pytest.raises(QueryError, match=words) as raised:
        tokens(text)
    assert raised.value.at == at
