"""The ledger: which record is told when, and what is left to the disk.

A record is in one of these states:

- *storing*: made, in the journal, and on its way to the disk (``Owed.number``);
- *waiting*: on disk, or there is none: it waits for a record before it, for an announcement,
  or for its turn in the drain (``Owed.ticket`` 0);
- *told*: the exchange has it, and tries again for as long as nobody acknowledges it;
- *stuck*: told in vain for ``PATIENCE`` rounds while its group answered others: it is told on,
  but what follows waits no more;
- *left to the disk*: not in memory; it is read again when there is room;
- *settled*: acknowledged, forgotten, or (an Interim-Update) superfluous.

What holds, whatever fails:

- Output commit: where there is a disk, nothing of a Start or Stop is said before ``stored``.
  While the disk refuses (``failed``) they are told from memory, and the operations follow in
  their order when it takes them: a Put, and the Drop of what was acknowledged meanwhile.
- A session's records go one after the other.  Of a group: what was owed before an
  announcement, the announcement, what comes after it; keys grow with time, so the key of an
  announcement says who is before it.
- Memory holds a window.  A session without debts is not in it at all; one whose debts the
  disk alone knows is one number (``Behind``) while it lives, and nothing when it has ended.
- An Interim-Update touches no disk while it is answered; the next one takes its place, a
  Stop makes it superfluous, but never while a server may be reading it: what comes after it
  waits for the answer, or for the end of the round.  In its session's row it waits for a group
  that is silent.
- A group is *silent* when a round of a record has ended and nothing was acknowledged in it.
  Then only a few are told, and nothing is read, until one is acknowledged.
- Without a disk all of this holds in memory, up to ``bounds.RAM_SESSIONS``.

Failures: the process dies before ``stored``: the journal has the record, and it is put again;
after: the disk has it.  The machine loses power before ``stored``: nobody was told.  A Drop is
lost: the record is told again, the same octets.  A reply is lost: likewise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bras.accounting import alerts, bounds, drain
from bras.accounting.book import INTERIM_ON_DISK, START_ON_DISK, Book
from bras.accounting.debts import INTERIM, ON, PATIENCE, SETTLED, START, STOP, Owed
from bras.accounting.events import Event, Note
from bras.accounting.hand import Hand
from bras.accounting.rows import Depth, Made, Row
from bras.accounting.storing import Storing
from bras.config.spool import SpoolConfig
from bras.plain import Saved

CHECK_S: Final = 5.0
"""Seconds between two looks at thresholds and silent groups."""


class Ledger(Hand):
    """What is owed to all groups of servers."""

    __slots__ = ("alerts", "check_at", "config", "room")

    def __init__(self, config: SpoolConfig, *, storing: Storing | None = None, boot: str = "") -> None:
        """Begin with nothing owed; ``boot`` names this run of the clock ``now``."""
        super().__init__(storing, boot)
        self.config = config
        self.check_at: float | None = None
        self.room = 0
        """So many records can be made before it is worth while to see whether they are too many."""
        self.alerts: set[tuple[str, str | None]] = set()
        """What was warned of, by kind and group, and is still so."""

    # -- what the owner asks

    @property
    def is_at_bound(self) -> bool:
        """Return whether no more should be owed."""
        return bounds.is_reached(self, self.config.max_records)

    @property
    def refuses_calls(self) -> bool:
        """Return whether no new call is to be let in."""
        if self.config.refuse_calls_at_risk and self.is_at_risk:
            return True
        return self.config.at_bound == "refuse-calls" and self.is_at_bound

    def look_for_room(self) -> None:
        """Work out when to look again."""
        self.room = bounds.room(self, self.config.max_records)

    @property
    def _forgets(self) -> bool:
        return self.config.at_bound == "forget-oldest" and self.is_at_bound

    # -- records are made

    def record(self, key: int, status: int, group: str | None, octets: bytes, at: float, *, now: float) -> list[Event]:
        """Take a session's Start, Interim-Update or Stop, made of what happened ``at``."""
        book = self.books.get(group) or self.open(group)
        owed = Owed(key, status, group, octets, Made(at + self.wall_offset_s, self.boot, at))
        if self.check_at is None:
            self.check_at = now + CHECK_S
            self.see_to(self.check_at)
        events: list[Event] = []
        if self.config.at_bound == "forget-oldest" and self.is_at_bound:
            events = bounds.make_room(self, self.config.max_records, now)
        self.room -= 1
        if status == INTERIM:
            if book.is_clear and key not in self.lines and key not in book.behind:
                book.counts.interims += 1
                self.lines[key] = [owed]
                book.in_hand += 1
                events.append(self.tell(owed, book, now))
                return events
            return events + self._interim(owed, book, now)
        book.counts.add(status, 1)
        self.keep(owed, events)
        line = self.lines.get(key)
        if line is None and key in book.behind:
            self.catch_up(owed, book)
        if line is None and (owed.follows or (book.is_full and self.disk_takes())):
            if status == START:
                book.behind.add(key, START_ON_DISK, now)
            book.disk.left()
            self.wake(book, now)
            return events
        if line is None:
            line = self.lines[key] = []
        elif status == STOP:
            self.supersede(line, events)
        line.append(owed)
        book.in_hand += 1
        return events + self.advance(line, now) if owed.number == 0 or self.is_at_risk else events

    def announce(
        self, key: int, status: int, group: str | None, octets: bytes, at: float, *, now: float
    ) -> list[Event]:
        """Take an Accounting-On or -Off; all sessions so far have smaller keys, all later ones greater."""
        book, events = self.open(group), list[Event]()
        owed = Owed(key, status, group, octets, Made(at + self.wall_offset_s, self.boot, at))
        book.counts.add(status, 1)
        self.keep(owed, events)
        self.insert(book, owed)
        if not book.disk.more and not book.disk.asked:
            book.disk.cleared_to = key
        return events + self.lift(book, now)

    def catch_up(self, owed: Owed, book: Book) -> None:
        """A session of which only the disk knows what is owed has a Start or Stop."""
        flags = book.behind.take(owed.key)
        if flags & INTERIM_ON_DISK:
            book.counts.interims -= 1
            book.counts.coalesced += 1
        owed.follows = flags & START_ON_DISK != 0

    def _interim(self, owed: Owed, book: Book, now: float) -> list[Event]:
        """Take an Interim-Update: tell it, or leave it to the disk if nobody would hear it."""
        key, events = owed.key, list[Event]()
        line, flags = self.lines.get(key), book.behind.flags(owed.key)
        if line is None and (
            flags & START_ON_DISK or (self.disk_takes() and (book.silent_since is not None or book.is_full))
        ):
            if flags & INTERIM_ON_DISK:
                book.counts.coalesced += 1
            else:
                book.counts.interims += 1
            self.leave(owed, book, now)
            return events
        book.counts.interims += 1
        if line is None:
            line = self.lines[key] = []
            owed.spooled = flags & INTERIM_ON_DISK != 0
            if book.behind.take(key):
                book.counts.interims -= 1
                book.counts.coalesced += 1
        else:
            before = self.supersede(line, events)
            if before is not None:
                owed.spooled, owed.owed_s = before.spooled, before.owed_s
        line.append(owed)
        book.in_hand += 1
        return events + self.advance(line, now)

    def acknowledged(self, ticket: int, *, now: float) -> list[Event]:
        """A server has a record."""
        owed = self.told.pop(ticket, None)
        if owed is None:
            return []
        book, events = self.books[owed.group], list[Event]()
        book.told -= 1
        book.counts.told += 1
        book.answered_at = now
        self.settle(owed, events)
        if owed.status >= ON:
            book.rebar()
        else:
            line = self.lines.get(owed.key)
            if line is not None and owed.key in book.disk.fetched:
                book.queue.ready[owed.key] = None  # what follows has its own turn in the drain
            elif line is not None:
                events += self.advance(line, now)
        if book.announcements:
            events += self.lift(book, now)
        if book.silent_since is not None or book.queue.ready or book.disk.more:
            self.speaks(book, now)
        return events

    def unanswered(self, ticket: int, *, now: float) -> list[Event]:
        """All servers of a record's group were asked in vain; the exchange tries again later."""
        owed = self.told.get(ticket)
        if owed is None:
            return []
        book, events = self.books[owed.group], list[Event]()
        if book.answered_at > owed.since:
            owed.rounds += 1
        elif book.silent_since is None:
            book.silent_since = owed.since
        owed.since = now
        line = self.lines.get(owed.key)
        if owed.status == INTERIM and line is not None and line[-1] is not owed:
            self.overtake(owed, line, events)
            events += self.advance(line, now)
        elif owed.status == INTERIM and line is not None and len(line) == 1 and self.disk_takes():
            self.untell(owed, events)
            del self.lines[owed.key]
            book.in_hand -= 1
            book.disk.fetched.pop(owed.key, None)
            self.leave(owed, book, now)
        elif owed.rounds == PATIENCE:
            book.rebar()
            events += self.advance(line, now) if line is not None else []
            events += self.lift(book, now)
            self.wake(book, now)
        return events

    # -- the disk

    def stored(self, up_to: int, *, now: float) -> list[Event]:
        """The disk has what every Spool up to this number said."""
        storing = self.storing
        if storing is None:
            return []
        events: list[Event] = []
        if storing.refused_at is not None:
            storing.refused_at = None
            for book in self.books.values():
                self.wake(book, now)
        for owed in storing.done(up_to):
            settled, owed.number = owed.ticket == SETTLED, 0
            if self.keeps_notes:
                events.append(Note(owed.key, owed.status))
            if not settled:
                events += self._go_on(owed, now)
        return events

    def _go_on(self, owed: Owed, now: float) -> list[Event]:
        if owed.is_announcement:
            return self.lift(self.books[owed.group], now)
        line = self.lines.get(owed.key)
        return [] if line is None or owed.ticket else self.advance(line, now)

    def failed(self, reason: str, *, now: float) -> list[Event]:
        """The disk refuses: what it was to have is told from memory."""
        storing = self.storing
        if storing is None:
            return []
        storing.failures += 1
        storing.reason, storing.failed_at = reason, now
        if storing.refused_at is not None:
            return []
        storing.refused_at = now
        events: list[Event] = []
        for owed in storing.unstored:
            if owed.ticket != SETTLED and not owed.is_announcement:
                self._take_in_hand(owed)
            events += self._go_on(owed, now)
        return events

    def _take_in_hand(self, owed: Owed) -> None:
        """Have a record in memory again that was left to a disk which does not take it."""
        line = self.lines.get(owed.key)
        if line is not None and owed in line:
            return
        if line is None:
            if owed.follows:
                return  # the disk has what is before it
            line = self.lines[owed.key] = []
        line.append(owed)
        book = self.books[owed.group]
        book.in_hand += 1
        if owed.status == START:
            book.behind.take(owed.key)

    def counted(self, depths: Iterable[Depth], octets: int) -> None:
        """Hear how much stands on disk."""
        if self.storing is not None:
            self.storing.octets = octets
        oldest = {depth.group: depth.oldest_wall_s for depth in depths}
        for group, book in self.books.items():
            book.disk.oldest_wall_s = oldest.get(group)

    # -- time

    def fetched(self, group: str | None, rows: tuple[Row, ...], *, now: float) -> list[Event]:
        """Take what the disk holds for a group, from the least key on that was asked for."""
        book = self.open(group)
        if not book.disk.asked:
            return []
        drain.take(self, book, rows)
        events = self.lift(book, now)
        self.wake(book, now)
        return events

    # -- time

    def answers(self, group: str | None, *, now: float) -> None:
        """Hear that a server of the group is asked again: find out whether it answers."""
        book = self.books.get(group)
        if book is not None and book.silent_since is not None and not book.told and book.has_work:
            book.queue.due_at = now
            self.see_to(now)

    def speaks(self, book: Book, now: float) -> None:
        """The group is not silent any more."""
        if book.silent_since is not None:
            book.silent_since = None
            book.queue.due_at = None
        if book.queue.ready or book.disk.more:
            self.wake(book, now)

    def handle_timeout(self, *, now: float) -> list[Event]:
        """Go on with the drains, and look at what people are to know."""
        events: list[Event] = []
        self.due_at = None
        for book in self.books.values():
            due_at = book.queue.due_at
            if due_at is not None and due_at <= now:
                events += drain.step(self, book, self.config.drain_per_s, now, forgets=self._forgets)
        if self.check_at is not None and self.check_at <= now:
            total = self.total
            events += alerts.check(self, self.config, self.alerts, now)
            events += alerts.bound(self.is_at_bound, total, self.alerts)
            self.check_at = now + CHECK_S if total or self.alerts else None
        for at in (self.check_at, *(book.queue.due_at for book in self.books.values())):
            if at is not None:
                self.see_to(at)
        return events

    def follow(self, config: SpoolConfig) -> None:
        """Go by other keys from now on."""
        self.config = config

    # -- state

    def save(self) -> Saved:
        """Return plain data, between two turns."""
        return {
            "boot": self.boot,
            "keeps_notes": self.keeps_notes,
            "wall_offset_s": self.wall_offset_s,
            "books": [book.save() for book in self.books.values()],
            "lines": [[owed.save() for owed in line] for line in self.lines.values()],
            "tickets": self.tickets,
            "due_at": self.due_at,
            "check_at": self.check_at,
            "alerts": [list(one) for one in sorted(self.alerts, key=str)],
            "storing": self.storing.save() if self.storing is not None else None,
        }

    @classmethod
    def restore(cls, saved: Saved, config: SpoolConfig) -> Ledger:
        """Return what ``save`` was called on."""
        ledger = cls(config, boot=saved["boot"])
        ledger.keeps_notes, ledger.wall_offset_s = saved["keeps_notes"], saved["wall_offset_s"]
        ledger.tickets, ledger.due_at, ledger.check_at = saved["tickets"], saved["due_at"], saved["check_at"]
        ledger.alerts = {(kind, group) for kind, group in saved["alerts"]}
        ledger.books = {one["group"]: Book.restore(one) for one in saved["books"]}
        ledger.lines = {line[0][0]: [Owed.restore(one) for one in line] for line in saved["lines"]}
        known = {}
        records = [owed for line in ledger.lines.values() for owed in line]
        for owed in records + [owed for book in ledger.books.values() for owed in book.announcements]:
            known[owed.key, owed.status] = owed
            book = ledger.books[owed.group]
            book.in_hand += 1
            if owed.ticket > 0:
                ledger.told[owed.ticket] = owed
                book.told += 1
        if saved["storing"] is not None:
            ledger.storing = Storing.restore(saved["storing"], known)
        return ledger
