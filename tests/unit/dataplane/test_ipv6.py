"""IPv6 headers, and what stands behind them."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.ipv6 import FIELDS, is_link_local, pseudo_checksum, upper_layer
from tests.unit.dataplane.packets import internet_sum, ipv6, pseudo6


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("fe80::1", True),
        ("fe80:1::1", True),
        ("febf:ffff::", True),
        ("fec0::1", False),
        ("fe7f::1", False),
        ("::", False),
        ("ff02::1", False),
        ("2001:db8::fe80", False),
    ],
)
def test_link_local(address: str, expected: bool) -> None:
    assert is_link_local(socket.inet_pton(socket.AF_INET6, address)) is expected


def test_fields() -> None:
    packet = ipv6(bytes(5), protocol=58)
    assert FIELDS.unpack_from(packet) == (0x60, 5, 58, packet[8:24], packet[24:40])


def hop_by_hop(following: int, octets: int = 8) -> bytes:
    return bytes((following, octets // 8 - 1)) + bytes(octets - 2)


def fragment(following: int, offset: int) -> bytes:
    return bytes((following, 0)) + (offset << 3 | 1).to_bytes(2, "big") + bytes(4)


@pytest.mark.parametrize(
    ("protocol", "payload", "expected"),
    [
        (6, b"", (6, 40)),
        (0, hop_by_hop(58), (58, 48)),
        (0, hop_by_hop(43) + hop_by_hop(60, 24) + hop_by_hop(17), (17, 80)),
        (44, fragment(58, 0), (58, 48)),
        (44, fragment(58, 1), (-1, 40)),
        (44, fragment(58, 32), (-1, 40)),
        (0, hop_by_hop(58)[:7], (-1, 40)),
        (0, b"", (-1, 40)),
        (0, hop_by_hop(0) * 20, (-1, 104)),
        (59, b"", (59, 40)),
        (50, bytes(8), (50, 40)),
    ],
)
def test_the_upper_layer(protocol: int, payload: bytes, expected: tuple[int, int]) -> None:
    assert upper_layer(ipv6(payload, protocol=protocol)) == expected


@given(st.binary(min_size=40, max_size=120))
def test_any_octets_have_an_upper_layer_or_none(octets: bytes) -> None:
    protocol, at = upper_layer(octets)
    assert at >= 40
    assert -1 <= protocol <= 255


@given(st.binary(max_size=60))
def test_the_checksum_is_right(body: bytes) -> None:
    packet = ipv6(body + bytes(2), protocol=58)
    summed = pseudo_checksum(packet[8:24], packet[24:40], 58, body)
    if len(body) % 2 == 0:
        assert internet_sum(pseudo6(ipv6(body, protocol=58), 58) + summed.to_bytes(2, "big")) == 0xFFFF
