"""What a CoA-Request changes in a session that is up, and what it leaves as it is.

The request changes the RADIUS layer of the session's Profile: what it does not name stays
as RADIUS had granted it before (RFC 5176 section 3.6, note 3), and what a stronger layer
does not say comes from the weaker ones as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from bras.config.grant import Grant
from bras.lns import notes
from bras.lns.core import Core
from bras.lns.desk import Change
from bras.radius.authorization import Authorization
from bras.radius.change import Fault
from bras.radius.dynauth import ErrorCause
from bras.radius.profile import FIELDS, WHOLE, Profile, of_radius
from bras.subscriber.parts import EntryState
from bras.subscriber.subscriber import Subscriber

FIXED: Final = (
    "address", "prefix_length", "pool", "vrf", "dns", "nbns", "accept_client_address", "ipv6_prefixes", "ipv6_pool",
    "ipv6_addresses", "ipv6_address_pool", "delegated_ipv6_prefixes", "delegated_ipv6_pool", "interface_id", "ipv6_dns",
)  # fmt: skip
"""Fields of a Profile that have had their effect when a session is up: PPP has no way to take them back."""
_BURSTS: Final = (("burst_up_octets", "rate_up_bps"), ("burst_down_octets", "rate_down_bps"))
"""A burst belongs to its rate: another rate that comes without one does not have it."""
_said = attrgetter(*FIELDS)


def changes_of(core: Core, alive: Sequence[Subscriber], wanted: Authorization) -> dict[int, Change] | Fault:
    """Return what each session (by number) is to have, or why one cannot."""
    changes: dict[int, Change] = {}
    networks: set[tuple[int, int]] = set()
    for subscriber in alive:
        change = change_of(core, subscriber, wanted)
        if isinstance(change, Fault):
            return change
        own = change.profile.networks(subscriber.address)
        if not networks.isdisjoint(own):
            return Fault(ErrorCause.RESOURCES_UNAVAILABLE, "a network cannot be behind several sessions")
        networks.update(own)
        changes[subscriber.number] = change
    return changes


def change_of(core: Core, subscriber: Subscriber, wanted: Authorization) -> Change | Fault:
    """Return what a session is to have, or why it cannot."""
    profile, who = subscriber.profile, subscriber.who
    if profile is None:
        return Fault(ErrorCause.SESSION_CONTEXT_NOT_FOUND, "it is not admitted yet")
    for name in FIXED:
        value = getattr(wanted.grant, name)
        if value is not None and value != getattr(profile, name):
            return Fault(ErrorCause.INVALID_ATTRIBUTE_VALUE, f"{name} cannot be changed while a session is up")
    user = core.policy.user(who.user) if who.source == "local" else None
    grant, address = _over(wanted.grant, profile)
    said = core.policy.named(wanted)
    named = said if said is not None else profile.named or None
    new = core.policy.profile(subscriber.line.group, user, grant, named, address)
    if new is None:
        return Fault(ErrorCause.INVALID_ATTRIBUTE_VALUE, f"there is no profile {named!r}")
    core.tell_raised()
    new = _kept(new, profile)
    networks = new.networks(subscriber.address)
    if core.pools.rival(new.vrf, networks, subscriber.address, subscriber.number) is not None:
        return Fault(ErrorCause.RESOURCES_UNAVAILABLE, "a network behind it is another session's")
    return Change(new, wanted.classes or who.classes, wanted.state or who.state)


def _over(stronger: Grant, profile: Profile) -> tuple[Grant, int | None]:
    """Lay a grant over what RADIUS had granted; return that without its address, and the address."""
    values: dict[str, Any] = {}
    for name, said, value, source in zip(FIELDS, _said(stronger), profile, profile.sources, strict=False):
        values[name] = value if said is None and of_radius(source) else said
    for burst, rate in _BURSTS:
        if getattr(stronger, burst) is None and getattr(stronger, rate) is not None:
            values[burst] = None
    address: int | None = values.pop("address")
    return Grant(**values), address


def _kept(new: Profile, old: Profile) -> Profile:
    """Return a Profile whose fixed fields are those of before, whichever layer would give others now."""
    differing = {name: getattr(old, name) for name in FIXED if getattr(old, name) != getattr(new, name)}
    if not differing:
        return new
    sources = list(new.sources)
    for name in differing:
        at = FIELDS.index(name)
        sources[at] = old.sources[at]
    return new._replace(**differing, sources=tuple(sources))


def apply(core: Core, subscriber: Subscriber, change: Change, now: float, *, by: str = "") -> None:
    """Put a change into force; one that changes nothing does nothing."""
    who, profile = subscriber.who, change.profile
    if change == standing_of(subscriber):
        return
    who.state = change.state
    if change.classes != who.classes:
        who.classes = change.classes
        if who.record:
            who.record = core.books.encoder.reclass(who.record, change.classes)
    if who.record and subscriber.profile is not None and profile.routes != subscriber.profile.routes:
        length = profile.prefix_length if profile.address == subscriber.address else WHOLE
        who.record = core.books.identities.with_networks(who.record, length, profile.routes)
    if core.changes is not None:
        core.changes.lines[subscriber.number] = None
        core.changes.subscribers[subscriber.number] = None
    notes.changed(core, subscriber, profile, by)
    events = subscriber.change(profile, now=now) if profile != subscriber.profile else []
    core.registry.watch(subscriber, profile, now)
    core.pools.networks.claim(profile.vrf, profile.networks(subscriber.address), subscriber.number)
    core.backlog.subscriber.append((subscriber, events))


def standing_of(subscriber: Subscriber) -> Change:
    """Return what an admitted session has."""
    assert subscriber.profile is not None
    return Change(subscriber.profile, subscriber.who.classes, subscriber.who.state)


def in_force(subscriber: Subscriber) -> bool:
    """Return whether the data plane has done all that is wanted; of one without Entry nothing is wanted now."""
    forwarding = subscriber.forwarding
    wanted = forwarding.wanted
    done = forwarding.state is EntryState.ACTIVE and not forwarding.refusals
    return wanted is None or (done and forwarding.present == wanted)
