"""What the kernel's network looks like: interfaces, addresses, ways to an address.

Numbers are those of ``linux/if_link.h``, ``linux/if_addr.h`` and ``linux/rtnetlink.h``.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from bras.dataplane.rtnetlink import U32, Conversation, attribute, attributes

LINK = struct.Struct("=BxHiII")
"""``struct ifinfomsg``: family, type, index, flags, change."""
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_NEXT_HOP = struct.Struct("=HBBi")
NEWLINK, DELLINK, GETLINK, SETLINK = 16, 17, 18, 19
_RULE = struct.Struct("=BBBBBxxBI")
"""``struct fib_rule_hdr``: family, lengths of destination and source, TOS, table, action, flags."""
_GETADDR, _GETROUTE, _GETRULE = 22, 26, 34
_IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_EXT_MASK, _IFLA_XDP = 3, 4, 5, 10, 18, 29, 43
_IFLA_CARRIER = 33
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _IFLA_VLAN_ID = 1, 2, 1
_IFLA_XDP_PROG_ID, _IFLA_XDP_DRV_PROG_ID = 4, 5
_SKIP_STATISTICS = 1 << 3
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_MULTIPATH, _RTA_NH_ID = 1, 4, 9, 30
_FRA_PRIORITY, _FRA_SUPPRESS_PREFIXLEN, _FRA_TABLE, _FRA_PROTOCOL = 6, 14, 15, 21
_ALL_LENGTHS = b"\xff" * 4
_TO_TABLE = 1
_USUAL_TABLES = {253, 254, 255}
"""``default``, ``main`` and ``local``."""
_WHOLE_ROUTE = 0x2000
_UP = 1
_LOOPBACK = 8
ETHERNET = 1
"""``ARPHRD_ETHER``."""
NEWROUTES = {24, 25}
"""``RTM_NEWROUTE`` and ``RTM_DELROUTE``, as news."""
GROUPS = (1, 5, 7, 8, 9, 11, 19, 32)
"""``RTNLGRP_LINK``, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE, IPV6_RULE and NEXTHOP."""


@dataclass(frozen=True, slots=True)
class Link:
    """An interface."""

    index: int
    name: str
    hardware: int = ETHERNET
    """``ARPHRD_*``."""
    kind: str = ""
    """``vlan``, ``veth``, ``tun``; empty for what stands for hardware."""
    up: bool = True
    loopback: bool = False
    master: int = 0
    """Index of the bridge, bond or VRF that it belongs to."""
    parent: int = 0
    """Index of the interface below a VLAN."""
    vlan: int = 0
    xdp: int = 0
    """Id of the program that the driver runs."""
    mtu: int = 1500
    carrier: bool = True
    """Whether there is something at its other end: of a TUN device, a process."""


def links(kernel: Conversation) -> dict[int, Link]:
    """Return all interfaces by index; raises OSError."""
    mask = attribute(_IFLA_EXT_MASK, U32.pack(_SKIP_STATISTICS))
    found = (_link(body) for body in kernel.dump(GETLINK, LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + mask))
    return {link.index: link for link in found}


def link(kernel: Conversation, name: str) -> Link | None:
    """Return an interface by name, if there is one; raises OSError."""
    body = LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + attribute(_IFLA_IFNAME, name.encode() + b"\0")
    try:
        return _link(kernel.ask(GETLINK, body))
    except OSError as error:
        if error.errno in {errno.ENODEV, errno.EINVAL, errno.ERANGE}:
            return None
        raise


def _link(body: bytes) -> Link:
    _, hardware, index, flags, _ = LINK.unpack_from(body)
    of = attributes(body, LINK.size)
    info = attributes(of.get(_IFLA_LINKINFO, b""))
    kind = info.get(_IFLA_INFO_KIND, b"").rstrip(b"\0").decode()
    vlan = attributes(info.get(_IFLA_INFO_DATA, b"")).get(_IFLA_VLAN_ID, b"\0\0") if kind == "vlan" else b"\0\0"
    xdp = attributes(of.get(_IFLA_XDP, b""))
    return Link(
        index,
        of[_IFLA_IFNAME].rstrip(b"\0").decode(errors="surrogateescape"),
        hardware,
        kind,
        bool(flags & _UP),
        bool(flags & _LOOPBACK),
        _number(of.get(_IFLA_MASTER)),
        _number(of.get(_IFLA_LINK)),
        int.from_bytes(vlan, sys.byteorder),
        _number(xdp.get(_IFLA_XDP_DRV_PROG_ID) or xdp.get(_IFLA_XDP_PROG_ID)),
        _number(of.get(_IFLA_MTU)),
        of.get(_IFLA_CARRIER) != b"\0",
    )


def _number(value: bytes | None) -> int:
    number: int = U32.unpack(value)[0] if value and len(value) == U32.size else 0
    return number


def addresses(kernel: Conversation) -> frozenset[tuple[int, str]]:
    """Return (index, address) of all addresses that interfaces hold; raises OSError."""
    found = set()
    for body in kernel.dump(_GETADDR, _ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        family, _, _, _, index = _ADDRESS.unpack_from(body)
        of = attributes(body, _ADDRESS.size)
        octets = of.get(_IFA_LOCAL) or of.get(_IFA_ADDRESS)
        if octets and family in {socket.AF_INET, socket.AF_INET6}:
            found.add((index, socket.inet_ntop(family, octets)))
    return frozenset(found)


def ways(kernel: Conversation, address: str) -> frozenset[int]:
    """Return the indexes of the interfaces of the route to an address, several with ECMP; none without a route."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    octets = socket.inet_pton(family, address.partition("%")[0])
    head = _ROUTE.pack(family, len(octets) * 8, 0, 0, 0, 0, 0, 0, _WHOLE_ROUTE)
    try:
        of = attributes(kernel.ask(_GETROUTE, head + attribute(_RTA_DST, octets)), _ROUTE.size)
    except OSError:
        return frozenset()
    hops = {_number(of.get(_RTA_OIF)), *_next_hops(of.get(_RTA_MULTIPATH, b""))}
    return frozenset(hops - {0})


