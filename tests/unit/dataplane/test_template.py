"""The record that the programs forward by: each octet of it against what the RFCs say."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bras.dataplane.police import SMALLEST_BURST_OCTETS
from bras.dataplane.records import (
    ACCOUNT,
    COST_SHIFT,
    HEAD_OCTETS,
    PATHS,
    SESSION,
    TAIL_OCTETS,
    TERMS,
    Account,
    Session,
    SessionFlag,
)
from bras.dataplane.template import bucket, path, peer_of, record, words
from bras.forwarding.entry import Leg, Route

LEG4 = Leg(0x1234_0042, 0, "198.18.0.1", 1701, "198.18.0.2", 40000, 0x4321, 0x0099, acfc=False, pfc=False)
LEG6 = replace(LEG4, local="2001:db8::1", remote="2001:db8::2")
ROUTE = Route(7, 0x1_0000_0005, 3, (LEG4,), (0x0A400002,), 1460)
UDP4 = struct.pack("!HHHH", 1701, 40000, 0, 0)
IP4 = bytes.fromhex("4500 0000 0000 0000 4011 0000 c6120001 c6120002")
IP6 = bytes.fromhex("60000000 0000 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002")
CALL = bytes.fromhex("0002 4321 0099")


def session(route: Route) -> SimpleNamespace:
    """Return what is written of both records, by name."""
    octets, account, peer = record(route, 77)
    assert (len(octets), len(account)) == (SESSION.size, Account.slow.offset)
    assert not any(account[TERMS.size :]), "it has counted nothing"
    assert peer == peer_of(octets, account)
    one = Session.from_buffer_copy(octets)
    other = Account.from_buffer_copy(account.ljust(ACCOUNT.size, b"\0"))
    found = {field[0]: getattr(each, field[0]) for each in (one, other) for field in each._fields_}
    return SimpleNamespace(**found)


def header(one: SimpleNamespace) -> bytes:
    """Return the header as the programs put it together: what it begins with, and what it ends with."""
    whole, tail = bytes(one.header), bytes(one.tail)
    assert not any(whole[one.header_octets :])
    if not one.flags & SessionFlag.OUTER6:
        assert one.header_octets <= HEAD_OCTETS
        assert not any(tail)
        return whole[: one.header_octets]
    beyond = HEAD_OCTETS + TAIL_OCTETS - one.header_octets
    assert whole[HEAD_OCTETS - beyond :] == tail[:beyond]
    return whole + tail[beyond:]


def test_ports_stand_beside_it() -> None:
    for leg in (LEG4, LEG6):
        one = session(replace(ROUTE, legs=(leg,)))
        assert struct.pack("=I", one.ports) == UDP4[:4]


@pytest.mark.parametrize(
    ("changes", "behind"),
    [
        ({}, CALL + b"\xff\x03\x00\x21"),
        ({"acfc": True}, CALL + b"\x00\x21"),
        ({"pfc": True}, CALL + b"\xff\x03\x21"),
        ({"acfc": True, "pfc": True}, CALL + b"\x21"),
        ({"length_bit": True}, bytes.fromhex("4002 0000 4321 0099 ff03 0021")),
    ],
)
def test_the_header_is_all_that_never_changes(changes: dict[str, bool], behind: bytes) -> None:
    four = session(replace(ROUTE, legs=(replace(LEG4, **changes),)))
    assert header(four) == IP4 + UDP4 + behind
    six = session(replace(ROUTE, legs=(replace(LEG6, **changes),)))
    assert header(six) == IP6 + UDP4 + behind


def folded(total: int) -> int:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_the_sums_are_of_the_header_and_of_the_pseudo_header() -> None:
    four, six = session(ROUTE), session(replace(ROUTE, legs=(LEG6,)))
    assert four.checksum == folded(sum(struct.unpack("=10H", IP4)))
    pseudo = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    assert six.checksum == folded(sum(struct.unpack("=26H", pseudo + b"\0\x11" + UDP4 + CALL + b"\xff\x03\0\x21")))


def test_an_odd_octet_is_padded_at_its_right() -> None:
    assert words(b"\x01\x02\x03") == words(b"\x01\x02\x03\x00") == sum(struct.unpack("=2H", b"\x01\x02\x03\x00"))


def test_numbers_and_names() -> None:
    one = session(replace(ROUTE, mark=0xDEADBEEF, priority=0x10010))
    assert (one.generation, one.vrf, one.mtu) == (5, 3, 1460)
    assert one.uplink == 77
    assert (one.mss4, one.mss6) == (1420, 1400)
    assert struct.pack("=I", one.address) == bytes((10, 64, 0, 2))
    assert session(replace(ROUTE, addresses=())).address == 0
    assert (one.mark, one.priority) == (0xDEADBEEF, 0x10010)
    assert (one.cost_up, one.cost_down, one.burst_up, one.burst_down) == (0, 0, 0, 0)
    assert (session(replace(ROUTE, clamp_mss=False)).mss4, session(replace(ROUTE, clamp_mss=False)).mss6) == (0, 0)
    assert session(replace(ROUTE, mtu=41)).mss6 == 1


@pytest.mark.parametrize(
    ("route", "flags"),
    [
        (ROUTE, SessionFlag.CHECK_SOURCE),
        (replace(ROUTE, source_check=False), 0),
        (replace(ROUTE, prefixes6=((0x20010DB8 << 96, 64),)), SessionFlag.CHECK_SOURCE | SessionFlag.IPV6),
        (replace(ROUTE, legs=(LEG6,)), SessionFlag.CHECK_SOURCE | SessionFlag.OUTER6),
        (
            replace(ROUTE, legs=(replace(LEG6, udp6_zero_checksum=True),)),
            SessionFlag.CHECK_SOURCE | SessionFlag.OUTER6 | SessionFlag.ZERO_CHECKSUM,
        ),
        (replace(ROUTE, legs=(replace(LEG4, udp6_zero_checksum=True),)), SessionFlag.CHECK_SOURCE),
        (replace(ROUTE, legs=(replace(LEG4, numbered=True),)), SessionFlag.CHECK_SOURCE | SessionFlag.NUMBERED),
        (replace(ROUTE, legs=(replace(LEG4, length_bit=True),)), SessionFlag.CHECK_SOURCE | SessionFlag.LENGTH),
    ],
)
def test_flags(route: Route, flags: int) -> None:
    assert session(route).flags == flags | SessionFlag.ACTIVE | SessionFlag.IN_VRF
    assert session(replace(route, vrf=0)).flags == flags | SessionFlag.ACTIVE


def test_flags_tell_of_the_second_half_of_the_record() -> None:
    plain = session(ROUTE).flags
    assert session(replace(ROUTE, rate_up_bps=1)).flags == plain | SessionFlag.POLICED_UP
    assert session(replace(ROUTE, rate_down_bps=1)).flags == plain | SessionFlag.POLICED_DOWN
    assert session(replace(ROUTE, mark=1)).flags == session(replace(ROUTE, priority=1)).flags
    assert session(replace(ROUTE, mark=1)).flags == plain | SessionFlag.COLOURED


@pytest.mark.parametrize("rate_bps", [1, 9600, 64_000, 20_000_000, 1_000_000_000, 400_000_000_000])
@pytest.mark.parametrize("burst_octets", [0, 1, 40_000, 4_000_000_000, 2**40])
def test_a_bucket_is_exact_and_fits_the_programs_arithmetic(rate_bps: int, burst_octets: int) -> None:
    cost, burst = bucket(rate_bps, burst_octets)
    second = rate_bps / 8 * cost / 2**COST_SHIFT
    assert second == pytest.approx(1e9, rel=0.003)
    assert cost * burst < 2**63
    assert burst < 2**32
    if rate_bps >= 9600 and burst_octets <= 40_000:
        given = max(burst_octets, 1500) if burst_octets else max(SMALLEST_BURST_OCTETS, rate_bps // 32)
        assert burst == min(given, 2**32 - 1)


def test_calls_of_one_lac_share_the_way_to_it() -> None:
    other = replace(LEG4, key=1, remote_port=5, peer_session_id=9)
    assert session(ROUTE).path == session(replace(ROUTE, legs=(other,))).path < PATHS
    places = {path(replace(LEG4, remote=f"198.18.{number}.2")) for number in range(100)}
    assert len(places) > 90


def test_no_limit_costs_nothing() -> None:
    assert bucket(0, 5000) == (0, 0)


def test_an_address_that_is_none_is_an_error() -> None:
    with pytest.raises(OSError, match="illegal IP address"):
        record(replace(ROUTE, legs=(replace(LEG4, remote="nowhere"),)))


def test_the_peer_is_both_ends_as_in_the_header() -> None:
    six = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    for leg, ends in ((LEG4, bytes((198, 18, 0, 1, 198, 18, 0, 2))), (LEG6, six)):
        assert record(replace(ROUTE, legs=(leg,)))[2] == ends.ljust(32, b"\0") + UDP4[:4] + bytes(4)
