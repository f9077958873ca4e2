"""Packets through the forwarding path, both ways: only what is whole, right and allowed comes out.

Everything that comes out is judged by a checksum that shares nothing with the product.
"""

from __future__ import annotations

import atexit
import contextlib
import socket
import struct
from ipaddress import IPv6Address

from bras.dataplane.forward import Forwarder
from bras.dataplane.icmp6 import Sources
from bras.forwarding.entry import Leg, Route
from tests.fuzz.harness import Cursor, Harness
from tests.unit.dataplane.packets import internet_sum, ipv4, ipv6, pseudo6, tcp, tcp6, tcp6_sum, tcp_sum

PEER = ("198.18.0.2", 1701)
ADDRESSES = ("10.64.0.2", "10.64.0.3", "10.64.0.99", "192.0.2.2", "224.0.0.1", "127.0.0.1")
ADDRESSES6 = ("2001:db8:1::2", "2001:db8:2::3", "2001:db8:99::1", "fe80::1", "ff02::1", "2001:db8:3::4")
MTU = 1400
HEADER_OCTETS = 10


NEAR, FAR = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
for _end in (NEAR, FAR):
    _end.setblocking(False)
atexit.register(NEAR.close)
atexit.register(FAR.close)


class _Way:
    """The LAC's end."""

    peer = PEER

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)


class _Sources(Sources):
    """One address of ours, where a kernel would choose."""

    def to(self, address: bytes) -> bytes | None:
        return IPv6Address("2001:db8::1").packed


def _network6(slot: int) -> tuple[int, int]:
    return int(IPv6Address(f"2001:db8:{slot}::")), 48


class _Plane(Forwarder):
    """A forwarder whose device is a socket."""

    def __init__(self) -> None:
        super().__init__(bytes((10, 255, 255, 255)))
        self.way = _Way()
        self._device = NEAR.fileno()
        self._errors6.sources = _Sources()
        limited = {"rate_up_bps": 8000, "rate_down_bps": 8000, "burst_up_octets": 900, "burst_down_octets": 900}
        for slot, changes in ((1, {}), (2, {"source_check": False, "mtu": 576}), (3, limited)):
            leg = Leg(0x1234_0000 + slot, 0, "198.18.0.1", 1701, *PEER, 0x4321, slot, acfc=slot == 3, pfc=slot == 3)
            values = {"vrf": 0, "legs": (leg,), "addresses": (0x0A400001 + slot,), "mtu": MTU} | changes
            values |= {"prefixes6": (_network6(slot),), "prefixes4": ((0xC0000200 + 64 * slot, 26),)}
            self._table.put(Route(slot, 1, **values), self.way)

    def taken(self) -> list[bytes]:
        """Return what was written to the device."""
        packets = []
        with contextlib.suppress(BlockingIOError):
            while True:
                packets.append(FAR.recv(65535))
        return packets


def _header_is_right(packet: bytes) -> bool:
    if packet[0] >> 4 == 6:
        return len(packet) == 40 + int.from_bytes(packet[4:6], "big")
    size = (packet[0] & 15) * 4
    return packet[0] >> 4 == 4 and 20 <= size <= len(packet) and internet_sum(packet[:size]) == 0xFFFF


def _packet6(cursor: Cursor, source: str, target: str) -> bytes:
    """Build an IPv6 packet, perhaps with damage."""
    form = cursor.u8()
    payload = cursor.string() + bytes(1500 if form & 0x40 else 0)
    if form & 3 == 0:
        packet = tcp6(payload[:36], flags=cursor.u8(), source=source, target=target)
    else:
        packet = ipv6(payload, protocol=(6, 58, 0)[(form & 3) - 1], source=source, target=target)
    if form & 4:
        at = cursor.u8() % len(packet)
        packet = packet[:at] + bytes((cursor.u8(),)) + packet[at + 1 :]
    return packet[: len(packet) - cursor.u8()] if form & 8 else packet


def _packet(cursor: Cursor, source: str, target: str) -> bytes:
    """Build a packet, perhaps with damage."""
    form = cursor.u8()
    field = cursor.u16() if form & 0x80 else 0
    options = cursor.take(4 * (form >> 4 & 3))
    options += bytes(-len(options) % 4)
    payload = cursor.string() + bytes(1500 if form & 0x40 else 0)
    if form & 3 == 0:
        packet = tcp(payload[:36], flags=cursor.u8(), source=source, target=target, field=field)
    else:
        protocol = (6, 1, 17)[(form & 3) - 1]
        packet = ipv4(payload, protocol=protocol, source=source, target=target, field=field, options=options)
    if form & 4:
        at = cursor.u8() % len(packet)
        packet = packet[:at] + bytes((cursor.u8(),)) + packet[at + 1 :]
    return packet[: len(packet) - cursor.u8()] if form & 8 else packet


