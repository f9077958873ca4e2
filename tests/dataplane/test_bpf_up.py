"""Upstream at the TC hook: what is taken out of its tunnel, octet by octet, and what is left to Python untouched."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from bras.dataplane.records import SessionFlag
from bras.errors import DropReason, FallbackReason
from tests.support.fastpath import (
    CALL,
    CLIENT4,
    CLIENT6,
    CORE,
    FRAMINGS,
    LAC,
    LEG,
    LEG6,
    LNS,
    REDIRECT,
    UNSPEC,
    FastPath,
    datagram,
    frame,
    icmp,
    ip,
    message,
    packed,
    route,
    sum_ok,
    tcp,
    udp,
    upstream,
)

pytestmark = pytest.mark.root

CLIENT = {4: CLIENT4, 6: CLIENT6}
LEGS = {4: LEG, 6: LEG6}
MSS = b"\x02\x04\x05\xb4"


def packet_of(inner: int, octets: int = 100) -> bytes:
    return udp(CLIENT[inner], CORE[inner], bytes(range(octets % 256)))


def was_taken(fast: FastPath, octets: bytes, packet: bytes, context: dict[str, int] | None = None) -> None:
    passed = fast.tc("tc_up", octets, **(context or {}))
    assert passed.verdict == REDIRECT
    assert passed.data[14 : 14 + len(packet)].hex() == packet.hex()
    inner6 = packet[0] >> 4 == 6
    wanted = [0] * 8
    wanted[4 * inner6], wanted[4 * inner6 + 1] = len(packet), 1
    counted, account = fast.take_tallies(), fast.account()
    assert counted.carried == tuple(wanted)
    assert not counted.drops
    assert not counted.fallbacks
    assert [account.up_octets4, account.up_packets4, account.up_octets6, account.up_packets6] == wanted[:2] + wanted[
        4:6
    ]


@pytest.mark.parametrize("length", [False, True], ids=["plain", "length-bit"])
@pytest.mark.parametrize("framing", FRAMINGS, ids=bytes.hex)
@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize("outer", [4, 6])
def test_taken_out(fast: FastPath, outer: int, inner: int, framing: bytes, length: bool) -> None:
    fast.add(route(LEGS[outer]))
    packet = packet_of(inner)
    octets = upstream(packet, outer, framing=framing, length=length)
    was_taken(fast, octets, packet)


@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize("outer", [4, 6])
def test_padding_is_not_billed(fast: FastPath, outer: int, inner: int) -> None:
    """A frame is padded to 60 octets, a PPP frame may be padded too; neither is part of the packet."""
    fast.add(route(LEGS[outer]))
    packet = udp(CLIENT[inner], CORE[inner])
    was_taken(fast, upstream(packet, outer) + bytes(9), packet)
    padded = frame(datagram(message(packet) + bytes(5), LAC[outer], LNS[outer]))
    fast.clear()
    fast.add(route(LEGS[outer]))
    was_taken(fast, padded, packet)


@pytest.mark.parametrize("size", [20, 21, 46, 64, 576, 1400, 1460, 1500])
def test_sizes(fast: FastPath, size: int) -> None:
    fast.add(route())
    packet = ip(CLIENT4, CORE[4], 47, bytes(size - 20))
    was_taken(fast, upstream(packet), packet)


def test_marks_and_priority(fast: FastPath) -> None:
    fast.add(route(mark=0x2A, priority=0x10010))
    passed = fast.tc("tc_up", upstream(packet_of(4)))
    assert (passed.verdict, passed.mark, passed.priority) == (REDIRECT, 0x2A, 0x10010)


def test_no_mark_leaves_the_mark(fast: FastPath) -> None:
    fast.add(route())
    passed = fast.tc("tc_up", upstream(packet_of(4)), mark=5, priority=6)
    assert (passed.verdict, passed.mark, passed.priority) == (REDIRECT, 5, 6)


# What is not for the fast path


def left(fast: FastPath, octets: bytes, reason: FallbackReason | None) -> None:
    fast.fell_back(fast.tc("tc_up", octets), octets, reason)


def outer_of(payload: bytes, **options: object) -> bytes:
    return frame(datagram(payload, LAC[4], LNS[4], **options))  # type: ignore[arg-type]  # passed on as they came


@pytest.mark.parametrize("outer", [4, 6])
def test_control(fast: FastPath, outer: int) -> None:
    fast.add(route(LEGS[outer]))
    hello = struct.pack("!HHHHHH", 0xC802, 20, 1, 0, 5, 6) + bytes(8)
    left(fast, frame(datagram(hello, LAC[outer], LNS[outer])), FallbackReason.CONTROL)


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::"])
def test_a_wildcard_is_ours_too(fast: FastPath, wildcard: str) -> None:
    outer = 6 if ":" in wildcard else 4
    fast.listen(wildcard, 1702)
    hello = struct.pack("!HHHHHH", 0xC802, 20, 1, 0, 5, 6) + bytes(8)
    left(fast, frame(datagram(hello, LAC[outer], LNS[outer], ports=(1701, 1702))), FallbackReason.CONTROL)
    left(fast, frame(datagram(hello, LAC[outer], LNS[outer], ports=(1701, 1701))), None)
    left(fast, frame(datagram(hello, LAC[10 - outer], LNS[10 - outer], ports=(1701, 1702))), None)


def test_not_to_us_is_not_counted(fast: FastPath) -> None:
    fast.add(route())
    hello = struct.pack("!HHHHHH", 0xC802, 20, 1, 0, 5, 6) + bytes(8)
    for payload in (hello, message(packet_of(4)), message(packet_of(4), call=1)):
        left(fast, frame(datagram(payload, LAC[4], "198.18.0.77")), None)
        left(fast, frame(datagram(payload, LAC[4], LNS[4], ports=(1701, 1700))), None)


@pytest.mark.parametrize("protocol", [0xC021, 0xC023, 0x8021, 0x8057, 0x80FD, 0x00FD, 0x0023, 0xC223])
@pytest.mark.parametrize("start", [b"\xff\x03", b""])
def test_ppp_control(fast: FastPath, protocol: int, start: bytes) -> None:
    fast.add(route())
    echo = b"\x00\x02" + struct.pack("!I", CALL) + start + struct.pack("!H", protocol) + b"\x09\x01\x00\x08" + bytes(30)
    left(fast, outer_of(echo), FallbackReason.PPP_CONTROL)


def test_numbered(fast: FastPath) -> None:
    fast.add(route())
    numbered = b"\x08\x02" + struct.pack("!IHH", CALL, 1, 0) + b"\xff\x03\x00\x21" + packet_of(4)
    left(fast, outer_of(numbered), FallbackReason.NUMBERED)
    fast.add(route(replace(LEG, numbered=True)))
    left(fast, upstream(packet_of(4)), FallbackReason.NUMBERED)


def test_offset_field(fast: FastPath) -> None:
    fast.add(route())
    offset = b"\x02\x02" + struct.pack("!IH", CALL, 2) + bytes(2) + b"\xff\x03\x00\x21" + packet_of(4)
    left(fast, outer_of(offset), FallbackReason.UNUSUAL_HEADER)


@pytest.mark.parametrize("change", [-1, 1, 40, -40])
def test_a_length_that_does_not_agree(fast: FastPath, change: int) -> None:
    fast.add(route())
    whole = bytearray(message(packet_of(4), length=True))
    whole[2:4] = struct.pack("!H", len(whole) + change)
    left(fast, outer_of(bytes(whole)), FallbackReason.UNUSUAL_HEADER)


@pytest.mark.parametrize("version", [0, 1, 3, 15])
def test_other_versions(fast: FastPath, version: int) -> None:
    fast.add(route())
    left(fast, outer_of(bytes((0, version)) + message(packet_of(4))[2:]), None)


def test_unknown_session(fast: FastPath) -> None:
    fast.add(route())
    left(fast, upstream(packet_of(4), call=CALL + 1), FallbackReason.UNKNOWN_SESSION)


def test_another_generation_in_the_slot(fast: FastPath) -> None:
    fast.add(route(), generation=6, at=5)
    left(fast, upstream(packet_of(4)), FallbackReason.UNKNOWN_SESSION)


def test_inactive(fast: FastPath) -> None:
    fast.add(route())
    fast.set_flags(3, SessionFlag.CHECK_SOURCE)
    left(fast, upstream(packet_of(4)), FallbackReason.STALE)


def test_a_slot_beyond_the_end(fast: FastPath) -> None:
    fast.add(route(), at=5)
    fast.maps["calls"].update(struct.pack("=I", CALL), struct.pack("=II", 1 << 20, 7))
    left(fast, upstream(packet_of(4)), FallbackReason.UNKNOWN_SESSION)


@pytest.mark.parametrize("outer", [4, 6])
def test_another_peer(fast: FastPath, outer: int) -> None:
    fast.add(route(LEGS[outer]))
    data = message(packet_of(4))
    other = {4: "198.18.0.3", 6: "2001:db8::3"}[outer]
    fast.listen({4: "198.18.0.9", 6: "2001:db8::9"}[outer])
    left(fast, frame(datagram(data, other, LNS[outer])), FallbackReason.PEER_MISMATCH)
    left(fast, frame(datagram(data, LAC[outer], LNS[outer], ports=(1702, 1701))), FallbackReason.PEER_MISMATCH)
    left(
        fast,
        frame(datagram(data, LAC[outer], {4: "198.18.0.9", 6: "2001:db8::9"}[outer])),
        FallbackReason.PEER_MISMATCH,
    )
    left(fast, frame(datagram(data, LAC[10 - outer], LNS[10 - outer])), None)
    fast.listen(LNS[10 - outer])
    left(fast, frame(datagram(data, LAC[10 - outer], LNS[10 - outer])), FallbackReason.PEER_MISMATCH)


@pytest.mark.parametrize(
    ("field", "reason"), [(0x2000, FallbackReason.FRAGMENT), (0x2010, None), (0x0010, None), (0x4000, ...)]
)
def test_outer_fragments(fast: FastPath, field: int, reason: object) -> None:
    fast.add(route())
    octets = frame(datagram(message(packet_of(4)), LAC[4], LNS[4], df=field))
    if reason is ...:
        was_taken(fast, octets, packet_of(4))
    else:
        left(fast, octets, reason)  # type: ignore[arg-type]  # one of two


@pytest.mark.parametrize(("offset", "reason"), [(1, FallbackReason.FRAGMENT), (9, None), (8, None)])
def test_outer_fragments_of_ipv6(fast: FastPath, offset: int, reason: FallbackReason | None) -> None:
    fast.add(route(LEG6))
    whole = datagram(message(packet_of(4)), LAC[6], LNS[6])[40:]
    left(fast, frame(ip(LAC[6], LNS[6], 44, struct.pack("!BBHI", 17, 0, offset, 1) + whole)), reason)


def test_outer_options(fast: FastPath) -> None:
    fast.add(route())
    plain = bytearray(datagram(message(packet_of(4)), LAC[4], LNS[4]))
    plain[0] = 0x46
    left(fast, frame(bytes(plain[:20]) + b"\x01\x01\x01\x00" + bytes(plain[20:])), None)


def test_a_damaged_outer_header(fast: FastPath) -> None:
    fast.add(route())
    octets = bytearray(upstream(packet_of(4)))
    octets[14 + 8] ^= 1
    left(fast, bytes(octets), None)


def test_for_another_host(fast: FastPath) -> None:
    """A promiscuous interface sees the frames of others."""
    fast.add(route())
    octets = b"\x02\x00\x00\x00\x00\x77" + upstream(packet_of(4))[6:]
    left(fast, octets, None)


def test_tagged(fast: FastPath) -> None:
    fast.add(route())
    octets = upstream(packet_of(4), vlan=5)
    left(fast, octets, None)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (CLIENT4, "224.0.0.5"),
        (CLIENT4, "239.1.2.3"),
        ("fe80::1", "2001:db8:ffff::2"),
        ("febf::1", "2001:db8:ffff::2"),
        (CLIENT6, "ff02::2"),
        (CLIENT6, "ff0e::2"),
        (CLIENT6, "fe80::2"),
        ("::", "ff02::1:ff00:1"),
    ],
)
def test_link_scope(fast: FastPath, source: str, target: str) -> None:
    fast.add(route())
    left(fast, upstream(udp(source, target, bytes(40))), FallbackReason.LINK_SCOPE)


def test_inner_options(fast: FastPath) -> None:
    fast.add(route())
    plain = bytearray(packet_of(4))
    plain[0] = 0x46
    left(fast, upstream(bytes(plain[:20]) + b"\x94\x04\0\0" + bytes(plain[20:])), FallbackReason.UNUSUAL_HEADER)


@pytest.mark.parametrize("kind", [0x0806, 0x8863, 0x86DD, 0x88CC])
def test_other_ethertypes(fast: FastPath, kind: int) -> None:
    fast.add(route())
    octets = bytearray(upstream(packet_of(4)))
    octets[12:14] = struct.pack("!H", kind)
    left(fast, bytes(octets), None)


@pytest.mark.parametrize("protocol", [6, 1, 50, 115])
def test_other_protocols(fast: FastPath, protocol: int) -> None:
    fast.add(route())
    left(fast, frame(ip(LAC[4], LNS[4], protocol, datagram(message(packet_of(4)), LAC[4], LNS[4])[20:])), None)


# Sources


def spoofed(fast: FastPath, packet: bytes, outer: int = 4) -> None:
    fast.dropped(fast.tc("tc_up", upstream(packet, outer)), DropReason.SPOOFED_SOURCE)
    assert fast.account().up_spoofed == 1


@pytest.mark.parametrize("source", ["10.64.0.3", "0.0.0.0", "172.20.1.1", "127.0.0.1", "255.255.255.255"])
def test_spoofed_source(fast: FastPath, source: str) -> None:
    fast.add(route())
    spoofed(fast, udp(source, CORE[4], bytes(50)))


@pytest.mark.parametrize("source", ["2001:db8:64:100::1", "2001:db8:65::1", "::", "::1"])
def test_spoofed_source_of_ipv6(fast: FastPath, source: str) -> None:
    fast.add(route())
    spoofed(fast, udp(source, CORE[6], bytes(50)))


@pytest.mark.parametrize(
    "source", [CLIENT4, "10.64.0.9", "172.20.0.0", "172.20.0.255", "2001:db8:64::1", "2001:db8:64:ff::1"]
)
def test_own_sources(fast: FastPath, source: str) -> None:
    addresses = tuple(int.from_bytes(packed(each), "big") for each in (CLIENT4, "10.64.0.9"))
    fast.add(route(addresses=addresses))
    packet = udp(source, CORE[6 if ":" in source else 4], bytes(50))
    was_taken(fast, upstream(packet), packet)


@pytest.mark.parametrize("checked", [True, False])
def test_ipv6_of_who_has_none_is_the_cores(fast: FastPath, checked: bool) -> None:
    fast.add(route(prefixes6=(), source_check=checked))
    left(fast, upstream(udp("2001:db8:64::1", CORE[6], bytes(50))), FallbackReason.PPP_CONTROL)


def test_a_source_of_another_subscriber(fast: FastPath) -> None:
    fast.add(route())
    other = int.from_bytes(packed("10.64.0.3"), "big")
    wider = ((int.from_bytes(packed("172.20.0.128"), "big"), 25),)
    fast.add(route(replace(LEG, key=99), slot=4, addresses=(other,), prefixes4=wider, prefixes6=()))
    spoofed(fast, udp("10.64.0.3", CORE[4], bytes(50)))
    assert fast.account(4).up_spoofed == 0
    fast.dropped(fast.tc("tc_up", upstream(udp("172.20.0.130", CORE[4]))), DropReason.SPOOFED_SOURCE)
    packet = udp("172.20.0.127", CORE[4])
    was_taken(fast, upstream(packet), packet)


def test_a_source_of_another_vrf(fast: FastPath) -> None:
    fast.add(route(vrf=2, addresses=(int.from_bytes(packed("10.64.0.9"), "big"),)))
    other = route(replace(LEG, key=99), slot=4)
    fast.add(other)
    spoofed(fast, udp(CLIENT4, CORE[4], bytes(50)))


@pytest.mark.parametrize("source", ["10.64.0.3", "2001:db8:65::1"])
def test_unchecked_sources(fast: FastPath, source: str) -> None:
    fast.add(route(source_check=False))
    packet = udp(source, CORE[6 if ":" in source else 4], bytes(50))
    was_taken(fast, upstream(packet), packet)


# Packets that are none


@pytest.mark.parametrize(
    ("at", "octet"),
    [(0, 0x44), (0, 0x05), (0, 0x65), (0, 0x55), (3, 0xFF), (2, 0xFF), (10, 0x55), (8, 1), (12, 11)],
    ids=["short-header", "version-0", "version-6", "version-5", "length", "longer", "sum", "ttl", "source"],
)
def test_damaged_packets(fast: FastPath, at: int, octet: int) -> None:
    fast.add(route())
    packet = bytearray(packet_of(4))
    packet[at] = octet
    octets = frame(datagram(message(bytes((0x45,)) + bytes(packet[1:])), LAC[4], LNS[4]))
    place = octets.index(bytes(packet[1:20])) - 1
    octets = octets[:place] + bytes(packet[:1]) + octets[place + 1 :]
    fast.dropped(fast.tc("tc_up", octets), DropReason.BAD_PACKET_HEADER)


@pytest.mark.parametrize(("at", "octet"), [(0, 0x45), (0, 0x05), (4, 0xFF), (5, 0xFF)])
def test_damaged_packets_of_ipv6(fast: FastPath, at: int, octet: int) -> None:
    fast.add(route())
    packet = bytearray(packet_of(6))
    octets = bytearray(upstream(bytes(packet)))
    octets[len(octets) - len(packet) + at] = octet
    fast.dropped(fast.tc("tc_up", bytes(octets)), DropReason.BAD_PACKET_HEADER)


# Rates


def test_a_policer_lets_its_burst_pass_and_no_more(fast: FastPath) -> None:
    fast.add(route(rate_up_bps=8, burst_up_octets=1500))
    packet = packet_of(4, 100)
    passing = 1500 // len(packet)
    for _ in range(passing):
        assert fast.tc("tc_up", upstream(packet)).verdict == REDIRECT
    fast.take_tallies()
    fast.dropped(fast.tc("tc_up", upstream(packet)), DropReason.POLICED_UP)
    account = fast.account()
    assert (account.up_packets4, account.up_octets4) == (passing, passing * len(packet))
    assert account.up_policed == 1
    assert account.empty_down == 0


def test_no_policer_keeps_no_time(fast: FastPath) -> None:
    fast.add(route(rate_down_bps=8000))
    assert fast.tc("tc_up", upstream(packet_of(4))).verdict == REDIRECT
    assert fast.account().empty_up == 0


def test_a_debt_beyond_every_burst_is_forgiven_down_to_one_train(fast: FastPath) -> None:
    """What a slower rate has left behind must not keep a faster one waiting."""
    fast.add(route(rate_up_bps=8_000_000_000, burst_up_octets=16000))
    fast.set_account("empty_up", 1 << 62)
    fast.dropped(fast.tc("tc_up", upstream(packet_of(4))), DropReason.POLICED_UP)
    while fast.tc("tc_up", upstream(packet_of(4))).verdict != REDIRECT:
        pass  # 82 microseconds at this rate
    assert fast.account().up_policed >= 1


def test_spoofed_packets_cost_nothing(fast: FastPath) -> None:
    fast.add(route(rate_up_bps=8000))
    spoofed(fast, udp("10.64.0.3", CORE[4]))
    assert fast.account().empty_up == 0


# MSS


OPTIONS = {
    "first": MSS,
    "second": b"\x01\x01" + MSS,
    "odd": b"\x01" + MSS,
    "last": b"\x01" * 36 + MSS,
    "after-others": b"\x04\x02\x08\x0a" + bytes(8) + b"\x03\x03\x07" + MSS,
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize("outer", [4, 6])
def test_mss_is_lowered(fast: FastPath, outer: int, inner: int, name: str) -> None:
    fast.add(route(LEGS[outer], clamp_mss=True))
    mss = 1420 if inner == 4 else 1400
    lowered = OPTIONS[name].replace(MSS, MSS[:2] + struct.pack("!H", mss))
    was_taken(
        fast,
        upstream(tcp(CLIENT[inner], CORE[inner], b"x", flags=2, options=OPTIONS[name]), outer),
        tcp(CLIENT[inner], CORE[inner], b"x", flags=2, options=lowered),
    )


@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (0x10, MSS),
        (0x02, b"\x02\x04\x05\x00"),
        (0x02, b""),
        (0x02, b"\x00\x00\x00\x00" + MSS),
        (0x02, b"\x02\x03\x05\xb4"),
        (0x02, b"\x03\x00\x00\x00" + MSS),
        (0x02, b"\x03\x01\x00\x00" + MSS),
        (0x02, b"\x05\xff\x00\x00" + MSS),
        (0x02, b"\x01\x01\x01\x02"),
        (0x02, b"\x01\x01\x02\x04"),
        (0x02, b"\x01\x02\x04\x05"),
    ],
)
def test_mss_is_left(fast: FastPath, inner: int, flags: int, options: bytes) -> None:
    fast.add(route(clamp_mss=True))
    packet = tcp(CLIENT[inner], CORE[inner], flags=flags, options=options)
    was_taken(fast, upstream(packet), packet)


def test_mss_of_a_later_fragment_is_data(fast: FastPath) -> None:
    fast.add(route(clamp_mss=True))
    packet = tcp(CLIENT4, CORE[4], flags=2, options=MSS, df=0x2001)
    was_taken(fast, upstream(packet), packet)


def test_a_damaged_syn_stays_damaged(fast: FastPath) -> None:
    fast.add(route(clamp_mss=True))
    packet = bytearray(tcp(CLIENT4, CORE[4], b"data", flags=2, options=MSS))
    packet[-1] ^= 1
    passed = fast.tc("tc_up", upstream(bytes(packet)))
    inner = passed.data[14:]
    assert inner[42:44] == struct.pack("!H", 1420)
    assert not sum_ok(inner[12:20] + struct.pack("!HH", 6, len(inner) - 20) + inner[20:])


# What may come merged


@pytest.mark.parametrize("inner", [4, 6])
def test_a_train_of_datagrams_is_not_one_packet(fast: FastPath, inner: int) -> None:
    """GRO of UDP makes one buffer of several data messages: the inner length tells."""
    fast.add(route())
    one = message(tcp(CLIENT[inner], CORE[inner], bytes(100)))
    octets = frame(datagram(one * 3, LAC[4], LNS[4]))
    fast.fell_back(fast.tc("tc_up", octets, gso_size=len(one), gso_segs=3), octets, FallbackReason.UNUSUAL_HEADER)


def test_trains_without_tcp(fast: FastPath) -> None:
    fast.add(route())
    octets = upstream(packet_of(4, 200))
    fast.fell_back(fast.tc("tc_up", octets, gso_size=100, gso_segs=2), octets, FallbackReason.UNUSUAL_HEADER)


def test_all_verdicts_leave_other_filters_their_say() -> None:
    assert UNSPEC == 0xFFFFFFFF  # TC_ACT_UNSPEC, -1: the next filter is asked


def test_echo(fast: FastPath) -> None:
    fast.add(route())
    for packet in (icmp(CLIENT4, CORE[4], b"x" * 31), icmp(CLIENT6, CORE[6], b"x" * 31)):
        assert fast.tc("tc_up", upstream(packet)).data[14:].hex() == packet.hex()
