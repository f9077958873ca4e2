"""IPv4 as a forwarder needs it: checksum (RFC 1071), header, fragments (RFC 791).

Pure functions over whole packets as ``bytes``; none of them raises, whatever the octets are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_WORD = struct.Struct("!H")

MULTICAST = 0xE0
"""First four bits of a multicast address (RFC 1112)."""
MORE_FRAGMENTS = 0x2000
DONT_FRAGMENT = 0x4000
OFFSET_MASK = 0x1FFF


def checksum(octets: bytes) -> int:
    """Return the Internet checksum (RFC 1071): the complement of the ones' complement sum of 16-bit words."""
    if len(octets) & 1:
        octets += b"\0"
    # A ones' complement sum is the number modulo 65535, but for zero, whose other name is 65535.
    number = int.from_bytes(octets, "big")
    return 0xFFFF - (number % 0xFFFF or (0xFFFF if number else 0))


def header_octets(packet: bytes) -> int:
    """Return the length of the header, or 0 if this is no whole, well-formed IPv4 packet."""
    length = len(packet)
    if length < 20 or packet[0] >> 4 != 4:
        return 0
    header = (packet[0] & 0x0F) << 2
    if header < 20 or not header <= packet[2] << 8 | packet[3] == length:
        return 0
    return header


def dont_fragment(packet: bytes) -> bool:
    """Tell whether DF is set; the packet has at least 20 octets."""
    return packet[6] & 0x40 != 0


def fragments(packet: bytes, mtu: int) -> list[bytes]:
    """Cut a packet into fragments of at most ``mtu`` octets (RFC 791 section 3.2).

    Empty when the packet is malformed or the MTU leaves no room for eight octets.
    """
    header = header_octets(packet)
    room = mtu - header & ~7
    if not header or room <= 0:
        return []
    if len(packet) <= mtu:
        return [packet]
    first, field = packet[:header], packet[6] << 8 | packet[7]
    later = _later_header(packet, header)
    return list(_cut(packet, header, first, later, field, mtu))


def _cut(packet: bytes, begin: int, head: bytes, later: bytes, field: int, mtu: int) -> Iterator[bytes]:
    start, end = begin, len(packet)
    while start < end:
        stop = min(start + (mtu - len(head) & ~7), end)
        if end - start <= mtu - len(head):
            stop = end
        more = MORE_FRAGMENTS if stop < end else field & MORE_FRAGMENTS
        offset = (field + (start - begin >> 3)) & OFFSET_MASK
        yield _fragment(head, packet[start:stop], field & 0xC000 | more | offset)
        start, head = stop, later


def _fragment(head: bytes, payload: bytes, field: int) -> bytes:
    total = len(head) + len(payload)
    unsummed = b"".join((
        bytes((0x40 | len(head) >> 2,)), head[1:2], _WORD.pack(total), head[4:6],
        _WORD.pack(field), head[8:10], b"\0\0", head[12:],
    ))  # fmt: skip
    return unsummed[:10] + _WORD.pack(checksum(unsummed)) + unsummed[12:] + payload


def _later_header(packet: bytes, header: int) -> bytes:
    """Return the header of all fragments but the first: only options with the copy bit (RFC 791 section 3.1)."""
    if header == 20:
        return packet[:20]
    kept, at = b"", 20
    while at < header and packet[at] != 0:
        length = 1 if packet[at] == 1 else packet[at + 1] if at + 1 < header else 0
        if length == 0 or at + length > header or (length == 1 and packet[at] != 1):
            break  # malformed: the rest is not ours to interpret
        if packet[at] & 0x80:
            kept += packet[at : at + length]
        at += length
    return packet[:20] + kept + bytes(-len(kept) % 4)
