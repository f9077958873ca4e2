"""Records of tunnels and of their links (RFC 2867), for those who want them (`tunnel_accounting`).

A tunnel is told when its control connection is established, and again when it has ended and
the last of its sessions has had its Stop: then it is known what they have carried.  A link
is what one session makes of a call: it is told beside the session's own Start and Stop, when
it is known whose it is.  Refused tunnels and calls are told too, but not more of them than
``REJECTS_PER_S``, and none of strangers: everybody can have himself refused.

Each has an Acct-Session-Id of its own (RFC 2866 section 5.5).  A tunnel's records and its
sessions' have Tunnel-Assignment-Id in common, a link's and its session's
Acct-Multi-Session-Id.
"""

from __future__ import annotations

from typing import Final

from bras.ids import CallKey, accounting_id, tunnel_of
from bras.l2tp import events as l2tp
from bras.l2tp import refusals
from bras.l2tp.events import Cause, Path, Refusal
from bras.lns import billing, reasons
from bras.lns.core import Core
from bras.lns.tunnel_account import (
    MEMBER,
    NO_TUNNEL,
    TUNNEL,
    Account,
    Member,
    account_record,
    member_record,
)
from bras.radius import accounting
from bras.radius.accounting import Usage
from bras.radius.attributes import TunnelIdentity
from bras.subscriber.ends import ENDS
from bras.subscriber.events import RecordDue, Status, TerminateCause
from bras.subscriber.subscriber import Subscriber

_C: Final = TerminateCause
REFUSED: Final[dict[Refusal, TerminateCause]] = {
    Refusal.NO_GROUP: _C.USER_ERROR,
    Refusal.WRONG_SECRET: _C.USER_ERROR,
    Refusal.NO_SECRET: _C.USER_ERROR,
    Refusal.LIMIT: _C.SERVICE_UNAVAILABLE,
    Refusal.ACCOUNTING: _C.SERVICE_UNAVAILABLE,
    Refusal.BAD_MESSAGE: _C.PORT_ERROR,
    Refusal.BAD_VERSION: _C.PORT_ERROR,
    Refusal.OUT_OF_SEQUENCE: _C.PORT_ERROR,
    Refusal.NO_SERVICE: _C.SERVICE_UNAVAILABLE,
    Refusal.SHUTTING_DOWN: _C.ADMIN_REBOOT,
    Refusal.TIMEOUT: _C.LOST_CARRIER,
    Refusal.TUNNEL_ENDED: _C.LOST_CARRIER,
    Refusal.BY_LAC: _C.USER_REQUEST,
    Refusal.OTHER: _C.NAS_ERROR,
}
"""Acct-Terminate-Cause of a tunnel or link that never came up."""


def _wants(core: Core, what: str) -> bool:
    config = core.config.radius
    return config.accounting and config.tunnel_accounting in (what, "both")


# -- tunnels


def tunnel_up(core: Core, event: l2tp.TunnelUp, now: float) -> None:
    """A tunnel is established: Tunnel-Start."""
    if not _wants(core, "tunnels"):
        return
    group = _group(core, event.group)
    if not core.exchanges.keeps_accounts(group):
        return
    number = core.registry.new_number()
    session_id = accounting_id(core.policy.origin, number)
    identity = _identity(core, event, session_id, event.tunnel_id, event.peer_tunnel_id)
    account = Account(number, event.tunnel_id, session_id, group, identity, now)
    core.tunnel_books.enter(account)
    core.tunnel_books.is_open = True
    _keep(core, account)
    _tell(core, accounting.TUNNEL_START, group, identity, at=now, now=now)


def tunnel_down(core: Core, event: l2tp.TunnelDown, now: float) -> None:
    """A tunnel has ended: Tunnel-Stop, when its sessions have."""
    number = core.tunnel_books.current.pop(event.tunnel_id, None)
    if number is not None:
        cause = event.cause
        _over(core, core.tunnel_books.accounts[number], reasons.of_tunnel(cause, cause.result), cause.text, now)


