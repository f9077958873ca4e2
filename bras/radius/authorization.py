"""What a server authorises: the attributes of an Access-Accept, or of a CoA-Request, understood.

One reader for both, so that all that can be granted can be changed.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from bras.config.grant import Grant
from bras.config.understood import ORDINARY
from bras.plain import Saved
from bras.radius.codec import Reply
from bras.radius.draft import Understood
from bras.radius.further import MAX_KEPT, understand
from bras.wire import ipv4_text

SERVICE_FRAMED = 2
"""Service-Type (RFC 2865 section 5.6)."""
PROTOCOL_PPP = 1
"""Framed-Protocol (RFC 2865 section 5.7)."""
NAS_CHOOSES = 0xFFFFFFFE
USER_CHOOSES = 0xFFFFFFFF
"""Framed-IP-Address (RFC 2865 section 5.8)."""
LOWEST_HOST, LOOPBACK, MULTICAST = 0x01000000, 127, 0xE0000000
"""What is below the first, in the second, or from the last on is the address of no subscriber."""

AUTHORIZING = ORDINARY
"""Every attribute of the short way, with its data type; ``FURTHER`` has the others."""


_Pair = tuple[int | None, int | None]


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
    address: int | None = None
    """Framed-IP-Address; apart from ``grant``, which many subscribers have alike."""
    unsupported: tuple[str, ...] = ()
    """Names of the attributes that authorise what we lack, or whose value makes no sense."""
    optional: tuple[str, ...] = ()
    """Names in ``profile`` that do not count where no `[[profile]]` has them: what says them is ignored then."""

    @classmethod
    def restore(cls, saved: Saved) -> Authorization:
        """Return what ``saved`` are the fields of, in order."""
        grant, profile, user_name, classes, message, state, chargeable, address, *lists = saved
        alone = (Grant.restore(grant), profile, user_name, tuple(classes), message, state, chargeable, address)
        return cls(*alone, *map(tuple, lists))  # of before there was ``optional`` it is not among them


def authorization_of(values: Reply, ignored: frozenset[str] = frozenset()) -> Authorization:
    """Understand what was read of an Access-Accept or a CoA-Request.

    ``ignored``: names of attributes that do not count as ``unsupported`` whatever they say.
    """
    numbers, octets, repeated = values.numbers, values.octets, values.repeated
    name, named = octets.get("User-Name"), octets.get("Bras-Profile")
    address = numbers.get("Framed-IP-Address", 0)
    own = _host(address)
    grant = _ordinary(
        octets.get("Framed-Pool"),
        numbers.get("Session-Timeout"),
        numbers.get("Idle-Timeout"),
        numbers.get("Acct-Interim-Interval"),
        (numbers.get("MS-Primary-DNS-Server"), numbers.get("MS-Secondary-DNS-Server")),
        (numbers.get("MS-Primary-NBNS-Server"), numbers.get("MS-Secondary-NBNS-Server")),
        address == USER_CHOOSES,
    )
    profile = None if named is None else text_of(named)
    lacking, optional = _unsupported(numbers, own), tuple[str, ...]()
    if values.further:
        understood = understand(tuple(values.further))
        grant = _widened(grant, understood)
        optional = _optional(understood, ignored, profile)
        profile = " ".join((*([profile] if profile else ()), *understood.profiles)) or None
        lacking += understood.lacking
        if any(gateway != own for gateway in understood.gateways):
            lacking += ("Framed-Route",)
    return Authorization(
        grant,
        profile,
        None if name is None else text_of(name),
        repeated.get("Class", ()),
        message_of(values),
        octets.get("State", b""),
        octets.get("Chargeable-User-Identity", b""),
        own,
        tuple(lack for lack in lacking if lack not in ignored) if lacking else (),
        optional,
    )


def text_of(octets: bytes) -> str:
    """Read UTF-8; octets that are none stay visible as escapes."""
    return octets.decode("utf-8", "backslashreplace")


def message_of(values: Reply) -> str:
    """Join the Reply-Messages (RFC 2865 section 5.18)."""
    parts = values.repeated.get("Reply-Message")
    return "" if parts is None else text_of(b"".join(parts))


def _optional(understood: Understood, ignored: frozenset[str], profile: str | None) -> tuple[str, ...]:
    """Return the names of policies that only ignored attributes say; ``profile`` is what Bras-Profile says."""
    by = zip(understood.profiles, understood.said_by, strict=True)
    own = profile.split(" ") if profile else ()
    return tuple(name for name, attribute in by if attribute in ignored and name not in own)


def _host(address: int) -> int | None:
    """Return an address that a subscriber can have."""
    return address if LOWEST_HOST <= address < MULTICAST and address >> 24 != LOOPBACK else None


def _unsupported(numbers: dict[str, int], own: int | None) -> tuple[str, ...]:
    """Return which attributes ask for a service that we do not offer (RFC 2865 section 5.6), or an odd address."""
    if own is None and 0 < numbers.get("Framed-IP-Address", 0) < NAS_CHOOSES:
        return (*_unsupported(numbers, 0), "Framed-IP-Address")
    if (
        numbers.get("Service-Type", SERVICE_FRAMED) == SERVICE_FRAMED
        and numbers.get("Framed-Protocol", PROTOCOL_PPP) == PROTOCOL_PPP
    ):
        return ()
    offered = (("Service-Type", SERVICE_FRAMED), ("Framed-Protocol", PROTOCOL_PPP))
    return tuple(name for name, only in offered if numbers.get(name, only) != only)


@lru_cache(maxsize=MAX_KEPT)
def _ordinary(
    pool: bytes | None,
    session: int | None,
    idle: int | None,
    interim: int | None,
    dns: _Pair,
    nbns: _Pair,
    accept_client_address: bool,
) -> Grant:
    """Return what ordinary attributes grant; one object for all to whom it is granted."""
    return Grant(
        pool=None if pool is None else text_of(pool),
        session_timeout_s=None if session is None else float(session),
        idle_timeout_s=None if idle is None else float(idle),
        interim_interval_s=None if interim is None else float(interim),
        dns=_servers(*dns),
        nbns=_servers(*nbns),
        accept_client_address=True if accept_client_address else None,
    )


@lru_cache(maxsize=MAX_KEPT)
def _widened(grant: Grant, understood: Understood) -> Grant:
    """Return the grant with what further attributes say."""
    others = {field: value for field, value in understood.others if getattr(grant, field) is None}
    return replace(grant, **others, **dict(understood.own))  # type: ignore[arg-type]  # the fields are a Grant's


def _servers(primary: int | None, secondary: int | None) -> tuple[str, ...] | None:
    """Write a first and second server as text; ``None`` when neither is named."""
    if primary is None and secondary is None:
        return None
    return tuple(ipv4_text(address) for address in (primary, secondary) if address)
