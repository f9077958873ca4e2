"""What people are warned of, and what becomes of sessions whose servers are silent."""

from __future__ import annotations

from itertools import islice
from typing import Final

from bras.accounting.book import Book
from bras.accounting.debts import STOP
from bras.accounting.events import Event, SpoolAlert, Unaccounted
from bras.accounting.hand import Hand
from bras.config.spool import SpoolConfig

MOST_ENDED: Final = 200
"""Sessions that a silent group costs in one turn."""
MOST_LOOKED_AT: Final = 5000
"""Sessions in memory among which the oldest record is sought; the oldest come first."""

Standing = set[tuple[str, str | None]]


def ages_s(hand: Hand, now: float) -> dict[str | None, float]:
    """Return the seconds since the oldest record was made that a group is owed, of each that is owed any."""
    oldest: dict[str | None, float] = {}
    for line in islice(hand.lines.values(), MOST_LOOKED_AT):
        owed = line[0]
        if owed.owed_s < oldest.get(owed.group, float("inf")):
            oldest[owed.group] = owed.owed_s
    for group, book in hand.books.items():
        walls = [owed.made.wall_s for owed in book.announcements]
        if book.disk.oldest_wall_s is not None and book.disk.more:
            walls.append(book.disk.oldest_wall_s)
        if walls:
            oldest[group] = min(*walls, oldest.get(group, float("inf")))
    wall_s = now + hand.wall_offset_s
    return {group: max(0.0, wall_s - made_s) for group, made_s in oldest.items()}


def check(hand: Hand, config: SpoolConfig, standing: Standing, now: float) -> list[Event]:
    """Tell which thresholds were passed since the last time, up or down."""
    events: list[Event] = []
    ages = ages_s(hand, now)
    for group, book in hand.books.items():
        records = float(book.counts.total)
        events += _pass("records", group, records, config.warn_records, standing)
        events += _pass("age", group, ages.get(group, 0.0), config.warn_age_s, standing)
        if config.on_silence == "disconnect":
            events += _silent(hand, book, config.silence_s, now)
    return events


def bound(at_bound: bool, records: int, standing: Standing) -> list[Event]:
    """Tell when the bound of all records is reached, or is no more."""
    return _pass("bound", None, float(records), records if at_bound else records + 1, standing)


def _pass(kind: str, group: str | None, figure: float, threshold: float, standing: Standing) -> list[Event]:
    is_so, was_so = 0 < threshold <= figure, (kind, group) in standing
    if is_so == was_so:
        return []
    (standing.add if is_so else standing.discard)((kind, group))
    return [SpoolAlert(kind, group, is_so, figure)]


def _silent(hand: Hand, book: Book, silence_s: float, now: float) -> list[Event]:
    """Name sessions that have been owed a record for so long, if their group has been silent for so long."""
    until = now - silence_s
    if book.silent_since is None or book.silent_since > until:
        return []
    wall_s = until + hand.wall_offset_s
    mine = (
        key
        for key, line in hand.lines.items()
        if line[-1].status != STOP and line[0].group == book.group and line[0].owed_s <= wall_s
    )
    found = list(islice(mine, MOST_ENDED))
    found += book.behind.older(until, MOST_ENDED - len(found)) if len(found) < MOST_ENDED else []
    return [Unaccounted(key) for key in found]
