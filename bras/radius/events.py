"""What the RADIUS machines tell their owner."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bras.errors import DropReason
from bras.plain import Saved, restore_fields
from bras.radius.authorization import Authorization
from bras.value import hasten


class Kind(Enum):
    """Which of a server's two services."""

    __hash__ = object.__hash__  # members are singletons; Enum's own hash is a Python call

    AUTH = "auth"
    ACCT = "acct"


@dataclass(frozen=True, slots=True)
class SendRadius:
    """Send a request to a server from the numbered socket of its pool."""

    server: int
    """Index into ``RadiusConfig.server``."""
    kind: Kind
    socket: int
    """Index of the connected socket (each carries 256 identifiers); opened when first used."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """An Access-Accept, verified, decoded."""

    key: int
    """The key given to ``authenticate``."""
    server: str
    authorization: Authorization
    ms_chap2_success: bytes
    """MS-CHAP2-Success without its identifier octet: "S=…" (RFC 2548 section 2.3.3)."""

    @classmethod
    def restore(cls, saved: Saved) -> Accepted:
        """Return what ``saved`` are the fields of."""
        return restore_fields(cls, saved, authorization=Authorization.restore)


@dataclass(frozen=True, slots=True)
class Rejected:
    """An Access-Reject, an Access-Challenge (which we do not do), or an Accept that we must refuse."""

    key: int
    server: str
    reply_message: str
    ms_chap_error: bytes
    """MS-CHAP-Error without its identifier octet: "E=691 R=0 …" (RFC 2548 section 2.1.5)."""
    reason: str
    """`reject`, `challenge` or `unsupported`."""
    lacking: tuple[str, ...] = ()
    """What is unsupported: names of attributes, those whose value makes no sense with a word of that."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No server answered the request."""

    key: int


@dataclass(frozen=True, slots=True)
class AccountingAcknowledged:
    """A server acknowledged an accounting record: it can be forgotten."""

    record: int
    server: str


@dataclass(frozen=True, slots=True)
class AccountingUnanswered:
    """No server answered; the record is kept and will be tried again."""

    record: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A server answered: how long it took, from the first transmission to it."""

    server: str
    kind: Kind
    code: int
    seconds: float
    key: int = 0
    """Of an Access-Request: the key given to ``authenticate``."""


@dataclass(frozen=True, slots=True)
class Resent:
    """A request was sent again."""

    server: str
    kind: Kind
    key: int = 0
    """Of an Access-Request: the key given to ``authenticate``."""


@dataclass(frozen=True, slots=True)
class ServerDead:
    """A server counts as dead and is passed over."""

    server: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class ServerAlive:
    """A dead server answered again, or its dead time is over."""

    server: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class ConnectionUp:
    """A server over TLS can be asked: there is a connection, and there was none."""

    server: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class ConnectionDown:
    """There is no connection any more towards a server over TLS, or still none and for another reason."""

    server: str
    kind: Kind
    reason: str
    """In words."""


@dataclass(frozen=True, slots=True)
class ReplyDropped:
    """A reply was dropped and counted."""

    server: str
    kind: Kind
    reason: DropReason


Event = (
    SendRadius
    | Accepted
    | Rejected
    | Unanswered
    | AccountingAcknowledged
    | AccountingUnanswered
    | Answered
    | Resent
    | ServerDead
    | ServerAlive
    | ConnectionUp
    | ConnectionDown
    | ReplyDropped
)

hasten(SendRadius, Accepted, Answered, AccountingAcknowledged)
