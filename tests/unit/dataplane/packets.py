"""Packets for tests, and a judge of checksums that shares nothing with the product."""

from __future__ import annotations

import socket
import struct
from functools import partial


def internet_sum(octets: bytes) -> int:
    """Add 16-bit words with end-around carry, one at a time (RFC 1071)."""
    total = 0
    for at in range(0, len(octets), 2):
        total += octets[at] << 8 | (octets[at + 1] if at + 1 < len(octets) else 0)
        total = (total & 0xFFFF) + (total >> 16)
    return total


def ipv4(
    payload: bytes = b"",
    *,
    protocol: int = 17,
    source: str = "10.64.0.2",
    target: str = "192.0.2.2",
    field: int = 0,
    options: bytes = b"",
    identification: int = 1,
) -> bytes:
    """Build a packet; ``field`` is flags and fragment offset."""
    header = 20 + len(options)
    head = struct.pack(
        "!BBHHHBBH4B4B",
        *(0x40 | header // 4, 0, header + len(payload), identification, field, 64, protocol, 0),
        *(int(part) for part in source.split(".")),
        *(int(part) for part in target.split(".")),
    )
    head += options
    return head[:10] + struct.pack("!H", 0xFFFF - internet_sum(head)) + head[12:] + payload


def tcp(options: bytes = b"\x02\x04\x05\xb4", *, flags: int = 0x02, payload: bytes = b"", **ip: object) -> bytes:
    """Build a TCP segment, a SYN with MSS 1460 by default; the options are padded with zeros."""
    options += bytes(-len(options) % 4)
    segment = struct.pack("!HHIIBBHHH", 4000, 80, 1, 0, 5 + len(options) // 4 << 4, flags, 1000, 0, 0)
    segment += options + payload
    build = partial(ipv4, protocol=6, **ip)  # type: ignore[arg-type]  # keywords of ipv4
    pseudo = build(segment)[12:20] + struct.pack("!HH", 6, len(segment))
    return build(segment[:16] + struct.pack("!H", 0xFFFF - internet_sum(pseudo + segment)) + segment[18:])


def tcp_sum(packet: bytes) -> int:
    """Add up a TCP packet with its pseudo header: 0xFFFF when its checksum is right."""
    header = (packet[0] & 15) * 4
    return internet_sum(packet[12:20] + struct.pack("!HH", 6, len(packet) - header) + packet[header:])


def ipv6(
    payload: bytes = b"",
    *,
    protocol: int = 17,
    source: str = "2001:db8:64::2",
    target: str = "2001:db8:ffff::2",
) -> bytes:
    """Build an IPv6 packet."""
    head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
    return head + socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target) + payload


def pseudo6(packet: bytes, protocol: int, begin: int = 40) -> bytes:
    """Return what the checksum of an upper layer that begins at ``begin`` covers (RFC 8200 section 8.1)."""
    body = packet[begin:]
    return packet[8:40] + struct.pack("!I3xB", len(body), protocol) + body


def tcp6(options: bytes = b"\x02\x04\x05\xb4", *, flags: int = 0x02, payload: bytes = b"", **ip: str) -> bytes:
    """Build a TCP segment over IPv6, a SYN with MSS 1460 by default; the options are padded with zeros."""
    options += bytes(-len(options) % 4)
    segment = struct.pack("!HHIIBBHHH", 4000, 80, 1, 0, 5 + len(options) // 4 << 4, flags, 1000, 0, 0)
    segment += options + payload
    unsummed = ipv6(segment, protocol=6, **ip)
    summed = 0xFFFF - internet_sum(pseudo6(unsummed, 6))
    return unsummed[:56] + struct.pack("!H", summed) + unsummed[58:]


def tcp6_sum(packet: bytes) -> int:
    """Add up a TCP packet over IPv6 with its pseudo header: 0xFFFF when its checksum is right."""
    return internet_sum(pseudo6(packet, 6))
