"""What the PPP machines, Link and Network, tell their owner."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bras.errors import DropReason
from bras.value import hasten


class LinkEnd(Enum):
    """Why a link ended."""

    PEER_TERMINATED = "peer_terminated"
    """The client sent Terminate-Request."""
    LOCAL_CLOSE = "local_close"
    """The owner closed it."""
    AUTH_REFUSED = "auth_refused"
    """The credentials were refused."""
    AUTH_TIMEOUT = "auth_timeout"
    """The client never answered the request for credentials."""
    NO_COMMON_AUTH = "no_common_auth"
    """The client rejected every method that we offer."""
    NEGOTIATION_FAILED = "negotiation_failed"
    """Max-Configure reached, or an option that we need was rejected."""
    ECHO_TIMEOUT = "echo_timeout"
    """The client answered no Echo-Request."""
    LOOPBACK = "loopback"
    """Our own magic number came back."""
    PROTOCOL_REJECTED = "protocol_rejected"
    """The client rejected a protocol that the link cannot be without."""


@dataclass(frozen=True, slots=True)
class SendFrame:
    """Send a PPP frame (FF 03 or not as negotiated, then the protocol field)."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class PapCredentials:
    """A PAP Authenticate-Request (RFC 1334 section 2.2.1)."""

    name: bytes
    password: bytes

    def __repr__(self) -> str:
        """Leave the password out."""
        return f"PapCredentials(name={self.name!r})"


@dataclass(frozen=True, slots=True)
class ChapCredentials:
    """A CHAP-MD5 Response (RFC 1994 section 4.1)."""

    name: bytes
    identifier: int
    challenge: bytes
    response: bytes
    """16 octets."""


@dataclass(frozen=True, slots=True)
class MsChapCredentials:
    """An MS-CHAPv1 Response (RFC 2433 section 4)."""

    name: bytes
    identifier: int
    challenge: bytes
    response: bytes
    """49 octets: LM response, NT response, flags."""


@dataclass(frozen=True, slots=True)
class MsChap2Credentials:
    """An MS-CHAPv2 Response (RFC 2759 section 4)."""

    name: bytes
    identifier: int
    challenge: bytes
    response: bytes
    """49 octets: peer challenge, reserved, NT response, flags."""


Credentials = PapCredentials | ChapCredentials | MsChapCredentials | MsChap2Credentials


@dataclass(frozen=True, slots=True)
class CredentialsOffered:
    """The client offers credentials; the owner answers ``Link.accept`` or ``Link.refuse``."""

    credentials: Credentials
    again: bool = False
    """The link is up, and the client was challenged once more."""


class HandoverResult(Enum):
    """What became of a link that an access concentrator had begun."""

    ACCEPTED = "accepted"
    """LCP goes on, and the client's proof is judged."""
    CHALLENGED = "challenged"
    """LCP goes on, but the client is asked for proof again."""
    RENEGOTIATED = "renegotiated"
    """All begins anew."""


class HandoverReason(Enum):
    """Why not all of it was taken over."""

    NONE = "none"
    POLICY = "policy"
    """The group wants it so."""
    UNTRUSTED = "untrusted"
    """The concentrator has not proven who it is: there is no secret."""
    NO_LCP = "no_lcp"
    """It did not tell what was agreed in both directions."""
    BAD_LCP = "bad_lcp"
    """What it told of LCP makes no sense."""
    OPTION = "option"
    """An option was agreed that we do not do."""
    MRU = "mru"
    """The client may send more than we receive."""
    METHOD = "method"
    """The client agreed to a method that we do not want, or to none."""
    NO_PROOF = "no_proof"
    """The client proved nothing, or in a way that we do not know."""
    BAD_PROOF = "bad_proof"
    """The proof is not that of the method agreed to, or something of it is missing."""


@dataclass(frozen=True, slots=True)
class HandoverJudged:
    """A link that an access concentrator had begun is taken over, or begun anew."""

    result: HandoverResult
    reason: HandoverReason


