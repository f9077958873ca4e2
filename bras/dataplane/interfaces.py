"""By which interfaces LACs come: decided from what the kernel's network looks like, and nothing else.

Without a list in the configuration these are the interfaces that hold an address on which we listen, and
those of the routes to the LACs that we serve.  Where the address is the wildcard, or is held by an
interface by which nothing comes (a loopback, a dummy), a LAC may come by any interface: then all that are
up and have an address are taken.  A program on an interface too many costs a packet some nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bras.dataplane.links import ETHERNET, Link
from bras.dataplane.records import XdpMode

_WILDCARDS = ("0.0.0.0", "::")
_INNER_KINDS = {"dummy", "ifb", "vrf", "nlmon"}
"""Kinds of interfaces that look like Ethernet, and by which nothing comes from outside."""
_PORTS_OF = {"bridge", "bond", "team"}
"""What belongs to one of these has no addresses: its packets come by the master."""
_LINK_LOCAL = "fe80:"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted, apart from what the network looks like."""

    configured: tuple[str, ...] = ()
    """Names of the interfaces; none: they are found."""
    xdp: Mapping[str, XdpMode] = field(default_factory=lambda: MappingProxyType({}))
    listening: frozenset[str] = frozenset()
    """Addresses on which we listen."""
    ways: frozenset[int] = frozenset()
    """Indexes of the interfaces of the routes to the LACs that we serve."""
    never: frozenset[int] = frozenset()
    """Indexes of our own interfaces."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where programs are to hang."""

    tc: frozenset[int]
    """Indexes of the interfaces at whose ingress packets are taken out of tunnels."""
    ports: Mapping[tuple[int, int], XdpMode]
    """XDP by (index, VLAN id or 0); a VLAN's packets are met at the interface below it."""
    exits: frozenset[int]
    """Indexes of the interfaces by which XDP may send."""
    remarks: tuple[str, ...] = ()
    """What of the wish cannot be had, in words."""


def plan(links: Mapping[int, Link], addresses: frozenset[tuple[int, str]], wish: Wish) -> Plan:
    """Decide where programs are to hang."""
    names = {link.name: link for link in links.values()}
    remarks: list[str] = []
    ports, exits, riding = _xdp(names, links, wish, remarks)
    if wish.configured:
        found = set()
        for name in wish.configured:
            reason = _reason(names.get(name), wish)
            if reason:
                remarks.append(f"interface {name}: {reason}")
            else:
                found.add(names[name].index)
    else:
        found = _found(links, addresses, wish)
    return Plan(frozenset(found | riding), ports, exits, tuple(remarks))


def _reason(link: Link | None, wish: Wish) -> str:
    """Return why no program can take packets of LACs from an interface, or nothing."""
    if link is None:
        return "is not there"
    if link.index in wish.never:
        return "is the data plane's own"
    if link.loopback or link.hardware != ETHERNET:
        return "is no Ethernet: packets of its LACs take the slow path"
    return ""


def _usable(link: Link, links: Mapping[int, Link], wish: Wish) -> bool:
    """Tell whether packets of LACs can come by an interface."""
    master = links.get(link.master)
    if master is not None and master.kind in _PORTS_OF:
        return False
    return not _reason(link, wish) and link.kind not in _INNER_KINDS


def _found(links: Mapping[int, Link], addresses: frozenset[tuple[int, str]], wish: Wish) -> set[int]:
    usable = {index for index, link in links.items() if _usable(link, links, wish)}
    holders = {index for index, address in addresses if address in wish.listening and index not in wish.never}
    found = (holders | wish.ways) & usable
    inside = {address for index, address in addresses if index in holders - usable and address in wish.listening}
    for wildcard in _WILDCARDS:
        six = ":" in wildcard
        if wildcard in wish.listening or any((":" in address) == six for address in inside):
            found |= {
                index
                for index, address in addresses
                if (":" in address) == six
                and not address.startswith(_LINK_LOCAL)
                and index in usable
                and links[index].up
            }
    return found


def _xdp(
    names: Mapping[str, Link], links: Mapping[int, Link], wish: Wish, remarks: list[str]
) -> tuple[dict[tuple[int, int], XdpMode], frozenset[int], set[int]]:
    """Return the ports, the exits, and the interfaces on which what XDP lets pass goes on by TC."""
    ports: dict[tuple[int, int], XdpMode] = {}
    exits, riding = set(), set()
    for name, mode in wish.xdp.items():
        if mode == XdpMode.OFF:
            continue
        link = names.get(name)
        reason = _reason(link, wish)
        if link is not None and not reason and link.kind == "vlan":
            below = links.get(link.parent)
            if below is None or below.kind == "vlan":
                reason = "XDP does not look into a VLAN inside a VLAN: it stays with TC"
        if reason or link is None:
            remarks.append(f"interface {name}: {reason}")
            continue
        riding.add(link.index)
        if link.kind == "vlan":
            ports[link.parent, link.vlan] = mode
        else:
            ports[link.index, 0] = mode
            exits |= {link.index} if mode == XdpMode.FULL else set()
    return ports, frozenset(exits), riding