def close_all(core: Core, reason: str, now: float, *, at: float | None = None) -> None:
    """Nothing more comes of the tunnels that there are: tell that they have ended, ``at`` (now)."""
    for account in list(core.tunnel_books.accounts.values()):
        if account.end is None:
            account.end = (reason, "", now if at is None else at)
        _stop(core, account, now)


def rebooted(core: Core, now: float, *, at: float, shift: float) -> None:
    """The machine was rebooted: all tunnels have ended with the last sign of life, ``at``, their sessions before them.

    ``shift`` is what the instants of the old clock lack to those of this one.
    """
    books = core.tunnel_books
    for account in books.accounts.values():
        account.up_at += shift
        if account.end is not None:
            account.end = (*account.end[:2], account.end[2] + shift)
    close_all(core, "reboot", now, at=at)
    for number in list(books.members):
        _part(core, number)


def settle(core: Core, now: float) -> None:
    """A new process has found what there is of the past: tunnels that it could not keep have ended."""
    books = core.tunnel_books
    alive = {facts.tunnel_id for facts in core.endpoint.tunnels()}
    for number in [one for one in books.members if one not in core.registry.by_number]:
        _part(core, number)
    for tunnel_id, number in list(books.current.items()):
        if tunnel_id not in alive:
            del books.current[tunnel_id]
            _over(core, books.accounts[number], "call_lost", "", now)
    books.left = {number: books.left[number] for number in books.accounts}
    for account in list(books.accounts.values()):
        _stop_if_over(core, account, now)


def _over(core: Core, account: Account, reason: str, text: str, now: float) -> None:
    account.end = (reason, text, now)
    _keep(core, account)
    _stop_if_over(core, account, now)


def _stop_if_over(core: Core, account: Account, now: float) -> None:
    if account.end is not None and not core.tunnel_books.left[account.number]:
        _stop(core, account, now)


def _stop(core: Core, account: Account, now: float) -> None:
    reason, text, at = account.end or ("tunnel_closed", "", now)
    usage = billing.usage_of(max(0.0, at - account.up_at), account.carried)
    shared = account.identity
    if account.lost is not None:
        shared += core.books.encoder.lost(account.lost)
    core.tunnel_books.leave(account)
    if core.changes is not None:
        core.changes.records.append((f"{TUNNEL}:{account.number}", b""))
    cause = ENDS[reason]
    _tell(core, accounting.TUNNEL_STOP, account.group, shared, usage, cause, reason, text, at=at, now=now)


# -- links


def session_told(core: Core, subscriber: Subscriber, due: RecordDue, now: float, *, at: float | None = None) -> None:
    """A session's record was made of what happened ``at`` (now): its link has one too, and its tunnel another sum."""
    if due.status is Status.START:
        _session_up(core, subscriber, now)
    elif due.status is Status.STOP:
        _session_down(core, subscriber, due, now if at is None else at, now)


def _session_up(core: Core, subscriber: Subscriber, now: float) -> None:
    who, link_id = subscriber.who, ""
    tunnel = core.tunnel_books.current.get(tunnel_of(subscriber.leg.key), NO_TUNNEL)
    if who.record and _wants(core, "links"):
        link_id = accounting_id(core.policy.origin, core.registry.new_number())
    if not tunnel and not link_id:
        return
    member = Member(tunnel, link_id)
    core.tunnel_books.join(subscriber.number, member)
    if core.changes is not None:
        core.changes.records.append(member_record(subscriber.number, member))
    if link_id:
        shared = core.books.identities.link(who.record, link_id)
        _tell(core, accounting.LINK_START, who.accounting, shared, at=now, now=now)


