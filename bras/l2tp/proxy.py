"""What a LAC has already negotiated with the client on our behalf (RFC 2661 section 4.4.5).

A LAC that must know the user before it knows the LNS does LCP and asks for proof itself,
and tells of both in the ICCN.  Here is only what it told; whether any of it is taken over
is for the owner of the call.  None of it is part of a call's state: it is handed over once,
with the CallUp, because a password may be in it.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from bras.l2tp import avp
from bras.l2tp.constants import AvpType
from bras.secret import Secret

TEXT: Final = 1
"""Proxy Authen Type of a textual exchange (RFC 2661 section 4.4.5); so are the others here."""
CHAP: Final = 2
PAP: Final = 3
NONE: Final = 4
MSCHAPV1: Final = 5

_LAST_SENT: Final = int(AvpType.LAST_SENT_LCP_CONFREQ)
_LAST_RECEIVED: Final = int(AvpType.LAST_RECEIVED_LCP_CONFREQ)
_TYPE: Final = int(AvpType.PROXY_AUTHEN_TYPE)
_NAME: Final = int(AvpType.PROXY_AUTHEN_NAME)
_CHALLENGE: Final = int(AvpType.PROXY_AUTHEN_CHALLENGE)
_ID: Final = int(AvpType.PROXY_AUTHEN_ID)
_RESPONSE: Final = int(AvpType.PROXY_AUTHEN_RESPONSE)


@dataclass(frozen=True, slots=True)
class Proxied:
    """The proxy AVPs of an ICCN; those that were not there are ``None``."""

    authenticated: bool = False
    """Whether the LAC has proven that it knows the tunnel's secret."""
    last_sent: bytes | None = None
    """Options of the Configure-Request that the LAC sent last and the client acknowledged."""
    last_received: bytes | None = None
    """Options of the Configure-Request that the client sent last and the LAC acknowledged."""
    type: int | None = None
    """Proxy Authen Type."""
    name: bytes | None = None
    challenge: bytes | None = None
    identifier: int | None = None
    """Of the challenge, or of the client's PAP request."""
    response: Secret | None = None
    """A digest, or for PAP and a textual exchange the password itself."""

    def save(self) -> list[Any]:
        """Return plain data, the response too."""
        response = self.response.reveal() if self.response is not None else None
        told = [self.last_sent, self.last_received, self.type, self.name, self.challenge, self.identifier]
        return [self.authenticated, *told, response]

    @classmethod
    def restore(cls, saved: list[Any]) -> Proxied:
        """Return what ``save`` was called on."""
        authenticated, last_sent, last_received, kind, name, challenge, identifier, response = saved
        hidden = Secret(response) if response is not None else None
        return cls(authenticated, last_sent, last_received, kind, name, challenge, identifier, hidden)


def proxied(numbers: Mapping[int, int], octets: MutableMapping[int, bytes], authenticated: bool) -> Proxied | None:
    """Return what an ICCN with these AVPs says of the client's link; ``None`` when it says nothing."""
    if _LAST_SENT not in octets and _LAST_RECEIVED not in octets and _TYPE not in numbers:
        return None
    response = octets.pop(_RESPONSE, None)
    return Proxied(
        authenticated,
        octets.get(_LAST_SENT),
        octets.get(_LAST_RECEIVED),
        numbers.get(_TYPE),
        octets.get(_NAME),
        octets.get(_CHALLENGE),
        numbers.get(_ID),
        Secret(response) if response is not None else None,
    )


def avps(told: Proxied) -> bytes:
    """Build the AVPs, in the LAC role."""
    parts = []
    for attribute, value in ((_LAST_SENT, told.last_sent), (_LAST_RECEIVED, told.last_received)):
        if value is not None:
            parts.append(avp.octets(attribute, value))
    if told.type is not None:
        parts.append(avp.number16(_TYPE, told.type))
    for attribute, value in ((_NAME, told.name), (_CHALLENGE, told.challenge)):
        if value is not None:
            parts.append(avp.octets(attribute, value))
    if told.identifier is not None:
        parts.append(avp.number16(_ID, told.identifier))
    if told.response is not None:
        parts.append(avp.octets(_RESPONSE, told.response.reveal()))
    return b"".join(parts)
