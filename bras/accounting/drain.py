"""What has piled up is read again and told, at the pace that is configured, when its group speaks."""

from __future__ import annotations

from typing import Final

from bras.accounting.book import MOST_FETCHED, Book
from bras.accounting.debts import INTERIM, ON, START, STOP, Owed
from bras.accounting.events import Event, Fetch
from bras.accounting.hand import Hand, Line
from bras.accounting.rows import Row

STEP_S: Final = 0.1
"""Seconds between two steps of a drain that is faster than ten records a second."""
A_TURN: Final = 50
"""Sessions whose turn it is in one step at most: whatever the pace, others have theirs between two steps."""
PROBES: Final = 2
PROBE_S: Final = 30.0
"""While a group is silent and nothing of it is told: so many records are, so often, to find out."""


def step(hand: Hand, book: Book, pace: float, now: float, *, forgets: bool = False) -> list[Event]:
    """Tell some of those whose turn it is; ``pace``: records a second; ``forgets``: the oldest are to be given up."""
    queue, events = book.queue, hand.lift(book, now) if book.announcements else []
    if book.silent_since is None:
        most = min(A_TURN, max(1, int(pace * STEP_S)))
        pause_s = most / pace
    else:
        most, pause_s = 0 if book.told else PROBES, PROBE_S
    end = book.told + most
    while queue.ready and book.told < end:
        key = next(iter(queue.ready))
        del queue.ready[key]
        line = hand.lines.get(key)
        if line is not None:
            events += hand.advance(line, now, paced=True)
    events += _fetch(hand, book, forgets and book.wants_oldest)
    queue.due_at = now + pause_s if book.has_work else None
    return events


def _fetch(hand: Hand, book: Book, at_once: bool) -> list[Event]:
    """Read more, if there is room for it and somebody to tell; or ``at_once``."""
    disk = book.disk
    if not disk.more or disk.asked or not hand.disk_takes() or len(disk.fetched) > MOST_FETCHED // 2:
        return []
    most = MOST_FETCHED
    if book.silent_since is not None and not at_once:
        if book.told or book.queue.ready:
            return []
        most = PROBES
    if disk.cursor < 0:
        disk.begin_pass(book.announcements[-1].key if book.announcements else -1)
    disk.asked = most
    disk.touched.clear()
    return [Fetch(book.group, most, disk.cursor)]


def take(hand: Hand, book: Book, rows: tuple[Row, ...]) -> None:
    """Have in memory what was read, but for what has changed meanwhile.

    Of what waits for an announcement that was not known when the pass began nothing is taken: it
    would fill the place of what is owed before that.  The next pass begins at once.
    """
    disk, end = book.disk, _first_unknown(book)
    for row in rows:
        if end is not None and row.key > end:
            disk.break_off(end)
            break
        if row.status >= ON:
            _take_announcement(hand, book, row)
            end = _first_unknown(book)
        elif row.key in hand.lines:
            continue
        elif row.key in disk.touched:
            disk.again = True
        else:
            _take_session(hand, book, row)
    else:
        if len(rows) < disk.asked:
            disk.end_pass()
        else:
            disk.cursor = rows[-1].key
            disk.cleared_to = max(disk.cleared_to, min(disk.cursor, disk.top))
    disk.asked = 0
    disk.touched.clear()
    book.rebar()


def _first_unknown(book: Book) -> int | None:
    """Return the key of the first announcement that is known now, and was not when the pass began."""
    return next((owed.key for owed in book.announcements if owed.key > book.disk.top), None)


def _take_announcement(hand: Hand, book: Book, row: Row) -> None:
    if row.key in book.disk.touched or any(owed.key == row.key for owed in book.announcements):
        return
    hand.insert(book, Owed(row.key, row.status, book.group, row.start, row.start_made))
    book.disk.unseen = max(0, book.disk.unseen - 1)
    book.disk.again = True  # what was owed before it is known after another pass


def _take_session(hand: Hand, book: Book, row: Row) -> None:
    key, line = row.key, Line()
    if row.start_owed:
        line.append(Owed(key, START, book.group, row.start, row.start_made))
    if row.stop is not None and row.stop_made is not None:
        line.append(Owed(key, STOP, book.group, row.stop, row.stop_made))
    elif row.interim is not None and row.interim_made is not None:
        line.append(Owed(key, INTERIM, book.group, row.interim, row.interim_made))
        line[-1].spooled = True
    if line:
        book.behind.take(key)
        hand.lines[key] = line
        book.in_hand += len(line)
        book.disk.fetched[key] = None
        book.queue.ready[key] = None
