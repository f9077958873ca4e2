"""The network layer of one subscriber: IPCP (RFC 1332) from the first request to an address.

The owner opens it when the link is up and takes it down when the link is not; packets
come and go without framing, which is the Link's affair.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from bras.errors import DropReason, WireError
from bras.ppp import packet
from bras.ppp.automaton import OPENED, REQ_SENT, STARTING
from bras.ppp.constants import CONFIGURE_REQUEST, IPCP, TERMINATE_REQUEST
from bras.ppp.events import AddressWanted, DeadlineMoved, Dropped, NetworkDown, NetworkEvent, NetworkUp, SendPacket
from bras.ppp.ipcp import Ipcp
from bras.ppp.negotiation import Layer, Negotiation, Output
from bras.ppp.settings import NetworkConfig

__all__ = ["Network", "NetworkConfig", "NetworkState"]

_VERSION: Final = 1
_NO_AGREEMENT: Final = "IPCP found no agreement"
_NO_ADDRESS: Final = b"\0\0\0\0"


class NetworkState(Enum):
    """Where IPCP stands."""

    DOWN = "down"
    """The link is not up (or was never)."""
    NEGOTIATING = "negotiating"
    OPEN = "open"
    """Addresses are agreed."""
    ENDED = "ended"
    """Closed, or given up."""


class Network:
    """IPCP with one client."""

    __slots__ = ("_held", "_ipcp", "_negotiation", "_why", "config")

    def __init__(self, config: NetworkConfig, address: int) -> None:
        """Begin; ``address`` is the client's (server role), or the one it wants, 0 for any (client role)."""
        self.config = config
        self._ipcp = Ipcp(config, address)
        self._negotiation = Negotiation(config.restart, self._ipcp)
        self._held: tuple[int, bytes] | None = None
        """Configure-Request that waits for ``assign``."""
        self._why = _NO_AGREEMENT

    @property
    def state(self) -> NetworkState:
        """Return where IPCP stands."""
        state = self._negotiation.state
        if state == OPENED:
            return NetworkState.OPEN
        if state >= REQ_SENT:
            return NetworkState.NEGOTIATING
        return NetworkState.DOWN if state <= STARTING else NetworkState.ENDED

    @property
    def deadline(self) -> float | None:
        """Return the instant at which ``handle_timeout`` should be called."""
        return self._negotiation.deadline

    @property
    def unanswered(self) -> bool:
        """Return whether neither side has agreed to anything yet."""
        return self._negotiation.state == REQ_SENT

    @property
    def address(self) -> int:
        """Return the client's IPv4 address as an integer, in either role; 0 while it has none."""
        ipcp = self._ipcp
        return int.from_bytes(ipcp.local if self.config.client else ipcp.peer, "big")

    # -- what the owner does

    def open(self, *, now: float) -> list[NetworkEvent]:
        """The link is up: send the first Configure-Request."""
        return self._tell(self._negotiation.open(now=now), now)

    def lower_down(self, *, now: float) -> list[NetworkEvent]:
        """The link is down; ``open`` begins again."""
        self._held = None
        return self._tell(self._negotiation.lower_down(now=now), now)

    def reject(self, protocol: int, *, now: float) -> list[NetworkEvent]:
        """Take the peer's Protocol-Reject: it does not speak IPCP, so no more of it is sent."""
        if protocol != IPCP or self.state in (NetworkState.DOWN, NetworkState.ENDED):
            return []
        self._negotiation.lower_down(now=now)
        return [NetworkDown(final=True, text="the peer rejects IPCP")]

    def close(self, text: bytes = b"", *, now: float) -> list[NetworkEvent]:
        """End IPCP alone, with a Terminate-Request."""
        self._why = packet.text(text)
        return self._tell(self._negotiation.close(text, now=now), now)

    def assign(self, address: int, *, now: float) -> list[NetworkEvent]:
        """Answer AddressWanted: the client gets ``address``, its wish or the one it had."""
        ipcp = self._ipcp
        ipcp.peer = address.to_bytes(4, "big")
        ipcp.decided = True
        held, self._held = self._held, None
        if held is None:
            return []
        return self._tell(self._negotiation.receive(CONFIGURE_REQUEST, held[0], held[1], now=now), now)

    def handle_timeout(self, *, now: float) -> list[NetworkEvent]:
        """The restart timer expired."""
        return self._tell(self._negotiation.handle_timeout(now=now), now)

    # -- what the peer does

    def receive(self, protocol: int, octets: bytes, *, now: float) -> list[NetworkEvent]:
        """Take a packet of IPCP."""
        if protocol != IPCP:
            return [Dropped(DropReason.UNKNOWN_PROTOCOL)]
        try:
            code, identifier, data = packet.parse(octets)
        except WireError:
            return [Dropped(DropReason.BAD_PACKET)]
        asked = self._ipcp.wanted != _NO_ADDRESS
        if code == CONFIGURE_REQUEST:
            self._held = None  # a newer request takes its place
        elif code == TERMINATE_REQUEST:
            self._why = f"the peer closed IPCP {packet.text(data)}".strip()
        outputs = self._negotiation.receive(code, identifier, data, now=now)
        if Layer.HELD in outputs:
            self._held = (identifier, data)
            return [] if asked else [AddressWanted(int.from_bytes(self._ipcp.wanted, "big"))]
        return self._tell(outputs, now)

    def _tell(self, outputs: list[Output], now: float) -> list[NetworkEvent]:
        """Put what the negotiation says into events."""
        events: list[NetworkEvent] = []
        for output in outputs:
            if isinstance(output, bytes):
                events.append(SendPacket(IPCP, output))
            elif isinstance(output, DropReason):
                events.append(Dropped(output))
            elif output is Layer.HURRIED:
                events.append(DeadlineMoved())
            elif output is Layer.UP:
                events.append(self._up())
            elif output is Layer.DOWN:
                events.append(NetworkDown(final=False))
            elif output is Layer.FINISHED:
                events.append(NetworkDown(final=True, text=self._why))
            elif output is Layer.STUCK:
                events += self.close(b"no agreement on options", now=now)
        return events

    def _up(self) -> NetworkUp:
        ipcp = self._ipcp
        self._why = _NO_AGREEMENT
        return NetworkUp(int.from_bytes(ipcp.local, "big"), int.from_bytes(ipcp.peer, "big"), ipcp.dns)

    # -- state as data

    def save(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "version": _VERSION,
            "held": list(self._held) if self._held is not None else None,
            "ipcp": self._ipcp.save(),
            "negotiation": self._negotiation.save(),
            "why": self._why,
        }

    @classmethod
    def restore(cls, data: dict[str, Any], config: NetworkConfig) -> Network:
        """Return the network that ``save`` described."""
        self = cls(config, 0)
        self._ipcp = Ipcp.restore(data["ipcp"], config)
        self._negotiation = Negotiation.restore(data["negotiation"], config.restart, self._ipcp)
        held = data["held"]
        self._held = (held[0], held[1]) if held is not None else None
        self._why = data["why"]
        return self