@dataclass(frozen=True, slots=True)
class LcpOpened:
    """Both sides have acknowledged the other's LCP options; authentication comes next, where there is any."""

    method: str
    """By which the client is to prove itself; empty for none."""
    mru: int
    """What we asked for, in octets."""
    peer_mru: int
    acfc: bool
    pfc: bool
    magic: bool
    """Whether we have a magic number: the client has not rejected it."""


@dataclass(frozen=True, slots=True)
class LcpRefused:
    """Options of a Configure-Request were not acknowledged (RFC 1661 sections 5.3 and 5.4)."""

    by_peer: bool
    """Ours by the client; else the client's by us."""
    code: int
    """Configure-Nak or Configure-Reject."""
    options: bytes
    """Those of that packet."""


@dataclass(frozen=True, slots=True)
class LinkUp:
    """LCP is open and both sides are authenticated: network protocols may begin."""

    mru: int
    """Largest payload in octets that the client takes (its MRU, at most ours)."""
    acfc: bool
    """Whether we leave FF 03 out towards the client."""
    pfc: bool
    """Whether we send one-octet protocol fields to the client."""
    accm: int = 0xFFFFFFFF
    """Control characters that the client wants escaped where its line is asynchronous (RFC 1662 section 7.1)."""


@dataclass(frozen=True, slots=True)
class LinkRestarted:
    """LCP left Opened (the client renegotiates): network protocols are down until LinkUp."""


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The link has ended for good; nothing more is sent."""

    end: LinkEnd
    text: str = ""
    """What the client or we said, in words."""


@dataclass(frozen=True, slots=True)
class NetworkPacketReceived:
    """A packet of a network control protocol that the owner registered came in, or an IPv4 packet."""

    protocol: int
    packet: bytes


@dataclass(frozen=True, slots=True)
class DeadlineMoved:
    """The deadline has come nearer than any timer is armed for: look at it now."""


@dataclass(frozen=True, slots=True)
class ClientIdentified:
    """The client told which software it is (RFC 1570 section 2.1)."""

    text: str
    """Empty when it is not printable."""


@dataclass(frozen=True, slots=True)
class EchoMeasured:
    """An Echo-Reply came: round-trip time in seconds."""

    round_trip_s: float


@dataclass(frozen=True, slots=True)
class ProtocolRejected:
    """The client sent Protocol-Reject for a network protocol of ours."""

    protocol: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """A frame was dropped and counted."""

    reason: DropReason


LinkEvent = (
    SendFrame
    | CredentialsOffered
    | HandoverJudged
    | LcpOpened
    | LcpRefused
    | LinkUp
    | LinkRestarted
    | LinkDown
    | NetworkPacketReceived
    | ClientIdentified
    | DeadlineMoved
    | EchoMeasured
    | ProtocolRejected
    | Dropped
)


@dataclass(frozen=True, slots=True)
class SendPacket:
    """Send a packet of a network control protocol (the owner frames it with ``Link.frame``)."""

    protocol: int
    packet: bytes


@dataclass(frozen=True, slots=True)
class AddressWanted:
    """The client asks for this IPv4 address in IPCP (RFC 1332 section 3.3); 0 never comes here."""

    address: int


@dataclass(frozen=True, slots=True)
class NetworkUp:
    """IPCP is open."""

    local: int
    """Our IPv4 address."""
    peer: int
    """The client's IPv4 address."""
    dns: tuple[int, ...] = ()
    """In the client role: name servers that the peer told us."""


@dataclass(frozen=True, slots=True)
class NetworkDown:
    """IPCP left Opened or failed; ``final`` when it will not come back by itself."""

    final: bool
    text: str = ""


NetworkEvent = SendPacket | AddressWanted | NetworkUp | NetworkDown | Dropped | DeadlineMoved

hasten(
    SendFrame,
    NetworkPacketReceived,
    SendPacket,
    CredentialsOffered,
    PapCredentials,
    ChapCredentials,
    MsChap2Credentials,
    LcpOpened,
    LinkUp,
    NetworkUp,
)
