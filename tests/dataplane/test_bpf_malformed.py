"""What is cut off, or has a wrong length or octet anywhere: left as it came, or dropped and counted, never half taken.

A reader that follows the RFCs, and shares nothing with the programs, says what must become of each frame.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from bras.dataplane.records import META, XdpMode
from tests.support.fastpath import (
    CALL,
    CLIENT4,
    CLIENT6,
    CORE,
    LAC,
    LEG,
    LEG6,
    LNS,
    MACS,
    REDIRECT,
    SHOT,
    UNSPEC,
    XDP_DROP,
    XDP_PASS,
    XDP_REDIRECT,
    FastPath,
    Passed,
    datagram,
    frame,
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
BOTH = [(outer, inner) for outer in (4, 6) for inner in (4, 6)]
TAKEN, LEFT, DROPPED = "taken", "left", "dropped"
MINIMUM = 34
"""A test run wants so many octets of a frame with an IP packet."""


@pytest.fixture
def fast(fast: FastPath) -> FastPath:
    fast.port(XdpMode.DECAP)
    return fast


# The reader


@dataclass(frozen=True)
class Fate:
    """What must become of a frame."""

    fate: str
    packet: bytes = b""


NOT_OURS = Fate(LEFT)
BAD = Fate(DROPPED)


def fate(octets: bytes, outer: int) -> Fate:
    """Judge an upstream frame for the subscriber of this module."""
    if octets[:12] != MACS:
        return NOT_OURS if octets[:6] != MACS[:6] else fate(MACS + octets[12:], outer)
    payload = _udp_payload(octets, outer)
    return _message(payload) if payload is not None else NOT_OURS


def _udp_payload(octets: bytes, outer: int) -> bytes | None:
    kind, ip = octets[12:14], octets[14:]
    if outer == 4:
        if kind != b"\x08\x00" or len(ip) < 28 or ip[0] != 0x45 or ip[9] != 17 or not sum_ok(ip[:20]):
            return None
        total, addresses, segment = int.from_bytes(ip[2:4], "big"), ip[12:20], ip[20:]
        if total > len(ip) or ip[6] & 0x3F or ip[7]:
            return None
        segment = ip[20:total]
    else:
        if kind != b"\x86\xdd" or len(ip) < 48 or ip[0] >> 4 != 6 or ip[6] != 17:
            return None
        total, addresses = int.from_bytes(ip[4:6], "big"), ip[8:40]
        if total + 40 > len(ip):
            return None
        segment = ip[40 : 40 + total]
    if addresses != packed(LAC[outer]) + packed(LNS[outer]) or segment[:4] != struct.pack("!HH", 1701, 1701):
        return None
    length = int.from_bytes(segment[4:6], "big")
    return segment[8:length] if 16 <= length <= len(segment) else None


def _message(payload: bytes) -> Fate:
    flags, at = payload[0], 2
    if flags & 0x8A or payload[1] & 15 != 2:
        return NOT_OURS
    if flags & 0x40:
        if int.from_bytes(payload[2:4], "big") != len(payload) or len(payload) < 10:
            return NOT_OURS
        at = 4
    if payload[at : at + 4] != struct.pack("!I", CALL):
        return NOT_OURS
    return _ppp(payload[at + 4 :])


def _ppp(ppp: bytes) -> Fate:
    if len(ppp) < 4:
        return NOT_OURS
    if ppp[:2] == b"\xff\x03":
        ppp = ppp[2:]
    for protocol, judge in ((0x21, _ipv4), (0x57, _ipv6)):
        for start in (bytes((protocol,)), bytes((0, protocol))):
            if ppp.startswith(start):
                return judge(ppp[len(start) :])
    return NOT_OURS


def _ipv4(rest: bytes) -> Fate:
    if len(rest) < 20 or rest[0] >> 4 != 4 or rest[0] & 15 < 5:
        return BAD
    if rest[0] & 15 > 5:
        return NOT_OURS
    total = int.from_bytes(rest[2:4], "big")
    if not 20 <= total <= len(rest) or not sum_ok(rest[:20]):
        return BAD
    if rest[16] >> 4 == 14:
        return NOT_OURS
    return Fate(TAKEN, rest[:total]) if rest[12:16] == packed(CLIENT4) or rest[12:15] == b"\xac\x14\x00" else BAD


def _ipv6(rest: bytes) -> Fate:
    if len(rest) < 40 or rest[0] >> 4 != 6:
        return BAD
    total = 40 + int.from_bytes(rest[4:6], "big")
    if total > len(rest):
        return BAD
    source, target = rest[8:24], rest[24:40]
    if target[0] == 0xFF or any(each[0] == 0xFE and each[1] & 0xC0 == 0x80 for each in (source, target)):
        return NOT_OURS
    return Fate(TAKEN, rest[:total]) if source[:7] == packed("2001:db8:64::")[:7] else BAD


def check(fast: FastPath, octets: bytes, wanted: Fate, program: str) -> None:
    """Run a frame through a program and hold what became of it against the reader's word."""
    passed = fast.tc("tc_up", octets) if program == "tc" else fast.xdp(octets)
    before = 14 if program == "tc" else META.size + 14
    left, shot, taken = (UNSPEC, SHOT, REDIRECT) if program == "tc" else (XDP_PASS, XDP_DROP, XDP_PASS)
    tallies = fast.take_tallies()
    told = (program, octets.hex(), wanted)
    if wanted.fate == TAKEN:
        assert passed.verdict == taken, told
        assert passed.data[before : before + len(wanted.packet)].hex() == wanted.packet.hex(), told
        assert sum(tallies.carried[1::2]) == 1, told
        assert sum(tallies.carried[::2]) == len(wanted.packet), told
        assert not tallies.drops, told
    elif wanted.fate == LEFT:
        assert passed.verdict == left, told
        assert passed.data == octets, told
        assert not any(tallies.carried), told
        assert not tallies.drops, told
    else:
        assert passed.verdict == shot, told
        assert sum(tallies.drops.values()) == 1, told
        assert not any(tallies.carried), told


