"""A ledger with a real spool file beside it, and servers that answer as they are told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bras.accounting.debts import INTERIM, ON, START, STOP
from bras.accounting.events import Event, Fetch, Note, Tell, Withdraw
from bras.accounting.ledger import Ledger
from bras.accounting.rows import Operation
from bras.accounting.storing import Storing
from bras.config.spool import SpoolConfig
from bras.plain import decode, encode
from bras.store.spool import SpoolFile

WALL_OFFSET_S = 1_700_000_000.0


class Clerk:
    """``settle`` lets disk and servers do what they have to; until then nothing has come to them."""

    def __init__(
        self, directory: Path | None = None, config: SpoolConfig | None = None, *, notes: bool = False
    ) -> None:
        self.file = SpoolFile(str(directory)) if directory is not None else None
        storing = Storing() if self.file is not None else None
        self.ledger = Ledger(config or SpoolConfig(), storing=storing, boot="boot1")
        self.ledger.wall_offset_s = WALL_OFFSET_S
        self.ledger.keeps_notes = notes
        self.now = 1000.0
        self.disk_refuses = False
        self.spooled: list[tuple[int, tuple[Operation, ...]]] = []
        """On its way to the disk."""
        self.fetches: list[Fetch] = []
        self.under_way: dict[int, Tell] = {}
        """What the exchange has, by ticket."""
        self.heard: list[bytes] = []
        """What was told, in order; each telling."""
        self.acknowledged: list[bytes] = []
        self.notes: dict[tuple[int, int], Note] = {}
        """What the journal has."""
        self.facts: list[Event] = []
        self.restores = False
        """Whether the ledger is saved and restored after every input; when it is long, after many."""
        self.taken = 0

    # -- what happens

    def start(self, key: int, group: str | None = None) -> None:
        self.make(key, START, group)

    def interim(self, key: int, mark: int = 0, group: str | None = None) -> None:
        self.make(key, INTERIM, group, mark)

    def stop(self, key: int, group: str | None = None) -> None:
        self.make(key, STOP, group)

    def make(self, key: int, status: int, group: str | None = None, mark: int = 0) -> None:
        octets = f"{key}:{status}" + (f":{mark}" if mark else "")
        self.take(self.ledger.record(key, status, group, octets.encode(), self.now, now=self.now))

    def announce(self, key: int, status: int = ON, group: str | None = None) -> None:
        self.take(self.ledger.announce(key, status, group, f"{key}:{status}".encode(), self.now, now=self.now))

    def take(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case Tell():
                    self.under_way[event.ticket] = event
                    self.heard.append(event.octets)
                case Withdraw():
                    del self.under_way[event.ticket]
                case Fetch():
                    self.fetches.append(event)
                case Note() if event.octets:
                    self.notes[event.key, event.status] = event
                case Note():
                    del self.notes[event.key, event.status]
                case _:
                    self.facts.append(event)
        spool = self.ledger.operations()
        if spool is not None:
            self.spooled.append(spool)
        self.taken += 1
        if self.restores and (len(self.ledger.lines) + len(self.ledger.books) < 20 or self.taken % 500 == 0):
            saved = decode(encode(self.ledger.save()))
            self.ledger = Ledger.restore(saved, self.ledger.config)
            assert decode(encode(self.ledger.save())) == saved

    # -- the disk

    def write(self) -> None:
        """Let the disk take what is on its way, or refuse it, and answer what is asked."""
        if not self.spooled and not self.fetches:
            return
        assert self.file is not None
        if self.disk_refuses:
            self.take(self.ledger.failed("disk full", now=self.now))
            return
        spooled, self.spooled = self.spooled, []
        if spooled:
            self.file.apply([operation for _, operations in spooled for operation in operations])
            self.take(self.ledger.stored(spooled[-1][0], now=self.now))
        fetches, self.fetches = self.fetches, []
        for one in fetches:
            rows = self.file.fetch(one.group, one.most, one.after)
            self.take(self.ledger.fetched(one.group, rows, now=self.now))

    # -- the servers

    def answer(self, most: int = 1_000_000) -> None:
        """Let the servers acknowledge what they were told, in order."""
        for ticket in list(self.under_way)[:most]:
            self.answer_one(ticket)

    def answer_one(self, ticket: int) -> None:
        self.acknowledged.append(self.under_way.pop(ticket).octets)
        self.take(self.ledger.acknowledged(ticket, now=self.now))

    def ticket(self, octets: bytes) -> int:
        """Return the ticket of what is under way."""
        return next(ticket for ticket, tell in self.under_way.items() if tell.octets == octets)

    def ignore(self, *octets: bytes) -> None:
        """Let all servers have been asked in vain, of these or of all that is under way."""
        for ticket, tell in list(self.under_way.items()):
            if not octets or tell.octets in octets:
                self.take(self.ledger.unanswered(ticket, now=self.now))

    # -- time

    def wait(self, seconds: float) -> None:
        """Let time pass, with a disk that does what it is told at once."""
        end = self.now + seconds
        while True:
            self.write_all()
            due_at = self.ledger.due_at
            if due_at is None or due_at > end:
                self.now = end
                return
            self.now = max(self.now, due_at)
            self.take(self.ledger.handle_timeout(now=self.now))

    def write_all(self) -> None:
        while (self.spooled or self.fetches) and not self.disk_refuses:
            self.write()

    def settle(self, seconds: float = 60.0) -> None:
        """Let everything be written and acknowledged."""
        end = self.now + seconds
        while self.now < end:
            self.wait(0.1)
            self.answer()

    @property
    def on_disk(self) -> list[int]:
        """Return the keys of all rows that owe something."""
        assert self.file is not None
        groups = {depth.group for depth in self.file.depths()}
        return sorted(row.key for group in groups for row in self.file.fetch(group, 1_000_000))
