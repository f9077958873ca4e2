from __future__ import annotations

import pytest

from bras.query.kinds import Kind, flag, lies_in, network, number
from bras.query.lexer import QueryError, Sort, Token


def _word(text: str) -> Token:
    return Token(Sort.WORD, text, 3)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.COUNT, "12", 12.0),
        (Kind.COUNT, "1.5k", 1500.0),
        (Kind.OCTETS, "500M", 5e8),
        (Kind.OCTETS, "500MB", 5e8),
        (Kind.OCTETS, "64Ki", 65536.0),
        (Kind.OCTETS, "2GiB", 2.0 * 2**30),
        (Kind.OCTETS, "7B", 7.0),
        (Kind.RATE, "1M", 1e6),
        (Kind.RATE, "800kbps", 8e5),
        (Kind.RATE, "1T", 1e12),
        (Kind.SECONDS, "90", 90.0),
        (Kind.SECONDS, "2h", 7200.0),
        (Kind.SECONDS, "1d12h", 129600.0),
        (Kind.SECONDS, "1w", 604800.0),
        (Kind.SECONDS, "1.5m", 90.0),
        (Kind.SECONDS, "500ms", 0.5),
        (Kind.MILLISECONDS, "20", 20.0),
        (Kind.MILLISECONDS, "20ms", 20.0),
        (Kind.MILLISECONDS, "1.5s", 1500.0),
    ],
)
def test_numbers(kind: Kind, text: str, value: float) -> None:
    assert number(kind, _word(text)) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.COUNT, ""),
        (Kind.COUNT, "x"),
        (Kind.COUNT, "1e9"),
        (Kind.COUNT, "-1"),
        (Kind.COUNT, "12B"),
        (Kind.COUNT, "١٢"),
        (Kind.RATE, "1X"),
        (Kind.SECONDS, ""),
        (Kind.SECONDS, "1h2"),
        (Kind.SECONDS, "h"),
        (Kind.SECONDS, "1y"),
        (Kind.MILLISECONDS, "1M"),
        (Kind.COUNT, "9" * 19),
    ],
)
def test_what_is_no_number_is_told_with_an_example(kind: Kind, text: str) -> None:
    with pytest.raises(QueryError, match="like") as raised:
        number(kind, _word(text))
    assert raised.value.at == 3


def test_flags() -> None:
    assert flag(_word("yes")) is flag(_word("true")) is True
    assert flag(_word("no")) is flag(_word("false")) is False
    with pytest.raises(QueryError, match="neither yes nor no"):
        flag(_word("maybe"))


@pytest.mark.parametrize(
    ("prefix", "address", "inside"),
    [
        ("10.0.0.0/8", "10.255.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3/8", "10.9.9.9", True),
        ("2001:db8::/32", "2001:db8:1::1", True),
        ("2001:db8::/32", "10.0.0.1", False),
        ("0.0.0.0/0", "::1", False),
        ("0.0.0.0/0", "lac1", False),
    ],
)
def test_prefixes(prefix: str, address: str, inside: bool) -> None:
    assert lies_in(address, network(_word(prefix))) is inside


def test_what_is_no_prefix() -> None:
    with pytest.raises(QueryError, match="neither an address nor a prefix"):
        network(_word("10.0.0.0/99"))
