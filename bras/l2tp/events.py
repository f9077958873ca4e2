"""What the L2TP machine tells its owner.

Every CallUp is followed by exactly one CallDown for its key, every TunnelUp by exactly
one TunnelDown; a tunnel's CallDowns come before its TunnelDown.  It does not matter who
ended it: also what the owner closes itself is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from bras.errors import DropReason, ProtocolViolation
from bras.ids import CallKey
from bras.l2tp.constants import CdnResult
from bras.l2tp.disconnect import Q931, Disconnect
from bras.l2tp.proxy import Proxied
from bras.l2tp.report import Accm, LineErrors
from bras.value import hasten

NO_CALL = CallKey(0)
"""No call has this key: session ids are not zero."""
FIRST_OWN: Final = 1 << 16
"""Listening sockets from this index on belong to one tunnel each (RFC 2661 section 8.1)."""


@dataclass(frozen=True, slots=True)
class Path:
    """The two ends of a datagram's way; answers leave from where the call came in."""

    listener: int
    """Index of the listening socket; see ``FIRST_OWN``."""
    local: str
    """Our address, as it was called (never a wildcard)."""
    local_port: int
    remote: str
    remote_port: int


class By(Enum):
    """Who ended a call or tunnel."""

    LOCAL = "local"
    PEER = "peer"
    TIMEOUT = "timeout"


class Refusal(Enum):
    """Why a tunnel or a call never came up, in a stable word."""

    NO_GROUP = "no_group"
    """No ``[[lac]]`` matches address and Host Name."""
    WRONG_SECRET = "wrong_secret"
    NO_SECRET = "no_secret"
    """We were challenged and have no secret."""
    LIMIT = "limit"
    ACCOUNTING = "accounting"
    """No accounting record of the call could be kept."""
    BAD_MESSAGE = "bad_message"
    BAD_VERSION = "bad_version"
    OUT_OF_SEQUENCE = "out_of_sequence"
    NO_SERVICE = "no_service"
    SHUTTING_DOWN = "shutting_down"
    TIMEOUT = "timeout"
    TUNNEL_ENDED = "tunnel_ended"
    BY_LAC = "by_lac"
    """The LAC itself gave up."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a call or tunnel ended: Result Code, Error Code, message (RFC 2661 section 4.4.2)."""

    by: By
    result: int
    error: int = 0
    text: str = ""
    of_tunnel: bool = False
    """A call that ended because its tunnel did."""
    stop: int = 0
    """Result Code with which that tunnel ended, which is another number than a call's."""
    avp: str = ""
    """Name of the AVP that was wrong, where one was."""
    section: str = ""
    """Where it is written what is right: "RFC 2661 section 4.4.3"."""
    disconnect: Disconnect | None = None
    """What became of PPP, where the end that hangs up says so (RFC 3145)."""
    q931: Q931 | None = None
    """What the telephone network said (RFC 2661 section 4.4.4)."""
    refusal: Refusal | None = None
    """Why something never came up, where the codes leave it open; see ``bras.l2tp.refusals``."""

    @classmethod
    def of(cls, problem: ProtocolViolation) -> Cause:
        """Return why we end something whose peer sent such a message; the codes are those of StopCCN and of CDN."""
        return cls(By.LOCAL, problem.result, problem.error, problem.text, avp=problem.avp, section=problem.section)

    def of_calls(self) -> Cause:
        """Return why the calls of a tunnel end that ends for this: Result Codes of CDN are other numbers."""
        result = CdnResult.LOSS_OF_CARRIER if self.by is By.TIMEOUT else CdnResult.ADMINISTRATIVE
        return Cause(self.by, result, self.error, self.text, of_tunnel=True, stop=self.result)


@dataclass(frozen=True, slots=True)
class CallInfo:
    """What the LAC said of a call (ICRQ and ICCN, RFC 2661 sections 6.6 and 6.8)."""

    group: str
    """Name of the `[[lac]]` group."""
    path: Path
    lac_hostname: str
    """The LAC's Host Name AVP."""
    peer_tunnel_id: int
    peer_session_id: int
    serial_number: int
    """Call Serial Number AVP."""
    calling_number: str = ""
    called_number: str = ""
    sub_address: str = ""
    bearer_type: int | None = None
    physical_channel: int | None = None
    tx_connect_speed_bps: int = 0
    rx_connect_speed_bps: int = 0
    framing_type: int = 0
    private_group: str = ""
    proxy_auth_name: str = ""
    sequencing_required: bool = False
    """Sequencing Required AVP (RFC 2661 section 4.4.6)."""
    proxied: Proxied | None = None
    """What the LAC negotiated with the client itself: told once, in the CallUp."""
    access_line: bytes = b""
    """What was told of the access line: see ``bras.l2tp.line``."""
    speed_updates: bool = False
    """Whether the LAC will tell new speeds (Connect Speed Update Enable AVP, RFC 5515)."""
    numbered: bool = False
    """Our data messages carry sequence numbers."""
    length_bit: bool = False
    """Our data messages carry their length."""


