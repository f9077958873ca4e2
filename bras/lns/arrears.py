"""What earlier lives of the daemon have left to be told: notes of the journal, rows of the spool, open sessions.

In the same boot the journal is exact.  Its notes are records that had not come to the disk:
they are put there again.  A session that goes on and has no row gets one (the spool began
anew, or an earlier version knew none); a row of which nobody is left gets its Stop.

After a reboot the spool decides, for the journal is as old as its last checkpoint.  A row
without a Stop gets one (NAS-Reboot, RFC 2866 section 5.10), with what the journal, or a younger
Interim-Update in the row, knows that the session had carried, as of the last sign of life; one
whose Stop was made, and had not come to the disk, gets that.  A session without an open row was
never told, or its Stop is there: nothing is made of it.  Only if there was no spool, or it was
lost, the journal decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from bras.accounting import beginning
from bras.accounting.debts import START, STOP, Owed
from bras.accounting.rows import KEY_BITS, Depth, Made, Row, key_of
from bras.accounting.storing import Storing
from bras.lns import billing, from_ledger, tunnel_books
from bras.lns.core import Core
from bras.lns.effects import Report
from bras.plain import decode
from bras.radius.accounting import INTERIM_UPDATE
from bras.radius.attributes import ACCT_SESSION_ID, value_of
from bras.subscriber.events import RecordDue, Status, SubscriberEnded
from bras.subscriber.subscriber import Subscriber


class Spooled(Protocol):
    """The spool as a start finds it: ``bras.store.spool.SpoolFile``."""

    damaged: list[str]
    """What files were moved to that could not be read."""

    def open_rows(self) -> Iterator[Row]:
        """Yield the sessions without a Stop."""

    def depths(self) -> tuple[Depth, ...]:
        """Return what each group is owed."""

    def greatest_key(self) -> int:
        """Return a key whose epoch no later one has; 0 when there never was any."""

    def fetch(self, group: str | None, most: int, after: int = -1) -> tuple[Row, ...]:
        """Return the first rows of a group that owe something and have a key above ``after``."""


@dataclass(slots=True)
class Arrears:
    """What there is to be settled when the wall clock is known."""

    spool: Spooled | None
    reboot: bool
    decides: bool
    """Whether the spool says of which sessions there is a Stop to be made."""
    alive_at: float = 0.0
    """The last sign of life, by the clock of then."""
    wall_offset_s: float = 0.0
    """The wall clock minus that clock."""
    notes: list[Owed] = field(default_factory=list)
    renamed: list[tuple[str, bytes]] = field(default_factory=list)
    """Notes of an earlier version, under the names that they have now."""
    lost: list[Subscriber] = field(default_factory=list)
    """Sessions of which only the books are left."""

    @classmethod
    def of(cls, core: Core, spool: Spooled | None, boot: str, *, reboot: bool, knows_spool: bool) -> Arrears:
        """Have the ledger use the stores that there are; ``knows_spool``: who wrote the journal had a spool."""
        ledger = core.ledger
        ledger.boot, ledger.keeps_notes = boot, True
        ledger.storing = Storing() if spool is not None else None
        return cls(spool, reboot, spool is not None and knows_spool and spool.greatest_key() > 0)

    @property
    def records(self) -> int:
        """Return how many records are owed, for people."""
        depths = self.spool.depths() if self.spool is not None else ()
        return sum(depth.records for depth in depths) + len(self.notes)

    def take_note(self, core: Core, name: str, state: bytes, boot: str) -> None:
        """Take ``record:NAME`` of the journal; ``boot`` is the run of the clock in which it was written."""
        group, octets, *when = decode(state)
        key, _, status = name.partition(":")
        if status:
            self.notes.append(Owed(int(key), int(status), group, octets, Made(*when)))
            return
        self.renamed.append((f"record:{name}", b""))
        kind = octets[billing.STATUS_AT]
        if kind == INTERIM_UPDATE:
            return  # a later record makes it good
        made = Made(when[0] + self.wall_offset_s, boot, when[0])
        if kind in billing.KINDS:
            number, kind = from_ledger.key_of(value_of(octets, ACCT_SESSION_ID).decode()), billing.KINDS[kind]
        else:
            number = key_of(core.policy.epoch, core.registry.new_number())
        owed = Owed(number, kind, group, octets, made)
        self.renamed.append(from_ledger.note_of(owed))
        self.notes.append(owed)

    def settle(self, core: Core, now: float) -> None:
        """Put it all into the ledger."""
        if core.ledger.storing is not None and self.spool is not None:
            core.ledger.storing.begin_anew(self.spool.damaged, now)
        beginning.begin(core.ledger, self.spool.depths() if self.spool is not None else (), now=now)
        self.notes.sort(key=lambda owed: (owed.key, owed.status))
        shift = self.wall_offset_s - core.books.wall_offset_s if self.reboot else 0.0
        if self.reboot and self.decides:
            self._by_rows(core, shift, now)
        else:
            for owed in self.notes:
                self._recall(core, owed, now)
            if self.reboot:
                for subscriber in self.lost:
                    self._lose(core, subscriber, shift, now, told=True)
                tunnel_books.rebooted(core, now, at=self.alive_at + shift, shift=shift)
            else:
                self._go_on(core, now)
                tunnel_books.settle(core, now)
        self.notes, self.lost, self.spool = [], [], None

    def _recall(self, core: Core, owed: Owed, now: float) -> None:
        rows = self.spool.fetch(owed.group, 1, owed.key - 1) if self.spool is not None else ()
        row = rows[0] if rows and rows[0].key == owed.key else None
        counted = row is not None and (row.stop is not None if owed.status == STOP else row.start_owed)
        if row is not None and owed.status == STOP:
            beginning.owes_still(core.ledger, row, now=now)  # it waits for what is before it
        beginning.recall(core.ledger, owed, counted=counted, now=now)

    # -- the same boot

    def _go_on(self, core: Core, now: float) -> None:
        """Know what the rows of sessions that go on owe; give those a row that have none."""
        going = _going(core)
        noted = {(owed.key, owed.status) for owed in self.notes}
        strays: list[Row] = []
        for row in self.spool.open_rows() if self.spool is not None else ():
            if row.key in going:
                _remember(going[row.key], row)
                going[row.key] = None
                beginning.owes_still(core.ledger, row, now=now)
            elif (row.key, STOP) not in noted:
                strays.append(row)
        if core.ledger.storing is not None:
            for key, subscriber in going.items():
                if subscriber is not None and (key, START) not in noted and billing.is_recorded(core, subscriber):
                    _adopt(core, key, subscriber)
        for row in strays:
            beginning.owes_still(core.ledger, row, now=now)
            billing.close_row(core, row, self.alive_at + self.wall_offset_s, now=now)

    # -- after a reboot

    def _by_rows(self, core: Core, shift: float, now: float) -> None:
        rows = {row.key: row for row in self.spool.open_rows()} if self.spool is not None else {}
        for row in rows.values():
            beginning.owes_still(core.ledger, row, now=now)
        self._put_stops(core, rows, now)
        mine = {subscriber.account: subscriber for subscriber in self.lost}
        core.books.open_keys = set(rows)
        for key, subscriber in mine.items():
            found = rows.get(key)
            _remember(subscriber, found)
            knows_less = found is not None and self._knows_less(subscriber, found)
            self._lose(core, subscriber, shift, now, told=found is not None, by_row=knows_less)
        tunnel_books.rebooted(core, now, at=self.alive_at + shift, shift=shift)
        left, core.books.open_keys = core.books.open_keys, None
        for key in sorted(left):  # of some of mine, too: the journal may be older than their Start, or Interim-Update
            billing.close_row(core, rows[key], self.alive_at + self.wall_offset_s, now=now)

    def _put_stops(self, core: Core, rows: dict[int, Row], now: float) -> None:
        """Of the journal's notes only the Stops of open rows count: what else was told is on disk."""
        assert core.changes is not None  # they came from there
        for owed in self.notes:
            if owed.status == STOP and rows.pop(owed.key, None) is not None:
                beginning.recall(core.ledger, owed, now=now)
            else:
                core.changes.records.append((f"record:{owed.key}:{owed.status}", b""))

    def _seen_at(self, subscriber: Subscriber) -> float:
        """Return when a session of the journal was last known to be alive, by the clock of then."""
        return max(self.alive_at, subscriber.instants.active_at, subscriber.instants.up_at or 0.0)

    def _knows_less(self, subscriber: Subscriber, row: Row) -> bool:
        """Return whether the row's Interim-Update is younger than what the journal knows of its session."""
        made = row.interim_made
        return made is not None and made.wall_s > self._seen_at(subscriber) + self.wall_offset_s

    def _lose(
        self, core: Core, subscriber: Subscriber, shift: float, now: float, *, told: bool, by_row: bool = False
    ) -> None:
        """End a session that a reboot has ended; ``told``: its Start was; ``by_row``: its Stop is made of its row."""
        alive_at = self._seen_at(subscriber)
        for event in subscriber.lose("reboot", at=alive_at):
            if isinstance(event, RecordDue) and told:
                if not by_row:
                    billing.record_due(core, subscriber, event, at=alive_at + shift, now=now)
                tunnel_books.session_told(core, subscriber, event, now, at=alive_at + shift)
            elif isinstance(event, SubscriberEnded):
                core.effects.append(Report(event))


