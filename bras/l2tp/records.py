"""The plain records of a tunnel: its instants, what operators see, what is saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

from bras.l2tp.calls import SavedCalls
from bras.l2tp.channel import SavedChannel
from bras.l2tp.events import Path
from bras.l2tp.states import TunnelState
from bras.plain import Saved


@dataclass(slots=True)
class Touched:
    """What may have changed, for who keeps a journal; in the order in which it did."""

    tunnels: dict[int, None] = field(default_factory=dict)
    """Our tunnel ids."""
    calls: dict[int, None] = field(default_factory=dict)
    """Keys of calls."""


@dataclass(slots=True)
class Timers:
    """The instants of a tunnel, in the monotonic seconds of ``now``."""

    created_at: float
    heard_at: float
    """When anything, control or data, last came from the peer (RFC 2661 section 5.5)."""
    up_at: float | None = None
    idle_since_at: float | None = None
    """Since when the tunnel has no calls."""
    gone_at: float | None = None
    """When an ended tunnel may be forgotten (RFC 2661 section 5.7)."""


@dataclass(frozen=True, slots=True)
class TunnelFacts:
    """A tunnel as operators see it."""

    tunnel_id: int
    peer_tunnel_id: int
    group: str
    path: Path
    hostname: str
    """The peer's Host Name."""
    vendor: str
    """The peer's Vendor Name."""
    state: TunnelState
    calls: int
    window: int
    """Control messages that may be under way now."""
    in_flight: int
    retransmissions: int
    up_at: float | None
    """Since when it is established."""


class SavedTunnel(TypedDict):
    """A tunnel as plain data."""

    group: str
    path: list[int | str]
    tunnel_id: int
    peer: list[str]
    state: int
    lac: bool
    channel: SavedChannel
    calls: SavedCalls
    timers: list[float | None]
    authentication: Saved
    """As ``Authentication`` saves it: a tuple as saved, a list out of a file."""
    request: bytes
    replaces: int


class SavedEndpoint(TypedDict):
    """An endpoint as plain data."""

    role: str
    refusing_id: int
    closing: bool
    serial: int
    rotation: Saved
    """As ``Rotation`` saves it."""
    tunnels: list[SavedTunnel]
