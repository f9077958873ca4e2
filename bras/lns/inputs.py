"""Everything that can happen to the machine."""

from __future__ import annotations

from dataclasses import dataclass

from bras.accounting.rows import Depth, Row
from bras.config.model import Config
from bras.forwarding.entry import Counters, Outcome
from bras.ids import CallKey
from bras.l2tp.events import Path
from bras.lns.commands import Command
from bras.radius.coa_events import Origin
from bras.radius.codec import Codec
from bras.radius.events import Kind
from bras.value import hasten


@dataclass(frozen=True, slots=True)
class DatagramReceived:
    """A datagram came to an L2TP socket."""

    path: Path
    data: bytes


@dataclass(frozen=True, slots=True)
class PortOpened:
    """What became of an ``OpenPort``."""

    path: Path
    """How the SCCRQ came, as asked."""
    data: bytes
    """The SCCRQ, as asked."""
    listener: int = 0
    """Index of the new socket, not less than ``FIRST_OWN``."""
    port: int = 0
    """To which it is bound, at ``path.local``."""
    error: str = ""
    """Why there is no socket, in words; empty when there is one."""


@dataclass(frozen=True, slots=True)
class RadiusReceived:
    """A datagram came to a RADIUS client socket."""

    server: int
    kind: Kind
    socket: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SendFailed:
    """The kernel told that a RADIUS server's port is closed or unreachable."""

    server: int
    kind: Kind
    socket: int


@dataclass(frozen=True, slots=True)
class TransportUp:
    """A connection towards a RADIUS server over TLS carries requests now; nothing is awaited on it."""

    server: int
    kind: Kind
    socket: int


@dataclass(frozen=True, slots=True)
class TransportDown:
    """A connection towards a RADIUS server over TLS is lost, or cannot be made: no answer comes by it any more."""

    server: int
    kind: Kind
    socket: int
    reason: str
    """In words."""


@dataclass(frozen=True, slots=True)
class Programmed:
    """The data plane did, or refused, an operation."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class CountersRead:
    """The data plane's counters of these slots, as they stand."""

    counters: tuple[tuple[int, int, Counters], ...]
    """(slot, generation, counters)."""


@dataclass(frozen=True, slots=True)
class PacketsToNumber:
    """The data plane has packets for subscribers whose data messages are numbered (``Leg.numbered``)."""

    frames: tuple[tuple[CallKey, bytes], ...]
    """(call, PPP frame), in the order in which they are to be sent."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The spool has on disk what every ``Spool`` up to this number said; no power cut takes it away."""

    up_to: int


@dataclass(frozen=True, slots=True)
class SpoolFailed:
    """The disk refuses what the spool writes; told once, ``Stored`` comes when all is caught up."""

    reason: str
    """In words."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the spool holds for a group of servers: all of it, when they are fewer rows than were asked for."""

    group: str | None
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class SpoolCounted:
    """How much stands in the spool; told now and then while that changes."""

    depths: tuple[Depth, ...]
    """Of each group that is owed anything."""
    octets: int
    """What it takes on disk."""


@dataclass(frozen=True, slots=True)
class CoaReceived:
    """A CoA- or Disconnect-Request came, or what is meant to be one."""

    origin: Origin
    data: bytes


@dataclass(frozen=True, slots=True)
class PathMeasured:
    """The path to a LAC carries IP packets of ``mtu`` octets."""

    remote: str
    mtu: int


@dataclass(frozen=True, slots=True)
class CommandReceived:
    """An operator or a program asks for something; the Answer carries ``identifier``."""

    identifier: int
    command: Command


@dataclass(frozen=True, slots=True)
class ClockRead:
    """Wall clock minus ``now``, in seconds: at start, and whenever it was stepped."""

    offset_s: float


@dataclass(frozen=True, slots=True)
class ConfigChanged:
    """The configuration is another from now on, as far as that needs no restart; it has been checked."""

    config: Config
    codec: Codec
    """That of its dictionaries."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The instant of ``Lns.deadline`` has come."""


Input = (
    DatagramReceived
    | PortOpened
    | RadiusReceived
    | SendFailed
    | TransportUp
    | TransportDown
    | Programmed
    | CountersRead
    | PacketsToNumber
    | Stored
    | SpoolFailed
    | Fetched
    | SpoolCounted
    | CoaReceived
    | PathMeasured
    | CommandReceived
    | ClockRead
    | ConfigChanged
    | TimerFired
)

hasten(DatagramReceived, RadiusReceived, Programmed, Stored)
