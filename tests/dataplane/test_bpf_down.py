"""Downstream at TC hooks: the outer packet octet by octet, every sum computed anew, and what is left to Python.

A test run gives every frame an Ethernet header, which packets at the anchor's egress have not.  So what is written is
judged by ``tc_segmented``, which shares all of it with ``tc_down`` but that header; of ``tc_down`` a run sees what it
refuses, and what it does on a real interface is seen there (``test_bpf_anchor.py``).
"""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from bras.dataplane.records import SessionFlag
from bras.errors import DropReason, FallbackReason
from tests.support.fastpath import (
    CLIENT4,
    CLIENT6,
    CORE,
    ETHERTYPE,
    LAC_MAC,
    LEG,
    LEG6,
    MACS,
    REDIRECT,
    SHOT,
    UNSPEC,
    FastPath,
    frame,
    icmp,
    ip,
    is_downstream,
    packed,
    route,
    sum_ok,
    tcp,
    udp,
)

pytestmark = pytest.mark.root

CLIENT = {4: CLIENT4, 6: CLIENT6}
LEGS = {4: LEG, 6: LEG6}
MSS = b"\x02\x04\x05\xb4"
COMPRESSIONS = [(False, False), (True, False), (False, True), (True, True)]


def to_client(inner: int, octets: int = 100) -> bytes:
    return udp(CORE[inner], CLIENT[inner], bytes(range(octets % 256)))


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def was_sent(fast: FastPath, packet: bytes, entry: object, sent: bytes | None = None) -> None:
    passed = fast.tc("tc_segmented", frame(packet))
    assert passed.verdict == REDIRECT
    assert passed.data[:6] == mac(LAC_MAC)
    outer6 = ":" in entry.legs[0].remote  # type: ignore[attr-defined]  # a Route
    assert passed.data[12:14] == ETHERTYPE[6 if outer6 else 4]
    is_downstream(passed.data[14:], sent or packet, entry)  # type: ignore[arg-type]  # a Route
    inner6 = packet[0] >> 4 == 6
    wanted = [0] * 8
    wanted[2 + 4 * inner6], wanted[3 + 4 * inner6] = len(packet), 1
    counted, account = fast.take_tallies(), fast.account()
    assert counted.carried == tuple(wanted)
    assert not counted.drops
    assert not counted.fallbacks
    totals = [account.down_octets4, account.down_packets4, account.down_octets6, account.down_packets6]
    assert totals == wanted[2:4] + wanted[6:8]


PACKETS = {
    "tcp": lambda there, here: tcp(there, here, b"data!"),
    "udp": lambda there, here: udp(there, here, b"data"),
    "udp-without-sum": lambda there, here: udp(there, here, b"data!", checksum=False),
    "udp-shorter-than-the-packet": lambda there, here: ip(there, here, 17, udp(there, here, b"data!")[-13:] + b"tail!"),
    "echo": lambda there, here: icmp(there, here, b"ping!"),
    "esp": lambda there, here: ip(there, here, 50, bytes(range(101))),
    "gre": lambda there, here: ip(there, here, 47, bytes(range(100))),
    "empty": lambda there, here: ip(there, here, 59, b""),
    "chunk": lambda there, here: ip(there, here, 132, bytes(range(236))),
    "chunks": lambda there, here: ip(there, here, 132, bytes(range(256)) * 4),
    "large": lambda there, here: ip(there, here, 132, bytes(range(256)) * 5 + bytes(range(120))),
}


@pytest.mark.parametrize("name", PACKETS)
@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize(("acfc", "pfc"), COMPRESSIONS)
@pytest.mark.parametrize("length", [False, True], ids=["plain", "length-bit"])
@pytest.mark.parametrize("outer", [4, 6])
def test_wrapped(fast: FastPath, outer: int, length: bool, acfc: bool, pfc: bool, inner: int, name: str) -> None:
    entry = route(replace(LEGS[outer], acfc=acfc, pfc=pfc, length_bit=length))
    fast.add(entry)
    was_sent(fast, PACKETS[name](CORE[inner], CLIENT[inner]), entry)


