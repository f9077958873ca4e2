"""Which sessions a CoA- or Disconnect-Request means (RFC 5176 section 3).

All that it names must match, octet by octet, what the session's own accounting records
tell; what a session does not have does not match.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Final

from bras.ids import number_of
from bras.lns.core import Core
from bras.lns.index import INDEXED, has
from bras.radius.dynauth import (
    ACCT_SESSION_ID,
    FRAMED_IP_ADDRESS,
    NAS_IDENTIFIER,
    Attribute,
    DynamicRequest,
    ErrorCause,
    octets_of,
)
from bras.subscriber.subscriber import Subscriber

MAIN_VRF: Final = 0


def sessions(core: Core, request: DynamicRequest, local: str, *, most: int) -> list[Subscriber] | ErrorCause:
    """Return the sessions that a request means, oldest first, or why there are none; ``local`` is where it came to.

    Where there are more than ``most`` it is that many and one: nobody wants to know how many more.
    """
    foreign = [one for one in request.nas if not _is_ours(core, one, local)]
    lists = [found for found in (_look_up(core, one) for one in request.session) if found is not None]
    if not lists:
        return ErrorCause.NAS_IDENTIFICATION_MISMATCH if foreign else ErrorCause.MISSING_ATTRIBUTE
    found = _match(core, min(lists, key=len), (*request.session, *foreign), most)
    if foreign and not found:
        return ErrorCause.NAS_IDENTIFICATION_MISMATCH
    return found or ErrorCause.SESSION_CONTEXT_NOT_FOUND


def _is_ours(core: Core, attribute: Attribute, local: str) -> bool:
    """Return whether an attribute names us; an address that is only one session's word for us does not."""
    code, value = attribute
    config = core.config.radius
    if code == NAS_IDENTIFIER:
        return value == config.nas_identifier.encode()
    return value in {
        ip_address(address).packed
        for address in (config.nas_ip_address, config.nas_ipv6_address, local)
        if address is not None
    }


def _match(core: Core, numbers: Sequence[int], named: Sequence[Attribute], most: int) -> list[Subscriber]:
    """Return those of ``numbers`` that are admitted, not ended, and have all that is named."""
    by_number = core.registry.by_number
    wanted = [(code, value, octets_of((code, value))) for code, value in named]
    found = []
    for number in sorted(set(numbers)):
        subscriber = by_number.get(number)
        if subscriber is None or subscriber.profile is None or subscriber.standing.settled:
            continue
        if all(_has(subscriber, code, value, octets) for code, value, octets in wanted):
            found.append(subscriber)
            if len(found) > most:
                break
    return found


def _has(subscriber: Subscriber, code: int, value: bytes, octets: bytes) -> bool:
    """Return whether a session has an attribute; its address is not in its records before it is up."""
    if code == FRAMED_IP_ADDRESS:
        return subscriber.address != 0 and subscriber.address.to_bytes(4, "big") == value
    return has(_told(subscriber), octets)


def _told(subscriber: Subscriber) -> bytes:
    return subscriber.who.record or subscriber.who.identity


def _by_session_id(_core: Core, value: bytes) -> Sequence[int]:
    number = number_of(value.decode("ascii", "replace"))
    return () if number is None else (number,)


def _by_address(core: Core, value: bytes) -> Sequence[int]:
    holder = core.pools.holder(MAIN_VRF, int.from_bytes(value, "big")) if len(value) == 4 else None
    return () if holder is None else (holder,)


_LOOK_UPS: Final[dict[int, Callable[[Core, bytes], Sequence[int]]]] = {
    ACCT_SESSION_ID: _by_session_id,
    FRAMED_IP_ADDRESS: _by_address,
}


def _look_up(core: Core, attribute: Attribute) -> Sequence[int] | None:
    """Return the numbers of those that may have an attribute; ``None`` when it would take a look at all sessions."""
    code, value = attribute
    look_up = _LOOK_UPS.get(code)
    if look_up is not None:
        return look_up(core, value)
    return core.registry.index.find(octets_of(attribute)) if code in INDEXED else None
