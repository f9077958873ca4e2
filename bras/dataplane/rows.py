"""What a back end in Python keeps of each Entry, and the tables in which it finds it.

An Entry is kept as its Route, by integers that cost nothing to make; what a packet needs prepared is its
``Row``, made when the first packet comes.  Where programs in the kernel forward, few Entries ever need one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
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


def _single(route: Route) -> Iterable[int]:
    """Return the IPv4 networks of one address, which are addresses like any other."""
    return [network for network, length in route.prefixes4 if length == _WHOLE] if route.prefixes4 else ()


def _nets4(route: Route) -> Iterable[Network]:
    """Return its IPv4 networks of more than one address."""
    return [network for network in route.prefixes4 if network[1] != _WHOLE] if route.prefixes4 else ()


class Table:
    """All Entries: as Routes by slot, call, address and network, and the rows of those that had a packet.

    A row is found by how its upstream datagrams begin, and by address (four octets).  In ``calls6`` are those that
    have IPv6: of the others it is the core's, as are the messages of a call where they are numbered.
    """

    __slots__ = ("_make", "_ways", "addresses", "calls", "calls6", "hosts", "keys", "nets4", "nets6", "routes", "rows")

    def __init__(self, make: Callable[[Route, Way, Row | None], Row]) -> None:
        """Begin empty; ``make`` returns the row of a Route, which goes on where the row of its predecessor stands."""
        self._make = make
        self._ways: dict[int, Way] = {}
        """By slot: the way to the peer."""
        self.routes: dict[int, Route] = {}
        """By slot."""
        self.keys: dict[int, Route] = {}
        """By key of the call."""
        self.hosts: dict[int, Route] = {}
        """By single IPv4 address."""
        self.nets4: Nets[Route] = Nets(32)
        self.nets6: Nets[Route] = Nets(128)
        self.rows: dict[int, Row] = {}
        """By slot."""
        self.calls: dict[bytes, Row] = {}
        self.calls6: dict[bytes, Row] = {}
        self.addresses: dict[bytes, Row] = {}

    # -- Entries

    def refusal(self, entry: Entry, outlets: Mapping[int, Outlet], before: Route | None) -> str:
        """Return why ``entry`` cannot be had in place of ``before``, in words; empty if it can."""
        if not isinstance(entry, Route):
            return f"this data plane carries no {type(entry).__name__}"
        if entry.vrf != 0:
            return f"this data plane has no VRF {entry.vrf}"
        legs = entry.legs
        if len(legs) != 1:
            return f"this data plane carries one leg, not {len(legs)}"
        leg = legs[0]
        if leg.listener not in outlets:
            return f"there is no listener {leg.listener}"
        if self.keys.get(leg.key, before) is not before:
            return f"the call belongs to slot {self.keys[leg.key].slot}"
        for address in entry.addresses:
            if self.hosts.get(address, before) is not before:
                return f"the address {dotted(address)} belongs to slot {self.hosts[address].slot}"
        return self._taken(entry, before) if entry.prefixes4 or entry.prefixes6 else ""

    def _taken(self, route: Route, before: Route | None) -> str:
        """Return whose a network is already, in words."""
        for address in _single(route):
            other = self.hosts.get(address)
            if other is not None and other is not before:
                return f"the address {dotted(address)} belongs to slot {other.slot}"
        for networks, known, written in (
            (_nets4(route), self.nets4, dotted),
            (route.prefixes6, self.nets6, _colons),
        ):
            for network in networks:
                other = known.get(network)
                if other is not None and other is not before:
                    return f"the prefix {written(network[0])}/{network[1]} belongs to slot {other.slot}"
        return ""

    def route(self, slot: int, generation: int) -> Route | None:
        """Return the Route of a slot if it is of this generation."""
        route = self.routes.get(slot)
        return route if route is not None and route.generation == generation else None

    def put(self, route: Route, way: Way) -> None:
        """Enter a Route whose packets go ``way``."""
        self.routes[route.slot] = self.keys[route.legs[0].key] = route
        self._ways[route.slot] = way
        for address in route.addresses:
            self.hosts[address] = route
        if route.prefixes4 or route.prefixes6:
            for address in _single(route):
                self.hosts[address] = route
            for network in _nets4(route):
                self.nets4.put(network, route)
            for network in route.prefixes6:
                self.nets6.put(network, route)

    def replace(self, before: Route, route: Route, way: Way) -> None:
        """Enter a Route in the place of another; what that has counted goes on."""
        row = self.rows.get(before.slot)
        self.drop(before)
        self.put(route, way)
        if row is not None:
            self._enter(self._make(route, way, row))

    def drop(self, route: Route) -> None:
        """Take a Route out, and its row."""
        del self.routes[route.slot], self.keys[route.legs[0].key], self._ways[route.slot]
        for address in (*route.addresses, *_single(route)):
            self.hosts.pop(address, None)
        for network in _nets4(route):
            self.nets4.drop(network)
        for network in route.prefixes6:
            self.nets6.drop(network)
        if self.rows.pop(route.slot, None) is not None:
            key = route.legs[0].key
            self.calls.pop(call_octets(key), None)
            self.calls6.pop(call_octets(key, PPP_IPV6), None)
            for address in (*route.addresses, *_single(route)):
                self.addresses.pop(_ADDRESS.pack(address), None)

    # -- packets

    def row_of(self, route: Route) -> Row:
        """Return the row of a Route that was put here; it is made for the first packet."""
        row = self.rows.get(route.slot)
        if row is None:
            row = self._make(route, self._ways[route.slot], None)
            self._enter(row)
        return row

    def _enter(self, row: Row) -> None:
        route = row.route
        leg = route.legs[0]
        self.rows[route.slot] = row
        if not leg.numbered:
            self.calls[call_octets(leg.key)] = row
            if route.prefixes6:
                self.calls6[call_octets(leg.key, PPP_IPV6)] = row
        for address in (*route.addresses, *_single(route)):
            self.addresses[_ADDRESS.pack(address)] = row

    def caller(self, key: bytes) -> Row | None:
        """Return the row of a call that may send IPv4 here, by the key of ``calls``."""
        return self.calls.get(key) or self._met(key, self.calls)

    def caller6(self, key: bytes) -> Row | None:
        """Return the row of a call that may send IPv6 here, by the key of ``calls6``."""
        return self.calls6.get(key) or self._met(key, self.calls6)

    def _met(self, key: bytes, rows: Mapping[bytes, Row]) -> Row | None:
        """Make the row of a call that has none yet, and look again."""
        route = self.keys.get(_CALL.unpack_from(key)[1])
        if route is None or route.slot in self.rows:
            return None
        self.row_of(route)
        return rows.get(key)

    def owner(self, address: bytes) -> Route | None:
        """Return whose an IPv4 address is: that of the single address, else of the smallest network."""
        number = int.from_bytes(address, "big")
        return self.hosts.get(number) or self.nets4.find(number)


def dotted(address: int) -> str:
    """Write an IPv4 address as people do."""
    return ".".join(str(octet) for octet in _ADDRESS.pack(address))


def _colons(address: int) -> str:
    return str(IPv6Address(address))
