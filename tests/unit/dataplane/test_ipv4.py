"""Checksum, header and fragments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.ipv4 import checksum, dont_fragment, fragments, header_octets
from tests.unit.dataplane.packets import internet_sum, ipv4


def test_the_example_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


@given(st.binary(max_size=80))
def test_checksum_is_the_slow_one(octets: bytes) -> None:
    assert checksum(octets) == 0xFFFF - internet_sum(octets)


@pytest.mark.parametrize("octets", [b"", b"\0\0", b"\xff\xff", b"\0", b"\xff", b"\xff\xff\0\0", b"\x80\0\x7f\xff"])
def test_checksum_at_the_two_zeros(octets: bytes) -> None:
    assert checksum(octets) == 0xFFFF - internet_sum(octets)


@pytest.mark.parametrize(
    ("packet", "octets"),
    [
        (ipv4(b"x"), 20),
        (ipv4(b"x", options=bytes(8)), 28),
        (ipv4(b""), 20),
        (b"", 0),
        (ipv4(b"x")[:19], 0),
        (ipv4(b"x")[:-1], 0),
        (ipv4(b"x") + b"y", 0),
        (b"\x60" + ipv4(b"x")[1:], 0),
        (b"\x44" + ipv4(b"x")[1:], 0),
        (b"\x4f" + ipv4(b"x")[1:], 0),
    ],
)
def test_header_octets(packet: bytes, octets: int) -> None:
    assert header_octets(packet) == octets


def test_dont_fragment() -> None:
    assert dont_fragment(ipv4(field=0x4000))
    assert not dont_fragment(ipv4(field=0xA000))


def put_together(pieces: list[bytes], mtu: int) -> tuple[bytes, int, bool]:
    """Reassemble; return the payload, where it begins in its packet, and whether more comes after it."""
    at = first = (pieces[0][6] << 8 | pieces[0][7]) & 0x1FFF
    payload, more = b"", True
    for piece in pieces:
        header = header_octets(piece)
        assert header
        assert len(piece) <= mtu
        assert internet_sum(piece[:header]) == 0xFFFF
        field = piece[6] << 8 | piece[7]
        assert field & 0x1FFF == at
        payload += piece[header:]
        more = bool(field & 0x2000)
        if piece is not pieces[-1]:
            assert more
            assert len(piece) - header & 7 == 0
        at += len(piece) - header >> 3
    return payload, first, more


@given(st.binary(max_size=3000), st.integers(28, 1500), st.integers(0, 500), st.booleans())
def test_fragments_make_the_packet_again(payload: bytes, mtu: int, offset: int, more: bool) -> None:
    packet = ipv4(payload, field=offset | (0x2000 if more else 0), identification=0xBEEF)
    pieces = fragments(packet, mtu)
    assert put_together(pieces, mtu) == (payload, offset, more)
    for piece in pieces:
        assert piece[:2] + piece[4:6] + piece[8:10] + piece[12:20] == (
            packet[:2] + packet[4:6] + packet[8:10] + packet[12:20]
        )


def test_only_options_with_the_copy_bit_are_in_all_fragments() -> None:
    timestamp, security = bytes((68, 4, 5, 0)), bytes((130, 3, 7))
    packet = ipv4(bytes(2000), options=timestamp + b"\x01" + security + bytes(4))
    first, *others = fragments(packet, 1000)
    assert first[20:32] == packet[20:32]
    assert len(others) == 2
    for piece in others:
        assert piece[20 : header_octets(piece)] == security + b"\0"
    assert put_together([first, *others], 1000) == (bytes(2000), 0, False)


@pytest.mark.parametrize("options", [b"\x82\x00\x00\x00", b"\x82\x28\x00\x00", b"\x01\x01\x01\x82"])
def test_malformed_options_are_left_out(options: bytes) -> None:
    pieces = fragments(ipv4(bytes(2000), options=options), 1000)
    assert header_octets(pieces[1]) == 20
    assert put_together(pieces, 1000)[0] == bytes(2000)


@pytest.mark.parametrize(("packet", "mtu"), [(ipv4(b"x" * 99), 27), (ipv4(b"x" * 99), 0), (b"", 1400), (b"E" * 50, 30)])
def test_what_cannot_be_cut_is_not(packet: bytes, mtu: int) -> None:
    assert fragments(packet, mtu) == []


def test_what_fits_is_left_whole() -> None:
    packet = ipv4(bytes(1380))
    assert fragments(packet, 1400) == [packet]


@given(st.binary(max_size=100), st.integers(-10, 100))
def test_no_octets_raise(octets: bytes, mtu: int) -> None:
    header_octets(octets)
    checksum(octets)
    fragments(octets, mtu)
    fragments(octets[:2] + len(octets).to_bytes(2, "big") + octets[4:], mtu)
