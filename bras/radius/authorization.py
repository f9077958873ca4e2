"""What a server authorises: the attributes of an Access-Accept, or of a CoA-Request, understood.

One reader for both, so that all that can be granted can be changed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from bras.config.grant import Grant
from bras.plain import Saved, restore_fields
from bras.radius.codec import Reply
from bras.wire import ipv4_text

SERVICE_FRAMED = 2
"""Service-Type (RFC 2865 section 5.6)."""
PROTOCOL_PPP = 1
"""Framed-Protocol (RFC 2865 section 5.7)."""
NAS_CHOOSES = 0xFFFFFFFE
USER_CHOOSES = 0xFFFFFFFF
"""Framed-IP-Address (RFC 2865 section 5.8)."""
MIN_INTERIM_S = 60
"""A shorter Acct-Interim-Interval must not be sent (RFC 2869 section 5.16); it counts as this."""

AUTHORIZING = {
    "User-Name": "string",
    "Service-Type": "integer",
    "Framed-Protocol": "integer",
    "Framed-IP-Address": "ipaddr",
    "Framed-Pool": "string",
    "Session-Timeout": "integer",
    "Idle-Timeout": "integer",
    "Acct-Interim-Interval": "integer",
    "Class": "octets",
    "Chargeable-User-Identity": "octets",
    "State": "octets",
    "Reply-Message": "string",
    "MS-Primary-DNS-Server": "ipaddr",
    "MS-Secondary-DNS-Server": "ipaddr",
    "MS-Primary-NBNS-Server": "ipaddr",
    "MS-Secondary-NBNS-Server": "ipaddr",
    "Bras-Profile": "string",
}
"""Every attribute that is understood in an Access-Accept and a CoA-Request, with its data type."""
REPEATED = ("Class", "Reply-Message")
"""Those of which each one counts, in order; of the others the first."""


class Authorization(NamedTuple):
    """What a server authorises."""

    grant: Grant
    """What becomes part of the Profile."""
    profile: str | None = None
    """Name of a `[[profile]]` (Bras-Profile)."""
    user_name: str | None = None
    """User-Name that replaces the client's in accounting."""
    classes: tuple[bytes, ...] = ()
    """Class attributes, raw, in order (RFC 2865 section 5.25)."""
    reply_message: str = ""
    state: bytes = b""
    """State, to be sent back when the client is authenticated anew (RFC 2865 section 5.24)."""
    chargeable: bytes = b""
    """Chargeable-User-Identity, to be returned in accounting (RFC 4372)."""
    unsupported: tuple[str, ...] = ()
    """Names of the attributes that authorise what we lack, or whose value makes no sense."""

    @classmethod
    def restore(cls, saved: Saved) -> Authorization:
        """Return what ``saved`` are the fields of, in order."""
        grant, profile, user_name, classes, message, state, chargeable, unsupported = saved
        grant = restore_fields(Grant, grant, dns=tuple, nbns=tuple)
        return cls(grant, profile, user_name, tuple(classes), message, state, chargeable, tuple(unsupported))


def authorization_of(values: Reply) -> Authorization:
    """Understand the values of ``AUTHORIZING`` attributes."""
    numbers, octets, repeated = values.numbers, values.octets, values.repeated
    name, profile = octets.get("User-Name"), octets.get("Bras-Profile")
    return Authorization(
        _grant(numbers, octets),
        None if profile is None else text_of(profile),
        None if name is None else text_of(name),
        repeated.get("Class", ()),
        message_of(values),
        octets.get("State", b""),
        octets.get("Chargeable-User-Identity", b""),
        _unsupported(numbers),
    )


def text_of(octets: bytes) -> str:
    """Read UTF-8; octets that are none stay visible as escapes."""
    return octets.decode("utf-8", "backslashreplace")


def message_of(values: Reply) -> str:
    """Join the Reply-Messages (RFC 2865 section 5.18)."""
    parts = values.repeated.get("Reply-Message")
    return "" if parts is None else text_of(b"".join(parts))


def _unsupported(numbers: dict[str, int]) -> tuple[str, ...]:
    """Return which attributes ask for a service that we do not offer (RFC 2865 section 5.6)."""
    if (
        numbers.get("Service-Type", SERVICE_FRAMED) == SERVICE_FRAMED
        and numbers.get("Framed-Protocol", PROTOCOL_PPP) == PROTOCOL_PPP
    ):
        return ()
    offered = (("Service-Type", SERVICE_FRAMED), ("Framed-Protocol", PROTOCOL_PPP))
    return tuple(name for name, only in offered if numbers.get(name, only) != only)


def _grant(numbers: dict[str, int], octets: dict[str, bytes]) -> Grant:
    """Gather what the server grants."""
    address = numbers.get("Framed-IP-Address", 0)
    pool = octets.get("Framed-Pool")
    session, idle = numbers.get("Session-Timeout"), numbers.get("Idle-Timeout")
    interim = numbers.get("Acct-Interim-Interval")
    return Grant(
        address=address if 0 < address < NAS_CHOOSES else None,
        pool=None if pool is None else text_of(pool),
        session_timeout_s=None if session is None else float(session),
        idle_timeout_s=None if idle is None else float(idle),
        interim_interval_s=None if interim is None else float(max(interim, MIN_INTERIM_S) if interim else 0),
        dns=_pair(numbers.get("MS-Primary-DNS-Server"), numbers.get("MS-Secondary-DNS-Server")),
        nbns=_pair(numbers.get("MS-Primary-NBNS-Server"), numbers.get("MS-Secondary-NBNS-Server")),
        accept_client_address=True if address == USER_CHOOSES else None,
    )


@lru_cache(maxsize=1024)
def _pair(primary: int | None, secondary: int | None) -> tuple[str, ...] | None:
    """Write a first and second server as text; ``None`` when neither is named.  An operator has few of them."""
    if primary is None and secondary is None:
        return None
    return tuple(ipv4_text(address) for address in (primary, secondary) if address)
