"""The ICMP errors."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.icmp import Errors, unreachable
from tests.unit.dataplane.packets import internet_sum, ipv4

US = bytes((10, 255, 255, 1))


@pytest.mark.parametrize(("size", "quoted"), [(0, 20), (8, 28), (528, 548), (1480, 548)])
def test_too_big_names_the_mtu_and_quotes_the_packet(size: int, quoted: int) -> None:
    packet = ipv4(bytes(range(256)) * 6, source="192.0.2.2", target="10.64.0.2", field=0x4000)[: 20 + size]
    packet = ipv4(packet[20:], source="192.0.2.2", target="10.64.0.2", field=0x4000)
    answer = unreachable(packet, 4, 1400, US)
    assert answer is not None
    assert internet_sum(answer[:20]) == internet_sum(answer[20:]) == 0xFFFF
    assert answer[0] == 0x45
    assert struct.unpack_from("!H", answer, 2) == (len(answer),)
    assert answer[9] == 1
    assert (answer[12:16], answer[16:20]) == (US, bytes((192, 0, 2, 2)))
    assert answer[20:22] == b"\x03\x04"
    assert struct.unpack_from("!HH", answer, 24) == (0, 1400)
    assert answer[28:] == packet[:quoted]
    assert len(answer) <= 576


@pytest.mark.parametrize(
    "packet",
    [
        *(ipv4(bytes((kind,)) + bytes(7), protocol=1) for kind in (3, 4, 5, 11, 12)),
        ipv4(b"", protocol=1),
        ipv4(b"x", field=1),
        ipv4(b"x", field=0x2100),
        ipv4(b"x", source="0.0.0.0"),
        ipv4(b"x", source="127.0.0.1"),
        ipv4(b"x", source="224.0.0.5"),
        ipv4(b"x", source="255.255.255.255"),
        ipv4(b"x", target="224.0.0.5"),
        ipv4(b"x")[:-1],
        b"",
    ],
)
def test_no_answer_where_none_is_allowed(packet: bytes) -> None:
    assert unreachable(packet, 1, 0, US) is None


@pytest.mark.parametrize("packet", [ipv4(b"\x08" + bytes(7), protocol=1), ipv4(b"x", field=0x2000), ipv4(b"")])
def test_an_answer_where_one_is_due(packet: bytes) -> None:
    assert unreachable(packet, 1, 0, US) is not None


def test_each_kind_has_its_rate() -> None:
    errors, packet = Errors(US), ipv4(bytes(1000))
    no_host = sum(errors.no_host(packet, now=50.0) is not None for _ in range(10_000))
    assert 20 < no_host < 500
    too_big = sum(errors.too_big(packet, 1000, now=50.0) is not None for _ in range(10_000))
    assert 100 < too_big < 1000
    assert errors.no_host(packet, now=51.0) is not None
    assert errors.too_big(packet, 1000, now=51.0) is not None


@given(st.binary(max_size=80))
def test_no_octets_raise(octets: bytes) -> None:
    unreachable(octets, 4, 1400, US)
    unreachable(octets[:2] + len(octets).to_bytes(2, "big") + octets[4:], 4, 1400, US)
