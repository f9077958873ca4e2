from __future__ import annotations

import pytest

from bras.query.lexer import QueryError
from bras.query.pattern_syntax import Reader, complement


@pytest.mark.parametrize(
    ("pattern", "at", "words"),
    [
        ("(a", 2, r"a \( that nothing closes"),
        ("a)", 1, r"a \) that nothing has opened"),
        ("[a", 0, r"a \[ that nothing closes"),
        ("*", 0, "nothing to repeat"),
        ("{2}", 0, "nothing to repeat"),
        ("a**", 2, "repeated twice"),
        ("a+?", 2, "repeated twice"),
        ("a{2}{3}", 4, "repeated twice"),
        ("a{300}", 1, "more than 250 times"),
        ("a{9999999}", 1, "more than 250 times"),
        ("a{3,2}", 1, "fewer times"),
        ("[z-a]", 4, "does not go up"),
        (r"[\d-z]", 5, "does not go up"),
        (r"\b", 1, "not known"),
        (r"\1", 1, "not known"),
        ("\\", 1, "not known"),
        (r"\xZZ", 1, "2 hexadecimal digits"),
        (r"\u12", 1, "4 hexadecimal digits"),
        ("(?=a)", 1, r"there is \(\?:"),
        ("a(?i)", 2, r"there is \(\?:"),
        ("(" * 31, 31, "in each other"),
    ],
)
def test_what_is_no_pattern(pattern: str, at: int, words: str) -> None:
    with pytest.raises(QueryError, match=words) as raised:
        Reader(pattern, 100).read()
    assert raised.value.at == 100 + at


def test_capitals_may_be_small_letters() -> None:
    assert Reader("(?i)a", 0).folds
    assert not Reader("a", 0).folds


def test_all_but_these() -> None:
    assert complement(((48, 57),)) == ((0, 47), (58, 0x10FFFF))
    assert complement(((0, 5),)) == ((6, 0x10FFFF),)
