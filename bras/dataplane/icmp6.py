"""The ICMPv6 errors (RFC 4443) that a router owes a sender, and how many of them."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable

from bras.dataplane.ipv6 import HEADER_OCTETS, MULTICAST, is_link_local, pseudo_checksum, upper_layer
from bras.dataplane.police import Policer

PROTOCOL = 58
UNREACHABLE, PACKET_TOO_BIG = 1, 2
ADDRESS_UNREACHABLE = 3
SMALLEST_MTU = 1280
"""What every link must carry (RFC 8200 section 5), so no sender goes below it."""
_ICMP = struct.Struct("!BBHI")
_HEADER = struct.Struct("!IHBB16s16s")
_VERSION = 0x60000000
_HOP_LIMIT = 64
_REDIRECT = 137
_FIRST_INFORMATIONAL = 128
_QUOTE_OCTETS = SMALLEST_MTU - HEADER_OCTETS - _ICMP.size
"""As much of the packet as makes the error no larger than the smallest MTU is quoted (RFC 4443 section 3)."""
_TOO_BIG_BPS = 8_000_000
_NO_HOST_BPS = 2_000_000
"""Errors at most, in bits a second of their own octets: some 800 and 200 a second of the largest ones."""
_UNSPECIFIED, _LOOPBACK = bytes(16), bytes(15) + b"\x01"
_DISCARD_PORT = 9


class Sources:
    """Which address of ours answers a sender: the one that the kernel would choose (RFC 6724)."""

    __slots__ = ("_bound", "_probe", "_vrf")

    def __init__(self) -> None:
        """Know none before ``open``."""
        self._probe: socket.socket | None = None
        self._vrf: Callable[[], str] = str
        self._bound = ""

    def open(self, vrf: Callable[[], str] = str) -> None:
        """Ask the kernel from now on, in the namespace in which this is called; where it has no IPv6, know none.

        ``vrf`` tells the name of the VRF in which subscribers are, if they are in one: its routes count then.
        """
        self._vrf, self._bound = vrf, ""
        with contextlib.suppress(OSError):
            self._probe = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)

    def close(self) -> None:
        """Ask no more."""
        if self._probe is not None:
            self._probe.close()
            self._probe = None

    def to(self, address: bytes) -> bytes | None:
        """Return our address for packets to ``address``, or ``None``; nothing is sent."""
        if self._probe is None:
            return None
        try:
            vrf = self._vrf()
            if vrf != self._bound:
                self._probe.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, vrf.encode() + b"\0")
                self._bound = vrf
            self._probe.connect((socket.inet_ntop(socket.AF_INET6, address), _DISCARD_PORT))
            return socket.inet_pton(socket.AF_INET6, self._probe.getsockname()[0])
        except OSError:
            return None


class Errors6:
    """Writes ICMPv6 errors within their rates (RFC 4443 section 2.4); each kind has a rate of its own."""

    __slots__ = ("_no_host", "_too_big", "sources")

    def __init__(self) -> None:
        """Send nothing before ``sources`` is open."""
        self.sources = Sources()
        self._too_big = Policer(_TOO_BIG_BPS, 0)
        self._no_host = Policer(_NO_HOST_BPS, 0)

    def too_big(self, packet: bytes, mtu: int, *, now: float) -> bytes | None:
        """Return the answer to a packet that is larger than ``mtu`` octets, if it gets one."""
        if len(packet) <= SMALLEST_MTU or not self._too_big.conforms(_size(packet), now):
            return None
        return self._answer(packet, PACKET_TOO_BIG, 0, max(mtu, SMALLEST_MTU))

    def no_host(self, packet: bytes, *, now: float) -> bytes | None:
        """Return the answer to a packet for an address that no subscriber has, if it gets one."""
        if not self._no_host.conforms(_size(packet), now):
            return None
        return self._answer(packet, UNREACHABLE, ADDRESS_UNREACHABLE, 0)

    def _answer(self, packet: bytes, kind: int, code: int, field: int) -> bytes | None:
        if not is_answered(packet):
            return None
        source = self.sources.to(packet[8:24])
        return None if source is None else error(packet, kind, code, field, source)


def _size(packet: bytes) -> int:
    return HEADER_OCTETS + _ICMP.size + min(len(packet), _QUOTE_OCTETS)


def is_answered(packet: bytes) -> bool:
    """Tell whether RFC 4443 section 2.4 allows an error about a packet.

    Not about an ICMPv6 error or a redirect, nor to what is no single host; nor to what is malformed.  One
    about a multicast packet would be allowed where it is too big, but none is routed to a subscriber.
    """
    if len(packet) < HEADER_OCTETS or packet[0] >> 4 != 6:
        return False
    source = packet[8:24]
    if MULTICAST in (source[0], packet[24]) or source in (_UNSPECIFIED, _LOOPBACK) or is_link_local(source):
        return False
    protocol, at = upper_layer(packet)
    if protocol != PROTOCOL:
        return True
    return at < len(packet) and packet[at] >= _FIRST_INFORMATIONAL and packet[at] != _REDIRECT


def error(packet: bytes, kind: int, code: int, field: int, source: bytes) -> bytes:
    """Return the ICMPv6 error about ``packet``; ``field`` are the four octets before the quote.

    For Packet Too Big that is the MTU of the next hop (RFC 4443 section 3.2), else zero.
    """
    target = packet[8:24]
    quote = packet[:_QUOTE_OCTETS]
    summed = pseudo_checksum(source, target, PROTOCOL, _ICMP.pack(kind, code, 0, field) + quote)
    body = _ICMP.pack(kind, code, summed, field) + quote
    return _HEADER.pack(_VERSION, len(body), PROTOCOL, _HOP_LIMIT, source, target) + body
