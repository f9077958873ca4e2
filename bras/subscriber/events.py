"""What the subscriber machine tells its owner, and the facts that telemetry shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bras.forwarding.entry import Counters


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
