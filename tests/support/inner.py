"""Packets of subscribers and messages of LACs, octet by octet, with right lengths and sums (RFC 791, 8200, 768)."""

from __future__ import annotations

import ipaddress
import struct

PPP = {4: b"\x00\x21", 6: b"\x00\x57"}
"""PPP protocol numbers of IPv4 and IPv6 (RFC 1332 section 2, RFC 5072 section 2)."""
UDP = 17
HEADERS = {4: 20 + 8, 6: 40 + 8}
"""Octets of IP and UDP headers."""


def ones_complement(data: bytes) -> int:
    """Return the Internet checksum of ``data`` (RFC 1071)."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def udp(source: str, target: str, payload: bytes, *, port: int = 9, from_port: int = 5000, df: bool = True) -> bytes:
    """Build an IP packet with a UDP datagram; its family is that of the addresses."""
    ours, theirs = ipaddress.ip_address(source), ipaddress.ip_address(target)
    length = 8 + len(payload)
    head = struct.pack("!HHHH", from_port, port, length, 0)
    pseudo = ours.packed + theirs.packed + struct.pack("!II", length, UDP)
    checksum = ones_complement(pseudo + head + payload) or 0xFFFF
    datagram = head[:6] + struct.pack("!H", checksum) + payload
    if ours.version == 6:
        return struct.pack("!IHBB", 6 << 28, length, UDP, 64) + ours.packed + theirs.packed + datagram
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 1, 0x4000 if df else 0, 64, UDP, 0)
    header += ours.packed + theirs.packed
    return header[:10] + struct.pack("!H", ones_complement(header)) + header[12:] + datagram


def data_message(call: int, packet: bytes, *, bits: str = "", framing: bytes | None = None) -> bytes:
    """Build an L2TP data message (RFC 2661 section 3.1); ``bits`` names its optional fields, some of LSOP.

    ``call`` is tunnel id << 16 | session id; ``framing`` stands before the packet, FF 03 and its protocol if not given.
    """
    if framing is None:
        framing = b"\xff\x03" + PPP[packet[0] >> 4]
    flags = sum({"L": 0x4000, "S": 0x0800, "O": 0x0200, "P": 0x0100}[bit] for bit in bits) | 2
    rest = struct.pack("!I", call)
    rest += struct.pack("!HH", 7, 0) if "S" in bits else b""
    rest += struct.pack("!H3x", 3) if "O" in bits else b""
    rest += framing + packet
    length = struct.pack("!H", 4 + len(rest)) if "L" in bits else b""
    return struct.pack("!H", flags) + length + rest
