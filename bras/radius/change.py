"""What a CoA-Request wants changed, and what a Disconnect-Request may carry beside whom it means (RFC 5176)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from bras.config.understood import FURTHER, ORDINARY, REPEATED
from bras.errors import DropReason
from bras.radius.authorization import SERVICE_FRAMED, Authorization, authorization_of
from bras.radius.codec import VENDOR_SPECIFIC, Codec, ReplyReader
from bras.radius.dynauth import (
    ACCT_TERMINATE_CAUSE,
    CLASS,
    FRAMED_IP_ADDRESS,
    REPLY_MESSAGE,
    SERVICE_TYPE,
    Attribute,
    ErrorCause,
    octets_of,
)
from bras.radius.further import understand

_LIVE_WITH_THE_END: Final = frozenset((SERVICE_TYPE, CLASS, REPLY_MESSAGE, ACCT_TERMINATE_CAUSE))
"""What a Disconnect-Request may carry beside what says whom it means."""
_OF_THE_SERVICE: Final = frozenset(("Service-Type", "Framed-Protocol"))


class Fault(NamedTuple):
    """Why a request cannot be done."""

    cause: ErrorCause
    text: str
    """Which attribute is wrong, for the log."""


class ChangeReader:
    """Understands what requests want to be changed."""

    __slots__ = ("_ignored", "_reader")

    def __init__(self, codec: Codec, ignored: frozenset[str] = frozenset()) -> None:
        """Take the attributes from the dictionary; those ``ignored`` may authorise what we lack."""
        self._ignored = ignored
        self._reader = ReplyReader(codec, ORDINARY, REPEATED, FURTHER)

    def read(self, attributes: Sequence[Attribute], address: int = 0) -> Authorization | Fault:
        """Understand the attributes of a CoA-Request that are for the sessions.

        ``address``: that of the only session, which may be the gateway of a route; 0: there are several.
        """
        for code, value in attributes:
            if self._reader.lacks(code, value):
                return Fault(ErrorCause.UNSUPPORTED_ATTRIBUTE, _name(code, value))
        own = ((FRAMED_IP_ADDRESS, address.to_bytes(4, "big")),) if address else ()
        values = self._reader.understand(b"".join(map(octets_of, (*own, *attributes))))
        if isinstance(values, DropReason):
            return Fault(ErrorCause.INVALID_REQUEST, "an attribute has a wrong length")
        authorization = authorization_of(values, self._ignored)
        lacking = authorization.unsupported
        if not lacking:
            return authorization
        cause = ErrorCause.UNSUPPORTED_ATTRIBUTE
        if _OF_THE_SERVICE.issuperset(lacking):
            cause = ErrorCause.UNSUPPORTED_SERVICE
        elif set(understand(tuple(values.further)).senseless).issuperset(lacking):
            cause = ErrorCause.INVALID_ATTRIBUTE_VALUE
        return Fault(cause, ", ".join(lacking))


def _name(code: int, value: bytes) -> str:
    """Write which attribute it is: a dictionary need not know it."""
    if code != VENDOR_SPECIFIC or len(value) < 5:
        return f"attribute {code}"
    return f"attribute {value[4]} of vendor {int.from_bytes(value[:4], 'big')}"


def service(attributes: Sequence[Attribute]) -> Fault | None:
    """Say what is wrong with the Service-Type: another one than Framed, such as Authorize-Only, is not ours."""
    for code, value in attributes:
        if code == SERVICE_TYPE and value != SERVICE_FRAMED.to_bytes(4, "big"):
            return Fault(ErrorCause.UNSUPPORTED_SERVICE, "Service-Type")
    return None


def beside_the_end(attributes: Sequence[Attribute]) -> Fault | None:
    """Say which attribute has no place in a Disconnect-Request (RFC 5176 section 3)."""
    for code, value in attributes:
        if code not in _LIVE_WITH_THE_END:
            return Fault(ErrorCause.UNSUPPORTED_ATTRIBUTE, _name(code, value))
    return None


def classes_of(attributes: Sequence[Attribute]) -> tuple[bytes, ...]:
    """Return the Class attributes."""
    return tuple(value for code, value in attributes if code == CLASS)


def message_of(attributes: Sequence[Attribute]) -> str:
    """Return the Reply-Messages, which a client may be told as it is disconnected."""
    return b"".join(value for code, value in attributes if code == REPLY_MESSAGE).decode("utf-8", "backslashreplace")