def _session_down(core: Core, subscriber: Subscriber, due: RecordDue, at: float, now: float) -> None:
    who, key = subscriber.who, subscriber.leg.key
    lost = core.tunnel_books.lost.pop(key, 0) if subscriber.leg.numbered else None
    member = _part(core, subscriber.number)
    if member is None:
        return
    if member.link_id:
        shared = core.books.identities.link(who.record, member.link_id)
        if lost is not None:
            shared += core.books.encoder.lost(lost)
        usage, cause = billing.usage_of(due.session_time_s, due.counters), due.cause or _C.NAS_ERROR
        group, reason = who.accounting, due.reason
        _tell(core, accounting.LINK_STOP, group, shared, usage, cause, reason, due.text, at=at, now=now)
    account = core.tunnel_books.accounts.get(member.tunnel)
    if account is not None:
        account.carried += due.counters
        if lost is not None:
            account.lost = (account.lost or 0) + lost
        _keep(core, account)
        _stop_if_over(core, account, now)


def _part(core: Core, number: int) -> Member | None:
    member = core.tunnel_books.part(number)
    if member is not None and core.changes is not None:
        core.changes.records.append((f"{MEMBER}:{number}", b""))
    return member


def call_ended(core: Core, key: CallKey) -> None:
    """A call has gone whose session had no Start: nobody asks any more what was lost on it."""
    core.tunnel_books.lost.pop(key, None)


def disordered(core: Core, event: l2tp.DataDisordered) -> None:
    """Packets of a numbered call did not come."""
    books = core.tunnel_books
    if event.lost and books.is_open:
        books.lost[event.key] = books.lost.get(event.key, 0) + event.lost


# -- rejections


def tunnel_refused(core: Core, event: l2tp.TunnelRefused, now: float) -> None:
    """A tunnel of one of our LACs never came up: Tunnel-Reject."""
    if event.group and _wants(core, "tunnels"):
        refusal = refusals.of_tunnel(event.cause)
        _reject(core, accounting.TUNNEL_REJECT, event, event.cause, refusal, event.tunnel_id, now)


def call_refused(core: Core, event: l2tp.CallRefused, now: float) -> None:
    """A call in a tunnel never came up: Tunnel-Link-Reject."""
    if event.group and _wants(core, "links"):
        refusal = refusals.of_call(event.cause)
        _reject(core, accounting.LINK_REJECT, event, event.cause, refusal, event.key >> 16, now)


def _reject(
    core: Core,
    status: int,
    event: l2tp.TunnelRefused | l2tp.CallRefused,
    cause: Cause,
    refusal: Refusal,
    tunnel_id: int,
    now: float,
) -> None:
    group = _group(core, event.group)
    if not core.exchanges.keeps_accounts(group) or not core.tunnel_books.allow_reject(now):
        return
    session_id = accounting_id(core.policy.origin, core.registry.new_number())
    shared = _identity(core, event, session_id, tunnel_id, 0)
    _tell(core, status, group, shared, None, REFUSED[refusal], refusal.value, cause.text, at=now, now=now)


# -- records


def _group(core: Core, lac_group: str) -> str | None:
    """Return the group of servers that has the books of a LAC group."""
    return core.policy.asking(lac_group, b"").accounting


def _identity(
    core: Core,
    event: l2tp.TunnelUp | l2tp.TunnelRefused | l2tp.CallRefused,
    session_id: str,
    tunnel_id: int,
    peer_tunnel_id: int,
) -> bytes:
    path: Path = event.path
    names = core.policy.names(event.group)
    assignment = f"{path.remote}:{peer_tunnel_id}" if peer_tunnel_id else ""
    tunnel = TunnelIdentity(path.remote, path.local, event.lac_hostname, names.host, assignment)
    return core.books.identities.tunnel(tunnel, session_id, f"{tunnel_id}/{peer_tunnel_id}" if tunnel_id else "")


def _keep(core: Core, account: Account) -> None:
    if core.changes is not None:
        core.changes.records.append(account_record(account))


def _tell(
    core: Core,
    status: int,
    group: str | None,
    shared: bytes,
    usage: Usage | None = None,
    cause: TerminateCause | None = None,
    reason: str = "",
    text: str = "",
    *,
    at: float,
    now: float,
) -> None:
    """Tell a record of what happened ``at``."""
    number = 0 if cause is None else cause.value
    event_at = at + core.books.wall_offset_s
    octets = core.books.encoder.record(status, shared, usage, number, reason, text, event_at=event_at)
    billing.tell(core, group, octets, created_at=at, now=now)
