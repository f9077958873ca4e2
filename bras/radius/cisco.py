"""What Cisco's attributes mean: pairs such as "ip:addr-pool=north", ISG's policies and rates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from bras.radius import rates, standard
from bras.radius.draft import Draft, Lacking, Reader, Senseless, word
from bras.wire import ipv4_of

_PAIR: Final = re.compile(r"\s*(?:[^=*#]*:)?\s*([^:=*#]+?)\s*(?:#\s*\d+\s*)?[=*](.*)", re.DOTALL)
"""protocol:attribute#number=value; "*" marks one that is optional."""
_LINE_ENDS: Final = re.compile(r"\\n|\n")
IDLE: Final = {"inbound": "up", "outbound": "down", "both": "both", "either": "both"}
"""Which way packets go that count against the idle timeout, as Cisco says it of its interface."""


def _servers(field: str) -> Callable[[Draft, str], None]:
    def take(draft: Draft, text: str) -> None:
        servers = text.replace(",", " ").split()
        if not 1 <= len(servers) <= 2 or any(not ipv4_of(server) for server in servers):
            raise Senseless(text)
        draft.put(field, tuple(servers))

    return take


def _pool(draft: Draft, text: str) -> None:
    draft.put("pool", text)


def _idle_direction(draft: Draft, text: str) -> None:
    if text not in IDLE:
        raise Senseless(text)
    draft.put("idle_direction", IDLE[text])


def _profile(draft: Draft, text: str) -> None:
    draft.name(text)


def _lacks(draft: Draft, text: str) -> None:
    raise Lacking


def put_rate(draft: Draft, up: bool, rate: rates.Rate) -> None:
    """Take the rate of a direction."""
    way = "up" if up else "down"
    draft.put(f"rate_{way}_bps", rate.bps)
    if rate.burst_octets:
        draft.put(f"burst_{way}_octets", rate.burst_octets)


def _interface(draft: Draft, text: str) -> None:
    """Take lines of the configuration of an interface that we do not have: those with a meaning for us."""
    for line in _LINE_ENDS.split(text):
        match line.split():
            case []:
                continue
            case ["rate-limit", "input" | "output" as way, *rest]:
                put_rate(draft, way == "input", rates.cisco(rest))
            case ["service-policy", "input" | "output", name]:
                draft.name(name)
            case ["peer", "default", "ip", "address", "pool", name]:
                draft.put("pool", name)
            case ["mtu", octets] | ["ip", "mtu", octets] if octets.isdecimal():
                standard.mtu(draft, int(octets))
            case ["ppp", "timeout", "idle", seconds, *direction] if seconds.isdecimal() and len(direction) < 2:
                draft.put("idle_timeout_s", float(seconds))
                _idle_direction(draft, direction[0] if direction else "both")
            case ["ip", "unnumbered" | "tcp", *_] | ["description" | "keepalive" | "load-interval", *_]:
                continue  # every link of ours is unnumbered, for TCP's segments there is `clamp_mss`
            case _:
                raise Lacking


PAIRS: Final[Mapping[str, Callable[[Draft, str], None]]] = {
    "addr-pool": _pool,
    "dns-servers": _servers("dns"),
    "wins-servers": _servers("nbns"),
    "route": standard.route,
    "idle-timeout-direction": _idle_direction,
    "interface-config": _interface,
    "sub-qos-policy-in": _profile,
    "sub-qos-policy-out": _profile,
    "vrf-id": _lacks,
    "inacl": _lacks,
    "outacl": _lacks,
    "sub-policy-in": _lacks,
    "sub-policy-out": _lacks,
}
"""By the name between the protocol and the number; others are nothing to us."""


def _pair(draft: Draft, octets: bytes) -> None:
    found = _PAIR.fullmatch(octets.decode("utf-8", "replace"))
    if found is None:
        raise Senseless("no pair")
    take = PAIRS.get(found[1].lower())
    if take is not None:
        take(draft, found[2].strip())


def policy(draft: Draft, octets: bytes) -> None:
    """Take the name of a policy, which is a `[[profile]]` for us."""
    draft.name(word(octets))


def _info(draft: Draft, octets: bytes) -> None:
    """Take the rates of ISG; what else there is in these attributes is of services and prepaid credit."""
    text = word(octets)
    if text[:2] not in ("QU", "QD"):
        return
    up, down = rates.isg(text)
    if up is not None:
        put_rate(draft, True, up)
    if down is not None:
        put_rate(draft, False, down)


READERS: Final[Mapping[str, Reader]] = {
    "Cisco-AVPair": _pair,
    "Cisco-Policy-Up": policy,
    "Cisco-Policy-Down": policy,
    "Cisco-Sub-QoS-Pol-In": policy,
    "Cisco-Sub-QoS-Pol-Out": policy,
    "Cisco-Account-Info": _info,
    "Cisco-Service-Info": _info,
    "Cisco-In-ACL": standard.lacks,
    "Cisco-Out-ACL": standard.lacks,
}
