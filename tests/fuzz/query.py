"""Match expressions: any text is understood or refused with its place, and what is understood can be asked quickly."""

from __future__ import annotations

from bras.query.lexer import QueryError
from bras.query.match import understand
from tests.fuzz.harness import Harness
from tests.unit.query.fields import FIELDS, ROW

_WORDS = (
    *FIELDS, " and ", " or ", "not ", " in ", "==", "!=", "=~", "!~", "<=", ">=", "<", ">", "(", ")", '"', "'", "1M",
    "2h", "10.0.0.0/8", "yes", "^", "$", ".*", "[a-z]", "[^@]+", "(a|b)", "{2,3}", "(?i)", "(?:", "\\d", "\\x41",
)  # fmt: skip
_ROWS = (ROW, dict.fromkeys(ROW), {**ROW, "user": "ab" * 126})


def _run(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    try:
        match = understand(text, FIELDS)
    except QueryError as wrong:
        assert 0 <= wrong.at <= len(text)
        assert wrong.words
        return
    for row in _ROWS:
        assert match.holds(row) in (True, False)


def harness(_name: str) -> Harness:
    return Harness(_run, 400, tuple(word.encode() for word in _WORDS))
