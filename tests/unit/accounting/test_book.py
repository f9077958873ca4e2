"""A group's book: what it is owed, who waits, and its state as plain data."""

from __future__ import annotations

from bras.accounting.book import INTERIM_ON_DISK, START_ON_DISK, Behind, Book
from bras.accounting.debts import INTERIM, ON, SETTLED, START, STOP, Owed
from bras.accounting.rows import Depth, Made
from bras.plain import decode, encode


def announcement(key: int) -> Owed:
    return Owed(key, ON, None, b"on", Made(0.0, "", 0.0))


def test_behind_is_one_number_a_session() -> None:
    behind = Behind()
    behind.add(7, START_ON_DISK, 100.0)
    behind.add(7, INTERIM_ON_DISK, 200.0)
    assert behind.flags(7) == START_ON_DISK | INTERIM_ON_DISK
    assert 7 in behind
    assert behind.older(99.0, 5) == []
    assert behind.older(100.0, 5) == [7], "since the first of them"
    assert behind.take(7) == 3
    assert (behind.take(7), behind.flags(7), len(behind)) == (0, 0, 0)


def test_counts_by_kind() -> None:
    counts = Book(None).counts
    for status in (START, STOP, STOP, INTERIM, ON):
        counts.add(status, 1)
    assert (counts.starts, counts.stops, counts.interims, counts.announcements, counts.total) == (1, 2, 1, 1, 5)


def test_the_first_announcement_that_is_not_stuck_is_the_barrier() -> None:
    book = Book(None)
    book.announcements = [announcement(5), announcement(9)]
    book.rebar()
    assert book.lets(4)
    assert not book.lets(6)
    book.queue.barred = dict.fromkeys((6, 7, 10))
    book.announcements[0].ticket = SETTLED
    book.rebar()
    assert list(book.queue.ready) == [6, 7]
    book.announcements[1].rounds = 3
    book.rebar()
    assert list(book.queue.ready) == [6, 7, 10]


def test_announcements_that_only_the_disk_has_keep_everybody_waiting_who_may_come_after() -> None:
    book = Book(None)
    book.owes(Depth(None, 1, 0, 0, 1, 0.0))
    assert not book.lets(0)
    book.disk.cursor = 10
    book.rebar()
    assert book.lets(10)
    assert not book.lets(11)
    book.disk.end_pass()
    book.rebar()
    assert book.lets(11)


def test_what_is_saved_comes_back() -> None:
    book = Book("b")
    book.owes(Depth("b", 1, 2, 3, 1, 5.0))
    book.announcements = [announcement(5)]
    book.behind.add(4, START_ON_DISK, 3.0)
    book.queue.ready[3] = book.queue.barred[4] = None
    book.queue.due_at = 7.0
    book.disk.touched = {9}
    book.disk.fetched[8] = None
    book.silent_since, book.answered_at = 4.0, 3.0
    book.rebar()
    saved = decode(encode(book.save()))
    assert decode(encode(Book.restore(saved).save())) == saved
