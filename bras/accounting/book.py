"""What the ledger knows of one group of servers: what it is owed, whether it speaks, who must wait for whom.

Nothing here says anything to anybody; ``bras.accounting.ledger`` does.
"""

from __future__ import annotations

from typing import Final

from bras.accounting.debts import INTERIM, START, STOP, Owed
from bras.accounting.rows import Depth
from bras.plain import Saved

MOST_IN_HAND: Final = 2000
"""Records in memory from which on later ones are left to the disk."""
MOST_WHILE_SILENT: Final = 64
"""The same while the group answers nothing: these are told again and again, and find out when it does."""
MOST_FETCHED: Final = 512
"""Sessions that are read from the disk in one go."""

START_ON_DISK: Final = 1
INTERIM_ON_DISK: Final = 2
"""What the disk alone has of a session that lives."""
_FLAGS: Final = 2
_MS: Final = 1000.0


class Behind:
    """Sessions that live, of which the disk alone knows what is owed: flags, and since when.

    One number each, for in a long outage all sessions are here.
    """

    __slots__ = ("_packed",)

    def __init__(self) -> None:
        """Begin with none."""
        self._packed: dict[int, int] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._packed)

    def __contains__(self, key: int) -> bool:
        """Return whether this one is here."""
        return key in self._packed

    def flags(self, key: int) -> int:
        """Return what the disk has of it; 0 if it is not here."""
        return self._packed.get(key, 0) & 3

    def add(self, key: int, flag: int, since: float) -> None:
        """The disk has this, too."""
        packed = self._packed.get(key)
        self._packed[key] = int(since * _MS) << _FLAGS | flag if packed is None else packed | flag

    def take(self, key: int) -> int:
        """Take it away; return its flags."""
        return self._packed.pop(key, 0) & 3

    def older(self, until: float, most: int) -> list[int]:
        """Return some of those that have been here since ``until`` or longer."""
        limit, found = int(until * _MS), list[int]()
        for key, packed in self._packed.items():
            if packed >> _FLAGS <= limit:
                found.append(key)
                if len(found) == most:
                    break
        return found

    def save(self) -> Saved:
        """Return plain data."""
        return [[key, packed] for key, packed in self._packed.items()]

    @classmethod
    def restore(cls, saved: Saved) -> Behind:
        """Return what ``save`` was called on."""
        behind = cls()
        behind._packed = dict(saved)
        return behind


class Counts:
    """How many records are owed, by kind, in memory and on disk; and what became of others."""

    __slots__ = ("announcements", "coalesced", "forgotten", "interims", "starts", "stops", "told")

    def __init__(self) -> None:
        """Begin at zero."""
        self.starts = self.stops = self.interims = self.announcements = 0
        self.told = 0
        """Acknowledged."""
        self.coalesced = 0
        """Interim-Updates in whose place a later record came."""
        self.forgotten = 0

    @property
    def total(self) -> int:
        """Return how many are owed."""
        return self.starts + self.stops + self.interims + self.announcements

    def add(self, status: int, by: int) -> None:
        """Count one more, or less."""
        if status == START:
            self.starts += by
        elif status == STOP:
            self.stops += by
        elif status == INTERIM:
            self.interims += by
        else:
            self.announcements += by

    def save(self) -> Saved:
        """Return plain data."""
        return [
            self.starts, self.stops, self.interims, self.announcements, self.told, self.coalesced, self.forgotten,
        ]  # fmt: skip

    @classmethod
    def restore(cls, saved: Saved) -> Counts:
        """Return what ``save`` was called on."""
        counts = cls()
        counts.starts, counts.stops, counts.interims, counts.announcements, *others = saved
        counts.told, counts.coalesced, counts.forgotten = others
        return counts


class Disk:
    """How far what the disk has of a group has been read."""

    __slots__ = (
        "again",
        "asked",
        "cleared_to",
        "cursor",
        "fetched",
        "known_to",
        "more",
        "oldest_wall_s",
        "top",
        "touched",
        "unseen",
    )

    def __init__(self) -> None:
        """Begin with nothing on disk that is not in memory."""
        self.more = False
        """There is something."""
        self.again = False
        """Something has come since this pass began: another is to follow."""
        self.asked = 0
        """Rows asked for and not come yet."""
        self.cursor = -1
        """Keys up to here have been read in this pass."""
        self.top = -1
        """The announcements up to here were made when this pass began."""
        self.known_to = -1
        """All announcements up to this key are in memory, though a later pass has not come so far yet."""
        self.cleared_to = -1
        """All that was owed before the announcements up to this key is in memory, or told."""
        self.touched: set[int] = set()
        """Keys of which something changed since rows were asked for: what comes of them is old."""
        self.fetched: dict[int, None] = {}
        """Keys of what was read and is in memory."""
        self.unseen = 0
        """Announcements that are on disk only: whose turn it is, is not known yet."""
        self.oldest_wall_s: float | None = None
        """When the oldest was made of what is on disk, as told last."""

    def left(self) -> None:
        """Something is left to the disk."""
        self.more = self.again = True

    def begin_pass(self, top: int) -> None:
        """Read from the least key on."""
        self.cursor, self.again, self.top = -1, False, top

    def break_off(self, at: int) -> None:
        """What is left of this pass, behind this key, is for the next one."""
        self.cursor, self.more, self.known_to = -1, True, at

    def end_pass(self) -> None:
        """All has been read."""
        self.cursor, self.more, self.unseen = -1, self.again, 0
        self.cleared_to = max(self.cleared_to, self.top)

    def save(self) -> Saved:
        """Return plain data."""
        return [
            self.more, self.again, self.asked, self.cursor, self.top, self.cleared_to, sorted(self.touched),
            list(self.fetched), self.unseen, self.oldest_wall_s, self.known_to,
        ]  # fmt: skip

    @classmethod
    def restore(cls, saved: Saved) -> Disk:
        """Return what ``save`` was called on."""
        disk = cls()
        disk.more, disk.again, disk.asked, disk.cursor, disk.top, disk.cleared_to, *others = saved
        touched, fetched, disk.unseen, disk.oldest_wall_s, disk.known_to = others
        disk.touched, disk.fetched = set(touched), dict.fromkeys(fetched)
        return disk