def _up(plane: _Plane, cursor: Cursor, six: bool) -> None:
    form = cursor.u8()
    slot = 1 + (form & 3)
    if form & 0x40:
        packet = cursor.rest()
    elif six:
        packet = _packet6(cursor, cursor.of(ADDRESSES6), cursor.of(ADDRESSES6))
    else:
        packet = _packet(cursor, cursor.of(ADDRESSES), "192.0.2.2")
    head = b"\x12\x34" + slot.to_bytes(2, "big")
    framing = (b"\xff\x03\x00\x21", b"\x00\x21", b"\x21", b"\xff\x03\x21")[form >> 2 & 3]
    frame = (framing[:-1] + b"\x57" if six else framing) + packet
    if form & 0x10:
        data = b"\x4a\x02" + (14 + len(frame)).to_bytes(2, "big") + head + bytes(6) + frame
    else:
        data = b"\x00\x02" + head + frame
    address = ("198.18.0.3", 1701) if form & 0x20 else PEER
    before = sum(plane.drops.values())
    if form & 0x80:  # one that the core has put in order
        plane.forward(slot, 1, packet, now=1.0)
        taken = True
    else:
        taken = plane.datagram(data, address, now=1.0)
    written = plane.taken()
    assert len(written) <= 1
    assert not plane.way.sent
    if not taken or form & 0xA0 == 0x20:
        assert not written
        return
    assert len(written) + sum(plane.drops.values()) - before == 1, "forwarded, or dropped and counted"
    for out in written:
        assert _header_is_right(out)
        if out[0] >> 4 == 6:
            _judge_up6(slot, out)
        else:
            assert len(out) == int.from_bytes(out[2:4], "big")
            own = (0x0A400001 + slot, 0xC0000200 + 64 * slot)
            source = int.from_bytes(out[12:16], "big")
            assert slot == 2 or source == own[0] or source & ~63 == own[1], "a spoofed source came through"
        _judge_change(packet[: len(out)], out)


def _judge_up6(slot: int, out: bytes) -> None:
    assert out[24] != 0xFF, "a multicast packet was forwarded"
    assert slot == 2 or out[8:14] == IPv6Address(_network6(slot)[0]).packed[:6], "a spoofed source came through"
    assert out[8:10] != b"\xfe\x80", "a link-local source was forwarded"


def _judge_change(before: bytes, after: bytes) -> None:
    """Nothing is changed but the MSS of a SYN and the checksum with it, which stays as right as it was."""
    assert len(before) == len(after)
    if before == after:
        return
    six = after[0] >> 4 == 6
    size = 40 if six else (after[0] & 15) * 4
    assert after[6 if six else 9] == 6
    assert after[size + 13] & 2
    changed = [at for at in range(len(after)) if before[at] != after[at]]
    assert all(size + 16 <= at for at in changed)
    assert len(changed) <= 4
    summed = tcp6_sum if six else tcp_sum
    assert summed(before) % 0xFFFF == summed(after) % 0xFFFF


def _judge_error(packet: bytes, out: bytes) -> None:
    """Judge an ICMP error of ours about ``packet``."""
    assert _header_is_right(out)
    if out[0] >> 4 == 6:
        assert out[6] == 58
        assert len(out) <= 1280
        assert internet_sum(pseudo6(out, 58)) == 0xFFFF
        assert packet[6] != 58 or packet[40] >= 128, "an error about an error"
        return
    assert out[9] == 1
    assert len(out) <= 576
    assert internet_sum(out[20:]) == 0xFFFF
    assert packet[9] != 1 or packet[(packet[0] & 15) * 4] not in (3, 4, 5, 11, 12), "an error about an error"


def _down(plane: _Plane, cursor: Cursor, six: bool) -> None:
    form = cursor.u8()
    if form & 0x80:
        packet = cursor.rest()
    elif six:
        packet = _packet6(cursor, cursor.of(ADDRESSES6), cursor.of(ADDRESSES6))
    else:
        packet = _packet(cursor, cursor.of(ADDRESSES), cursor.of(ADDRESSES))
    if form & 0x40:
        packet = bytes((0x60,)) + packet[1:]
    if packet:
        FAR.send(packet)
        plane.on_readable(now=1.0)
    written = plane.taken()
    for out in written:
        _judge_error(packet, out)
    assert len(written) <= 1
    octets = 0
    for datagram in plane.way.sent:
        assert datagram[:4] == b"\x00\x02\x43\x21"
        slot = struct.unpack_from("!H", datagram, 4)[0]
        piece = datagram[7:] if slot == 3 else datagram[HEADER_OCTETS:]
        assert len(piece) <= (576 if slot == 2 else MTU)
        octets += len(piece)
    if len(plane.way.sent) == 1 and len(packet) == octets:
        _judge_change(packet, piece)
    assert octets <= len(packet) + 60 * len(plane.way.sent)


def _run(data: bytes) -> None:
    cursor = Cursor(data)
    form = cursor.u8()
    (_down if form & 1 else _up)(_Plane(), cursor, bool(form & 2))


def harness(_name: str) -> Harness:
    return Harness(_run, largest_octets=200)
