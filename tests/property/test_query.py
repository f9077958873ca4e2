"""Match expressions: any text is understood or refused in words, and patterns mean what they mean elsewhere."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from bras.query.lexer import QueryError
from bras.query.match import understand
from bras.query.pattern import Pattern
from tests.unit.query.fields import FIELDS, ROW

_LETTERS = "ab01 @."
_ATOMS = st.sampled_from(
    ["a", "b", "0", "@", r"\.", ".", "[ab]", "[^a]", "[0-9a]", r"\d", r"\w", r"\s", r"\D", r"\S", "^", "$", ""]
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    times = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"])
    return st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, times).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    )


PATTERNS = st.recursive(_ATOMS, _grown, max_leaves=8)


@given(pattern=PATTERNS, texts=st.lists(st.text(_LETTERS, max_size=8), max_size=4), folds=st.booleans())
def test_a_pattern_finds_what_python_finds(pattern: str, texts: list[str], folds: bool) -> None:
    flags = re.ASCII | re.DOTALL | (re.IGNORECASE if folds else 0)
    ours = Pattern("(?i)" * folds + pattern)
    oracle = re.compile(pattern.replace("$", r"\Z"), flags)  # Python's $ matches before a newline at the end, too
    for text in texts:
        for form in (text, text.upper()):
            assert ours.found(form) == bool(oracle.search(form)), (pattern, form)


@given(st.text(st.sampled_from("ab()[]{}*+?|\\^$.-,0123:=!<>iéxu\n"), max_size=40))
def test_any_pattern_is_understood_or_refused(text: str) -> None:
    try:
        Pattern(text).found("ab01")
    except QueryError as wrong:
        assert 0 <= wrong.at <= len(text)  # noqa: PT017  (a refusal in words is one of two good ends)


_WORDS = st.sampled_from(
    [
        "and",
        "or",
        "not",
        "in",
        "(",
        ")",
        "==",
        "!=",
        "=~",
        "!~",
        "<",
        ">=",
        "10.0.0.0/8",
        "1M",
        "2h",
        '"a"',
        "'",
        "yes",
        *FIELDS,
    ]
)


@given(st.one_of(st.lists(_WORDS, max_size=12).map(" ".join), st.text(max_size=60)))
def test_any_expression_is_understood_or_refused(text: str) -> None:
    try:
        match = understand(text, FIELDS)
    except QueryError as wrong:
        assert 0 <= wrong.at <= len(text)  # noqa: PT017  (a refusal in words is one of two good ends)
        return
    assert match.holds(ROW) in (True, False)
    assert match.holds(dict.fromkeys(ROW)) in (True, False)
    assert match.fields <= FIELDS.keys()
    assert understand(f"not ({text})", FIELDS).holds(ROW) is not match.holds(ROW)