@dataclass(frozen=True, slots=True)
class SendDatagram:
    """Send ``data`` along ``path`` (from ``path.local`` to ``path.remote``)."""

    path: Path
    data: bytes


@dataclass(frozen=True, slots=True)
class TunnelUp:
    """A control connection is established (SCCCN sent or received)."""

    tunnel_id: int
    peer_tunnel_id: int
    group: str
    lac_hostname: str
    path: Path


@dataclass(frozen=True, slots=True)
class TunnelProbed:
    """Something came for a tunnel from another port: it is found out whether its peer is there now."""

    tunnel_id: int
    group: str
    path: Path
    """How it came."""


@dataclass(frozen=True, slots=True)
class TunnelMoved:
    """The peer of a tunnel is at another port, and so are all its calls."""

    tunnel_id: int
    group: str
    lac_hostname: str
    path: Path
    """From now on."""
    former_port: int


@dataclass(frozen=True, slots=True)
class TunnelDown:
    """An established control connection has ended."""

    tunnel_id: int
    group: str
    lac_hostname: str
    path: Path
    cause: Cause


@dataclass(frozen=True, slots=True)
class TunnelRefused:
    """A control connection never came up: no group, wrong secret, over a limit, no answer."""

    group: str
    """Name of the group, empty when none matched."""
    lac_hostname: str
    path: Path
    cause: Cause
    tunnel_id: int = 0
    """Our tunnel id, 0 when none was given to it."""


@dataclass(frozen=True, slots=True)
class CallUp:
    """A call is established (ICCN sent or received): PPP can begin."""

    key: CallKey
    info: CallInfo


@dataclass(frozen=True, slots=True)
class CallDown:
    """An established call has ended."""

    key: CallKey
    cause: Cause


@dataclass(frozen=True, slots=True)
class CallRefused:
    """A call never came up."""

    group: str
    path: Path
    cause: Cause
    key: CallKey = NO_CALL
    """0 when the call was refused at once."""
    lac_hostname: str = ""


@dataclass(frozen=True, slots=True)
class SpeedChanged:
    """The LAC told new speeds of an established call (CSUN, RFC 5515)."""

    key: CallKey
    tx_bps: int
    rx_bps: int
    """0: not known."""


@dataclass(frozen=True, slots=True)
class ErrorsReported:
    """The LAC told how often the line of a call erred (WEN, RFC 2661 section 6.13)."""

    key: CallKey
    errors: LineErrors


@dataclass(frozen=True, slots=True)
class AccmReceived:
    """The peer told the ACCM of a call (SLI, RFC 2661 section 6.14)."""

    key: CallKey
    accm: Accm


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """A PPP frame came in a data message; it begins with FF 03 or the protocol field."""

    key: CallKey
    frame: bytes


@dataclass(frozen=True, slots=True)
class Dropped:
    """A datagram was dropped and counted."""

    reason: DropReason
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class DataDisordered:
    """Numbered data messages of a call were passed over, or put in order (RFC 2661 section 5.4)."""

    key: CallKey
    group: str
    lost: int
    """Numbers that did not come in time."""
    reordered: int
    """Frames that were held for an earlier one."""


@dataclass(frozen=True, slots=True)
class LockedOut:
    """New SCCRQs of a LAC are dropped for a while: its response to our Challenge was wrong, again."""

    group: str
    lac_hostname: str
    path: Path
    failures: int
    """Wrong responses so far."""
    seconds: float
    """For how long."""


@dataclass(frozen=True, slots=True)
class LockoutEnded:
    """A lock-out has ended: the next SCCRQ is heard."""

    group: str
    lac_hostname: str
    address: str
    failures: int


@dataclass(frozen=True, slots=True)
class OpenPort:
    """A SCCRQ wants a UDP port of its own: what becomes of that is to be told by ``Endpoint.port_opened``.

    Until then nothing is kept of it: it is judged again when the port is there.
    """

    path: Path
    """How it came."""
    data: bytes
    """The whole datagram."""


@dataclass(frozen=True, slots=True)
class ClosePort:
    """The port that belonged to a tunnel is needed no more."""

    listener: int


@dataclass(frozen=True, slots=True)
class Retransmitted:
    """A control message was sent again."""

    tunnel_id: int
    group: str
    retries: int = 0
    """How often the oldest message has been by now, in the first of a turn's facts for a tunnel; 0 in the others."""


@dataclass(frozen=True, slots=True)
class RoundTripMeasured:
    """The peer has acknowledged a control message that was sent once."""

    group: str
    round_trip_s: float


Event = (
    SendDatagram
    | TunnelUp
    | TunnelProbed
    | TunnelMoved
    | TunnelDown
    | TunnelRefused
    | CallUp
    | CallDown
    | CallRefused
    | SpeedChanged
    | ErrorsReported
    | AccmReceived
    | FrameReceived
    | Dropped
    | DataDisordered
    | LockedOut
    | LockoutEnded
    | OpenPort
    | ClosePort
    | Retransmitted
    | RoundTripMeasured
)

hasten(SendDatagram, FrameReceived, CallInfo, CallUp, CallDown)
