"""The plain records of a tunnel: its instants, and what is saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

from bras.l2tp.calls import SavedCalls
from bras.l2tp.channel import SavedChannel
from bras.plain import Saved


@dataclass(slots=True)
class Touched:
    """What may have changed, for who keeps a journal; in the order in which it did."""

    tunnels: dict[int, None] = field(default_factory=dict)
    """Our tunnel ids."""
    calls: dict[int, None] = field(default_factory=dict)
    """Keys of calls."""
    lockouts: dict[tuple[str, str], None] = field(default_factory=dict)
    """Addresses and Host Names."""


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


class SavedPlace(TypedDict):
    """Where the peer of a tunnel is as plain data."""

    path: list[int | str]
    probe: Saved | None
    """As ``Probe`` saves it; ``None`` out of a journal."""


class SavedTunnel(SavedPlace):
    """A tunnel as plain data."""

    group: str
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


class SavedDoor(TypedDict):
    """What is remembered of those who have no tunnel, as plain data."""

    gate: Saved
    lobby: Saved
    refusals: Saved


class SavedEndpoint(TypedDict):
    """An endpoint as plain data."""

    role: str
    refusing_id: int
    closing: bool
    serial: int
    rotation: Saved
    """As ``Rotation`` saves it."""
    door: SavedDoor | None
    """``None`` out of a journal."""
    lockouts: list[Saved]
    tunnels: list[SavedTunnel]
