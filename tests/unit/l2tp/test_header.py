"""Headers of control and data messages (RFC 2661 section 3.1)."""

from __future__ import annotations

import pytest

from bras.errors import WireError
from bras.l2tp.header import parse_control, parse_data

HELLO = bytes.fromhex("c802 0014 1234 0000 0005 0006  8008 0000 0000 0006")


def test_a_control_header_is_read() -> None:
    assert parse_control(HELLO) == (20, 0x1234, 0, 5, 6)


def test_a_zlb_has_no_body() -> None:
    assert parse_control(bytes.fromhex("c802 000c 1234 0000 0005 0006")) == (12, 0x1234, 0, 5, 6)


def test_octets_after_the_length_are_no_part_of_the_message() -> None:
    assert parse_control(HELLO + b"padding")[0] == 20


@pytest.mark.parametrize("bit", [0x2000, 0x1000, 0x0400, 0x0100, 0x0080, 0x0010])
def test_reserved_bits_and_the_priority_bit_are_ignored(bit: int) -> None:
    flags = int.from_bytes(HELLO[:2], "big") | bit
    assert parse_control(flags.to_bytes(2, "big") + HELLO[2:])[0] == 20


@pytest.mark.parametrize("flags", ["8802", "c002", "ca02", "c803", "4802"])
def test_a_control_message_needs_length_and_sequence_and_no_offset(flags: str) -> None:
    with pytest.raises(WireError):
        parse_control(bytes.fromhex(flags) + HELLO[2:])


@pytest.mark.parametrize("length", [0, 11, 13, 19, 21, 0xFFFF])
def test_a_length_that_does_not_fit_is_refused(length: int) -> None:
    with pytest.raises(WireError):
        parse_control(HELLO[:2] + length.to_bytes(2, "big") + HELLO[4:])


@pytest.mark.parametrize(
    "first", ["8008 0000 0001 0006", "8008 0009 0000 0006", "c008 0000 0000 0006", "8009000000000006"]
)
def test_the_message_type_must_be_the_first_avp_and_not_hidden(first: str) -> None:
    with pytest.raises(WireError, match="message type"):
        parse_control(HELLO[:12] + bytes.fromhex(first))


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("0002 0001 0002 ff03", (1, 2, -1, 6, 8)),
        ("4002 000a 0001 0002 ff03", (1, 2, -1, 8, 10)),
        ("4002 000a 0001 0002 ff03 eeee", (1, 2, -1, 8, 10)),
        ("0802 0001 0002 0007 0000 ff03", (1, 2, 7, 10, 12)),
        ("4802 000e 0001 0002 0007 0000 ff03", (1, 2, 7, 12, 14)),
        ("0202 0001 0002 0000 ff03", (1, 2, -1, 8, 10)),
        ("0202 0001 0002 0003 aaaaaa ff03", (1, 2, -1, 11, 13)),
        ("4b02 0012 0001 0002 0007 0000 0002 aaaa ff03", (1, 2, 7, 16, 18)),
        ("0102 0001 0002 ff03", (1, 2, -1, 6, 8)),
        ("3cf2 0001 0002 0000 0000 ff03", (1, 2, 0, 10, 12)),
    ],
)
def test_data_headers_carry_length_sequence_offset_and_priority(octets: str, expected: tuple[int, ...]) -> None:
    assert parse_data(bytes.fromhex(octets)) == expected


@pytest.mark.parametrize(
    "octets",
    [
        "0002 0001 00",
        "4002 000a 0001",
        "4002 000b 0001 0002 ff03",
        "4002 0007 0001 0002 ff03",
        "0802 0001 0002 0007 00",
        "0202 0001 0002 0003 ff03",
        "4202 000a 0001 0002 0001 ff03",
    ],
)
def test_data_headers_that_do_not_fit_are_refused(octets: str) -> None:
    with pytest.raises(WireError):
        parse_data(bytes.fromhex(octets))