def _next_hops(data: bytes) -> Iterator[int]:
    at = 0
    while at + _NEXT_HOP.size <= len(data):
        length, _, _, index = _NEXT_HOP.unpack_from(data, at)
        if length < _NEXT_HOP.size:
            return
        yield index
        at += length + -length % 4


def route_interface(body: bytes) -> int:
    """Return the index of the interface of a route that the kernel tells of; 0: of several, or of none."""
    return _number(attributes(body, _ROUTE.size).get(_RTA_OIF))


@dataclass(frozen=True, slots=True)
class Route4:
    """What an IPv4 route covers."""

    network: int
    length: int
    alone: bool
    """Whether the destination alone decides that it is taken, and how: no type of service, no several next hops."""


def route4(body: bytes) -> Route4 | None:
    """Return a route that the kernel tells of or lists; None: it is not of IPv4."""
    family, length, _, tos, *_ = _ROUTE.unpack_from(body)
    if family != socket.AF_INET:
        return None
    of = attributes(body, _ROUTE.size)
    several = _RTA_MULTIPATH in of or (_RTA_NH_ID in of and _RTA_OIF not in of)
    return Route4(int.from_bytes(of.get(_RTA_DST, b""), "big"), length, not tos and not several)


def routes4(kernel: Conversation, most: int) -> list[Route4]:
    """Return the IPv4 routes of all tables; raises OSError.

    Of more than ``most`` one more than that is returned, and the conversation is of no further use.
    """
    found = map(route4, kernel.dump(_GETROUTE, _ROUTE.pack(socket.AF_INET, *[0] * 8), most))
    return [route for route in found if route is not None]


def usual_rules4(kernel: Conversation) -> bool:
    """Tell whether an IPv4 packet's destination alone decides which tables it is looked for in; raises OSError."""
    try:
        rules = kernel.dump(_GETRULE, _RULE.pack(socket.AF_INET, *[0] * 6))
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:  # a kernel without rules
            return True
        raise
    return all(map(_is_usual, rules))


def _is_usual(body: bytes) -> bool:
    family, *lengths_and_tos, table, action, flags = _RULE.unpack_from(body)
    of = attributes(body, _RULE.size)
    return (
        family == socket.AF_INET
        and not any(lengths_and_tos)
        and (_number(of.get(_FRA_TABLE)) or table) in _USUAL_TABLES
        and (action, flags) == (_TO_TABLE, 0)
        and of.get(_FRA_SUPPRESS_PREFIXLEN, _ALL_LENGTHS) == _ALL_LENGTHS
        and of.keys() <= {_FRA_PRIORITY, _FRA_TABLE, _FRA_PROTOCOL, _FRA_SUPPRESS_PREFIXLEN}
    )
