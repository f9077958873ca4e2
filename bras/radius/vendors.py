"""What the attributes of vendors mean, our own before all others; Cisco's have a file of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bras.radius import rates, standard
from bras.radius.cisco import policy, put_rate
from bras.radius.draft import Draft, Lacking, Reader, Senseless, number, word
from bras.radius.iso8601 import instant
from bras.radius.rates import Rate
from bras.wire import ipv4_text

DIRECTIONS: Final = {0: "both", 1: "up", 2: "down"}
"""Bras-Idle-Direction."""
AT_QUOTA: Final = {0: "disconnect", 1: "throttle"}
"""Bras-Quota-Action."""
MAIN_ROUTERS: Final = ("default", "Default", "")
"""ERX-Virtual-Router-Name of the one that we have."""


def _wide(field: str) -> Reader:
    """Return the reader of a number of 64 bits."""

    def take(draft: Draft, octets: bytes) -> None:
        draft.put(field, number(octets, 8))

    return take


def _own_rate(field: str) -> Reader:
    def take(draft: Draft, octets: bytes) -> None:
        draft.put(field, rates.bps(number(octets, 8)))

    return take


def _own_burst(field: str) -> Reader:
    def take(draft: Draft, octets: bytes) -> None:
        draft.put(field, rates.burst(number(octets)))

    return take


def _plain(field: str) -> Reader:
    def take(draft: Draft, octets: bytes) -> None:
        draft.put(field, number(octets))

    return take


def _part(field: str, shift: int = 0) -> Reader:
    """Return the reader of one half of a number of octets, which may come without the other."""

    def take(draft: Draft, octets: bytes) -> None:
        draft.add(field, number(octets) << shift)

    return take


def _flag(field: str) -> Reader:
    def take(draft: Draft, octets: bytes) -> None:
        value = number(octets)
        if value > 1:
            raise Senseless(str(value))
        draft.put(field, bool(value))

    return take


def _direction(draft: Draft, octets: bytes) -> None:
    direction = DIRECTIONS.get(number(octets))
    if direction is None:
        raise Senseless(octets.hex())
    draft.put("idle_direction", direction)


def _quota_action(draft: Draft, octets: bytes) -> None:
    action = AT_QUOTA.get(number(octets))
    if action is None:
        raise Senseless(octets.hex())
    draft.put("at_quota", action)


def _ends_at(draft: Draft, octets: bytes) -> None:
    """Take an hour of the wall clock; without a zone nobody knows which it is."""
    try:
        ends_at = instant(word(octets))
    except ValueError as wrong:
        raise Senseless(str(wrong)) from wrong
    draft.put("session_ends_at", max(ends_at, 1.0))


def _rate(way: str, unit: int = 1) -> Reader:
    """Return the reader of a rate in ``unit`` bit/s."""

    def take(draft: Draft, octets: bytes) -> None:
        put_rate(draft, way == "up", Rate(rates.bps(number(octets) * unit)))

    return take


def _server(field: str, at: int) -> Reader:
    def take(draft: Draft, octets: bytes) -> None:
        address = number(octets)
        if address:
            draft.place(field, at, ipv4_text(address))

    return take


def _pool(draft: Draft, octets: bytes) -> None:
    draft.put("pool", word(octets))


def _router(draft: Draft, octets: bytes) -> None:
    if word(octets) not in MAIN_ROUTERS:
        raise Lacking


def _mikrotik(draft: Draft, octets: bytes) -> None:
    up, down = rates.mikrotik(word(octets))
    put_rate(draft, True, up)
    put_rate(draft, False, down)


def _override(draft: Draft, octets: bytes) -> None:
    found = rates.nokia(word(octets))
    if found is None:
        return
    up, whole, rate = found
    if whole:
        draft.drop(f"rate_{'up' if up else 'down'}_bps")
    put_rate(draft, up, rate)


BRAS: Final[Mapping[str, Reader]] = {
    "Bras-Rate-Up": _own_rate("rate_up_bps"),
    "Bras-Rate-Down": _own_rate("rate_down_bps"),
    "Bras-Burst-Up": _own_burst("burst_up_octets"),
    "Bras-Burst-Down": _own_burst("burst_down_octets"),
    "Bras-Quota-Total": _wide("quota_octets"),
    "Bras-Quota-Up": _wide("quota_up_octets"),
    "Bras-Quota-Down": _wide("quota_down_octets"),
    "Bras-Quota-Action": _quota_action,
    "Bras-Quota-Rate-Up": _own_rate("quota_rate_up_bps"),
    "Bras-Quota-Rate-Down": _own_rate("quota_rate_down_bps"),
    "Bras-Idle-Direction": _direction,
    "Bras-Source-Check": _flag("source_check"),
    "Bras-Mark": _plain("mark"),
    "Bras-Priority": _plain("priority"),
}
ERX: Final[Mapping[str, Reader]] = {
    "ERX-Virtual-Router-Name": _router,
    "ERX-Address-Pool-Name": _pool,
    "ERX-Primary-Dns": _server("dns", 0),
    "ERX-Secondary-Dns": _server("dns", 1),
    "ERX-Primary-Wins": _server("nbns", 0),
    "ERX-Secondary-Wins": _server("nbns", 1),
    "ERX-Ingress-Policy-Name": policy,
    "ERX-Egress-Policy-Name": policy,
    "ERX-Qos-Profile-Name": policy,
    "ERX-Sa-Validate": _flag("source_check"),
    "ERX-Ipv6-Primary-Dns": standard.ipv6_dns,
    "ERX-Ipv6-Secondary-Dns": standard.ipv6_dns,
    "ERX-Service-Activate": standard.lacks,
}
ALCATEL: Final[Mapping[str, Reader]] = {
    "Alc-Primary-Dns": _server("dns", 0),
    "Alc-Secondary-Dns": _server("dns", 1),
    "Alc-Primary-Nbns": _server("nbns", 0),
    "Alc-Secondary-Nbns": _server("nbns", 1),
    "Alc-SLA-Prof-Str": policy,
    "Alc-Ipv6-Primary-Dns": standard.ipv6_dns,
    "Alc-Ipv6-Secondary-Dns": standard.ipv6_dns,
    "Alc-Subscriber-QoS-Override": _override,
    "Alc-Delegated-IPv6-Pool": standard.delegated_pool,
}
MIKROTIK: Final[Mapping[str, Reader]] = {
    "Mikrotik-Rate-Limit": _mikrotik,
    "Mikrotik-Recv-Limit": _part("quota_up_octets"),
    "Mikrotik-Xmit-Limit": _part("quota_down_octets"),
    "Mikrotik-Recv-Limit-Gigawords": _part("quota_up_octets", 32),
    "Mikrotik-Xmit-Limit-Gigawords": _part("quota_down_octets", 32),
    "Mikrotik-Total-Limit": _part("quota_octets"),
    "Mikrotik-Total-Limit-Gigawords": _part("quota_octets", 32),
    "Mikrotik-Delegated-IPv6-Pool": standard.delegated_pool,
}
WISPR: Final[Mapping[str, Reader]] = {
    "WISPr-Session-Terminate-Time": _ends_at,
    "WISPr-Bandwidth-Max-Up": _rate("up"),
    "WISPr-Bandwidth-Max-Down": _rate("down"),
}
CHILLISPOT: Final[Mapping[str, Reader]] = {
    "ChilliSpot-Max-Input-Octets": _part("quota_up_octets"),
    "ChilliSpot-Max-Output-Octets": _part("quota_down_octets"),
    "ChilliSpot-Max-Total-Octets": _part("quota_octets"),
    "ChilliSpot-Max-Input-Gigawords": _part("quota_up_octets", 32),
    "ChilliSpot-Max-Output-Gigawords": _part("quota_down_octets", 32),
    "ChilliSpot-Max-Total-Gigawords": _part("quota_octets", 32),
    "ChilliSpot-Bandwidth-Max-Up": _rate("up", 1000),
    "ChilliSpot-Bandwidth-Max-Down": _rate("down", 1000),
}
ASCEND: Final[Mapping[str, Reader]] = {
    "Ascend-Client-Primary-DNS": _server("dns", 0),
    "Ascend-Client-Secondary-DNS": _server("dns", 1),
    "Ascend-Data-Rate": _rate("up"),
    "Ascend-Xmit-Rate": _rate("down"),
}
