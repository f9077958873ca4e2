"""From the ledger outward: records are told by the exchange, noted in the journal, put on disk and read again."""

from __future__ import annotations

from collections.abc import Iterable

from bras.accounting import events as ledger
from bras.accounting.debts import START, Owed
from bras.lns import notes
from bras.lns.core import Core
from bras.lns.effects import FetchRecords, Report, Spool
from bras.lns.inputs import Fetched, SpoolCounted, SpoolFailed, Stored
from bras.plain import encode
from bras.radius.events import AccountingAcknowledged, SendRadius


def take(core: Core, given: Iterable[ledger.Event], now: float) -> None:
    """Act on what the ledger tells."""
    for event in given:
        if type(event) is ledger.Tell:
            _tell(core, event, now)
        elif isinstance(event, ledger.Note):
            if core.changes is not None:
                core.changes.records.append(note(core.ledger.boot, event))
        elif isinstance(event, ledger.Withdraw):
            core.backlog.radius.append(core.exchanges.withdraw(event.ticket, now=now))
        elif isinstance(event, ledger.Fetch):
            core.effects.append(FetchRecords(event.group, event.most, event.after))
        elif isinstance(event, ledger.Unaccounted):
            _end(core, event.key, now)
        elif isinstance(event, ledger.Forgotten):
            session = core.policy.origin[:-8] + event.session
            core.effects.append(Report(ledger.Forgotten(event.group, session, event.status)))
        elif isinstance(event, ledger.SpoolAlert):
            core.effects.append(Report(event))


def acknowledged(core: Core, given: AccountingAcknowledged, now: float) -> None:
    """Tell the ledger that a server has a record; a Start is part of its session's story."""
    owed = core.ledger.told.get(given.record)
    if core.tells and owed is not None and owed.status == START:
        subscriber = core.registry.by_number.get(owed.key & 0xFFFFFFFF)
        if subscriber is not None and subscriber.account == owed.key:
            after_ms = round((now - owed.made.at) * 1000.0, 1)
            notes.note(core, subscriber.number, "start_told", given.server, after_ms)
    events = core.ledger.acknowledged(given.record, now=now)
    if events or core.endpoint.census.holds:
        answered(core, events, now)


def answered(core: Core, given: Iterable[ledger.Event], now: float) -> None:
    """Likewise when a record is owed no more, or the disk takes records: perhaps calls are let in again."""
    take(core, given, now)
    if core.endpoint.census.holds:
        hold_calls(core)


def _tell(core: Core, event: ledger.Tell, now: float) -> None:
    """Hand a record to the exchange; mostly it is sent at once."""
    events = core.exchanges.account(event.ticket, event.group, event.octets, event.created_at, now=now)
    if len(events) == 1 and type(events[0]) is SendRadius:
        core.effects.append(events[0])
    elif events:
        core.backlog.radius.append(events)


def note(boot: str, event: ledger.Note) -> tuple[str, bytes]:
    """Return the journal's record of a record: by key and status; empty when it need not be kept any more."""
    made = (event.group, event.octets, event.wall_s, boot, event.at)
    return f"record:{event.key}:{event.status}", encode(made) if event.octets else b""


def note_of(owed: Owed) -> tuple[str, bytes]:
    """Return the same of one that an earlier life has made."""
    return f"record:{owed.key}:{owed.status}", encode((owed.group, owed.octets, *owed.made))


def hold_calls(core: Core) -> None:
    """Let calls in, or refuse them, as the ledger's state and the configuration want it."""
    core.endpoint.census.holds = core.ledger.refuses_calls
    core.ledger.look_for_room()


def _end(core: Core, key: int, now: float) -> None:
    """End a session whose servers are silent, if it is still there."""
    subscriber = core.registry.by_number.get(key & 0xFFFFFFFF)
    if subscriber is not None and subscriber.account == key:
        core.backlog.at_work = subscriber.number
        core.backlog.subscriber.append((subscriber, subscriber.end("accounting_unanswered", "", now=now)))


def key_of(session_id: str) -> int:
    """Return the key of a session's account: epoch and number of its Acct-Session-Id."""
    return int(session_id[-16:], 16)


def disk_spoke(core: Core, given: Stored | SpoolFailed | Fetched | SpoolCounted, now: float) -> None:
    """Hear of the spool."""
    if isinstance(given, Stored):
        answered(core, core.ledger.stored(given.up_to, now=now), now)
    elif isinstance(given, Fetched):
        take(core, core.ledger.fetched(given.group, given.rows, now=now), now)
    elif isinstance(given, SpoolFailed):
        take(core, core.ledger.failed(given.reason, now=now), now)
        hold_calls(core)
    else:
        core.ledger.counted(given.depths, given.octets)


def handle_timeout(core: Core, now: float) -> None:
    """Go on with what has piled up."""
    take(core, core.ledger.handle_timeout(now=now), now)
    hold_calls(core)


def turn_ended(core: Core) -> None:
    """Have the disk do what this turn wants of it, before it is asked for anything."""
    spool = core.ledger.operations()
    if spool is not None:
        core.effects.insert(0, Spool(*spool))