def _going(core: Core) -> dict[int, Subscriber | None]:
    """Return the keys of all accounts that go on, and the session of those that are a session's."""
    going: dict[int, Subscriber | None] = {}
    for subscriber in core.registry.by_number.values():
        if subscriber.standing.started and not subscriber.standing.settled:
            going[subscriber.account] = subscriber
    books = core.tunnel_books
    ids = [account.session_id for account in books.accounts.values()]
    ids += [member.link_id for member in books.members.values() if member.link_id]
    going.update((from_ledger.key_of(one), None) for one in ids)
    return going


def _remember(subscriber: Subscriber | None, row: Row | None) -> None:
    """Know what all records of a session say: its journal may be older than its Start."""
    if subscriber is not None and row is not None and not subscriber.who.record:
        subscriber.who.record, subscriber.who.identity = row.start[billing.HEAD_OCTETS :], b""


def _adopt(core: Core, key: int, subscriber: Subscriber) -> None:
    """Give a session a row: its Start was told by a life that could not store it."""
    up_at = subscriber.instants.up_at or subscriber.instants.called_at
    octets = core.books.encoder.record(
        Status.START.value, subscriber.who.record, None, event_at=up_at + core.books.wall_offset_s
    )
    group = billing.group_of(core, subscriber)
    beginning.adopt(core.ledger, key, group, octets, Made(up_at + core.books.wall_offset_s, core.ledger.boot, up_at))


def first_epoch(epoch: int, before: int, spool: Spooled | None) -> int:
    """Return an epoch that no earlier start has had, though the wall clock was set back: ``epoch``, or a later one."""
    known = before, spool.greatest_key() >> KEY_BITS if spool is not None else 0
    return max([epoch, *(one + 1 for one in known if one)])
