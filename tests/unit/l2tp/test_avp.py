"""The AVP codec and the rules of each attribute (RFC 2661 sections 4.1, 4.2, 4.4)."""

from __future__ import annotations

import pytest

from bras.l2tp import avp
from bras.l2tp.avp import RULES, Avps
from bras.l2tp.constants import AvpType, ErrorCode, LineAvp


def raw(flags: int, vendor: int, attribute: int, value: bytes) -> bytes:
    length = 6 + len(value)
    return (flags | length).to_bytes(2, "big") + vendor.to_bytes(2, "big") + attribute.to_bytes(2, "big") + value


def read(*parts: bytes) -> Avps:
    avps = Avps()
    data = b"".join(parts)
    avps.read(data, 0, len(data))
    return avps


def error_of(avps: Avps) -> int:
    assert avps.violation is not None
    assert avps.violation.result == 2
    return avps.violation.error


def test_numbers_and_octets_are_read() -> None:
    avps = read(avp.number16(14, 7), avp.number32(15, 70000), avp.octets(22, b"030"))
    assert avps.numbers == {14: 7, 15: 70000}
    assert avps.octets == {22: b"030"}
    assert avps.violation is None


def test_the_m_bit_is_sent_as_section_4_4_says() -> None:
    optional = {5, 6, 8, 25, 26, 27, 28, 29, 30, 31, 32, 33, 37, 38, 46, 74, 75, 97, 98, *LineAvp}
    assert {kind for kind in RULES if not RULES[kind].mandatory} == optional
    assert avp.octets(AvpType.VENDOR_NAME, b"x")[0] & 0x80 == 0
    assert avp.octets(AvpType.HOST_NAME, b"x")[0] & 0x80


def test_what_must_not_be_hidden() -> None:
    assert {kind for kind in RULES if not RULES[kind].hideable} == {0, 1, 2, 5, 7, 10, 12, 36, 39}


def test_every_attribute_of_section_4_4_has_a_rule() -> None:
    assert set(RULES) == {*AvpType, *LineAvp}
    assert {kind for kind in AvpType if kind < 40} == set(range(40)) - {20}


@pytest.mark.parametrize(("vendor", "attribute"), [(0, 20), (0, 47), (0, 60000), (9, 7), (3561, 3)])
def test_an_unknown_mandatory_avp_is_a_violation(vendor: int, attribute: int) -> None:
    avps = read(raw(0x8000, vendor, attribute, b"12345678"))
    assert error_of(avps) == ErrorCode.UNKNOWN_MANDATORY_AVP
    assert avps.violation is not None
    assert f"{attribute} of vendor {vendor}" in avps.violation.text


@pytest.mark.parametrize(("vendor", "attribute"), [(0, 20), (0, 47), (9, 7), (3561, 3)])
def test_an_unknown_optional_avp_is_skipped_whole(vendor: int, attribute: int) -> None:
    # Its value looks like an AVP: whoever skips the header alone reads it as one.
    avps = read(raw(0, vendor, attribute, avp.number16(14, 9)), avp.number16(14, 7))
    assert avps.numbers == {14: 7}
    assert avps.octets == {}
    assert avps.violation is None


def test_reserved_bits_make_an_avp_an_unknown_one() -> None:
    assert error_of(read(raw(0x8400, 0, 14, b"\0\7"))) == ErrorCode.UNKNOWN_MANDATORY_AVP
    avps = read(raw(0x2000, 0, 14, b"\0\7"))
    assert avps.numbers == {}
    assert avps.violation is None


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        (14, b"\1"),
        (14, b"\0\0\1"),
        (15, b"\0\1"),
        (13, bytes(15)),
        (34, bytes(25)),
        (35, bytes(11)),
        (39, b"x"),
        (7, b""),
        (11, b""),
    ],
)
def test_a_wrong_length_is_a_violation_with_the_m_bit_only(attribute: int, value: bytes) -> None:
    assert error_of(read(raw(0x8000, 0, attribute, value))) == ErrorCode.WRONG_LENGTH
    avps = read(raw(0, 0, attribute, value))
    assert avps.violation is None
    assert attribute not in avps.numbers
    assert attribute not in avps.octets


