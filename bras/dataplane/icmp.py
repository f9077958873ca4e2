"""The ICMP errors (RFC 792) that a router owes a sender, and how many of them."""

from __future__ import annotations

import struct

from bras.dataplane.ipv4 import checksum, header_octets
from bras.dataplane.police import Policer

_WORD = struct.Struct("!H")
_ICMP = struct.Struct("!BBHHH")
_HEADER = struct.Struct("!BBHHHBBH4s4s")

PROTOCOL = 1
UNREACHABLE = 3
HOST_UNREACHABLE = 1
FRAGMENTATION_NEEDED = 4
_ERRORS = frozenset({3, 4, 5, 11, 12})
_QUOTE_OCTETS = 576 - 20 - 8
"""As much of the packet as fits 576 octets is quoted (RFC 1812)."""
_TTL = 64
_PRECEDENCE = 0xC0
"""Internetwork control (RFC 1812)."""
_TOO_BIG_BPS = 4_000_000
_NO_HOST_BPS = 1_000_000
"""Errors at most, in bits a second of their own octets: some 900 and 220 a second of the largest ones."""


class Errors:
    """Writes ICMP errors from our address, within their rates.

    Each kind has a rate of its own: who scans addresses that nobody has takes no answer from
    a sender that must learn its path MTU.
    """

    __slots__ = ("_no_host", "_source", "_too_big")

    def __init__(self, source: bytes) -> None:
        """Send from ``source``, four octets."""
        self._source = source
        self._too_big = Policer(_TOO_BIG_BPS, 0)
        self._no_host = Policer(_NO_HOST_BPS, 0)

    def too_big(self, packet: bytes, mtu: int, *, now: float) -> bytes | None:
        """Return the answer to a packet with DF that is larger than ``mtu`` octets, if it gets one."""
        if not self._too_big.conforms(_size(packet), now):
            return None
        return unreachable(packet, FRAGMENTATION_NEEDED, mtu, self._source)

    def no_host(self, packet: bytes, *, now: float) -> bytes | None:
        """Return the answer to a packet for an address that no subscriber has, if it gets one."""
        if not self._no_host.conforms(_size(packet), now):
            return None
        return unreachable(packet, HOST_UNREACHABLE, 0, self._source)


def _size(packet: bytes) -> int:
    return 28 + min(len(packet), _QUOTE_OCTETS)


def unreachable(packet: bytes, code: int, mtu: int, source: bytes) -> bytes | None:
    """Return the ICMP Destination Unreachable that answers ``packet``.

    ``mtu`` is the next-hop MTU in octets of code 4 (RFC 1191 section 4), else 0; ``source`` our
    address.  ``None`` where RFC 1122 section 3.2.2 forbids an answer: to an ICMP error, to a
    fragment but the first, from or to what is no single host; and to malformed packets.
    """
    header = header_octets(packet)
    if not header or packet[6] << 8 & 0x1F00 or packet[7] or not _single(packet[12]) or not _single(packet[16]):
        return None
    if packet[9] == PROTOCOL and (len(packet) <= header or packet[header] in _ERRORS):
        return None
    quote = packet[:_QUOTE_OCTETS]
    body = _ICMP.pack(UNREACHABLE, code, 0, 0, mtu) + quote
    body = body[:2] + _WORD.pack(checksum(body)) + body[4:]
    head = _HEADER.pack(0x45, _PRECEDENCE, 20 + len(body), 0, 0, _TTL, PROTOCOL, 0, source, packet[12:16])
    return head[:10] + _WORD.pack(checksum(head)) + head[12:] + body


def _single(first_octet: int) -> bool:
    """Tell whether an address that begins so can be one host's: not "this network", loopback, multicast, broadcast."""
    return 0 < first_octet < 224 and first_octet != 127
