"""XDP: headers off before the stack sees the packet, past the stack both ways, and what is left as it came."""

from __future__ import annotations

import os
import struct
from dataclasses import replace

import pytest

from bras.dataplane.records import META, META_MAGIC, SessionFlag, XdpMode
from bras.dataplane.template import path
from bras.errors import DropReason, FallbackReason
from bras.forwarding.entry import Route
from tests.support.fastpath import (
    CLIENT4,
    CLIENT6,
    CORE,
    CORE_MAC,
    ETHERTYPE,
    FRAMINGS,
    LAC,
    LAC_MAC,
    LEG,
    LEG6,
    LNS,
    MACS,
    XDP_DROP,
    XDP_PASS,
    XDP_REDIRECT,
    FastPath,
    datagram,
    frame,
    icmp,
    ip,
    is_downstream,
    message,
    route,
    tcp,
    udp,
    upstream,
)

pytestmark = pytest.mark.root

CLIENT = {4: CLIENT4, 6: CLIENT6}
LEGS = {4: LEG, 6: LEG6}
MSS = b"\x02\x04\x05\xb4"


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def fewer(packet: bytes) -> bytes:
    """Return a packet a hop further, its IPv4 checksum computed anew."""
    at = 8 if packet[0] >> 4 == 4 else 7
    packet = packet[:at] + bytes((packet[at] - 1,)) + packet[at + 1 :]
    if packet[0] >> 4 == 6:
        return packet
    total = sum(struct.unpack("!10H", packet[:10] + bytes(2) + packet[12:20]))
    total = (total & 0xFFFF) + (total >> 16)
    return packet[:10] + struct.pack("!H", 0xFFFF - (total & 0xFFFF) - (total >> 16)) + packet[12:]


def from_client(inner: int, octets: int = 100) -> bytes:
    return udp(CLIENT[inner], CORE[inner], bytes(range(octets)))


def to_client(inner: int, octets: int = 100) -> bytes:
    return udp(CORE[inner], CLIENT[inner], bytes(range(octets)))


def counted(fast: FastPath, packet: bytes, *, up: bool, fallbacks: dict[FallbackReason, int] | None = None) -> None:
    place = (0 if up else 2) + (4 if packet[0] >> 4 == 6 else 0)
    wanted = [0] * 8
    wanted[place : place + 2] = len(packet), 1
    found = fast.take_tallies()
    assert found.carried == tuple(wanted)
    assert found.fallbacks == (fallbacks or {})
    assert not found.drops


# Decapsulation


@pytest.mark.parametrize("vlan", [0, 5, 4094])
@pytest.mark.parametrize("framing", FRAMINGS, ids=bytes.hex)
@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize("outer", [4, 6])
def test_decapsulated(fast: FastPath, outer: int, inner: int, framing: bytes, vlan: int) -> None:
    """The link's header stays in front, its tag too; before it stands what the TC program is to know."""
    fast.add(route(LEGS[outer], mark=0x2A, priority=0x10010))
    fast.port(XdpMode.DECAP, vlan)
    packet = from_client(inner)
    passed = fast.xdp(upstream(packet, outer, framing=framing, vlan=vlan))
    assert passed.verdict == XDP_PASS
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    wanted = META.pack(META_MAGIC, 0x2A, 0x10010, 0) + MACS + tag + ETHERTYPE[inner] + packet
    assert passed.data.hex() == wanted.hex()
    counted(fast, packet, up=True)


@pytest.mark.parametrize(("configured", "vlan"), [(0, 5), (5, 0), (5, 6)])
def test_another_vlan(fast: FastPath, configured: int, vlan: int) -> None:
    fast.add(route())
    fast.port(XdpMode.DECAP, configured)
    untouched(fast, upstream(from_client(4), vlan=vlan))


@pytest.mark.parametrize("mode", [None, XdpMode.OFF])
def test_off(fast: FastPath, mode: XdpMode | None) -> None:
    fast.add(route())
    if mode is not None:
        fast.port(mode)
    untouched(fast, upstream(from_client(4)))


def untouched(fast: FastPath, octets: bytes, reason: FallbackReason | None = None) -> None:
    fast.fell_back(fast.xdp(octets), octets, reason, XDP_PASS)


@pytest.mark.parametrize("mode", [XdpMode.DECAP, XdpMode.FULL])
def test_what_is_left_is_counted_by_who_has_it_next(fast: FastPath, mode: XdpMode) -> None:
    fast.add(route())
    fast.port(mode)
    hello = struct.pack("!HHHHHH", 0xC802, 20, 1, 0, 5, 6) + bytes(8)
    for payload in (
        hello,
        message(from_client(4), call=1),
        message(from_client(4))[:6] + b"\xff\x03\xc0\x21" + bytes(9),
    ):
        untouched(fast, frame(datagram(payload, LAC[4], LNS[4])))
    untouched(fast, upstream(udp(CLIENT6, "ff02::1")))
    untouched(fast, b"\xff" * 6 + upstream(from_client(4))[6:])
    fast.set_flags(3, 0)
    untouched(fast, upstream(from_client(4)))