def sample(outer: int, inner: int, *, length: bool = False, spare: int = 0) -> bytes:
    """Return a frame that is taken; ``spare``: octets after the packet, in the PPP frame."""
    data = message(udp(CLIENT[inner], CORE[inner], b"payload"), length=length)
    if spare:
        data = message(udp(CLIENT[inner], CORE[inner], b"payload") + bytes(spare), length=length)
    return frame(datagram(data, LAC[outer], LNS[outer]))


# Cut off


@pytest.mark.parametrize("program", ["tc", "xdp"])
@pytest.mark.parametrize("length", [False, True], ids=["plain", "length-bit"])
@pytest.mark.parametrize(("outer", "inner"), BOTH)
def test_frames_cut_at_every_octet(fast: FastPath, outer: int, inner: int, length: bool, program: str) -> None:
    fast.add(route(LEGS[outer]))
    whole = sample(outer, inner, length=length)
    least = 54 if outer == 6 and program == "tc" else MINIMUM
    for octets in (whole[:end] for end in range(least, len(whole) + 1)):
        wanted = fate(octets, outer)
        assert (wanted.fate == TAKEN) == (len(octets) == len(whole))
        check(fast, octets, wanted, program)


@pytest.mark.parametrize("program", ["tc", "xdp"])
@pytest.mark.parametrize("length", [False, True], ids=["plain", "length-bit"])
@pytest.mark.parametrize(("outer", "inner"), BOTH)
def test_messages_cut_at_every_octet(fast: FastPath, outer: int, inner: int, length: bool, program: str) -> None:
    """The outer headers agree with what is left, and so does the L2TP length; padding must not pass for more of it."""
    fast.add(route(LEGS[outer]))
    whole = message(udp(CLIENT[inner], CORE[inner], b"payload"), length=length)
    _cut(fast, whole, outer, length, program)


@pytest.mark.parametrize("program", ["tc", "xdp"])
@pytest.mark.parametrize("outer", [4, 6])
def test_messages_cut_in_a_header_with_options(fast: FastPath, outer: int, program: str) -> None:
    """What follows the message does not pass for the rest of the header, nor for its first octet."""
    fast.add(route(LEGS[outer]))
    packet = udp(CLIENT4, CORE[4], b"payload")
    _cut(fast, message(b"\x47" + packet[1:]), outer, False, program)


