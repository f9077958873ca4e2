"""Who may come in: credentials, single session, address, and the records made of it.

The order for everybody: the credentials are judged (RADIUS, or the local users), the
Profile is computed, older sessions of the user and holders of the address are dealt with,
an address is taken, and only then is the client told that it is welcome.
"""

from __future__ import annotations

from bras.config.model import UserConfig
from bras.lns import notes
from bras.lns.core import Core, Verdict
from bras.lns.effects import Report
from bras.lns.identity import METHOD, identity_of, request_of, user_of
from bras.ppp.events import Credentials, CredentialsOffered
from bras.radius import events as radius
from bras.radius.attributes import CHARGEABLE_USER_IDENTITY, returned_state, value_of
from bras.radius.authorization import Authorization
from bras.radius.profile import WHOLE, Profile
from bras.subscriber import local
from bras.subscriber.events import Authenticated, AuthOutcome
from bras.subscriber.parts import Who
from bras.subscriber.subscriber import Subscriber


def credentials_offered(core: Core, subscriber: Subscriber, offered: CredentialsOffered, *, now: float) -> None:
    """Let RADIUS or the local users decide."""
    credentials = offered.credentials
    user = user_of(credentials)
    before = subscriber.who
    if before.claimed:
        _forget_wait(core, subscriber)
    if subscriber.address and user != before.claimed:
        _end(core, subscriber, "user_changed", "the client came back as another user", now)
        return
    asking = core.policy.asking(subscriber.line.group, credentials.name)
    blobs = identity_of(core, subscriber, asking.name)
    known = value_of(before.record or before.identity, CHARGEABLE_USER_IDENTITY) if offered.again else b""
    if subscriber.standing.named:
        core.registry.forget_attributes(subscriber)
    if not offered.again:  # who is up is known by what RADIUS has made of its name
        method = METHOD[type(credentials)]
        who = Who(user, method, "", blobs.accounting, before.record, before.classes, user, before.state)
        who.accounting = before.accounting if before.record else asking.accounting
        subscriber.identify(who)
    elif subscriber.instants.renewing:
        before.identity = blobs.accounting
    core.registry.learn_attributes(subscriber)
    notes.offered(core, subscriber, user, METHOD[type(credentials)], asking.radius, again=offered.again)
    if core.config.auth.source == "local":
        _decide_locally(core, subscriber, credentials, now)
        return
    group = asking.radius
    request = request_of(credentials)
    access = blobs.access
    if offered.again:
        access = core.books.identities.ask_again(access, known)
    if subscriber.instants.renewing:
        access += returned_state(before.state)
    access = core.books.identities.stamp(access, now + core.books.wall_offset_s)
    events = core.exchanges.authenticate(subscriber.number, group, access, request, now=now)
    if core.config.auth.source == "radius-then-local":
        core.backlog.offered[subscriber.number] = credentials
    core.backlog.radius.append(events)


def _decide_locally(core: Core, subscriber: Subscriber, credentials: Credentials, now: float) -> None:
    user = core.policy.user(subscriber.who.claimed)
    success = local.verify(credentials, user.password) if user is not None else None
    if user is None or success is None:
        refuse(core, subscriber, AuthOutcome.REJECTED, "", now, source="local")
        return
    admit(core, subscriber, Verdict("local", None, success), now=now)


def answered(core: Core, event: radius.Accepted | radius.Rejected | radius.Unanswered, *, now: float) -> None:
    """Take RADIUS's decision, if the subscriber is still there to hear it."""
    credentials = core.backlog.offered.pop(event.key, None)
    subscriber = core.registry.by_number.get(event.key)
    if subscriber is None or subscriber.standing.end is not None:
        return
    core.backlog.at_work = subscriber.number
    match event:
        case radius.Accepted():
            admit(core, subscriber, Verdict(event.server, event.authorization, event.ms_chap2_success), now=now)
        case radius.Rejected():
            outcome, text = AuthOutcome.REJECTED, event.reply_message
            if event.lacking:
                outcome, text = AuthOutcome.UNSUPPORTED, f"unsupported: {', '.join(event.lacking)}"
            error = event.ms_chap_error
            refuse(core, subscriber, outcome, text, now, source=event.server, ms_chap_error=error)
        case radius.Unanswered():
            again = subscriber.challenged_again
            if credentials is not None and not (again and subscriber.who.source != "local"):
                _decide_locally(core, subscriber, credentials, now)
            elif again:
                _pardon(core, subscriber, now)
            else:
                refuse(core, subscriber, AuthOutcome.UNANSWERED, "", now)


