"""What a back end in Python keeps of each Entry, and the tables in which it finds it."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address
from typing import Protocol

from bras.dataplane.base import Outlet, Way
from bras.dataplane.nets import Nets, Network
from bras.dataplane.police import Bucket
from bras.forwarding.entry import Counters, Entry, Leg, Route

_ADDRESS = struct.Struct("!I")
_CALL = struct.Struct("!HI")
_DATA = 0x0002
"""Flags and version of a data message without options (RFC 2661 section 3.1)."""
PPP_IPV4 = b"\xff\x03\x00\x21"
"""Address, control and protocol of an IPv4 packet, nothing compressed (RFC 1332 section 2)."""
PPP_IPV6 = b"\xff\x03\x00\x57"
"""The same of an IPv6 packet (RFC 5072)."""
_NUMBERED = b"#"
TCP_OVERHEAD, TCP_OVERHEAD6 = 40, 60
"""IP and TCP headers without options: what the MSS leaves out."""
_WHOLE = 32
"""Prefix length of a single IPv4 address."""


class Counting(Protocol):
    """Counters as they grow, wherever they are kept; those without a number are of IPv4, or of both."""

    up_octets: int
    up_packets: int
    down_octets: int
    down_packets: int
    up_octets6: int
    up_packets6: int
    down_octets6: int
    down_packets6: int
    up_spoofed: int
    up_policed: int
    down_policed: int
    down_too_big: int


class Tally:
    """Counters of one Entry, or of all, in this process."""

    __slots__ = (
        "down_octets",
        "down_octets6",
        "down_packets",
        "down_packets6",
        "down_policed",
        "down_too_big",
        "up_octets",
        "up_octets6",
        "up_packets",
        "up_packets6",
        "up_policed",
        "up_spoofed",
    )

    def __init__(self) -> None:
        """Begin at zero."""
        self.up_octets = self.up_packets = self.down_octets = self.down_packets = 0
        self.up_octets6 = self.up_packets6 = self.down_octets6 = self.down_packets6 = 0
        self.up_spoofed = self.up_policed = self.down_policed = self.down_too_big = 0


def counters_of(tally: Counting) -> Counters:
    """Return counters as they stand."""
    return Counters(
        tally.up_octets,
        tally.up_packets,
        tally.down_octets,
        tally.down_packets,
        tally.up_octets6,
        tally.up_packets6,
        tally.down_octets6,
        tally.down_packets6,
        tally.up_spoofed,
        tally.up_policed,
        tally.down_policed,
        tally.down_too_big,
    )


class Row:
    """One subscriber, with all that a packet needs prepared."""

    __slots__ = (
        "checked",
        "header",
        "header6",
        "mss",
        "mss6",
        "mtu",
        "peer",
        "police_down",
        "police_up",
        "route",
        "tally",
        "way",
    )

    def __init__(
        self, route: Route, way: Way, tally: Counting, police_up: Bucket | None, police_down: Bucket | None
    ) -> None:
        """Prepare; packets are counted in ``tally`` and, where there is a rate, policed."""
        self.route = route
        self.way = way
        self.peer = way.peer
        self.header = _encapsulation(route.legs[0])
        self.header6 = self.header[:-1] + PPP_IPV6[-1:]
        self.checked = route.source_check
        self.mtu = route.mtu
        self.mss = max(route.mtu - TCP_OVERHEAD, 1) if route.clamp_mss else 0
        self.mss6 = max(route.mtu - TCP_OVERHEAD6, 1) if route.clamp_mss else 0
        self.tally = tally
        self.police_up = police_up
        self.police_down = police_down


def _encapsulation(leg: Leg) -> bytes:
    """Return the octets that stand before each IPv4 packet towards the LAC, as far as they never change.

    L2TP data header and PPP header; where numbers or a length are wanted, the way adds what is missing.
    """
    framing = b"" if leg.acfc else b"\xff\x03"
    framing += b"\x21" if leg.pfc else b"\x00\x21"
    if leg.numbered:
        return framing
    header = _CALL.pack(_DATA, leg.peer_tunnel_id << 16 | leg.peer_session_id) + framing
    return header[2:] if leg.length_bit else header


def call_octets(key: int, ppp: bytes = PPP_IPV4) -> bytes:
    """Return what a plain data message of this call begins with: the key of ``Table.calls`` or ``calls6``."""
    return _CALL.pack(_DATA, key) + ppp


def _place(leg: Leg) -> bytes:
    """Return the key of ``Table.calls``; one that nothing finds where messages are numbered: they are the core's."""
    return call_octets(leg.key) + _NUMBERED if leg.numbered else call_octets(leg.key)


