"""Dynamic authorisation on the wire (RFC 5176): requests verified and sorted, answers built.

Order of trust in a request: bounds, Request Authenticator (as that of an
Accounting-Request, RFC 5176 section 2.3), Message-Authenticator, Event-Timestamp; only
then is a value looked at.  What fails is dropped without an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from hmac import compare_digest
from struct import Struct
from typing import Final, NamedTuple

from bras.errors import DropReason
from bras.radius.codec import HEADER_OCTETS, MAX_OCTETS, MESSAGE_AUTHENTICATOR, PROXY_STATE, SharedSecret

DISCONNECT_REQUEST, DISCONNECT_ACK, DISCONNECT_NAK = 40, 41, 42
COA_REQUEST, COA_ACK, COA_NAK = 43, 44, 45

USER_NAME: Final = 1
NAS_IP_ADDRESS: Final = 4
NAS_PORT: Final = 5
SERVICE_TYPE: Final = 6
FRAMED_IP_ADDRESS: Final = 8
REPLY_MESSAGE: Final = 18
STATE: Final = 24
CLASS: Final = 25
CALLED_STATION_ID: Final = 30
CALLING_STATION_ID: Final = 31
NAS_IDENTIFIER: Final = 32
ACCT_SESSION_ID: Final = 44
ACCT_TERMINATE_CAUSE: Final = 49
ACCT_MULTI_SESSION_ID: Final = 50
EVENT_TIMESTAMP: Final = 55
NAS_PORT_ID: Final = 87
CHARGEABLE_USER_IDENTITY: Final = 89
NAS_IPV6_ADDRESS: Final = 95
FRAMED_INTERFACE_ID: Final = 96
FRAMED_IPV6_PREFIX: Final = 97
DELEGATED_IPV6_PREFIX: Final = 123
FRAMED_IPV6_ADDRESS: Final = 168
ERROR_CAUSE: Final = 101

OF_THE_NAS: Final = frozenset((NAS_IP_ADDRESS, NAS_IDENTIFIER, NAS_IPV6_ADDRESS))
"""Attributes that say which NAS is meant (RFC 5176 section 3)."""
OF_A_SESSION: Final = frozenset((
    USER_NAME, NAS_PORT, FRAMED_IP_ADDRESS, CALLED_STATION_ID, CALLING_STATION_ID, ACCT_SESSION_ID,
    ACCT_MULTI_SESSION_ID, NAS_PORT_ID, CHARGEABLE_USER_IDENTITY, FRAMED_INTERFACE_ID, FRAMED_IPV6_PREFIX,
    DELEGATED_IPV6_PREFIX, FRAMED_IPV6_ADDRESS,
))  # fmt: skip
"""Those that say which sessions are meant; they never ask for a change (RFC 5176 section 3.6, note 1)."""
_OF_THE_PACKET: Final = frozenset((PROXY_STATE, MESSAGE_AUTHENTICATOR, EVENT_TIMESTAMP))
AUTHORIZE_ONLY: Final = 17
"""Service-Type by which a server asks us to ask it (RFC 5176 section 3.2)."""

Attribute = tuple[int, bytes]
"""Code and value."""

_ZEROS = bytes(16)
_head = Struct("!BBH").pack
_cause = Struct("!BBI").pack


class Asked(Enum):
    """What a request wants; the value is the metric's label."""

    CHANGE = "coa"
    DISCONNECT = "disconnect"


_ANSWERS: Final = {
    COA_REQUEST: (Asked.CHANGE, COA_ACK, COA_NAK),
    DISCONNECT_REQUEST: (Asked.DISCONNECT, DISCONNECT_ACK, DISCONNECT_NAK),
}


class ErrorCause(Enum):
    """Error-Cause (RFC 5176 section 3.5) of the NAKs that we send."""

    UNSUPPORTED_ATTRIBUTE = 401
    MISSING_ATTRIBUTE = 402
    NAS_IDENTIFICATION_MISMATCH = 403
    INVALID_REQUEST = 404
    UNSUPPORTED_SERVICE = 405
    INVALID_ATTRIBUTE_VALUE = 407
    SESSION_CONTEXT_NOT_FOUND = 503
    SESSION_CONTEXT_NOT_REMOVABLE = 504
    RESOURCES_UNAVAILABLE = 506
    MULTIPLE_SESSION_SELECTION_UNSUPPORTED = 508


class Rules(NamedTuple):
    """What a client's requests must have."""

    signed: bool
    """Message-Authenticator."""
    stamped: bool
    """Event-Timestamp."""
    window_s: float
    """How far an Event-Timestamp may be from our wall clock, either way."""


class Verified(NamedTuple):
    """A request that is its client's."""

    code: int
    identifier: int
    authenticator: bytes
    secret: int
    """Which of the client's secrets it is signed with."""
    event_at: float | None
    """Event-Timestamp, in seconds of the wall clock."""
    attributes: tuple[Attribute, ...]


class DynamicRequest(NamedTuple):
    """What a verified request says."""

    client: str
    """Name of who asks."""
    asked: Asked
    nas: tuple[Attribute, ...]
    """Which NAS is meant."""
    session: tuple[Attribute, ...]
    """Which sessions are meant."""
    changes: tuple[Attribute, ...]
    """All else, in order."""