def refuse(
    core: Core,
    subscriber: Subscriber,
    outcome: AuthOutcome,
    text: str,
    now: float,
    *,
    source: str = "",
    ms_chap_error: bytes = b"",
) -> None:
    """Turn a client away and tell it why."""
    who = subscriber.who
    _report(core, subscriber, outcome, source or who.source, text)
    message = text.encode()
    core.backlog.subscriber.append(
        (subscriber, subscriber.refuse(message, ms_chap_error, f"authentication_{outcome.value}", text, now=now))
    )


def _report(core: Core, subscriber: Subscriber, outcome: AuthOutcome, source: str, text: str = "") -> None:
    """Tell what has been decided."""
    who = subscriber.who
    fact = Authenticated(subscriber.line.group, who.method, outcome, source, who.user, text, subscriber.number)
    core.effects.append(Report(fact))


def admit(core: Core, subscriber: Subscriber, verdict: Verdict, *, now: float) -> None:
    """Give an authenticated subscriber its Profile and address, or refuse it, or let it wait."""
    who, accepted = subscriber.who, verdict.authorization
    if subscriber.challenged_again and not subscriber.instants.renewing:
        _confirm(core, subscriber, verdict, now)
        return
    user = core.policy.user(who.user) if accepted is None else None
    who.source = verdict.source
    if accepted is not None:
        _learn(core, subscriber, accepted)
    profile = _profile_of(core, subscriber, user, accepted)
    core.tell_raised()
    if profile is None:
        refuse(core, subscriber, AuthOutcome.UNKNOWN_PROFILE, f"profile {accepted and accepted.profile!r}", now)
        return
    if _user_is_busy(core, subscriber, verdict, now) or _has_too_many(core, subscriber, profile, now):
        return
    address = _address_for(core, subscriber, profile, verdict, now)
    if address is None:
        return
    if profile.routes or profile.prefix_length < WHOLE or core.pools.networks:
        profile = _with_networks(core, subscriber, profile, address, verdict, now)
        if profile is None:
            return
    prefixes = profile.ipv6_prefixes, profile.delegated_ipv6_prefixes
    who.identity = core.books.encoder.with_prefixes(who.identity, *prefixes)
    if profile.routes or profile.prefix_length < WHOLE:
        length = profile.prefix_length if profile.address == address else WHOLE
        who.identity = core.books.identities.with_networks(who.identity, length, profile.routes)
    core.registry.name(subscriber, who.user)
    core.registry.watch(subscriber, profile, now)
    _report(core, subscriber, AuthOutcome.ACCEPTED, who.source)
    message = accepted.reply_message.encode() if accepted is not None else b""
    notes.given(core, subscriber, profile, address)
    if subscriber.challenged_again:
        _write_down(core, subscriber)
        events = subscriber.renew(profile, message, verdict.success, now=now)
    else:
        events = subscriber.admit(profile, address, message, verdict.success, now=now)
    core.backlog.subscriber.append((subscriber, events))


def _learn(core: Core, subscriber: Subscriber, accepted: Authorization) -> None:
    """Take what an Access-Accept says of who it is: another record is made of that."""
    who, identities = subscriber.who, core.books.identities
    if subscriber.standing.named:
        core.registry.forget_attributes(subscriber)
    who.classes, who.record, who.state = accepted.classes, b"", accepted.state
    who.user = accepted.user_name or who.claimed
    if accepted.user_name:
        who.identity = identities.rename(who.identity, accepted.user_name.encode())
    who.identity = identities.charge(who.identity, accepted.chargeable)


def _write_down(core: Core, subscriber: Subscriber) -> None:
    """Have all of a subscriber in the journal, where there is one: its Entry may stay as it is."""
    if core.changes is not None:
        core.changes.lines[subscriber.number] = core.changes.subscribers[subscriber.number] = None


