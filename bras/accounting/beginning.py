"""What the ledger is told at a start: what the disk has of earlier, and the journal; see ``bras.lns.arrears``."""

from __future__ import annotations

from collections.abc import Iterable

from bras.accounting.book import INTERIM_ON_DISK, START_ON_DISK
from bras.accounting.debts import START, STOP, Owed
from bras.accounting.ledger import Ledger
from bras.accounting.rows import Depth, Drop, Made, Put, Row


def begin(ledger: Ledger, depths: Iterable[Depth], *, now: float) -> None:
    """Know what the disk holds of earlier."""
    ledger.room = 0
    for depth in depths:
        book = ledger.open(depth.group)
        book.owes(depth)
        ledger.wake(book, now)
        ledger.check_at = now
        ledger.see_to(now)


def recall(ledger: Ledger, owed: Owed, *, counted: bool = False, now: float) -> None:
    """Take a record that the journal has: it is put on disk again, and found there, or is told from memory.

    ``counted``: the disk has it, and it is among its depths.
    """
    book = ledger.open(owed.group)
    book.counts.add(owed.status, 0 if counted else 1)
    ledger.room -= 1
    ledger.check_at = now
    ledger.see_to(now)
    if ledger.storing is not None:
        ledger.storing.put(owed)
        book.disk.left()
        if owed.status == START:
            book.behind.add(owed.key, START_ON_DISK, now)
        elif owed.status == STOP and owed.key in book.behind:
            ledger.catch_up(owed, book)
        if owed.is_announcement:
            ledger.insert(book, owed)
    elif owed.is_announcement:
        ledger.insert(book, owed)
    else:
        ledger.lines.setdefault(owed.key, []).append(owed)
        book.in_hand += 1
        book.queue.ready[owed.key] = None
    ledger.wake(book, now)


def owes_still(ledger: Ledger, row: Row, *, now: float) -> None:
    """Know what the row of a session owes that lives, or is to have a Stop."""
    behind = ledger.open(row.group).behind
    if row.start_owed:
        behind.add(row.key, START_ON_DISK, now)
    if row.interim is not None:
        behind.add(row.key, INTERIM_ON_DISK, now)


def adopt(ledger: Ledger, key: int, group: str | None, octets: bytes, made: Made) -> None:
    """Give a session a row whose Start was told before there was any."""
    if ledger.storing is not None:
        ledger.storing.operations += [Put(key, START, group, octets, made), Drop(key, START)]
