"""How much may be owed, and what is given up for more."""

from __future__ import annotations

from typing import Final

from bras.accounting.debts import SETTLED
from bras.accounting.events import Event, Forgotten
from bras.accounting.hand import Hand

RAM_SESSIONS: Final = 100_000
"""Sessions with debts that are kept in memory where no disk takes them."""
MOST_FORGOTTEN: Final = 2
"""Records that are given up at most for each new one."""


def is_reached(hand: Hand, max_records: int) -> bool:
    """Return whether no more should be owed."""
    return hand.total >= max_records or (len(hand.lines) >= RAM_SESSIONS and not hand.disk_takes())


def room(hand: Hand, max_records: int) -> int:
    """Return how many records can be made at least until the bound is reached."""
    left = max_records - hand.total
    return left if hand.disk_takes() else min(left, RAM_SESSIONS - len(hand.lines))


def make_room(hand: Hand, max_records: int, now: float) -> list[Event]:
    """Give up the oldest record of the group that is owed most.

    Where the disk alone has the oldest it is asked for them first, and the bound is passed until it has answered.
    """
    events: list[Event] = []
    book = max(hand.books.values(), key=lambda one: one.counts.total)
    if book.wants_oldest:
        book.queue.due_at = now
        hand.see_to(now)
        return events
    for _ in range(min(MOST_FORGOTTEN, 1 + hand.total - max_records)):
        mine = (key for key, line in hand.lines.items() if line[0].group == book.group)
        line = hand.lines.get(min(mine, default=-1))
        if line is None:
            break
        owed = next(one for one in line if one.ticket != SETTLED)
        hand.untell(owed, events)
        book.counts.forgotten += 1
        events.append(Forgotten(owed.group, f"{owed.key:016X}", owed.status))
        hand.settle(owed, events)
    return events