def _cut(fast: FastPath, whole: bytes, outer: int, length: bool, program: str) -> None:
    for end in range(len(whole) + 1):
        data = whole[:end]
        if length and end >= 4:
            data = data[:2] + struct.pack("!H", end) + data[4:]
        for padding in (b"", b"\xff\x03\x00\x21", bytes(64), b"\x47" * 64):
            octets = frame(datagram(data, LAC[outer], LNS[outer])) + padding
            check(fast, octets, fate(octets, outer), program)


# Lengths


def lengths_near(right: int) -> list[int]:
    return sorted({*range(max(right - 70, 0), right + 70), 0, 1, 7, 8, 19, 20, 39, 40, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF})


def with_length(octets: bytes, at: int, value: int) -> bytes:
    return octets[:at] + struct.pack("!H", value) + octets[at + 2 :]


def resummed(octets: bytes, at: int) -> bytes:
    """Return the frame with the checksum of the IPv4 header at octet ``at`` made right."""
    header = octets[at : at + 10] + bytes(2) + octets[at + 12 : at + 20]
    total = sum(struct.unpack("!10H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return octets[: at + 10] + struct.pack("!H", 0xFFFF - total) + octets[at + 12 :]


@pytest.mark.parametrize("program", ["tc", "xdp"])
@pytest.mark.parametrize("field", ["outer", "udp", "l2tp", "inner"])
@pytest.mark.parametrize(("outer", "inner"), BOTH)
def test_wrong_lengths(fast: FastPath, outer: int, inner: int, field: str, program: str) -> None:
    fast.add(route(LEGS[outer]))
    whole = sample(outer, inner, length=field == "l2tp", spare=5)
    udp_at = 14 + (20 if outer == 4 else 40)
    inner_at = udp_at + 8 + (8 if field == "l2tp" else 6) + 4
    at = {
        "outer": 14 + (2 if outer == 4 else 4),
        "udp": udp_at + 4,
        "l2tp": udp_at + 8 + 2,
        "inner": inner_at + (2 if inner == 4 else 4),
    }[field]
    fates = set()
    for value in lengths_near(int.from_bytes(whole[at : at + 2], "big")):
        octets = with_length(whole, at, value)
        if field == "outer" and outer == 4:
            octets = resummed(octets, 14)
        if field == "inner" and inner == 4:
            octets = resummed(octets, inner_at)
        wanted = fate(octets, outer)
        fates.add(wanted.fate)
        check(fast, octets, wanted, program)
    assert TAKEN in fates
    assert len(fates) > 1


# Anything


@pytest.mark.parametrize("program", ["tc", "xdp"])
@pytest.mark.parametrize("length", [False, True], ids=["plain", "length-bit"])
@pytest.mark.parametrize(("outer", "inner"), BOTH)
def test_every_octet_is_looked_at(fast: FastPath, outer: int, inner: int, length: bool, program: str) -> None:
    """Each octet of the headers takes some other values."""
    fast.add(route(LEGS[outer]))
    whole = sample(outer, inner, length=length)
    end = len(whole) - 15
    for at in range(14, end):
        for value in {0, 0xFF, whole[at] ^ 1, whole[at] ^ 0x80, 0x21, 0x57} - {whole[at]}:
            octets = whole[:at] + bytes((value,)) + whole[at + 1 :]
            if fragment6(octets, outer):
                continue
            check(fast, octets, fate(octets, outer), program)


def fragment6(octets: bytes, outer: int) -> bool:
    return outer == 6 and octets[20] == 44


def noise(choose: random.Random, whole: bytes) -> bytes:
    """Return a frame with some octets changed, cut, doubled or put in."""
    octets = bytearray(whole)
    for _ in range(choose.randint(1, 4)):
        at = choose.randrange(14, len(octets))
        match choose.randrange(4):
            case 0:
                octets[at] = choose.randrange(256)
            case 1:
                octets[at] ^= 1 << choose.randrange(8)
            case 2:
                del octets[at : at + choose.randint(1, 8)]
            case _:
                octets[at:at] = choose.randbytes(choose.randint(1, 8))
    if choose.random() < 0.7 and octets[12:14] == b"\x08\x00" and len(octets) >= 34:
        return resummed(bytes(octets), 14)
    return bytes(octets)


@pytest.mark.parametrize("program", ["tc", "xdp"])
@pytest.mark.parametrize(("outer", "inner"), BOTH)
def test_noise(fast: FastPath, outer: int, inner: int, program: str) -> None:
    fast.add(route(LEGS[outer]))
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choose = random.Random(seed)
    whole = sample(outer, inner, length=choose.random() < 0.5, spare=choose.choice((0, 6)))
    for _ in range(1500):
        octets = noise(choose, whole)
        if len(octets) >= 54 and not fragment6(octets, outer):
            check(fast, octets, fate(octets, outer), program)


# Downstream


def check_down(fast: FastPath, run: Callable[[bytes], Passed], octets: bytes, sent: int, left: int) -> None:
    """Assert that a packet was wrapped whole, or that nothing happened to it."""
    passed = run(octets)
    tallies = fast.take_tallies()
    if passed.verdict == sent:
        assert sum(tallies.carried[1::2]) == 1
        assert sum(tallies.carried[::2]) <= len(octets) - 14
        return
    assert passed.verdict == left, octets.hex()
    assert not any(tallies.carried)
    if left != SHOT:
        assert passed.data == octets


@pytest.mark.parametrize("program", ["tc", "xdp"])
@pytest.mark.parametrize(("outer", "inner"), BOTH)
def test_packets_to_subscribers_cut_at_every_octet(fast: FastPath, outer: int, inner: int, program: str) -> None:
    fast.add(route(LEGS[outer], clamp_mss=True))
    fast.port(XdpMode.FULL)
    fast.exit("lac0")
    whole = frame(tcp(CORE[inner], CLIENT[inner], b"data", flags=2, options=b"\x01\x01\x02\x04\x05\xb4"))
    least = 54 if inner == 6 else MINIMUM
    for end in range(least, len(whole)):
        octets = whole[:end]
        passed = fast.tc("tc_segmented", octets) if program == "tc" else fast.xdp(octets)
        assert passed.verdict == (SHOT if program == "tc" else XDP_PASS)
        assert not any(fast.take_tallies().carried)
        at = 14 + (2 if inner == 4 else 4)
        octets = with_length(octets, at, end - 14 - (0 if inner == 4 else 40))
        octets = resummed(octets, 14) if inner == 4 else octets
        passed = fast.tc("tc_segmented", octets) if program == "tc" else fast.xdp(octets)
        assert passed.verdict == (REDIRECT if program == "tc" else XDP_REDIRECT)
        assert sum(fast.take_tallies().carried[::2]) == end - 14


@pytest.mark.parametrize("program", ["tc_segmented", "tc_down", "xdp"])
@pytest.mark.parametrize(("outer", "inner"), BOTH)
def test_noise_to_subscribers(fast: FastPath, outer: int, inner: int, program: str) -> None:
    fast.add(route(replace(LEGS[outer], pfc=True), clamp_mss=True, rate_down_bps=10**9))
    fast.port(XdpMode.FULL)
    fast.exit("lac0")
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choose = random.Random(seed)
    run = fast.xdp if program == "xdp" else lambda octets: fast.tc(program, octets)
    sent, left = {"xdp": (XDP_REDIRECT, XDP_PASS), "tc_down": (REDIRECT, UNSPEC), "tc_segmented": (REDIRECT, SHOT)}[
        program
    ]
    whole = frame(tcp(CORE[inner], CLIENT[inner], b"data", flags=2, options=b"\x01\x01\x02\x04\x05\xb4"))
    for _ in range(1000):
        octets = noise(choose, whole)
        if len(octets) >= 54:
            check_down(fast, run, octets, sent, left)


def test_the_reader_knows_a_good_frame() -> None:
    for outer, inner in BOTH:
        packet = udp(CLIENT[inner], CORE[inner], b"payload")
        assert fate(upstream(packet, outer), outer) == Fate(TAKEN, packet)