@pytest.mark.parametrize("inner", [4, 6])
def test_no_sum_over_ipv6_where_none_is_wanted(fast: FastPath, inner: int) -> None:
    entry = route(replace(LEG6, udp6_zero_checksum=True))
    fast.add(entry)
    was_sent(fast, to_client(inner), entry)


@pytest.mark.parametrize(("acfc", "pfc"), COMPRESSIONS)
@pytest.mark.parametrize("field", [0x2000, 0x2064, 0x0064], ids=["first", "middle", "last"])
def test_sum_of_fragments(fast: FastPath, field: int, acfc: bool, pfc: bool) -> None:
    entry = route(replace(LEG6, acfc=acfc, pfc=pfc))
    fast.add(entry)
    was_sent(fast, tcp(CORE[4], CLIENT4, bytes(range(99)), df=field)[:-7] + b"another"[:7], entry)


def test_sum_of_a_fragment_of_ipv6(fast: FastPath) -> None:
    entry = route(LEG6)
    fast.add(entry)
    was_sent(fast, ip(CORE[6], CLIENT6, 44, struct.pack("!BBHI", 17, 0, 9, 1) + bytes(range(99))), entry)


def test_sum_of_options(fast: FastPath) -> None:
    entry = route(LEG6)
    fast.add(entry)
    plain = bytearray(ip(CORE[4], CLIENT4, 17, b"\1\1\1\0" + udp(CORE[4], CLIENT4, b"x")[20:]))
    plain[0] = 0x46
    plain[10:12] = bytes(2)
    total = sum(struct.unpack("!12H", plain[:24]))
    total = (total & 0xFFFF) + (total >> 16)
    plain[10:12] = struct.pack("!H", 0xFFFF - (total & 0xFFFF) - (total >> 16))
    was_sent(fast, bytes(plain), entry)


@pytest.mark.parametrize("inner", [4, 6])
def test_a_sum_of_zero_is_sent_as_its_complement(fast: FastPath, inner: int) -> None:
    """RFC 768 and RFC 8200 section 8.1: zero means that there is none."""
    entry = route(LEG6)
    fast.add(entry)
    found = fast.tc("tc_segmented", frame(ip(CORE[inner], CLIENT[inner], 50, bytes(40)))).data[14 + 46 : 14 + 48]
    fill = found + bytes(38)  # what is added to a sum makes it full
    passed = fast.tc("tc_segmented", frame(ip(CORE[inner], CLIENT[inner], 50, fill)))
    assert passed.data[14 + 46 : 14 + 48] == b"\xff\xff"


@pytest.mark.parametrize("address", [CLIENT4, "172.20.0.0", "172.20.0.255", CLIENT6, "2001:db8:64:ff::9"])
def test_all_that_is_the_subscribers(fast: FastPath, address: str) -> None:
    entry = route()
    fast.add(entry)
    was_sent(fast, udp(CORE[6 if ":" in address else 4], address), entry)


def test_the_longest_prefix_wins(fast: FastPath) -> None:
    fast.add(route())
    narrower = ((int.from_bytes(packed("172.20.0.128"), "big"), 25),)
    other = route(replace(LEG, key=99, peer_session_id=5), slot=4, addresses=(), prefixes4=narrower, prefixes6=())
    fast.add(other)
    is_downstream(
        fast.tc("tc_segmented", frame(udp(CORE[4], "172.20.0.129"))).data[14:], udp(CORE[4], "172.20.0.129"), other
    )
    assert fast.account(4).down_packets4 == 1
    assert fast.account(3).down_packets4 == 0


def test_marks_and_priority(fast: FastPath) -> None:
    fast.add(route(mark=0x2A, priority=0x10010))
    passed = fast.tc("tc_segmented", frame(to_client(4)))
    assert (passed.mark, passed.priority) == (0x2A, 0x10010)
    fast.add(route())
    passed = fast.tc("tc_segmented", frame(to_client(4)), mark=5, priority=6)
    assert (passed.mark, passed.priority) == (5, 6)


def test_an_identification_for_each_packet(fast: FastPath) -> None:
    """They may be cut on their way; the same one twice would mix them up (RFC 791)."""
    fast.add(route())
    seen = {fast.tc("tc_segmented", frame(to_client(4))).data[14 + 4 : 14 + 6] for _ in range(8)}
    assert len(seen) > 4