def _confirm(core: Core, subscriber: Subscriber, verdict: Verdict, now: float) -> None:
    """Tell who was challenged again that it is still welcome: what was granted to it stays as it is."""
    accepted = verdict.authorization
    _report(core, subscriber, AuthOutcome.ACCEPTED, verdict.source)
    message = accepted.reply_message.encode() if accepted is not None else b""
    core.backlog.subscriber.append((subscriber, subscriber.confirm(message, verdict.success, now=now)))


def _pardon(core: Core, subscriber: Subscriber, now: float) -> None:
    """No server answers: that costs nobody who is up the session; it is challenged again in due time."""
    who = subscriber.who
    _report(core, subscriber, AuthOutcome.UNANSWERED, who.source)
    subscriber.pardon(now=now)
    core.registry.touched(subscriber, now)


def _profile_of(
    core: Core, subscriber: Subscriber, user: UserConfig | None, accepted: Authorization | None
) -> Profile | None:
    group = subscriber.line.group
    if accepted is None:
        return core.policy.profile(group, user, None, None)
    return core.policy.profile(group, user, accepted.grant, core.policy.named(accepted), accepted.address)


def _user_is_busy(core: Core, subscriber: Subscriber, verdict: Verdict, now: float) -> bool:
    """Apply ``single_session``; true when the subscriber was refused or must wait."""
    policy = core.config.auth.single_session
    if policy == "off":
        return False
    older = [other for other in core.registry.of_user(subscriber.who.user) if other is not subscriber]
    if not older:
        return False
    if policy == "deny":
        refuse(core, subscriber, AuthOutcome.DENIED_SINGLE_SESSION, "already connected", now)
        return True
    _wait_for(core, subscriber, older[0], verdict, now)
    for other in older:
        _end(core, other, "replaced_by_new_session", "", now)
    return True


def _has_too_many(core: Core, subscriber: Subscriber, profile: Profile, now: float) -> bool:
    """Apply Port-Limit (RFC 2865 section 5.42); true when the subscriber was refused."""
    if not profile.port_limit:
        return False
    others = [other for other in core.registry.of_user(subscriber.who.user) if other is not subscriber]
    if sum(other.standing.end is None for other in others) < profile.port_limit:
        return False
    text = f"no more than {profile.port_limit} sessions at once"
    refuse(core, subscriber, AuthOutcome.DENIED_PORT_LIMIT, text, now)
    return True


def _alone_if_shared(core: Core, subscriber: Subscriber, profile: Profile, address: int) -> Profile:
    """Return the Profile without the network round its address when another one has that.

    Many servers tell every subscriber the mask of the pool: only one of them can have the network,
    and that is no reason to refuse the others.
    """
    around = profile._replace(routes=()).networks(address) if profile.prefix_length < WHOLE else ()
    if core.pools.networks.rival(profile.vrf, around, subscriber.number) is None:
        return profile
    return profile._replace(prefix_length=WHOLE)


def _with_networks(
    core: Core, subscriber: Subscriber, profile: Profile, address: int, verdict: Verdict, now: float
) -> Profile | None:
    """Take the networks behind the subscriber; ``None`` when it was refused or must wait.

    Who has one of them keeps it, unless it is the same user's older session, for which
    ``address_conflict`` holds.
    """
    profile = _alone_if_shared(core, subscriber, profile, address)
    number, networks = subscriber.number, profile.networks(address)
    holder = core.pools.rival(profile.vrf, networks, address, number)
    if holder is None:
        core.pools.networks.claim(profile.vrf, networks, number)
        return profile
    if not subscriber.address:
        core.pools.release(profile.vrf, address, number, now=now)
    other = core.registry.by_number.get(holder)
    if other is not None and other.who.user == subscriber.who.user and not subscriber.address:
        _take_over(core, subscriber, holder, verdict, now)
        return None
    text = "a network behind it, or its address, is another session's"
    refuse(core, subscriber, AuthOutcome.DENIED_ROUTE_CONFLICT, text, now)
    return None


