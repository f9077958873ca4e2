"""IPv6 as a forwarder needs it: header (RFC 8200 section 3), scope of addresses (RFC 4291), ICMPv6 checksum.

Pure functions over whole packets as ``bytes``; none of them raises, whatever the octets are.
"""

from __future__ import annotations

import struct

from bras.dataplane.ipv4 import checksum

HEADER_OCTETS = 40
FIELDS = struct.Struct("!B3xHBx16s16s")
"""Version and more, payload length, next header, source, destination."""
MULTICAST = 0xFF
"""First octet of a multicast address (RFC 4291 section 2.7)."""
LINK_LOCAL = 0xFE80
LINK_LOCAL_MASK = 0xFFC0
"""The first ten bits of a link-local address (RFC 4291 section 2.5.6)."""
FRAGMENT = 44
_PSEUDO = struct.Struct("!I3xB")
_EXTENSIONS = frozenset({0, 43, FRAGMENT, 60})
"""Headers that may stand before the upper layer's: hop-by-hop, routing, fragment, destination options."""
_MOST_EXTENSIONS = 8


def is_link_local(address: bytes) -> bool:
    """Tell whether an address of 16 octets is one of a single link."""
    return (address[0] << 8 | address[1]) & LINK_LOCAL_MASK == LINK_LOCAL


def upper_layer(packet: bytes) -> tuple[int, int]:
    """Return the protocol behind the extension headers, and where it begins; -1 where the packet does not say.

    What a fragment but the first carries, nobody can tell.
    """
    protocol, at = packet[6], HEADER_OCTETS
    for _ in range(_MOST_EXTENSIONS):
        if protocol not in _EXTENSIONS:
            return protocol, at
        if at + 8 > len(packet):
            break
        if protocol == FRAGMENT:
            if packet[at + 2] or packet[at + 3] & 0xF8:
                break
            length = 8
        else:
            length = 8 + packet[at + 1] * 8
        protocol, at = packet[at], at + length
    return -1, at


def pseudo_checksum(source: bytes, target: bytes, protocol: int, body: bytes) -> int:
    """Return the checksum of an upper-layer packet (RFC 8200 section 8.1); its own field is zero."""
    return checksum(source + target + _PSEUDO.pack(len(body), protocol) + body)