@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize("outer", [4, 6])
@pytest.mark.parametrize("start", [b"", b"\x01", b"\x01\x01\x01"])
def test_mss_is_lowered(fast: FastPath, outer: int, inner: int, start: bytes) -> None:
    entry = route(LEGS[outer], clamp_mss=True)
    fast.add(entry)
    low = MSS[:2] + struct.pack("!H", 1420 if inner == 4 else 1400)
    sent, wanted = (tcp(CORE[inner], CLIENT[inner], b"x", flags=0x12, options=start + each) for each in (MSS, low))
    was_sent(fast, sent, entry, wanted)


# Refusals of the anchor's program


def refused(fast: FastPath, packet: bytes, reason: FallbackReason | None, **context: int) -> None:
    """The packet begins where the Ethernet header would be; its source makes the kernel take it for what it is."""
    fast.fell_back(fast.tc("tc_down", packet, **context), packet, reason)


SOURCE = {4: "8.0.0.1", 6: "2001:db8:0:86dd::1"}
"""Octets 12 and 13 of an IPv4 packet are 08 00, of an IPv6 packet 00 00 and more: only IPv4 can be tried so."""


def plain(target: str = CLIENT4, octets: int = 40) -> bytes:
    return udp(SOURCE[4], target, bytes(octets))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("10.64.0.3", FallbackReason.NO_SUBSCRIBER),
        ("255.255.255.255", FallbackReason.NO_SUBSCRIBER),
        ("172.20.1.0", FallbackReason.NO_SUBSCRIBER),
        ("224.0.0.1", FallbackReason.LINK_SCOPE),
    ],
)
def test_nobodys(fast: FastPath, target: str, reason: FallbackReason) -> None:
    fast.add(route())
    refused(fast, plain(target), reason)


def test_another_generation_in_the_slot(fast: FastPath) -> None:
    fast.add(route(), generation=6)
    refused(fast, plain(), FallbackReason.STALE)


def test_inactive(fast: FastPath) -> None:
    fast.add(route())
    fast.set_flags(3, 0)
    refused(fast, plain(), FallbackReason.STALE)


def test_numbered(fast: FastPath) -> None:
    fast.add(route(replace(LEG, numbered=True)))
    refused(fast, plain(), FallbackReason.NUMBERED)


def test_too_big(fast: FastPath) -> None:
    fast.add(route(mtu=600))
    refused(fast, plain(octets=573), FallbackReason.TOO_BIG)
    assert fast.account().down_too_big == 0, "Python counts what it does with it"


def test_lengths_that_do_not_agree(fast: FastPath) -> None:
    fast.add(route())
    refused(fast, plain() + b"x", FallbackReason.UNUSUAL_HEADER)
    refused(fast, plain()[:-1], FallbackReason.UNUSUAL_HEADER)


def test_no_way(fast: FastPath) -> None:
    for remote in ("203.0.113.1", "2001:db8:dead::1", "198.18.0.1", "127.0.0.1"):
        leg = LEG6 if ":" in remote else LEG
        fast.clear()
        fast.add(route(replace(leg, remote=remote)))
        refused(fast, plain(), FallbackReason.NO_PATH)


def test_larger_than_the_path_over_ipv6(fast: FastPath) -> None:
    fast.add(route(LEG6, mtu=1500))
    refused(fast, plain(octets=1472), FallbackReason.OUTER_FRAGMENT)


def test_no_neighbour_is_no_obstacle(fast: FastPath) -> None:
    for remote in ("198.18.0.99", "2001:db8::99"):
        fast.clear()
        fast.add(route(replace(LEG6 if ":" in remote else LEG, remote=remote)))
        assert fast.tc("tc_segmented", frame(to_client(4))).verdict == REDIRECT
        assert not fast.take_tallies().fallbacks


def test_the_segmenters_program_drops_what_it_cannot_do(fast: FastPath) -> None:
    """It is behind a device of ours: there is nobody to leave it to."""
    fast.add(route())
    fast.set_flags(3, 0)
    passed = fast.tc("tc_segmented", frame(to_client(4)))
    assert passed.verdict == SHOT
    assert fast.take_tallies().fallbacks == {FallbackReason.STALE: 1}