def verify(data: bytes, secrets: Sequence[SharedSecret], rules: Rules, *, wall_s: float) -> Verified | DropReason:
    """Verify a request; say why when it is not to be believed.  Octets after Length are padding."""
    size = len(data)
    if size < HEADER_OCTETS:
        return DropReason.RADIUS_SHORT
    length = data[2] << 8 | data[3]
    if not HEADER_OCTETS <= length <= min(size, MAX_OCTETS):
        return DropReason.RADIUS_BAD_LENGTH
    data = data[:length]
    if data[0] not in _ANSWERS:
        return DropReason.RADIUS_UNEXPECTED_CODE
    attributes = walk(data)
    if attributes is None:
        return DropReason.RADIUS_BAD_ATTRIBUTE
    blank = data[:4] + _ZEROS + data[20:]
    known = [compare_digest(secret.digest(blank), data[4:20]) for secret in secrets]
    if True not in known:
        return DropReason.RADIUS_BAD_AUTHENTICATOR
    used = known.index(True)
    wrong = _signature(blank, attributes, secrets[used], rules.signed)
    if wrong is not None:
        return wrong
    event_at = _event_at(attributes)
    if event_at is None and rules.stamped:
        return DropReason.RADIUS_MISSING_TIMESTAMP
    if event_at is not None and abs(event_at - wall_s) > rules.window_s:
        return DropReason.RADIUS_STALE
    return Verified(data[0], data[1], data[4:20], used, event_at, attributes)


def walk(data: bytes) -> tuple[Attribute, ...] | None:
    """Return the attributes of a packet; ``None`` when one reaches beyond it."""
    found: list[Attribute] = []
    offset, end = HEADER_OCTETS, len(data)
    while offset < end:
        after = offset + data[offset + 1] if offset + 1 < end else 0
        if not offset + 2 <= after <= end:
            return None
        found.append((data[offset], data[offset + 2 : after]))
        offset = after
    return tuple(found)


def _signature(
    blank: bytes, attributes: tuple[Attribute, ...], secret: SharedSecret, signed: bool
) -> DropReason | None:
    """Verify the Message-Authenticator over a packet whose authenticator is zero (RFC 5176 section 3.4)."""
    offset, at = HEADER_OCTETS, 0
    for code, value in attributes:
        if code == MESSAGE_AUTHENTICATOR:
            if at or len(value) != 16:
                return DropReason.RADIUS_BAD_ATTRIBUTE
            at = offset + 2
        offset += 2 + len(value)
    if not at:
        return DropReason.RADIUS_MISSING_MESSAGE_AUTHENTICATOR if signed else None
    if compare_digest(secret.sign(blank[:at] + _ZEROS + blank[at + 16 :]), blank[at : at + 16]):
        return None
    return DropReason.RADIUS_BAD_MESSAGE_AUTHENTICATOR


def _event_at(attributes: tuple[Attribute, ...]) -> float | None:
    """Return the Event-Timestamp; of a wrong length it says a time that is never now."""
    for code, value in attributes:
        if code == EVENT_TIMESTAMP:
            return float(int.from_bytes(value, "big")) if len(value) == 4 else -1.0
    return None


def sort(verified: Verified, client: str) -> DynamicRequest:
    """Sort the attributes by what they are for."""
    nas: list[Attribute] = []
    session: list[Attribute] = []
    changes: list[Attribute] = []
    for one in verified.attributes:
        code = one[0]
        if code in OF_A_SESSION:
            session.append(one)
        elif code in OF_THE_NAS:
            nas.append(one)
        elif code not in _OF_THE_PACKET:
            changes.append(one)
    return DynamicRequest(client, _ANSWERS[verified.code][0], tuple(nas), tuple(session), tuple(changes))


def echo(code: int, attributes: Iterable[Attribute]) -> bytes:
    """Return what the answer to a request says again, in order (RFC 5176 sections 3.1 and 3.3).

    That is each Proxy-State, and of a CoA-Request its State.
    """
    echoed = (PROXY_STATE, STATE) if code == COA_REQUEST else (PROXY_STATE,)
    return b"".join(octets_of(one) for one in attributes if one[0] in echoed)


def octets_of(attribute: Attribute) -> bytes:
    """Return an attribute as on the wire."""
    code, value = attribute
    return bytes((code, len(value) + 2)) + value


def answer(
    code: int, identifier: int, authenticator: bytes, echoed: bytes, secret: SharedSecret, cause: ErrorCause | None
) -> bytes:
    """Build the ACK to a request (its ``code``), or with a ``cause`` the NAK; ``echoed`` is what it says again."""
    _, ack, nak = _ANSWERS[code]
    body = echoed if cause is None else _cause(ERROR_CAUSE, 6, cause.value) + echoed
    head = _head(ack if cause is None else nak, identifier, HEADER_OCTETS + 18 + len(body))
    unsigned = head + authenticator + b"\x50\x12"
    signed = b"\x50\x12" + secret.sign(unsigned + _ZEROS + body) + body
    return head + secret.digest(head + authenticator + signed) + signed
