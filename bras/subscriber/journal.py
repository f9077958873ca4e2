"""What of a subscriber must outlive the process, as records, and the subscriber again.

Two records, because the first is long and changes seldom:

- ``subscriber:N``: who it is, what it may do, what PPP has agreed; written when it gets an Entry;
- ``session:N``: how far it has come, what it has carried, its instants.

Only what must not be done twice or forgotten is kept: a session that has an Entry or an
Accounting-Start.  A call that has not come so far is begun again by LCP, which either side
may do at any time (RFC 1661 section 3.4); so no credentials are ever in a record.  The same
holds for a session whose client was negotiating again: address, accounting and counters
are its own, its link is begun anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from bras.forwarding.entry import Counters, Leg
from bras.ids import Entropy, no_entropy, origin_of
from bras.plain import Saved, decode, encode
from bras.ppp.link import Link
from bras.ppp.network import Network
from bras.radius.profile import Profile
from bras.subscriber.events import Phase, TerminateCause
from bras.subscriber.parts import NOTHING_CARRIED, End, EntryState, Forwarding, Instants, Line, Standing, Who
from bras.subscriber.settings import Settings
from bras.subscriber.subscriber import Subscriber

_line = attrgetter(*(field.name for field in fields(Line)))
_leg = attrgetter(*(field.name for field in fields(Leg)))
_who = attrgetter(*(field.name for field in fields(Who)))
_NONE: Final = EntryState.NONE
_NOT_YET: Final[tuple[Any, ...]] = (None, False, False, False)
"""What the record of an earlier version lacks, from the end on."""
MOST_SLOTS: Final = 1 << 21
"""More than twice as many as the sessions that can be configured."""


def outlives(subscriber: Subscriber) -> bool:
    """Return whether a subscriber has what must outlive the process."""
    return subscriber.standing.started or subscriber.forwarding.state is not _NONE


def lasting(subscriber: Subscriber) -> bytes:
    """Return the record ``subscriber:N``."""
    network = subscriber.network
    return encode((
        subscriber.session_id,
        subscriber.forwarding.slot,
        _line(subscriber.line),
        _leg(subscriber.leg),
        subscriber.settings.link.mru,
        subscriber.link.save(),
        network.save() if network is not None else None,
        subscriber.profile,
        subscriber.address,
        _who(subscriber.who),
        subscriber.instants.called_at,
        subscriber.standing.proxy,
        subscriber.standing.software,
    ))  # fmt: skip


def slot(lasting_state: bytes) -> int:
    """Return the slot in a record ``subscriber:N``; ValueError if there can be no such slot."""
    return _sensible(int(decode(lasting_state)[1]))


def _sensible(slot: int) -> int:
    """Slots are given from 0 on: one far beyond all sessions is damage, and would cost memory for all below it."""
    if not 0 <= slot < MOST_SLOTS:
        raise ValueError(f"slot {slot}")
    return slot


def session(subscriber: Subscriber) -> bytes:
    """Return the record ``session:N``."""
    standing, forwarding, instants = subscriber.standing, subscriber.forwarding, subscriber.instants
    route = forwarding.wanted or forwarding.present
    base, last = forwarding.base, forwarding.last
    end = standing.end
    return encode((
        standing.phase,
        standing.call_up,
        standing.link_up,
        standing.started,
        standing.settled,
        (end.cause, end.reason, end.text, end.phase) if end is not None else None,
        standing.link_facts,
        forwarding.state,
        route.addresses[0] if route is not None else None,
        forwarding.wanted is not None,
        tuple(base) if base is not NOTHING_CARRIED else None,
        tuple(last) if last is not NOTHING_CARRIED else None,
        instants.setup_by_at,
        instants.up_at,
        instants.active_at,
        None,  # once the next Interim-Update's instant: a new process chooses another, and it need not be written
        instants.renewed_at,
        instants.renewing,
        forwarding.throttled,
        instants.news,
    ))  # fmt: skip


def restore(
    number: int,
    lasting_state: bytes,
    session_state: bytes,
    settings_of: Callable[[str, int], Settings],
    entropy: Entropy,
) -> Subscriber:
    """Return the subscriber of both records; ``settings_of`` a group and an MRU."""
    session_id, slot, line, leg, mru, link, network, profile, address, who, called_at, *shown = decode(lasting_state)
    settings = settings_of(line[0], mru)
    subscriber = Subscriber(number, _sensible(slot), Line(*line), Leg(*leg), settings, no_entropy, now=called_at)
    subscriber.entropy = entropy
    subscriber.origin, subscriber.address = origin_of(session_id), address
    subscriber.who = _restore_who(*who)
    subscriber.link = Link.restore(link, settings.link, entropy)
    subscriber.profile = profile = Profile.restore(profile)
    if network is not None:
        subscriber.network = Network.restore(network, subscriber._network_config(profile))
    _restore_session(subscriber, decode(session_state))
    proxy, subscriber.standing.software = shown
    subscriber.standing.proxy = tuple(proxy)
    return subscriber


def _restore_who(
    user: str,
    method: str,
    source: str,
    identity: bytes,
    record: bytes,
    classes: list[bytes],
    claimed: str,
    state: bytes = b"",
    accounting: str | None = "",
) -> Who:
    return Who(user, method, source, identity, record, tuple(classes), claimed, state, accounting)


def _restore_session(subscriber: Subscriber, saved: Saved) -> None:
    phase, call_up, link_up, started, settled, end, link_facts, state, address, wanted, base, last, *instants = saved
    setup_by_at, up_at, active_at, _, *later = instants
    later += _NOT_YET[len(later) :]
    renewed_at, renewing, throttled, news = later
    mru, acfc, pfc = link_facts
    subscriber.standing = Standing(
        phase=Phase(phase),
        call_up=call_up,
        link_up=link_up,
        started=started,
        settled=settled,
        end=End(TerminateCause(end[0]), end[1], end[2], Phase(end[3])) if end is not None else None,
        link_facts=(mru, acfc, pfc),
    )
    subscriber.forwarding.throttled = throttled
    route = subscriber._route(address) if address is not None else None
    subscriber.forwarding = Forwarding(
        slot=subscriber.forwarding.slot,
        wanted=route if wanted else None,
        present=route if state != _NONE.value else None,
        state=EntryState(state),
        base=Counters(*base) if base is not None else NOTHING_CARRIED,
        last=Counters(*last) if last is not None else NOTHING_CARRIED,
        throttled=throttled,
    )
    subscriber.instants = Instants(
        subscriber.instants.called_at,
        setup_by_at,
        up_at,
        active_at,
        renewed_at=renewed_at,
        renewing=renewing,
        news=news,
    )
