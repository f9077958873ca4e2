"""ICMPv6 errors: what they say, to whom, and how often."""

from __future__ import annotations

import socket
import struct

import pytest

from bras.dataplane.icmp6 import Errors6, Sources, error, is_answered
from tests.unit.dataplane.packets import internet_sum, ipv6, pseudo6

OURS = socket.inet_pton(socket.AF_INET6, "2001:db8::1")


@pytest.fixture
def errors() -> Errors6:
    """Return one whose senders are all on the loopback interface, where the kernel has an address to answer from."""
    made = Errors6()
    made.sources = Fixed()
    return made


class Fixed(Sources):
    """One address of ours for every sender."""

    def to(self, address: bytes) -> bytes | None:
        return OURS


def opened(packet: bytes) -> tuple[int, int, int, bytes]:
    """Return type, code, field and quote of an ICMPv6 error, after a look at all else of it."""
    version, length, protocol, hops = struct.unpack_from("!IHBB", packet)
    assert (version >> 28, length, protocol, hops) == (6, len(packet) - 40, 58, 64)
    assert packet[8:24] == OURS
    assert internet_sum(pseudo6(packet, 58)) == 0xFFFF
    assert len(packet) <= 1280
    kind, code, _, field = struct.unpack_from("!BBHI", packet, 40)
    return kind, code, field, packet[48:]


def test_too_big(errors: Errors6) -> None:
    packet = ipv6(bytes(1400))
    answer = errors.too_big(packet, 1400, now=0.0)
    assert answer is not None
    assert answer[24:40] == packet[8:24]
    assert opened(answer) == (2, 0, 1400, packet[:1232])


@pytest.mark.parametrize(("octets", "mtu", "told"), [(1281, 1280, 1280), (1400, 1000, 1280), (1280, 1000, None)])
def test_no_sender_goes_below_the_least_that_every_link_carries(
    errors: Errors6, octets: int, mtu: int, told: int | None
) -> None:
    answer = errors.too_big(ipv6(bytes(octets - 40)), mtu, now=0.0)
    assert (None if answer is None else opened(answer)[2]) == told


def test_nobody_there(errors: Errors6) -> None:
    packet = ipv6(b"x")
    answer = errors.no_host(packet, now=0.0)
    assert answer is not None
    assert opened(answer) == (1, 3, 0, packet)


def test_each_kind_has_a_rate_of_its_own(errors: Errors6) -> None:
    packet = ipv6(bytes(1400))
    bursts = [0, 0]
    while errors.no_host(packet, now=0.0) is not None:
        bursts[0] += 1
    while errors.too_big(packet, 1300, now=0.0) is not None:
        bursts[1] += 1
    assert 10 < bursts[0] < bursts[1] < 1000
    assert errors.too_big(packet, 1300, now=1.0) is not None


def test_without_an_address_of_ours_there_is_no_answer() -> None:
    made = Errors6()
    assert made.too_big(ipv6(bytes(1400)), 1300, now=0.0) is None
    made.sources.open()
    made.sources.close()
    made.sources.close()
    assert made.no_host(ipv6(b"x"), now=0.0) is None


ICMP = 58


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (ipv6(b"x"), True),
        (ipv6(b"\x80\x00", protocol=ICMP), True),
        (ipv6(b"\x01\x00", protocol=ICMP), False),
        (ipv6(b"\x7f\x00", protocol=ICMP), False),
        (ipv6(b"\x89\x00", protocol=ICMP), False),
        (ipv6(b"", protocol=ICMP), False),
        (ipv6(bytes((ICMP, 0)) + bytes(6) + b"\x02", protocol=0), False),
        (ipv6(bytes((ICMP, 0)) + bytes(6) + b"\x80", protocol=0), True),
        (ipv6(b"x", source="ff02::1"), False),
        (ipv6(b"x", source="::"), False),
        (ipv6(b"x", source="::1"), False),
        (ipv6(b"x", source="fe80::1"), False),
        (ipv6(b"x", target="ff02::1"), False),
        (ipv6(b"")[:39], False),
        (b"", False),
        (b"\x45" + ipv6(b"x")[1:], False),
    ],
)
def test_what_gets_an_answer(packet: bytes, expected: bool) -> None:
    assert is_answered(packet) is expected


@pytest.mark.parametrize("octets", [0, 1, 7, 1191, 1192, 1193])
def test_an_error_is_whole_whatever_its_length(octets: int) -> None:
    packet = ipv6(bytes(octets))
    assert opened(error(packet, 1, 0, 0, OURS))[3] == packet[:1232]
