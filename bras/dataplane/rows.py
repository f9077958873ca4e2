"""What a back end in Python keeps of each Entry, and the tables in which it finds it."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from bras.dataplane.base import Outlet, Way
from bras.dataplane.police import Policer
from bras.forwarding.entry import Counters, Entry, Leg, Route

_ADDRESS = struct.Struct("!I")
_CALL = struct.Struct("!HI")
_DATA = 0x0002
"""Flags and version of a data message without options (RFC 2661 section 3.1)."""
PPP_IPV4 = b"\xff\x03\x00\x21"
"""Address, control and protocol of an IPv4 packet, nothing compressed (RFC 1332 section 2)."""
_NUMBERED = b"#"
TCP_OVERHEAD = 40
"""IPv4 and TCP headers without options: what the MSS leaves out."""


class Tally:
    """Counters as they grow; those of IPv4 alone, for nothing else is forwarded yet."""

    __slots__ = (
        "down_octets",
        "down_packets",
        "down_policed",
        "down_too_big",
        "up_octets",
        "up_packets",
        "up_policed",
        "up_spoofed",
    )

    def __init__(self) -> None:
        """Begin at zero."""
        self.up_octets = self.up_packets = self.down_octets = self.down_packets = 0
        self.up_spoofed = self.up_policed = self.down_policed = self.down_too_big = 0

    def counters(self) -> Counters:
        """Return them as they stand."""
        return Counters(
            up_octets4=self.up_octets,
            up_packets4=self.up_packets,
            down_octets4=self.down_octets,
            down_packets4=self.down_packets,
            up_spoofed=self.up_spoofed,
            up_policed=self.up_policed,
            down_policed=self.down_policed,
            down_too_big=self.down_too_big,
        )


class Row:
    """One subscriber, with all that a packet needs prepared."""

    __slots__ = ("checked", "header", "mss", "mtu", "peer", "police_down", "police_up", "route", "tally", "way")

    def __init__(self, route: Route, way: Way, before: Row | None = None) -> None:
        """Prepare; counters and policers go on where those of ``before``, the row it replaces, stand."""
        self.route = route
        self.way = way
        self.peer = way.peer
        self.header = _encapsulation(route.legs[0])
        self.checked = route.source_check
        self.mtu = route.mtu
        self.mss = max(route.mtu - TCP_OVERHEAD, 1) if route.clamp_mss else 0
        self.tally: Tally = Tally() if before is None else before.tally
        up: Policer | None = None if before is None else before.police_up
        down: Policer | None = None if before is None else before.police_down
        self.police_up: Policer | None = _policer(up, route.rate_up_bps, route.burst_up_octets)
        self.police_down: Policer | None = _policer(down, route.rate_down_bps, route.burst_down_octets)


def _policer(before: Policer | None, rate_bps: int, burst_octets: int) -> Policer | None:
    if rate_bps <= 0:
        return None
    if before is None:
        return Policer(rate_bps, burst_octets)
    before.change(rate_bps, burst_octets)
    return before


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


def call_octets(key: int) -> bytes:
    """Return what a plain IPv4 data message of this call begins with: the key of ``Table.calls``."""
    return _CALL.pack(_DATA, key) + PPP_IPV4


def _place(leg: Leg) -> bytes:
    """Return the key of ``Table.calls``; one that nothing finds where messages are numbered: they are the core's."""
    return call_octets(leg.key) + _NUMBERED if leg.numbered else call_octets(leg.key)


class Table:
    """All rows: by slot, by how their upstream datagrams begin, and by address (four octets)."""

    __slots__ = ("addresses", "calls", "slots")

    def __init__(self) -> None:
        """Begin empty."""
        self.slots: dict[int, Row] = {}
        self.calls: dict[bytes, Row] = {}
        self.addresses: dict[bytes, Row] = {}

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
        for address in route.addresses:
            other = self.addresses.get(_ADDRESS.pack(address))
            if other is not None and other is not before:
                return f"the address {dotted(address)} belongs to slot {other.route.slot}"
        return ""

    def row(self, slot: int, generation: int) -> Row | None:
        """Return the row of a slot if it is of this generation."""
        row = self.slots.get(slot)
        return row if row is not None and row.route.generation == generation else None

    def put(self, row: Row) -> None:
        """Enter a row."""
        route = row.route
        self.slots[route.slot] = row
        self.calls[_place(route.legs[0])] = row
        for address in route.addresses:
            self.addresses[_ADDRESS.pack(address)] = row

    def drop(self, row: Row) -> None:
        """Take a row out."""
        route = row.route
        del self.slots[route.slot]
        del self.calls[_place(route.legs[0])]
        for address in route.addresses:
            self.addresses.pop(_ADDRESS.pack(address), None)


def dotted(address: int) -> str:
    """Write an IPv4 address as people do."""
    return ".".join(str(octet) for octet in _ADDRESS.pack(address))
