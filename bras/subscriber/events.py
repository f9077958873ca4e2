"""What the subscriber machine tells its owner, and the facts that telemetry shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bras.forwarding.entry import Counters, Operation
from bras.ppp.events import (
    AddressWanted,
    CredentialsOffered,
    DeadlineMoved,
    Dropped,
    EchoMeasured,
    HandoverReason,
    HandoverResult,
    LcpOpened,
    LcpRefused,
    LinkRestarted,
    SendFrame,
)
from bras.ppp.quality import Quality


class TerminateCause(Enum):
    """Acct-Terminate-Cause (RFC 2866 section 5.10)."""

    USER_REQUEST = 1
    LOST_CARRIER = 2
    LOST_SERVICE = 3
    IDLE_TIMEOUT = 4
    SESSION_TIMEOUT = 5
    ADMIN_RESET = 6
    ADMIN_REBOOT = 7
    PORT_ERROR = 8
    NAS_ERROR = 9
    NAS_REQUEST = 10
    NAS_REBOOT = 11
    PORT_UNNEEDED = 12
    PORT_PREEMPTED = 13
    PORT_SUSPENDED = 14
    SERVICE_UNAVAILABLE = 15
    CALLBACK = 16
    USER_ERROR = 17
    HOST_REQUEST = 18


class Phase(Enum):
    """Where a subscriber stands."""

    __hash__ = object.__hash__  # members are singletons; Enum's own hash is a Python call

    LINK = "link"
    """LCP and the request for credentials."""
    AUTHENTICATING = "authenticating"
    """RADIUS or the local users decide."""
    ADDRESSING = "addressing"
    """Accepted; waits for an address, or for the old session to be gone."""
    NETWORK = "network"
    """IPCP."""
    PROGRAMMING = "programming"
    """The data plane is told."""
    UP = "up"
    """Forwarding."""
    ENDING = "ending"
    """Waits for final counters, then Stop."""


class AuthOutcome(Enum):
    """How an authentication ended; the value is the metric's label."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNANSWERED = "unanswered"
    NO_ADDRESS = "no_address"
    """Accepted, but no address could be given."""
    DENIED_SINGLE_SESSION = "denied_single_session"
    DENIED_ADDRESS_CONFLICT = "denied_address_conflict"
    UNKNOWN_POOL = "unknown_pool"
    UNKNOWN_PROFILE = "unknown_profile"
    UNSUPPORTED = "unsupported"
    """Accepted, with something that we lack."""
    DENIED_PORT_LIMIT = "denied_port_limit"
    DENIED_ROUTE_CONFLICT = "denied_route_conflict"


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Fact: an authentication was decided."""

    group: str
    method: str
    """`pap`, `chap`, `mschapv1`, `mschapv2`."""
    outcome: AuthOutcome
    source: str
    """Name of the RADIUS server, or `local`; empty when nobody answered."""
    user: str
    text: str = ""
    """What the server said."""
    number: int = 0
    """The subscriber's; 0: nobody's."""


@dataclass(frozen=True, slots=True)
class ProxyJudged:
    """Fact: what became of LCP and authentication that a LAC had done already."""

    session: str
    """Acct-Session-Id."""
    group: str
    lac_hostname: str
    result: HandoverResult
    reason: HandoverReason
    """Why not all of it was taken over."""


@dataclass(frozen=True, slots=True)
class SubscriberUp:
    """Fact: a subscriber's packets are forwarded."""

    session: str
    """Acct-Session-Id."""
    user: str
    group: str
    lac_hostname: str
    lac_address: str
    address: int
    """IPv4, as an integer."""
    method: str
    setup_s: float
    """From ICRQ's answer (CallUp) to here."""


@dataclass(frozen=True, slots=True)
class QuotaTold:
    """Fact: a session is slowed down because a quota is exhausted, or is not any more."""

    session: str
    """Acct-Session-Id."""
    user: str
    group: str
    spent: str
    """Which quota is exhausted, in words; empty when none is any more."""
    rate_up_bps: int
    rate_down_bps: int
    """The rates from now on; 0: unlimited."""


@dataclass(frozen=True, slots=True)
class SubscriberEnded:
    """Fact: a subscriber that had got as far as credentials is gone.  The one summary line."""

    session: str
    user: str
    group: str
    lac_hostname: str
    lac_address: str
    calling_number: str
    called_number: str
    address: int
    """IPv4 as an integer; 0 when it never had one."""
    method: str
    phase: Phase
    """How far it got."""
    duration_s: float
    """Since it was up; 0 when it never was."""
    counters: Counters
    cause: TerminateCause
    reason: str
    """A stable word: why, more exactly than the cause."""
    text: str
    """What a peer, server or operator said."""
    echo_round_trip_s: float
    """The last echo's round-trip time; 0 when none was measured."""
    quality: Quality | None = None
    """How its line answered of late; ``None`` before the first echo."""
    heard: bool = True
    """Whether the client ever said anything."""


class Status(Enum):
    """Acct-Status-Type (RFC 2866 section 5.1)."""

    START = 1
    STOP = 2
    INTERIM = 3


@dataclass(frozen=True, slots=True)
class EntryChanged:
    """Tell the data plane; it is answered by ``Subscriber.programmed``."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class PacketReceived:
    """A packet of the client's that did not come by way of the data plane, which is to forward it."""

    slot: int
    generation: int
    packet: bytes
    """IPv4."""


@dataclass(frozen=True, slots=True)
class CountersWanted:
    """Read the Entry's counters; it is answered by ``Subscriber.counters_read``."""

    slot: int
    generation: int


@dataclass(frozen=True, slots=True)
class RecordDue:
    """An accounting record is to be made of these figures."""

    status: Status
    session_time_s: float
    counters: Counters
    cause: TerminateCause | None = None
    """For a Stop, as what follows."""
    reason: str = ""
    """Why, more exactly: a word of the table of ends."""
    text: str = ""
    """What somebody said of it."""


@dataclass(frozen=True, slots=True)
class AddressFree:
    """The Entry is gone and the Stop is made: the address may go to somebody else."""


@dataclass(frozen=True, slots=True)
class AccmAgreed:
    """LCP is open on an asynchronous line: who frames it is to know what the client wants escaped."""

    accm: int


@dataclass(frozen=True, slots=True)
class ProofDue:
    """The session's time is over, and its client is to prove itself again."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """PPP is over: end the call."""

    text: str


@dataclass(frozen=True, slots=True)
class Gone:
    """Nothing is left of the subscriber; forget it."""


Event = (
    SendFrame
    | CredentialsOffered
    | AddressWanted
    | DeadlineMoved
    | Dropped
    | EchoMeasured
    | EntryChanged
    | PacketReceived
    | CountersWanted
    | RecordDue
    | AddressFree
    | AccmAgreed
    | HangUp
    | Gone
    | LcpOpened
    | LcpRefused
    | LinkRestarted
    | ProofDue
    | ProxyJudged
    | SubscriberUp
    | SubscriberEnded
    | QuotaTold
)
