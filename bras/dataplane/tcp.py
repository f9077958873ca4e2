"""Lowering the MSS option of TCP SYN segments (RFC 9293), so that TCP never meets a too small MTU."""

from __future__ import annotations

import struct
from typing import Literal

from bras.dataplane.ipv4 import header_octets
from bras.dataplane.ipv6 import HEADER_OCTETS as HEADER6_OCTETS

_WORD = struct.Struct("!H")
PROTOCOL = 6
SYN = 0x02


def clamp_mss(packet: bytes, mss: int) -> bytes:
    """Return a TCP SYN with its MSS option lowered to ``mss``; anything else as it is.

    The checksum is corrected, not computed anew (RFC 1624), so that damage stays visible.
    """
    header = header_octets(packet)
    if not header or packet[9] != PROTOCOL or packet[6] & 0x1F or packet[7]:
        return packet
    return _lowered(packet, header, mss)


def clamp_mss6(packet: bytes, mss: int) -> bytes:
    """The same of an IPv6 packet whose TCP header stands directly behind the IPv6 header."""
    if len(packet) < HEADER6_OCTETS or packet[6] != PROTOCOL:
        return packet
    return _lowered(packet, HEADER6_OCTETS, mss)


def _lowered(packet: bytes, header: int, mss: int) -> bytes:
    """Do it, where TCP begins at ``header``."""
    if len(packet) < header + 20 or not packet[header + 13] & SYN:
        return packet
    at = _mss_option(packet, header + 20, min(header + (packet[header + 12] >> 4 << 2), len(packet)))
    if not at or packet[at] << 8 | packet[at + 1] <= mss:
        return packet
    old, new = packet[at : at + 2], _WORD.pack(mss)
    # At an odd place the value straddles two words of the sum, with its octets swapped.
    order: Literal["little", "big"] = "little" if at - header & 1 else "big"
    change = int.from_bytes(new, order) - int.from_bytes(old, order)
    place = header + 16
    total = (~(packet[place] << 8 | packet[place + 1]) & 0xFFFF) + change
    summed = 0xFFFF - (total % 0xFFFF or 0xFFFF)
    return packet[:place] + _WORD.pack(summed) + packet[place + 2 : at] + new + packet[at + 2 :]


def _mss_option(packet: bytes, at: int, end: int) -> int:
    """Return the offset of the MSS value, or 0."""
    while at + 1 < end and packet[at] != 0:
        if packet[at] == 1:
            at += 1
            continue
        length = packet[at + 1]
        if packet[at] == 2:
            return at + 2 if length == 4 and at + 4 <= end else 0
        if length < 2:
            return 0
        at += length
    return 0