# Rates


def test_a_policer_lets_its_burst_pass_and_no_more(fast: FastPath) -> None:
    fast.add(route(rate_down_bps=8, burst_down_octets=1500))
    packet = to_client(4, 100)
    passing = 1500 // len(packet)
    for _ in range(passing):
        assert fast.tc("tc_segmented", frame(packet)).verdict == REDIRECT
    fast.take_tallies()
    fast.dropped(fast.tc("tc_segmented", frame(packet)), DropReason.POLICED_DOWN)
    account = fast.account()
    assert (account.down_packets4, account.down_policed, account.empty_up) == (passing, 1, 0)


# Trains


def train(octets: int = 3000, size: int = 1000) -> tuple[bytes, dict[str, int]]:
    return tcp(SOURCE[4], CLIENT4, bytes(octets)), {"gso_size": size, "gso_segs": -(-octets // size)}


def segmented(fast: FastPath, packet: bytes, context: dict[str, int]) -> None:
    """Assert that it went to the segmenter, with a header that says what it is."""
    passed = fast.tc("tc_down", packet, **context)
    assert passed.verdict == REDIRECT
    assert passed.data.hex() == (bytes(12) + b"\x08\x00" + packet).hex()
    assert fast.take_tallies().fallbacks == {FallbackReason.SEGMENT: 1}
    assert fast.account().down_packets4 == 0


@pytest.mark.parametrize("leg", [LEG6, replace(LEG, length_bit=True)], ids=["sum", "length-bit"])
def test_trains_are_taken_apart(fast: FastPath, leg: object) -> None:
    fast.add(route(leg))  # type: ignore[arg-type]  # a Leg
    packet, context = train()
    refused(fast, packet, FallbackReason.SEGMENT, **context)
    fast.settings(segmenter=9)
    segmented(fast, packet, context)


def test_a_train_beyond_its_rate_is_taken_apart(fast: FastPath) -> None:
    fast.add(route(rate_down_bps=8, burst_down_octets=1500))
    fast.settings(segmenter=9)
    packet, context = train()
    segmented(fast, packet, context)
    assert fast.account().empty_down == 0, "nothing is owed yet"


def test_a_train_larger_than_the_path_is_taken_apart(fast: FastPath) -> None:
    fast.add(route(mtu=1500))
    fast.settings(segmenter=9)
    packet, context = train(2920, 1460)
    segmented(fast, packet, context)


def test_segments_count_not_trains(fast: FastPath) -> None:
    fast.add(route(mtu=1040))
    fast.settings(segmenter=9)
    packet, context = train(3000, 1001)
    refused(fast, packet, FallbackReason.TOO_BIG, **context)


def test_trains_of_what_is_neither_tcp_nor_udp(fast: FastPath) -> None:
    fast.add(route())
    packet = ip(SOURCE[4], CLIENT4, 47, bytes(3000))
    refused(fast, packet, FallbackReason.UNUSUAL_HEADER, gso_size=1000, gso_segs=3)


@pytest.mark.parametrize(
    "packet",
    [
        udp(SOURCE[4], CLIENT4, bytes(40), checksum=False),
        ip(SOURCE[4], CLIENT4, 47, bytes(40)),
        ip(SOURCE[4], CLIENT4, 17, udp(SOURCE[4], CLIENT4, bytes(40))[20:] + b"tail"),
    ],
    ids=["no-sum", "gre", "tail"],
)
def test_sums_that_a_device_may_have_to_finish(fast: FastPath, packet: bytes) -> None:
    """A checksum within the packet may not be there yet; on its way through the segmenter it is finished."""
    fast.add(route(LEG6))
    fast.settings(segmenter=9)
    segmented(fast, packet, {})


def test_flags_are_as_the_programs_know_them() -> None:
    assert SessionFlag.ACTIVE | SessionFlag.LENGTH == 0x11
    assert UNSPEC == 0xFFFFFFFF
    assert len(MACS) == 12
    assert sum_ok(udp(CORE[4], CLIENT4)[:20])
