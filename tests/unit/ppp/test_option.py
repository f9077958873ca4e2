"""Type, Length, value."""

from __future__ import annotations

import pytest

from bras.errors import WireError
from bras.ppp import option


def test_what_is_built_is_read() -> None:
    octets = option.build(1, b"\x05\xb4") + option.build(7) + option.build(1, b"")
    assert octets.hex() == "010405b407020102"
    assert option.parse(octets) == [(1, b"\x05\xb4"), (7, b""), (1, b"")]
    assert option.parse(b"") == []


@pytest.mark.parametrize("octets", ["01", "0100", "0101", "0103", "070201", "010405"])
def test_a_wrong_length_is_refused(octets: str) -> None:
    with pytest.raises(WireError):
        option.parse(bytes.fromhex(octets))


def test_what_is_listed_again_is_found() -> None:
    assert option.repeated([(1, b"a"), (2, b""), (3, b"c")]) == b""
    assert option.repeated([(1, b"a"), (2, b""), (1, b"b"), (2, b""), (1, b"a")]) == bytes.fromhex("010362 0202 010361")
