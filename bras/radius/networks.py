"""Networks as attributes have them: Framed-Route in all its spellings, IPv6 prefixes, netmasks."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address, IPv6Network, NetmaskValueError
from typing import Final, NamedTuple

from bras.radius.draft import Senseless
from bras.wire import ipv4_of

Network = tuple[int, int]
"""An IPv4 network and the length of its prefix."""
_ALL: Final = 0xFFFFFFFF
SHORTEST: Final = 8
"""Nobody routes more than this to one subscriber; 0.0.0.0/0 would take everybody's packets away."""


class Routed(NamedTuple):
    """A Framed-Route."""

    network: Network
    gateway: int
    """0: the subscriber, whatever its address."""


def length_of(mask: int) -> int:
    """Return the length of a netmask; raises ``Senseless`` when its bits are not in one row."""
    length = mask.bit_count()
    if mask != _ALL << 32 - length & _ALL:
        raise Senseless(f"netmask {mask:08x}")
    return length


def network(address: int, length: int) -> Network:
    """Return a network that can be routed to somebody; bits to the right of its length do not count."""
    first = address >> 24
    if not SHORTEST <= length <= 32 or first in (0, 127) or first >= 224:
        raise Senseless(f"{address:08x}/{length}")
    return address & _ALL << 32 - length & _ALL, length


def framed_route(text: str) -> Routed:
    """Read "network[/length] [gateway [metrics]]" (RFC 2865 section 5.22), or with a netmask as Cisco writes it."""
    words = text.split()
    if not words:
        raise Senseless("empty")
    written, slash, length_text = words[0].partition("/")
    address, rest = _address(written), words[1:]
    if slash:
        length = _length(length_text)
    else:
        mask = ipv4_of(rest[0]) if rest else None
        if mask is not None and mask >= _ALL << 32 - SHORTEST & _ALL:
            length, rest = length_of(mask), rest[1:]
        else:
            length = _classful(address)
    gateway = _address(rest[0]) if rest and not rest[0].isdecimal() else 0
    for metric in rest[1:]:
        if not _is_metric(metric) and metric != "tag":
            raise Senseless(metric)
    return Routed(network(address, length), gateway)


def _is_metric(text: str) -> bool:
    """Return whether it is a whole number: RFC 2865 section 5.22 has -1 among its own."""
    return text.removeprefix("-").isdecimal()


def _address(text: str) -> int:
    address = ipv4_of(text)
    if address is None:
        raise Senseless(text)
    return address


def _length(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 2:
        return int(text)
    return length_of(_address(text))


def _classful(address: int) -> int:
    """Return the length that the class of an address implies (RFC 2865 section 5.22)."""
    first = address >> 24
    return 8 if first < 128 else 16 if first < 192 else 24


def prefix6(octets: bytes) -> str:
    """Read an IPv6 prefix (RFC 3162 section 2.3): a reserved octet, the length, as many octets as are needed."""
    if not 2 <= len(octets) <= 18 or octets[0] != 0 or octets[1] > 128:
        raise Senseless(octets.hex())
    address, length = octets[2:], octets[1]
    if len(address) * 8 < length:
        raise Senseless(octets.hex())
    return _network6(IPv6Address(address.ljust(16, b"\0")), length)


def _network6(address: IPv6Address, length: int) -> str:
    try:
        return str(IPv6Network((address, length)))
    except ValueError as wrong:  # bits beyond the length must be zero
        raise Senseless(f"{address}/{length}") from wrong


def octets6(text: str) -> bytes:
    """Return the value of an attribute for a prefix that ``prefix6`` has read, as short as it may be."""
    prefix = IPv6Network(text)
    length = prefix.prefixlen
    return bytes((0, length)) + prefix.network_address.packed[: (length + 7) // 8]


def framed_ipv6_route(text: str) -> str:
    """Read "prefix/length [gateway [metrics]]" (RFC 3162 section 2.5)."""
    words = text.split()
    try:
        if not words or "/" not in words[0]:
            raise Senseless(text)
        route = IPv6Network(words[0], strict=False)
        if len(words) > 1 and not words[1].isdecimal():
            IPv6Address(words[1])
    except (AddressValueError, NetmaskValueError, ValueError) as wrong:
        raise Senseless(text) from wrong
    if not route.prefixlen or not all(map(_is_metric, words[2:])):
        raise Senseless(text)
    return str(route)


def interface_id(octets: bytes) -> str:
    """Read a Framed-Interface-Id (RFC 3162 section 2.2)."""
    if len(octets) != 8 or not any(octets):
        raise Senseless(octets.hex())
    return ":".join(octets[at : at + 2].hex() for at in range(0, 8, 2))
