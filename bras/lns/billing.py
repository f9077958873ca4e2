"""Accounting records: of sessions as they start, go on and end, and of the whole server."""

from __future__ import annotations

from bras.accounting.debts import START, STOP
from bras.accounting.rows import Row, key_of
from bras.forwarding.entry import Counters
from bras.ids import accounting_id
from bras.lns import from_ledger
from bras.lns.core import Core
from bras.radius import accounting
from bras.radius.accounting import Authentic, Usage
from bras.radius.attributes import ACCT_SESSION_ID, value_of
from bras.subscriber.events import RecordDue, Status, TerminateCause
from bras.subscriber.subscriber import Subscriber

HEAD_OCTETS = 12
"""Acct-Status-Type and Event-Timestamp, with which a record begins."""
STATUS_AT = 5
"""Where the value of Acct-Status-Type ends."""
OFF_NUMBER = 0xFFFF0000
"""Keys of Accounting-Off are above those of all sessions of the start, those of Accounting-On below."""
NAS_REBOOT = TerminateCause.NAS_REBOOT.value
KINDS = {
    **dict.fromkeys(accounting.STOP_OF, START),
    **dict.fromkeys(accounting.STOP_OF.values(), STOP),
    accounting.TUNNEL_REJECT: STOP,
    accounting.LINK_REJECT: STOP,
}
"""What the ledger takes them for: who is refused has an end only."""


def record_due(core: Core, subscriber: Subscriber, due: RecordDue, *, now: float, at: float | None = None) -> None:
    """Make a session's record of what happened ``at`` (now), and enter it into the ledger."""
    who = subscriber.who
    if not core.config.radius.accounting and (due.status is Status.START or not who.record):
        return  # who was begun before that was configured gets its Stop all the same
    group = group_of(core, subscriber)
    if not who.record and not is_recorded(core, subscriber):
        return  # nobody wants to know; of whom somebody did, the books are closed whatever is configured since
    usage = None if due.status is Status.START else usage_of(due.session_time_s, due.counters)
    cause = due.cause.value if due.cause is not None else 0
    at = now if at is None else at
    status = due.status.value
    octets = core.books.encoder.record(
        status, who.record, usage, cause, due.reason, due.text, event_at=at + core.books.wall_offset_s
    )
    key = subscriber.account
    if core.books.open_keys is not None and not _may_tell(core, key):
        return
    from_ledger.take(core, core.ledger.record(key, status, group, octets, at, now=now), now)
    if due.status is Status.START and core.ledger.room <= 0:
        from_ledger.hold_calls(core)


def is_recorded(core: Core, subscriber: Subscriber) -> bool:
    """Have what all records of a session say; false if nobody wants to know."""
    who = subscriber.who
    if not who.record:
        if not core.config.radius.accounting or not core.exchanges.keeps_accounts(group_of(core, subscriber)):
            return False
        authentic = Authentic.LOCAL if who.source == "local" else Authentic.RADIUS
        who.record = core.books.encoder.session(who.identity, subscriber.address, who.classes, authentic)
        who.identity = b""
    return True


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


def tell(core: Core, group: str | None, octets: bytes, *, created_at: float, now: float) -> None:
    """Enter a record of a tunnel or link into the ledger: it is known by its Acct-Session-Id."""
    key = from_ledger.key_of(value_of(octets, ACCT_SESSION_ID).decode())
    kind = KINDS[octets[STATUS_AT]]
    if not _may_tell(core, key):
        return
    from_ledger.take(core, core.ledger.record(key, kind, group, octets, created_at, now=now), now)


def _may_tell(core: Core, key: int) -> bool:
    """Return whether an account may have another record: after a reboot, who has a row that is open, once."""
    open_keys = core.books.open_keys
    if open_keys is None:
        return True
    if key not in open_keys:
        return False
    open_keys.discard(key)
    return True


def close_row(core: Core, row: Row, alive_at: float, *, now: float) -> None:
    """Make the Stop of a session of which nobody knows more than its row: it was up at ``alive_at`` (wall clock).

    It has carried what the row's Interim-Update says; without one nothing is known of that (RFC 2866
    section 5.10: NAS-Reboot).
    """
    begun_s, interim = row.start_made.wall_s, row.interim_made
    seen_s = max(begun_s, alive_at, interim.wall_s if interim is not None else 0.0)
    status, said = accounting.STOP_OF[row.start[STATUS_AT]], row.interim or row.start
    usage = Usage(seen_s - begun_s, 0, 0, 0, 0) if row.interim is None else None
    octets = core.books.encoder.record(status, said[HEAD_OCTETS:], usage, NAS_REBOOT, "reboot", event_at=seen_s)
    at = seen_s - core.books.wall_offset_s
    from_ledger.take(core, core.ledger.record(row.key, STOP, row.group, octets, at, now=now), now)


def announce(core: Core, status: int, cause: int, now: float) -> None:
    """Send Accounting-On or -Off to every group of servers (RFC 2866 section 5.1)."""
    if not core.config.radius.accounting:
        return
    session_id = accounting_id(core.policy.origin, 0)
    groups = {server.group for server in core.config.radius.server if server.acct_port}
    first = key_of(core.policy.epoch, 0) - len(groups)
    if status == accounting.ACCOUNTING_OFF:
        first = key_of(core.policy.epoch, OFF_NUMBER)
    for key, group in enumerate(sorted(groups, key=lambda name: name or ""), first):
        octets = core.books.encoder.server_record(
            status, core.books.identities.nas(), session_id, cause, event_at=now + core.books.wall_offset_s
        )
        from_ledger.take(core, core.ledger.announce(key, status, group, octets, now, now=now), now)
