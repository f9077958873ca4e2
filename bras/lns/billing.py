"""Accounting records: of sessions as they start, go on and end, and of the whole server."""

from __future__ import annotations

from bras.forwarding.entry import Counters
from bras.ids import accounting_id
from bras.lns.core import Core
from bras.plain import encode
from bras.radius.accounting import Authentic, Usage
from bras.subscriber.events import RecordDue, Status
from bras.subscriber.subscriber import Subscriber


def record_due(core: Core, subscriber: Subscriber, due: RecordDue, *, now: float, at: float | None = None) -> None:
    """Make a session's record of what happened ``at`` (now), and hand it to the exchange with the servers."""
    who = subscriber.who
    if not core.config.radius.accounting and (due.status is Status.START or not who.record):
        return  # who was begun before that was configured gets its Stop all the same
    group = group_of(core, subscriber)
    if not who.record:
        if not core.exchanges.keeps_accounts(group):
            return  # nobody wants to know; of whom somebody did, the books are closed whatever is configured since
        authentic = Authentic.LOCAL if who.source == "local" else Authentic.RADIUS
        who.record = core.books.encoder.session(who.identity, subscriber.address, who.classes, authentic)
        who.identity = b""
    usage = None if due.status is Status.START else usage_of(due.session_time_s, due.counters)
    cause = due.cause.value if due.cause is not None else 0
    at = now if at is None else at
    octets = core.books.encoder.record(
        due.status.value, who.record, usage, cause, due.reason, due.text, event_at=at + core.books.wall_offset_s
    )
    tell(core, core.books.new_record(), group, octets, created_at=at, now=now)


def usage_of(seconds: float, counters: Counters) -> Usage:
    """Return what is billed: both families together, and IPv6 beside it."""
    return Usage(
        seconds,
        counters.up_octets4 + counters.up_octets6,
        counters.up_packets4 + counters.up_packets6,
        counters.down_octets4 + counters.down_octets6,
        counters.down_packets4 + counters.down_packets6,
        *counters[4:8],
    )


def group_of(core: Core, subscriber: Subscriber) -> str | None:
    """Return the group of servers that has the books of a session: the same one for as long as it is there."""
    who = subscriber.who
    if who.accounting == "" or not core.exchanges.keeps_accounts(who.accounting):
        who.accounting = core.policy.asking(subscriber.line.group, who.claimed.encode()).accounting
    return who.accounting


def tell(core: Core, record: int, group: str | None, octets: bytes, *, created_at: float, now: float) -> None:
    """Hand a record to the exchange; it is in the journal until a server has it."""
    if core.changes is not None:
        core.changes.records.append((f"record:{record}", encode((group, octets, created_at))))
    core.backlog.radius.append(core.exchanges.account(record, group, octets, created_at, now=now))


def announce(core: Core, status: int, cause: int, now: float) -> None:
    """Send Accounting-On or -Off to every group of servers (RFC 2866 section 5.1)."""
    if not core.config.radius.accounting:
        return
    session_id = accounting_id(core.policy.origin, 0)
    groups = {server.group for server in core.config.radius.server if server.acct_port}
    for group in sorted(groups, key=lambda name: name or ""):
        octets = core.books.encoder.server_record(
            status, core.books.identities.nas(), session_id, cause, event_at=now + core.books.wall_offset_s
        )
        tell(core, core.books.new_record(), group, octets, created_at=now, now=now)
