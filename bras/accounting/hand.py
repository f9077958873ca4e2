"""What is owed and in memory: who waits for whom, what the exchange has, what the disk is to hold."""

from __future__ import annotations

from bras.accounting.book import INTERIM_ON_DISK, MOST_WHILE_SILENT, Book
from bras.accounting.debts import INTERIM, SETTLED, STOP, Owed
from bras.accounting.events import Event, Note, Tell, Withdraw
from bras.accounting.rows import Operation
from bras.accounting.storing import Storing

Line = list[Owed]
"""What is owed of one session, in order."""


class Hand:
    """The part of the ledger that is about single records; ``bras.accounting.ledger`` says the rules."""

    __slots__ = (
        "books",
        "boot",
        "due_at",
        "keeps_notes",
        "lines",
        "storing",
        "tickets",
        "told",
        "wall_offset_s",
    )

    def __init__(self, storing: Storing | None, boot: str) -> None:
        """Begin with nothing."""
        self.storing = storing
        """``None`` where there is no disk for it."""
        self.boot = boot
        self.keeps_notes = False
        """Whether there is a journal, for what is not on disk."""
        self.wall_offset_s = 0.0
        """Wall clock minus ``now``."""
        self.books: dict[str | None, Book] = {}
        self.lines: dict[int, Line] = {}
        """By session's key."""
        self.told: dict[int, Owed] = {}
        """What the exchange has, by ticket."""
        self.tickets = 0
        self.due_at: float | None = None
        """``handle_timeout`` should be called then; it may be early."""

    @property
    def total(self) -> int:
        """Return how many records are owed."""
        return sum(book.counts.total for book in self.books.values())

    @property
    def is_at_risk(self) -> bool:
        """Return whether the disk refuses what is owed."""
        return self.storing is not None and self.storing.refused_at is not None

    def open(self, group: str | None) -> Book:
        """Return the book of a group."""
        book = self.books.get(group)
        if book is None:
            book = self.books[group] = Book(group)
        return book

    def operations(self) -> tuple[int, tuple[Operation, ...]] | None:
        """Return what this turn wants of the disk, once; to be called at the end of each."""
        storing = self.storing
        return storing.take() if storing is not None and storing.operations else None

    def wake(self, book: Book, now: float) -> None:
        """Have the drain see to a group soon."""
        if book.queue.due_at is None and book.has_work:
            book.queue.due_at = now
            self.see_to(now)

    def see_to(self, at: float) -> None:
        """Have ``handle_timeout`` called then."""
        if self.due_at is None or at < self.due_at:
            self.due_at = at

    # -- the disk

    def keep(self, owed: Owed, events: list[Event]) -> None:
        """Put a record out of reach of what may happen to us."""
        if self.storing is not None:
            self._touch(owed)
            self.storing.put(owed)
        if self.keeps_notes:
            made = owed.made
            events.append(Note(owed.key, owed.status, owed.group, owed.octets, made.wall_s, made.at))

    def _touch(self, owed: Owed) -> None:
        disk = self.books[owed.group].disk
        if disk.asked:
            disk.touched.add(owed.key)

    def disk_takes(self) -> bool:
        """Return whether what is left to the disk comes there."""
        return self.storing is not None and self.storing.refused_at is None

    def leave(self, owed: Owed, book: Book, now: float) -> None:
        """Leave an Interim-Update to the disk."""
        assert self.storing is not None  # who asks has seen to it
        self._touch(owed)
        self.storing.put(owed)
        book.behind.add(owed.key, INTERIM_ON_DISK, now)
        book.disk.left()
        self.wake(book, now)

    def insert(self, book: Book, owed: Owed) -> None:
        """Give an announcement its place."""
        book.announcements.append(owed)
        book.announcements.sort(key=lambda one: one.key)
        book.in_hand += 1
        book.rebar()

    # -- records are told

    def advance(self, line: Line, now: float, *, paced: bool = False) -> list[Event]:
        """Tell what may be told of a session; ``paced``: it is its turn in the drain."""
        events: list[Event] = []
        before: Owed | None = None
        for owed in line:
            if before is not None and before.group == owed.group and not before.is_stuck:
                break
            before = owed
            if owed.ticket:
                continue
            book = self.books[owed.group]
            if owed.number and not self.is_at_risk:
                break
            if not book.lets(owed.key):
                book.queue.barred[owed.key] = None
                break
            if not paced and book.silent_since is not None and book.told >= MOST_WHILE_SILENT:
                book.queue.ready[owed.key] = None
                self.wake(book, now)
                break
            events.append(self.tell(owed, book, now))
        return events

    def tell(self, owed: Owed, book: Book, now: float) -> Tell:
        """Hand a record to the exchange."""
        self.tickets = ticket = self.tickets + 1
        owed.ticket, owed.since = ticket, now
        self.told[ticket] = owed
        book.told += 1
        made = owed.made
        at = made.at if made.boot == self.boot else made.wall_s - self.wall_offset_s
        return Tell(ticket, owed.group, owed.octets, at)

    def lift(self, book: Book, now: float) -> list[Event]:
        """Tell an announcement, if all is told that was owed before it."""
        events: list[Event] = []
        for owed in book.announcements:
            if not owed.ticket:
                if owed.number and not self.is_at_risk:
                    break
                if self.storing is not None and owed.key > book.disk.cleared_to:
                    break
                if self._owes_before(book, owed.key):
                    break
                events.append(self.tell(owed, book, now))
            if not owed.is_stuck:
                break
        return events

    def _owes_before(self, book: Book, key: int) -> bool:
        for line in self.lines.values():
            if line[0].key < key and any(owed.group == book.group and not owed.is_stuck for owed in line):
                return True
        return False

    # -- records are settled

    def supersede(self, line: Line, events: list[Event]) -> Owed | None:
        """Take away the Interim-Update that a later record makes superfluous, and return it.

        One that a server may have in hand at this moment keeps its place until that is over: of two
        records that come together a server with several threads may put the older one down last,
        and FreeRADIUS's queries then have its counters in place of the Stop's.
        """
        if not line or line[-1].status != INTERIM:
            return None
        owed = line[-1]
        if owed.ticket and not owed.rounds and self.books[owed.group].silent_since is None:
            return None
        self._give_way(owed, line, events)
        return owed

    def overtake(self, owed: Owed, line: Line, events: list[Event]) -> None:
        """Take away an Interim-Update that no server has taken, for what has come after it."""
        following = line[line.index(owed) + 1]
        if following.status == INTERIM:
            following.spooled, following.owed_s = following.spooled or owed.spooled, owed.owed_s
        self._give_way(owed, line, events)

    def _give_way(self, owed: Owed, line: Line, events: list[Event]) -> None:
        line.remove(owed)
        book = self.books[owed.group]
        book.in_hand -= 1
        book.counts.interims -= 1
        book.counts.coalesced += 1
        self.untell(owed, events)

    def untell(self, owed: Owed, events: list[Event]) -> None:
        """Take a record back from the exchange."""
        if owed.ticket > 0:
            del self.told[owed.ticket]
            self.books[owed.group].told -= 1
            events.append(Withdraw(owed.ticket))
            owed.ticket = 0

    def settle(self, owed: Owed, events: list[Event]) -> None:
        """Forget a record that nobody has to be told any more."""
        book = self.books[owed.group]
        owed.ticket = SETTLED
        if owed.status == INTERIM and not owed.spooled and len(self.lines[owed.key]) == 1:  # nearly all
            book.counts.interims -= 1
            book.in_hand -= 1
            del self.lines[owed.key]
            return
        book.counts.add(owed.status, -1)
        if self.keeps_notes and owed.status != INTERIM and self.storing is None:
            events.append(Note(owed.key, owed.status))  # else when the disk knows, or it would be made anew
        if owed.is_announcement:
            book.announcements.remove(owed)
            book.in_hand -= 1
            self._drop(owed)
            return
        line = self.lines[owed.key]
        if owed.status == STOP and len(line) > 1:
            return  # its row has what is owed before it: it goes with that
        self._strike(owed, line)
        if line and line[0].ticket == SETTLED:
            self._strike(line[0], line)
        if not line:
            del self.lines[owed.key]
            book.disk.fetched.pop(owed.key, None)

    def _strike(self, owed: Owed, line: Line) -> None:
        line.remove(owed)
        self.books[owed.group].in_hand -= 1
        self._drop(owed)

    def _drop(self, owed: Owed) -> None:
        if self.storing is not None and owed.spooled:
            self._touch(owed)
            self.storing.drop(owed)
