from __future__ import annotations

import random

import pytest

from bras.query.lexer import QueryError
from bras.query.pattern import MOST_NODES, MOST_REMEMBERED, Pattern


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("", "", True),
        ("a", "bab", True),
        ("^a", "ba", False),
        ("a$", "ab", False),
        ("^$", "", True),
        ("^$", "x", False),
        ("^a.*@x$", "alice@x", True),
        ("^a.*@x$", "alice@y", False),
        ("(^|@)b", "a@b", True),
        ("(^|@)b", "ab", False),
        ("a|b|", "", True),
        ("^(ab|cd)+$", "abcdab", True),
        ("^[^@]+@", "@", False),
        (r"^\d{2,3}$", "1234", False),
        (r"^\d{2,3}$", "123", True),
        (r"^a{,2}$", "aa", True),
        (r"^a{2,}$", "a", False),
        ("a{", "a{", True),
        ("a{x}", "a{x}", True),
        ("[]a]", "]", True),
        ("[a-]", "-", True),
        (r"[\d.]x", ".x", True),
        (r"^[\D]$", "5", False),
        (r"^\W$", "é", True),
        (r"\.", "x", False),
        (r"\x41\u0042", "AB", True),
        (r"\t\n", "\t\n", True),
        (".", "\n", True),
        ("(?i)^ALICE", "aLiCe", True),
        ("(?i)[A-C]x", "bX", True),
        ("(?i)[^a]", "A", False),
        ("é", "café", True),
        ("(a*)*(b|a*)*c", "ab" * 126, False),
        ("(?:(?:a))", "a", True),
        ("^*a", "ba", True),
        ("^{2}a", "a", True),
        ("^{2}a", "ba", False),
    ],
)
def test_searches(pattern: str, text: str, found: bool) -> None:
    assert Pattern(pattern).found(text) is found


@pytest.mark.parametrize(
    "pattern",
    [
        "(a{100}){100}",
        "a" * (MOST_NODES + 1),
        "".join(f"[{chr(97 + n)}-~]" for n in range(29)) + "[0-1][0-2][0-3][0-4]",
    ],
)
def test_what_is_too_large(pattern: str) -> None:
    with pytest.raises(QueryError, match="too large"):
        Pattern(pattern)


def test_what_is_remembered_is_bounded() -> None:
    """A pattern that leads elsewhere with every character."""
    pattern = Pattern("(a|b)*a" + "(a|b)" * 60 + "x")
    dice = random.Random(7)
    for _ in range(2 * MOST_REMEMBERED // 200):
        text = "".join(dice.choice("ab") for _ in range(400))
        assert pattern.found(text) is False
        assert len(pattern._states) <= MOST_REMEMBERED + 1
    assert pattern.found("a" + "b" * 60 + "x")