@pytest.mark.parametrize("mode", [XdpMode.DECAP, XdpMode.FULL])
def test_spoofed(fast: FastPath, mode: XdpMode) -> None:
    fast.add(route())
    fast.port(mode)
    fast.dropped(fast.xdp(upstream(udp("10.64.0.3", CORE[4]))), DropReason.SPOOFED_SOURCE, XDP_DROP)
    assert fast.account().up_spoofed == 1


def test_policed(fast: FastPath) -> None:
    fast.add(route(rate_up_bps=8, burst_up_octets=1500))
    fast.port(XdpMode.DECAP)
    packet = from_client(4, 255)
    for _ in range(1500 // len(packet)):
        assert fast.xdp(upstream(packet)).verdict == XDP_PASS
    fast.take_tallies()
    fast.dropped(fast.xdp(upstream(packet)), DropReason.POLICED_UP, XDP_DROP)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize("start", [b"", b"\x01", b"\x01\x01\x01"])
def test_mss_is_lowered_upstream(fast: FastPath, inner: int, start: bytes, full: bool) -> None:
    fast.add(route(clamp_mss=True))
    fast.port(XdpMode.FULL if full else XdpMode.DECAP)
    if full:
        fast.exit("core0")
    low = MSS[:2] + struct.pack("!H", 1420 if inner == 4 else 1400)
    sent, wanted = (tcp(CLIENT[inner], CORE[inner], b"x", flags=2, options=start + each) for each in (MSS, low))
    passed = fast.xdp(upstream(sent))
    assert passed.data.hex().endswith((fewer(wanted) if full else wanted).hex())


# Past the stack, upstream


@pytest.mark.parametrize("vlan", [0, 5])
@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize("outer", [4, 6])
def test_past_the_stack_upstream(fast: FastPath, outer: int, inner: int, vlan: int) -> None:
    fast.add(route(LEGS[outer]))
    fast.port(XdpMode.FULL, vlan)
    fast.exit("core0")
    packet = from_client(inner)
    passed = fast.xdp(upstream(packet, outer, vlan=vlan))
    assert passed.verdict == XDP_REDIRECT
    assert passed.data[:6] == mac(CORE_MAC)
    assert passed.data[12:].hex() == (ETHERTYPE[inner] + fewer(packet)).hex()
    counted(fast, packet, up=True)


@pytest.mark.usefixtures("one_cpu")
@pytest.mark.parametrize("inner", [4, 6])
def test_once_in_a_while_the_kernel_sends_to_the_neighbour(fast: FastPath, inner: int) -> None:
    """It does not see what XDP sends, and would not ask any more whether anybody is there."""
    entry = route(LEG6)
    fast.add(entry)
    fast.port(XdpMode.FULL)
    fast.exit("core0")
    fast.exit("lac0")
    up, down = from_client(inner), to_client(inner)
    was_sent(fast, frame(down), down, entry)
    for octets, left in ((upstream(up, 6), MACS + ETHERTYPE[inner] + up), (frame(down), frame(down))):
        fast.attend(1)
        passed = fast.xdp(octets, attended=False)
        assert passed.verdict == XDP_PASS
        assert passed.data[-len(left) :].hex() == left.hex()
        assert fast.xdp(octets, attended=False).verdict == XDP_REDIRECT
    assert not fast.take_tallies().fallbacks


@pytest.mark.usefixtures("one_cpu")
@pytest.mark.parametrize("inner", [4, 6])
def test_what_the_kernel_is_to_send_it_is_asked_for_anew(fast: FastPath, inner: int) -> None:
    """By a way that is remembered the TC program would send it by itself."""
    fast.add(route(LEG6))
    fast.port(XdpMode.FULL)
    fast.exit("lac0")
    packet = to_client(inner)
    assert fast.xdp(frame(packet)).verdict == XDP_REDIRECT
    assert remembered(fast)
    fast.attend(1)
    assert fast.xdp(frame(packet), attended=False).verdict == XDP_PASS
    assert not remembered(fast)


def remembered(fast: FastPath) -> bool:
    """Tell whether this CPU believes to know the way to the LAC."""
    (cpu,) = os.sched_getaffinity(0)
    seen = fast.maps["paths"].per_cpu(struct.pack("=I", path(LEG6)))[cpu]
    return struct.unpack_from("=Q", seen)[0] != 0


def decapsulated(fast: FastPath, packet: bytes) -> None:
    """Assert that a packet took the way of mode "decap" though "full" was wanted."""
    passed = fast.xdp(upstream(packet))
    assert passed.verdict == XDP_PASS
    assert passed.data[META.size :].hex() == (MACS + ETHERTYPE[packet[0] >> 4] + packet).hex()
    counted(fast, packet, up=True, fallbacks={FallbackReason.NOT_XDP: 1})


@pytest.mark.parametrize(
    "packet",
    [
        udp(CLIENT4, CORE[4], b"last hop", ttl=1),
        udp(CLIENT4, CORE[4], b"no hop", ttl=0),
        udp(CLIENT6, CORE[6], b"last hop", ttl=1),
        udp(CLIENT4, "192.0.2.1", b"to the host itself"),
        udp(CLIENT4, "203.0.113.1", b"no route"),
        udp(CLIENT4, "192.0.2.99", b"no neighbour"),
        udp(CLIENT6, "2001:db8:ffff::99", b"no neighbour"),
        udp(CLIENT4, LAC[4], b"by no exit"),
    ],
    ids=str,
)
def test_what_the_stack_must_see_upstream(fast: FastPath, packet: bytes) -> None:
    fast.add(route())
    fast.port(XdpMode.FULL)
    fast.exit("core0")
    decapsulated(fast, packet)


def test_larger_than_the_way_out(fast: FastPath) -> None:
    fast.add(route())
    fast.port(XdpMode.FULL)
    fast.exit("core0")
    fast.namespace.ip("link", "set", "core0", "mtu", "1280")
    try:
        decapsulated(fast, ip(CLIENT4, CORE[4], 17, bytes(1261)))
        assert fast.xdp(upstream(ip(CLIENT4, CORE[4], 17, bytes(1260)))).verdict == XDP_REDIRECT
    finally:
        fast.namespace.ip("link", "set", "core0", "mtu", "1500")


# Past the stack, downstream


PACKETS = {
    "tcp": lambda there, here: tcp(there, here, b"data!"),
    "udp": lambda there, here: udp(there, here, b"data"),
    "udp-without-sum": lambda there, here: udp(there, here, b"data!", checksum=False),
    "echo": lambda there, here: icmp(there, here, b"ping!"),
    "gre": lambda there, here: ip(there, here, 47, bytes(range(101))),
    "large": lambda there, here: ip(there, here, 132, bytes(range(256)) * 5 + bytes(range(120))),
}


def was_sent(fast: FastPath, octets: bytes, packet: bytes, entry: Route) -> None:
    passed = fast.xdp(octets)
    assert passed.verdict == XDP_REDIRECT
    assert passed.data[:6] == mac(LAC_MAC)
    assert passed.data[12:14] == ETHERTYPE[6 if ":" in entry.legs[0].remote else 4]
    is_downstream(passed.data[14:], fewer(packet), entry)
    counted(fast, packet, up=False)


@pytest.mark.parametrize("name", PACKETS)
@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize(("acfc", "pfc"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("outer", [4, 6])
def test_past_the_stack_downstream(fast: FastPath, outer: int, acfc: bool, pfc: bool, inner: int, name: str) -> None:
    entry = route(replace(LEGS[outer], acfc=acfc, pfc=pfc))
    fast.add(entry)
    fast.port(XdpMode.FULL)
    fast.exit("lac0")
    packet = PACKETS[name](CORE[inner], CLIENT[inner])
    was_sent(fast, frame(packet), packet, entry)


@pytest.mark.parametrize("leg", [replace(LEG6, udp6_zero_checksum=True), replace(LEG, length_bit=True)])
@pytest.mark.parametrize("inner", [4, 6])
def test_other_headers_downstream(fast: FastPath, inner: int, leg: object) -> None:
    entry = route(leg)  # type: ignore[arg-type]  # a Leg
    fast.add(entry)
    fast.port(XdpMode.FULL, 7)
    fast.exit("lac0")
    was_sent(fast, frame(to_client(inner), vlan=7), to_client(inner), entry)


@pytest.mark.parametrize("inner", [4, 6])
def test_every_hop_limit(fast: FastPath, inner: int) -> None:
    """Checksums are changed, not computed anew: with each carry they must come out right."""
    entry = route(LEG6)
    fast.add(entry)
    fast.port(XdpMode.FULL)
    fast.exit("lac0")
    for hops in (2, 3, 64, 127, 128, 129, 254, 255):
        packet = udp(CORE[inner], CLIENT[inner], bytes(9), ttl=hops)
        was_sent(fast, frame(packet), packet, entry)


def test_padding_is_neither_billed_nor_measured(fast: FastPath) -> None:
    fast.add(route())
    fast.port(XdpMode.FULL)
    fast.exit("lac0")
    packet = to_client(4, 1)
    passed = fast.xdp(frame(packet) + bytes(17))
    assert passed.verdict == XDP_REDIRECT
    is_downstream(passed.data[14:-17], fewer(packet), route())
    counted(fast, packet, up=False)


@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize("outer", [4, 6])
@pytest.mark.parametrize("start", [b"", b"\x01", b"\x01\x01\x01"])
def test_mss_is_lowered_downstream(fast: FastPath, outer: int, inner: int, start: bytes) -> None:
    entry = route(LEGS[outer], clamp_mss=True)
    fast.add(entry)
    fast.port(XdpMode.FULL)
    fast.exit("lac0")
    low = MSS[:2] + struct.pack("!H", 1420 if inner == 4 else 1400)
    sent, wanted = (tcp(CORE[inner], CLIENT[inner], b"x", flags=0x12, options=start + each) for each in (MSS, low))
    was_sent(fast, frame(sent), wanted, entry)


@pytest.mark.parametrize(
    "packet",
    [
        udp(CORE[4], CLIENT4, b"last hop", ttl=1),
        udp(CORE[6], CLIENT6, b"last hop", ttl=1),
        udp(CORE[4], "10.64.0.3", b"nobody's"),
        udp(CORE[6], "2001:db8:65::1", b"nobody's"),
        udp(CORE[4], "224.0.0.1", b"multicast"),
        udp("fe80::1", CLIENT6, b"link-local"),
        udp(CORE[4], CLIENT4, bytes(1433)),
        b"\x46" + udp(CORE[4], CLIENT4, b"options")[1:],
        udp(CORE[4], CLIENT4, b"damaged")[:8] + b"\x05" + udp(CORE[4], CLIENT4, b"damaged")[9:],
        udp(CORE[4], CLIENT4, b"truncated")[:-1],
        udp(CORE[6], CLIENT6, b"truncated")[:-1],
    ],
    ids=range(11),
)
def test_what_the_stack_must_see_downstream(fast: FastPath, packet: bytes) -> None:
    fast.add(route())
    fast.port(XdpMode.FULL)
    fast.exit("lac0")
    untouched(fast, frame(packet))


def test_not_active_downstream(fast: FastPath) -> None:
    fast.add(route())
    fast.port(XdpMode.FULL)
    fast.exit("lac0")
    for flags in (0, SessionFlag.ACTIVE | SessionFlag.NUMBERED):
        fast.set_flags(3, flags)
        untouched(fast, frame(to_client(4)))
    fast.clear()
    fast.port(XdpMode.FULL)
    fast.add(route(), generation=6)
    untouched(fast, frame(to_client(4)))


def test_only_mode_full_carries_downstream(fast: FastPath) -> None:
    fast.add(route())
    fast.port(XdpMode.DECAP)
    fast.exit("lac0")
    untouched(fast, frame(to_client(4)))


@pytest.mark.parametrize("remote", ["198.18.0.99", "203.0.113.9", "192.0.2.2", "198.18.0.1"])
def test_no_way_past_the_stack(fast: FastPath, remote: str) -> None:
    """No neighbour, no route, no exit, and a LAC on this host: the TC program has other means."""
    fast.add(route(replace(LEG, remote=remote)))
    fast.port(XdpMode.FULL)
    fast.exit("lac0")
    untouched(fast, frame(to_client(4)), FallbackReason.NOT_XDP)


@pytest.mark.parametrize("leg", [LEG, LEG6])
def test_larger_than_the_path_to_the_lac(fast: FastPath, leg: object) -> None:
    fast.add(route(leg, mtu=1500))  # type: ignore[arg-type]  # a Leg
    fast.port(XdpMode.FULL)
    fast.exit("lac0")
    untouched(fast, frame(ip(CORE[4], CLIENT4, 17, bytes(1480))), FallbackReason.NOT_XDP)


def test_policed_downstream(fast: FastPath) -> None:
    fast.add(route(rate_down_bps=8, burst_down_octets=1500))
    fast.port(XdpMode.FULL)
    fast.exit("lac0")
    packet = to_client(4, 255)
    for _ in range(1500 // len(packet)):
        assert fast.xdp(frame(packet)).verdict == XDP_REDIRECT
    fast.take_tallies()
    fast.dropped(fast.xdp(frame(packet)), DropReason.POLICED_DOWN, XDP_DROP)
    assert fast.account().down_policed == 1


def test_other_frames(fast: FastPath) -> None:
    fast.add(route())
    fast.port(XdpMode.FULL)
    packet = from_client(4)
    for octets in (
        MACS + b"\x08\x06" + bytes(28),
        MACS + b"\x81\x00\x00\x05\x81\x00\x00\x06" + upstream(packet)[12:],
        MACS + b"\x88\xa8\x00\x05\x81\x00\x00\x06" + upstream(packet)[12:],
        MACS + b"\x81\x00",
        MACS + b"\x81\x00\x00\x05",
        MACS + b"\x08\x00",
    ):
        untouched(fast, octets)
