from __future__ import annotations

import random
import resource

import pytest

from bras.query.lexer import QueryError
from bras.query.pattern import MOST_OCTETS, Pattern


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
        (r"^a{2,}$", "a", False),
        ("a{", "a{", True),
        ("a{x}", "a{x}", True),
        ("[]a]", "]", True),
        ("[a-]", "-", True),
        (r"[\d.]x", ".x", True),
        (r"^\pL+$", "éa", True),
        (r"^[\D]$", "5", False),
        (r"^\W$", "é", True),
        (r"\.", "x", False),
        (r"\x41\x{42}", "AB", True),
        (r"\t\n", "\t\n", True),
        (".", "\n", True),
        ("(?i)^ALICE", "aLiCe", True),
        ("(?i)[A-C]x", "bX", True),
        ("(?i)[^a]", "A", False),
        ("é", "café", True),
        ("(a*)*(b|a*)*c", "ab" * 126, False),
        ("(?:(?:a))", "a", True),
    ],
)
def test_searches(pattern: str, text: str, found: bool) -> None:
    assert Pattern(pattern).found(text) is found


@pytest.mark.parametrize(
    ("pattern", "at", "words"),
    [
        ("x(a", 0, "missing"),
        ("a)", 0, "unexpected"),
        ("x[a", 1, "missing"),
        ("x*", None, ""),
        ("*", 0, "no argument for repetition"),
        ("ab**", 2, "bad repetition operator"),
        ("a{9999999}", 1, "invalid repetition size"),
        ("(a{100}){100}", 2, "invalid repetition size"),
        ("[z-a]", 1, "invalid character class range"),
        (r"a\1", 1, "invalid escape sequence"),
        ("a(?=b)", 1, "invalid perl operator"),
        ("a" * 100_000, 0, "too large"),
        ("a\ud800", 1, "no character"),
    ],
)
def test_what_is_no_pattern(pattern: str, at: int | None, words: str) -> None:
    if at is None:
        Pattern(pattern)
        return
    with pytest.raises(QueryError, match=words) as raised:
        Pattern(pattern, 100)
    assert raised.value.at == 100 + at


def test_what_is_remembered_is_bounded() -> None:
    """A pattern that leads elsewhere with every character: the first searches take the memory that there is."""
    pattern = Pattern("(a|b)*a" + "(a|b)" * 60 + "x")
    dice = random.Random(7)
    texts = ["".join(dice.choice("ab") for _ in range(400)) for _ in range(1000)]
    assert not any(pattern.found(text) for text in texts[:500])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert not any(pattern.found(text) for text in texts[500:])
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 <= MOST_OCTETS
    assert pattern.found("a" + "b" * 60 + "x")
