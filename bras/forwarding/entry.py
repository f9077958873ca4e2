"""The Entry: a subscriber's row in the data plane, the same for every back end.

An Entry is a Route (packets are routed), a Switch (frames go on into another call) or a
Bridge (frames go to an Ethernet port), each with one or more legs.  A back end that
cannot do one of them refuses it: ``Programmed(ok=False)``, never silence.  ``slot`` is a
small integer owned by this worker, ``generation`` guards against its reuse.  Addresses
and tables carry a VRF id (0 = main).

Input is from the subscriber ("up"), output is towards it ("down").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bras.ids import CallKey
from bras.plain import Saved, restore_fields
from bras.value import hasten


@dataclass(frozen=True, slots=True)
class Leg:
    """One call as the data plane needs it (RFC 2661 section 3.1 data header)."""

    key: CallKey
    """Local tunnel id << 16 | local session id; what the LAC's data carries."""
    listener: int
    """Index of the listening socket from which data leaves."""
    local: str
    """Our address, as the LAC called it."""
    local_port: int
    """Our UDP port."""
    remote: str
    """The LAC's address."""
    remote_port: int
    """The LAC's UDP port."""
    peer_tunnel_id: int
    """Tunnel id that the LAC assigned."""
    peer_session_id: int
    """Session id that the LAC assigned."""
    acfc: bool
    """Whether FF 03 is left out towards the client (RFC 1661 section 6.6)."""
    pfc: bool
    """Whether the protocol number is sent as one octet (RFC 1661 section 6.5)."""
    numbered: bool = False
    """Data messages are numbered: the core numbers and judges them, for control frames share the numbers."""
    length_bit: bool = False
    """Data messages carry their length (RFC 2661 section 3.1, L bit)."""
    udp6_zero_checksum: bool = False
    """Over IPv6, data messages carry no UDP checksum (RFC 6935)."""

    def compressed(self, acfc: bool, pfc: bool) -> Leg:
        """Return the same leg with what LCP has agreed on; most calls need it, so it is not ``replace``."""
        return Leg(
            self.key,
            self.listener,
            self.local,
            self.local_port,
            self.remote,
            self.remote_port,
            self.peer_tunnel_id,
            self.peer_session_id,
            acfc,
            pfc,
            self.numbered,
            self.length_bit,
            self.udp6_zero_checksum,
        )


@dataclass(frozen=True, slots=True)
class Route:
    """Route packets of one subscriber."""

    slot: int
    generation: int
    vrf: int
    legs: tuple[Leg, ...]
    addresses: tuple[int, ...]
    """IPv4 addresses of the subscriber, as integers; the first one is the link's."""
    mtu: int
    """Largest IP packet in octets that the client takes."""
    rate_up_bps: int = 0
    rate_down_bps: int = 0
    burst_up_octets: int = 0
    burst_down_octets: int = 0
    source_check: bool = True
    clamp_mss: bool = True
    prefixes4: tuple[tuple[int, int], ...] = ()
    """IPv4 networks behind the subscriber: (network, prefix length) pairs."""
    prefixes6: tuple[tuple[int, int], ...] = ()
    """IPv6 prefixes of the subscriber and behind it, a single address as a /128: (network, prefix length) pairs."""
    mark: int = 0
    """Firewall mark of its packets both ways (``skb->mark``, 32 bits); 0: none."""
    priority: int = 0
    """Priority of packets towards it (``skb->priority``, a class such as 1:10 is 0x10010); 0: none."""

    @classmethod
    def restore(cls, saved: Saved) -> Route:
        """Return the Route of which ``saved`` are the fields."""
        return restore_fields(cls, saved, legs=_legs, addresses=tuple, prefixes4=_networks, prefixes6=_networks)


def _networks(saved: Saved) -> tuple[tuple[int, int], ...]:
    return tuple((network, length) for network, length in saved)


def _legs(saved: Saved) -> tuple[Leg, ...]:
    return tuple(restore_fields(Leg, leg) for leg in saved)


@dataclass(frozen=True, slots=True)
class Switch:
    """Pass frames of one call on into another (tunnel switching)."""

    slot: int
    generation: int
    vrf: int
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True)
class Bridge:
    """Pass Ethernet frames of one call to a port (BCP)."""

    slot: int
    generation: int
    vrf: int
    legs: tuple[Leg, ...]
    port: str


Entry = Route | Switch | Bridge


class Counters(NamedTuple):
    """What one Entry has carried: inner IP packets as forwarded, 64-bit, final once removed.

    Without PPP and L2TP headers; control, spoofed and policed packets are not in them; a
    GSO packet counts as its segments.  "up" is from the subscriber.  A tuple: those of all
    sessions are read again and again, and nothing is quicker to make.
    """

    up_octets4: int = 0
    up_packets4: int = 0
    down_octets4: int = 0
    down_packets4: int = 0
    up_octets6: int = 0
    up_packets6: int = 0
    down_octets6: int = 0
    down_packets6: int = 0
    up_spoofed: int = 0
    up_policed: int = 0
    down_policed: int = 0
    down_too_big: int = 0

    @classmethod
    def restore(cls, saved: Saved) -> Counters:
        """Return the Counters of which ``saved`` are the fields, in their order."""
        return cls(*saved)

    def __add__(self, other: Counters) -> Counters:  # type: ignore[override]  # tuples are joined, counters summed
        """Add field by field."""
        return Counters(
            self.up_octets4 + other.up_octets4,
            self.up_packets4 + other.up_packets4,
            self.down_octets4 + other.down_octets4,
            self.down_packets4 + other.down_packets4,
            self.up_octets6 + other.up_octets6,
            self.up_packets6 + other.up_packets6,
            self.down_octets6 + other.down_octets6,
            self.down_packets6 + other.down_packets6,
            self.up_spoofed + other.up_spoofed,
            self.up_policed + other.up_policed,
            self.down_policed + other.down_policed,
            self.down_too_big + other.down_too_big,
        )


@dataclass(frozen=True, slots=True)
class AddEntry:
    """Begin to forward for a subscriber; its counters start at zero."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class ReplaceEntry:
    """Change a subscriber's Entry in place; its counters go on."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class RemoveEntry:
    """Stop forwarding; the answer carries the final counters."""

    slot: int
    generation: int


Operation = AddEntry | ReplaceEntry | RemoveEntry


class Outcome(NamedTuple):
    """What became of an Operation.  A tuple: each call set up makes one, and nothing is quicker to make."""

    slot: int
    generation: int
    ok: bool
    reason: str = ""
    """Why not, in words, when ``ok`` is false."""
    counters: Counters | None = None
    """The final counters, for a RemoveEntry."""


hasten(Leg, Route, AddEntry, ReplaceEntry, RemoveEntry)