class Queue:
    """Sessions that wait for the drain, and for an announcement."""

    __slots__ = ("barred", "due_at", "ready")

    def __init__(self) -> None:
        """Begin empty."""
        self.ready: dict[int, None] = {}
        """Those whose turn comes at the pace of the drain, in order."""
        self.barred: dict[int, None] = {}
        """Those that an announcement keeps waiting."""
        self.due_at: float | None = None
        """The drain's next step."""

    def save(self) -> Saved:
        """Return plain data."""
        return [list(self.ready), list(self.barred), self.due_at]

    @classmethod
    def restore(cls, saved: Saved) -> Queue:
        """Return what ``save`` was called on."""
        queue = cls()
        queue.ready, queue.barred = dict.fromkeys(saved[0]), dict.fromkeys(saved[1])
        queue.due_at = saved[2]
        return queue


class Book:
    """The book of one group of servers."""

    __slots__ = (
        "announcements",
        "answered_at",
        "barrier",
        "behind",
        "counts",
        "disk",
        "group",
        "in_hand",
        "queue",
        "silent_since",
        "told",
    )

    def __init__(self, group: str | None) -> None:
        """Begin empty; the group is believed to answer."""
        self.group = group
        self.counts = Counts()
        self.disk = Disk()
        self.behind = Behind()
        self.in_hand = 0
        """Records in memory."""
        self.told = 0
        """Those of them that the exchange has."""
        self.queue = Queue()
        self.announcements: list[Owed] = []
        """Accounting-On and -Off, in order."""
        self.barrier: int | None = None
        """Sessions from this key on wait for an announcement."""
        self.answered_at = float("-inf")
        self.silent_since: float | None = None
        """When the first round began in which no server answered anything."""

    @property
    def is_clear(self) -> bool:
        """Return whether nothing keeps the record of a session from being told that owes nothing else."""
        return self.silent_since is None and self.barrier is None and self.in_hand < MOST_IN_HAND

    @property
    def is_full(self) -> bool:
        """Return whether what is made now is left to the disk."""
        if self.silent_since is not None:
            return self.told >= MOST_WHILE_SILENT or self.in_hand >= MOST_IN_HAND
        return self.in_hand >= MOST_IN_HAND

    @property
    def wants_oldest(self) -> bool:
        """Return whether the oldest records are on disk only."""
        return self.disk.more and not self.disk.fetched

    @property
    def has_work(self) -> bool:
        """Return whether the drain has something to do."""
        return bool(self.queue.ready) or self.disk.more or any(not owed.ticket for owed in self.announcements)

    def lets(self, key: int) -> bool:
        """Return whether a session's records need not wait for an announcement."""
        return self.barrier is None or key < self.barrier

    def rebar(self) -> None:
        """Work out anew who has to wait; whom nothing keeps any more is ready for the drain."""
        before, queue = self.barrier, self.queue
        barrier = next((owed.key for owed in self.announcements if not owed.is_stuck), None)
        known_to = max(self.disk.cursor, self.disk.known_to)
        if self.disk.unseen and (barrier is None or known_to + 1 < barrier):
            barrier = known_to + 1
        self.barrier = barrier
        if before is not None and queue.barred and (barrier is None or barrier > before):
            free = [key for key in queue.barred if barrier is None or key < barrier]
            for key in free:
                del queue.barred[key]
                queue.ready[key] = None

    def owes(self, depth: Depth) -> None:
        """Know what the disk has, at a start."""
        counts, disk = self.counts, self.disk
        disk.oldest_wall_s = depth.oldest_wall_s
        counts.starts, counts.interims, counts.stops = depth.starts, depth.interims, depth.stops
        counts.announcements = disk.unseen = depth.announcements
        disk.left()
        self.rebar()

    def save(self) -> Saved:
        """Return plain data."""
        return {
            "group": self.group,
            "counts": self.counts.save(),
            "disk": self.disk.save(),
            "behind": self.behind.save(),
            "queue": self.queue.save(),
            "announcements": [owed.save() for owed in self.announcements],
            "barrier": self.barrier,
            "answered_at": self.answered_at,
            "silent_since": self.silent_since,
        }

    @classmethod
    def restore(cls, saved: Saved) -> Book:
        """Return what ``save`` was called on; what it has in hand is counted by the ledger."""
        book = cls(saved["group"])
        book.counts, book.disk = Counts.restore(saved["counts"]), Disk.restore(saved["disk"])
        book.behind = Behind.restore(saved["behind"])
        book.queue = Queue.restore(saved["queue"])
        book.announcements = [Owed.restore(one) for one in saved["announcements"]]
        book.barrier, book.answered_at = saved["barrier"], saved["answered_at"]
        book.silent_since = saved["silent_since"]
        return book