def _address_for(core: Core, subscriber: Subscriber, profile: Profile, verdict: Verdict, now: float) -> int | None:
    """Return the address to give; ``None`` when the subscriber was refused or must wait."""
    held, fixed = subscriber.address, profile.address
    if held and fixed in (None, held):
        return held  # LCP was renegotiated: the lease goes on
    if held:
        _end(core, subscriber, "address_changed", "", now)
        return None
    if fixed is not None:
        holder = core.pools.claim(profile.vrf, fixed, subscriber.number, now=now)
        if holder is None:
            return fixed
        _take_over(core, subscriber, holder, verdict, now)
        return None
    if profile.pool is None or profile.pool not in core.pools:
        refuse(core, subscriber, AuthOutcome.UNKNOWN_POOL, f"no pool {profile.pool}", now)
        return None
    lease = core.pools.take(profile.pool, subscriber.number, subscriber.who.user, now=now)
    if lease is None:
        refuse(core, subscriber, AuthOutcome.NO_ADDRESS, f"pool {profile.pool} is exhausted", now)
        return None
    return lease.address


def _take_over(core: Core, subscriber: Subscriber, holder: int, verdict: Verdict, now: float) -> None:
    """Apply ``address_conflict``: refuse the subscriber, or end the holder and let it wait."""
    other = core.registry.by_number.get(holder)
    if core.config.auth.address_conflict == "deny" or other is None:
        refuse(core, subscriber, AuthOutcome.DENIED_ADDRESS_CONFLICT, "address is in use", now)
        return
    _wait_for(core, subscriber, other, verdict, now)
    _end(core, other, "address_given_to_new_session", "", now)


def _wait_for(core: Core, subscriber: Subscriber, other: Subscriber, verdict: Verdict, now: float) -> None:
    subscriber.wait_for_address()
    notes.note(core, subscriber.number, "waits", other.session_id, other.who.user, "")
    core.registry.touched(subscriber, now)
    core.backlog.waiting.setdefault(other.number, []).append((subscriber.number, verdict))


def _forget_wait(core: Core, subscriber: Subscriber) -> None:
    """Drop the verdict on earlier credentials: it is not one on those that are offered now."""
    for waiters in core.backlog.waiting.values():
        waiters[:] = [(number, verdict) for number, verdict in waiters if number != subscriber.number]


def _end(core: Core, subscriber: Subscriber, reason: str, text: str, now: float) -> None:
    core.backlog.subscriber.append((subscriber, subscriber.end(reason, text, now=now)))


def address_wanted(core: Core, subscriber: Subscriber, wanted: int, *, now: float) -> None:
    """Grant a client's own wish for an address where the Profile allows it and it is free in its pool."""
    profile, given = subscriber.profile, subscriber.address
    address = given
    if (
        profile is not None
        and profile.accept_client_address
        and profile.pool is not None
        and profile.address is None
        and core.pools.take_wanted(profile.pool, wanted, subscriber.number, subscriber.who.user, now=now)
    ):
        core.pools.release(profile.vrf, given, subscriber.number, now=now)
        address, who = wanted, subscriber.who
        if who.record:
            core.registry.forget_attributes(subscriber)
            who.record = core.books.encoder.readdress(who.record, address, who.classes)
            core.registry.learn_attributes(subscriber)
            _write_down(core, subscriber)
    core.backlog.subscriber.append((subscriber, subscriber.assign(address, now=now)))


def settled(core: Core, subscriber: Subscriber, *, now: float) -> None:
    """Free the address of a subscriber whose Entry is gone, and let in who waited for it."""
    if subscriber.address and subscriber.profile is not None:
        core.pools.release(subscriber.profile.vrf, subscriber.address, subscriber.number, now=now)
    core.pools.networks.release(subscriber.number)
    core.registry.unname(subscriber)
    if core.coa is not None:
        core.coa.ended(subscriber.number)
    core.backlog.radius.append(core.exchanges.cancel(subscriber.number, now=now))
    core.backlog.offered.pop(subscriber.number, None)
    for number, verdict in core.backlog.waiting.pop(subscriber.number, ()):
        waiter = core.registry.by_number.get(number)
        if waiter is not None and waiter.standing.end is None:
            admit(core, waiter, verdict, now=now)