def hosts(route: Route) -> Iterator[int]:
    """Iterate over the single IPv4 addresses of a Route."""
    yield from route.addresses
    yield from (network for network, length in route.prefixes4 if length == _WHOLE)


def nets4(route: Route) -> Iterator[Network]:
    """Iterate over its IPv4 networks of more than one address."""
    return (network for network in route.prefixes4 if network[1] != _WHOLE)


class Table:
    """All rows: by slot, by how their upstream datagrams begin, by address (four octets) and by network.

    In ``calls6`` are those that have IPv6: of the others it is the core's.
    """

    __slots__ = ("addresses", "calls", "calls6", "nets4", "nets6", "slots")

    def __init__(self) -> None:
        """Begin empty."""
        self.slots: dict[int, Row] = {}
        self.calls: dict[bytes, Row] = {}
        self.calls6: dict[bytes, Row] = {}
        self.addresses: dict[bytes, Row] = {}
        self.nets4: Nets[Row] = Nets(32)
        self.nets6: Nets[Row] = Nets(128)

    def refusal(self, entry: Entry, outlets: Mapping[int, Outlet], before: Row | None) -> str:
        """Return why ``entry`` cannot be had in place of ``before``, in words; empty if it can."""
        if not isinstance(entry, Route):
            return f"this data plane carries no {type(entry).__name__}"
        if entry.vrf != 0:
            return f"this data plane has no VRF {entry.vrf}"
        if len(entry.legs) != 1:
            return f"this data plane carries one leg, not {len(entry.legs)}"
        if entry.legs[0].listener not in outlets:
            return f"there is no listener {entry.legs[0].listener}"
        return self._taken(entry, before)

    def _taken(self, route: Route, before: Row | None) -> str:
        octets = call_octets(route.legs[0].key)
        other = self.calls.get(octets) or self.calls.get(octets + _NUMBERED)
        if other is not None and other is not before:
            return f"the call belongs to slot {other.route.slot}"
        for address in hosts(route):
            other = self.addresses.get(_ADDRESS.pack(address))
            if other is not None and other is not before:
                return f"the address {dotted(address)} belongs to slot {other.route.slot}"
        for networks, known, written in (
            (nets4(route), self.nets4, dotted),
            (route.prefixes6, self.nets6, _colons),
        ):
            for network in networks:
                other = known.get(network)
                if other is not None and other is not before:
                    return f"the prefix {written(network[0])}/{network[1]} belongs to slot {other.route.slot}"
        return ""

    def row(self, slot: int, generation: int) -> Row | None:
        """Return the row of a slot if it is of this generation."""
        row = self.slots.get(slot)
        return row if row is not None and row.route.generation == generation else None

    def put(self, row: Row) -> None:
        """Enter a row."""
        route = row.route
        leg = route.legs[0]
        self.slots[route.slot] = row
        self.calls[_place(leg)] = row
        if route.prefixes6 and not leg.numbered:
            self.calls6[call_octets(leg.key, PPP_IPV6)] = row
        for address in hosts(route):
            self.addresses[_ADDRESS.pack(address)] = row
        for network in nets4(route):
            self.nets4.put(network, row)
        for network in route.prefixes6:
            self.nets6.put(network, row)

    def drop(self, row: Row) -> None:
        """Take a row out."""
        route = row.route
        leg = route.legs[0]
        del self.slots[route.slot]
        del self.calls[_place(leg)]
        self.calls6.pop(call_octets(leg.key, PPP_IPV6), None)
        for address in hosts(route):
            self.addresses.pop(_ADDRESS.pack(address), None)
        for network in nets4(route):
            self.nets4.drop(network)
        for network in route.prefixes6:
            self.nets6.drop(network)

    def owner(self, address: bytes) -> Row | None:
        """Return whose an IPv4 address is: that of the single address, else of the smallest network."""
        return self.addresses.get(address) or self.nets4.find(address)


def dotted(address: int) -> str:
    """Write an IPv4 address as people do."""
    return ".".join(str(octet) for octet in _ADDRESS.pack(address))


def _colons(address: int) -> str:
    return str(IPv6Address(address))
