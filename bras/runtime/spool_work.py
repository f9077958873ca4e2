"""What the spool's thread does: batches into transactions, and a disk that refuses outlasted.

Nothing here knows of threads.  While the disk refuses, what is to be written waits in order, and
is made less where that is possible: of a session that has come and gone meanwhile its end alone
is left.  Ends are written first, because they free space in the file that others need.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import structlog

from bras.accounting.rows import Drop, Operation
from bras.lns.effects import FetchRecords, Spool
from bras.lns.inputs import Fetched, Input, SpoolCounted, SpoolFailed, Stored
from bras.store.spool import SpoolFile, is_damage

log = structlog.get_logger()

LARGEST_BATCH = 2000
"""Operations in a transaction, unless one ``Spool`` has more."""
PIECE = 100
"""Operations in a transaction while we catch up: a disk that is nearly full takes little at a time."""
_ENDS = (2, 7, 8)
"""Acct-Status-Type of what takes its row with it: Stop, Accounting-On, Accounting-Off."""

Asked = Spool | FetchRecords


class SpoolWork:
    """The file, and what it has not taken yet."""

    __slots__ = ("_fetches", "_full", "_told", "_waiting", "_waits", "changed", "file")

    def __init__(self, file: SpoolFile) -> None:
        """Work on an open file."""
        self.file = file
        self.changed = True
        """Whether it has been written to since it was counted."""
        self._waiting: list[Operation] = []
        self._fetches: list[FetchRecords] = []
        self._waits = False
        self._full = False
        self._told = 0

    @property
    def is_behind(self) -> bool:
        """Return whether the disk refuses, and something waits for it."""
        return self._waits

    @property
    def waiting(self) -> int:
        """Return how many operations the file has not taken yet."""
        return len(self._waiting)

    def do(self, asked: Sequence[Asked]) -> list[Input]:
        """Do what is asked, in its order; return what the machine is to know."""
        told: list[Input] = []
        for one in asked:
            if isinstance(one, Spool):
                self._waiting += one.operations
                self._told = one.number
                if len(self._waiting) >= LARGEST_BATCH:
                    told += self._write()
            else:
                told += self._write()
                self._fetches.append(one)
                told += self._fetch()
        return told + self._write()

    def retry(self) -> list[Input]:
        """Try again what the disk has refused; return ``Stored`` when all is caught up."""
        try:
            if self._full:
                self.file.make_room()
            else:
                self.file.reopen()
            self._waiting = settled(self._waiting)
            while self._waiting:
                self._apply(self._waiting[:PIECE])
                del self._waiting[:PIECE]
            fetched = self._fetched()
        except (sqlite3.Error, OSError) as wrong:
            self._full = _is_full(wrong)
            return []
        self._waits = False
        self.file.keep_room()
        return [Stored(self._told), *fetched]

    def count(self) -> list[Input]:
        """Count what stands in the file, and give back what space it needs no more."""
        try:
            counted = SpoolCounted(self.file.depths(), self.file.octets)
            self.changed = self.file.shrink()
            if not self._waits:
                self.file.keep_room()
        except (sqlite3.Error, OSError):
            self.changed = True  # again next time: who writes will find out more
            return []
        return [counted]

    def _write(self) -> list[Input]:
        """Write what waits, in one transaction."""
        if self._waits or not self._waiting:
            return []
        damaged = len(self.file.damaged)
        try:
            self._apply(self._waiting)
        except (sqlite3.Error, OSError) as wrong:
            return self._refused(wrong)
        self._waiting = []
        return [*self._lost(damaged), Stored(self._told)]

    def _fetch(self) -> list[Input]:
        """Read what is asked for; while the disk refuses it waits, like what was to be written before it."""
        if self._waits:
            return []
        damaged = len(self.file.damaged)
        try:
            fetched = self._fetched()
        except (sqlite3.Error, OSError) as wrong:
            return self._refused(wrong)
        lost = self._lost(damaged)
        return [*lost, Stored(self._told), *fetched] if lost else fetched

    def _refused(self, wrong: Exception) -> list[Input]:
        self._waits, self._full = True, _is_full(wrong)
        return [SpoolFailed(str(wrong))]

    def _lost(self, damaged: int) -> list[Input]:
        """Tell of files that were left, since there were so many of them: what they held is gone."""
        return [SpoolFailed(f"damaged: {path}") for path in self.file.damaged[damaged:]]

    def _apply(self, operations: Sequence[Operation]) -> None:
        self.changed = True
        try:
            self.file.apply(operations)
        except sqlite3.DatabaseError as wrong:
            self._begin_anew(wrong)
            self.file.apply(operations)

    def _fetched(self) -> list[Input]:
        try:
            found = self._read()
        except sqlite3.DatabaseError as wrong:
            self._begin_anew(wrong)
            found = self._read()
        self._fetches.clear()
        return found

    def _read(self) -> list[Input]:
        return [Fetched(one.group, self.file.fetch(one.group, one.most, one.after)) for one in self._fetches]

    def _begin_anew(self, wrong: sqlite3.DatabaseError) -> None:
        """Begin a fresh file if this one is damaged; else it is the disk that refuses, and what it said is raised."""
        if not is_damage(wrong):
            raise wrong
        self.file.begin_anew()
        log.error("spool_damaged", moved_to=self.file.damaged[-1], reason=str(wrong))


def settled(operations: Sequence[Operation]) -> list[Operation]:
    """Return fewer operations that leave the same rows, or as good ones; ends first."""
    ends: dict[int, int] = {}
    for place, operation in enumerate(operations):
        if isinstance(operation, Drop) and operation.status in _ENDS:
            ends[operation.key] = place
    first = [operations[place] for place in ends.values()]
    return first + [one for place, one in enumerate(operations) if place > ends.get(one.key, -1)]


def _is_full(wrong: Exception) -> bool:
    return getattr(wrong, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
