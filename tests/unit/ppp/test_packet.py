"""Code, Identifier, Length, data."""

from __future__ import annotations

import pytest

from bras.errors import WireError
from bras.ppp import packet


def test_what_is_built_is_read() -> None:
    octets = packet.build(1, 200, b"data")
    assert octets.hex() == "01c8000864617461"
    assert packet.parse(octets) == (1, 200, b"data")


def test_octets_after_length_are_padding() -> None:
    assert packet.parse(b"xx" + packet.build(5, 1, b"ab") + bytes(7), 2) == (5, 1, b"ab")


@pytest.mark.parametrize("octets", ["", "010100", "01010003", "01010005", "0101ffff00"])
def test_a_wrong_length_is_refused(octets: str) -> None:
    with pytest.raises(WireError):
        packet.parse(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"User request", "User request"),
        (b" bye\n", "bye"),
        (bytes.fromhex("0a1b2c3d003ccd74"), ""),
        (b"\xff", "\ufffd"),
    ],
)
def test_a_message_is_text_or_nothing(octets: bytes, text: str) -> None:
    assert packet.text(octets) == text
