"""What the attributes of the RFCs mean that not every Access-Accept has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bras.radius import networks
from bras.radius.draft import Draft, Lacking, Reader, Senseless, ipv6, number, word

SMALLEST_TOLD: Final = 64
"""Smallest Framed-MTU (RFC 2865 section 5.12)."""
SMALLEST_MTU: Final = 68
"""What every IPv4 host takes (RFC 791 section 3.2)."""
ENCRYPTION_REQUIRED: Final = 2
"""MS-MPPE-Encryption-Policy (RFC 2548 section 2.4.1)."""
AT_TIMEOUT: Final = {0: "end", 1: "reauthenticate"}
"""Termination-Action (RFC 2865 section 5.29)."""


def _netmask(draft: Draft, octets: bytes) -> None:
    length = networks.length_of(number(octets))
    if length < networks.SHORTEST:
        raise Senseless(f"/{length}")
    draft.put("prefix_length", length)


def route(draft: Draft, text: str) -> None:
    """Take a Framed-Route, however it came."""
    routed = networks.framed_route(text)
    draft.extend("routes", routed.network)
    if routed.gateway:
        draft.gateways.append(routed.gateway)


def _route(draft: Draft, octets: bytes) -> None:
    route(draft, word(octets))


def mtu(draft: Draft, octets: int) -> None:
    """Take a Framed-MTU."""
    if not SMALLEST_TOLD <= octets <= 65535:
        raise Senseless(str(octets))
    draft.put("framed_mtu", max(octets, SMALLEST_MTU))


def _mtu(draft: Draft, octets: bytes) -> None:
    mtu(draft, number(octets))


def lacks(draft: Draft, octets: bytes) -> None:
    """Take what nothing of ours can do."""
    raise Lacking


def _termination(draft: Draft, octets: bytes) -> None:
    action = AT_TIMEOUT.get(number(octets))
    if action is None:
        raise Lacking
    draft.put("at_session_timeout", action)


def _port_limit(draft: Draft, octets: bytes) -> None:
    draft.put("port_limit", number(octets))


def _encryption(draft: Draft, octets: bytes) -> None:
    if number(octets) == ENCRYPTION_REQUIRED:
        raise Lacking


def _ipv6_text(field: str, read: Callable[[bytes], str]) -> Reader:
    """Return the reader of what is kept, shown and told in accounting, while there is no IPv6CP for it."""

    def take(draft: Draft, octets: bytes) -> None:
        draft.put(field, read(octets))
        raise Lacking

    return take


def _ipv6_list(field: str, read: Callable[[bytes], str]) -> Reader:
    def take(draft: Draft, octets: bytes) -> None:
        draft.extend(field, read(octets))
        raise Lacking

    return take


def _ipv6_route(octets: bytes) -> str:
    return networks.framed_ipv6_route(word(octets))


ipv6_dns = _ipv6_list("ipv6_dns", ipv6)
delegated_pool = _ipv6_text("delegated_ipv6_pool", word)

READERS: Final[Mapping[str, Reader]] = {
    "Framed-IP-Netmask": _netmask,
    "Framed-Route": _route,
    "Framed-MTU": _mtu,
    "Filter-Id": lacks,
    "Termination-Action": _termination,
    "Port-Limit": _port_limit,
    "Framed-Interface-Id": _ipv6_text("interface_id", networks.interface_id),
    "Framed-IPv6-Prefix": _ipv6_list("ipv6_prefixes", networks.prefix6),
    "Framed-IPv6-Route": _ipv6_list("ipv6_routes", _ipv6_route),
    "Framed-IPv6-Pool": _ipv6_text("ipv6_pool", word),
    "Delegated-IPv6-Prefix": _ipv6_list("delegated_ipv6_prefixes", networks.prefix6),
    "Framed-IPv6-Address": _ipv6_list("ipv6_addresses", ipv6),
    "DNS-Server-IPv6-Address": ipv6_dns,
    "Delegated-IPv6-Prefix-Pool": delegated_pool,
    "Stateful-IPv6-Address-Pool": _ipv6_text("ipv6_address_pool", word),
    "MS-MPPE-Encryption-Policy": _encryption,
}