@pytest.mark.parametrize(("attribute", "value"), [(9, 0), (14, 0), (10, 0), (32, 256)])
def test_a_value_out_of_range_is_a_violation_with_the_m_bit_only(attribute: int, value: int) -> None:
    octets = value.to_bytes(2, "big")
    assert error_of(read(raw(0x8000, 0, attribute, octets))) == ErrorCode.OUT_OF_RANGE
    assert read(raw(0, 0, attribute, octets)).violation is None


def test_rx_speed_of_two_octets_is_ignored_as_section_7_1_says() -> None:
    avps = read(raw(0, 0, 38, b"\1\2"), avp.number32(24, 64000))
    assert avps.numbers == {24: 64000}
    assert avps.violation is None


def test_connect_speeds_in_decimal_digits_are_understood() -> None:
    avps = read(raw(0x8000, 0, 24, b"115200"), raw(0, 0, 38, b"9999999999"))
    assert avps.numbers == {24: 115200, 38: 0xFFFFFFFF}
    assert avps.violation is None


@pytest.mark.parametrize("tail", ["8005 0000 000e", "8009 0000 000e 0007", "80", "8008 0000 00"])
def test_an_avp_that_does_not_fit_is_a_violation(tail: str) -> None:
    avps = read(avp.number16(14, 7), bytes.fromhex(tail))
    assert error_of(avps) == ErrorCode.WRONG_LENGTH
    assert avps.numbers == {14: 7}


def test_the_first_fault_is_the_one_that_is_told() -> None:
    assert error_of(read(raw(0x8000, 0, 14, b""), raw(0x8000, 0, 20, b""))) == ErrorCode.WRONG_LENGTH


def test_what_must_not_be_hidden_and_is_is_a_violation() -> None:
    assert error_of(read(avp.octets(36, bytes(16)), raw(0xC000, 0, 7, bytes(16)))) == ErrorCode.OUT_OF_RANGE


def test_a_random_vector_must_come_before_what_is_hidden() -> None:
    assert error_of(read(raw(0xC000, 0, 14, bytes(16)), avp.octets(36, bytes(16)))) == ErrorCode.OUT_OF_RANGE
    avps = read(raw(0x4000, 0, 14, bytes(16)))
    assert avps.violation is None
    assert avps.hidden is None


def test_a_value_too_long_for_an_avp_is_cut_off() -> None:
    built = avp.octets(AvpType.CALLED_NUMBER, bytes(2000))
    assert len(built) == 1023
    assert len(read(built).octets[21]) == 1017


@pytest.mark.parametrize(
    ("data", "text", "name"),
    [
        (
            raw(0x8000, 0, 9, bytes(2)),
            "Assigned Tunnel ID 0 is not allowed, RFC 2661 section 4.4.3",
            "Assigned Tunnel ID",
        ),
        (
            raw(0x8000, 0, 14, bytes(3)),
            "Assigned Session ID of 3 octets must have 2, RFC 2661 section 4.4.4",
            "Assigned Session ID",
        ),
        (raw(0x8000, 0, 7, b""), "Host Name of 0 octets must have 1 or more, RFC 2661 section 4.4.3", "Host Name"),
        (
            raw(0x8000, 9, 7, b"x"),
            "unknown mandatory AVP 7 of vendor 9 (Cisco), RFC 2661 section 4.2",
            "AVP 7 of vendor 9 (Cisco)",
        ),
        (
            raw(0x8400, 0, 7, b"x"),
            "mandatory AVP with reserved bits set: Host Name, RFC 2661 section 4.1",
            "Host Name",
        ),
        (raw(0xC000, 0, 7, bytes(16)), "Host Name must not be hidden, RFC 2661 section 4.4.3", "Host Name"),
        (
            raw(0xC000, 0, 14, bytes(16)),
            "no Random Vector before hidden Assigned Session ID, RFC 2661 section 4.3",
            "Assigned Session ID",
        ),
        (raw(0x8000, 0, 14, b"\0\7")[:-1], "AVP at octet 0 does not fit its message, RFC 2661 section 4.1", ""),
    ],
)
def test_a_fault_names_the_avp_and_where_it_is_written(data: bytes, text: str, name: str) -> None:
    violation = read(data).violation
    assert violation is not None
    assert (violation.text, violation.avp) == (text, name)
    assert text.endswith(violation.section)
    assert violation.section.startswith("RFC 2661 section ")
