"""The counters and policers of all sessions, in memory that the programs in the kernel and we share.

They lie in ``struct uplink``, ``struct carried`` and ``struct account`` of ``bpf/bras.h``.  The programs add to theirs
atomically; what we forward ourselves we count in the ``slow`` part of an account, which nobody else writes,
so that no count is ever lost between the two.  A session has carried the sum.  The policers are shared: both
sides take from one bucket.  That is not atomic from here; a subscriber can gain a packet by it, never lose one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter

from bras.dataplane.records import ACCOUNT, COST_SHIFT, DOWN, SESSION, UPLINK, Account, Session, Uplink
from bras.forwarding.entry import Counters

WORDS = ACCOUNT.size // 8
"""64-bit words of an account."""
EMPTY_UP, EMPTY_DOWN = Account.empty_up.offset // 8, Account.empty_down.offset // 8
"""Words of an account that hold the policers."""
_DOWN = DOWN.size // 8
"""Words of what was carried down, that make the third and the fourth of Counters."""
_ENDED = slice(Account.up_octets4.offset // 8, Account.up_octets6.offset // 8)
"""Words of an account that make the first two, once its session has no uplink any more."""
_UPLINK, _STEP = Session.uplink.offset // 4, SESSION.size // 4
"""Half words of a session: where its uplink is."""
_CARRIED_UP, _UPLINK_WORDS = slice(Uplink.up_octets4.offset // 8, UPLINK.size // 8), UPLINK.size // 8
"""Words of an uplink that make the first two, while it has one."""
_KEPT = slice(Account.up_octets6.offset // 8, Account.slow.offset // 8)
"""Words of an account that make the other eight, in their order."""
_NOBODYS = 0
"""A place that no uplink has."""
_SLOW = Account.slow.offset // 8
_COUNTERS = 2 + _DOWN + _KEPT.stop - _KEPT.start
"""Counters of our own, from word ``_SLOW`` on."""
_NANOSECONDS = 1_000_000_000
_MANY, _SPREAD = 32, 4
"""From so many slots on, and while no more than every fourth in between is asked for, whole columns are quicker."""
Row = tuple[int, ...]
"""The twelve counters of ``Counters``, in its order."""


def _counter(index: int) -> property:
    def get(tally: SharedTally) -> int:
        return tally.words[tally.at + index]

    def put(tally: SharedTally, value: int) -> None:
        tally.words[tally.at + index] = value
        tally.used.add(tally.at)

    return property(get, put)


class SharedTally:
    """A ``Tally`` whose counters are the ``slow`` part of an account."""

    __slots__ = ("at", "used", "words")

    def __init__(self, words: memoryview, at: int, used: set[int]) -> None:
        """Count in the ``words`` from ``at`` on; ``used`` has those places where something was counted."""
        self.words = words
        self.at = at
        self.used = used

    up_octets = _counter(0)
    up_packets = _counter(1)
    down_octets = _counter(2)
    down_packets = _counter(3)
    up_octets6 = _counter(4)
    up_packets6 = _counter(5)
    down_octets6 = _counter(6)
    down_packets6 = _counter(7)
    up_spoofed = _counter(8)
    up_policed = _counter(9)
    down_policed = _counter(10)
    down_too_big = _counter(11)


class SharedPolicer:
    """A ``Policer`` whose bucket is that of the programs: the same arithmetic as ``bpf/police.h``."""

    __slots__ = ("_at", "_burst_octets", "_cost", "_words")

    def __init__(self, words: memoryview, at: int, cost: int, burst_octets: int) -> None:
        """Take from the bucket that is word ``at``; ``cost`` and ``burst_octets`` as ``template.bucket`` gives them."""
        self._words = words
        self._at = at
        self._cost = cost
        self._burst_octets = burst_octets

    def conforms(self, octets: int, now: float) -> bool:
        """Take ``octets`` from the bucket, or answer that they are too many; ``now`` is of CLOCK_BOOTTIME."""
        instant = int(now * _NANOSECONDS)
        empty_at = max(self._words[self._at], instant) + (octets * self._cost >> COST_SHIFT)
        if empty_at > instant + (self._burst_octets * self._cost >> COST_SHIFT):
            return False
        self._words[self._at] = empty_at
        return True


class Accounts:
    """All accounts, by slot."""

    __slots__ = ("_down", "_places", "_up", "_ups", "_used", "words")

    def __init__(self, sessions: memoryview, carried: memoryview, accounts: memoryview, uplinks: memoryview) -> None:
        """Take the memory of the maps of these names; what a predecessor counted in it stays."""
        self.words = accounts.cast("B").cast("Q")
        self._down = carried.cast("B").cast("Q")
        self._places = sessions.cast("B").cast("I")[_UPLINK::_STEP]
        self._up = uplinks.cast("B").cast("Q")
        self._ups = [self._up[index::_UPLINK_WORDS] for index in range(_CARRIED_UP.start, _CARRIED_UP.stop)]
        self._used: set[int] = set()
        """Where the ``slow`` part of an account begins, of those in which it may not be zero."""
        if any(any(self.words[index::WORDS]) for index in range(_SLOW, _SLOW + _COUNTERS)):
            places = range(_SLOW, len(self.words), WORDS)
            self._used.update(at for at in places if any(self.words[at : at + _COUNTERS]))

    def begin(self, slots: Iterable[int]) -> None:
        """Have nothing counted from here for these slots."""
        if not self._used:
            return
        for slot in slots:
            at = slot * WORDS + _SLOW
            if at in self._used:
                self._used.discard(at)
                self.words[at : at + _COUNTERS] = _NOTHING

    def tally(self, slot: int) -> SharedTally:
        """Return what counts for a slot from here."""
        return SharedTally(self.words, slot * WORDS + _SLOW, self._used)

    def policer(self, slot: int, which: int, cost: int, burst_octets: int) -> SharedPolicer | None:
        """Return the policer ``EMPTY_UP`` or ``EMPTY_DOWN`` of a slot; ``None`` without a limit."""
        return SharedPolicer(self.words, slot * WORDS + which, cost, burst_octets) if cost else None

    def forgive(self, slot: int, which: int, cost: int, burst_octets: int, now: float) -> None:
        """Leave no more debt than an empty bucket's: the burst has become smaller."""
        most = int(now * _NANOSECONDS) + (burst_octets * cost >> COST_SHIFT)
        at = slot * WORDS + which
        self.words[at] = min(self.words[at], most)

    def add(self, slot: int, row: Row) -> None:
        """Add to what we have counted for a slot: what an account of another layout held."""
        at = slot * WORDS + _SLOW
        for index, value in enumerate(row):
            self.words[at + index] += value
        self._used.add(at)

    def row(self, slot: int) -> Row:
        """Return what a slot has counted."""
        at, there = slot * WORDS, slot * _DOWN
        fast = (
            *self._carried_up(slot),
            *self._down[there : there + _DOWN],
            *self.words[at + _KEPT.start : at + _KEPT.stop],
        )
        at += _SLOW
        if at not in self._used:
            return fast
        return tuple(map(int.__add__, fast, self.words[at : at + _COUNTERS].tolist()))

    def _carried_up(self, slot: int) -> memoryview:
        """Return the octets and packets of IPv4 that a slot's LAC has sent."""
        place = self._places[slot]
        if place:
            at = place * _UPLINK_WORDS
            return self._up[at + _CARRIED_UP.start : at + _CARRIED_UP.stop]
        at = slot * WORDS
        return self.words[at + _ENDED.start : at + _ENDED.stop]

    def counters(self, slot: int) -> Counters:
        """Return what a slot has counted."""
        return Counters(*self.row(slot))

    def chosen(self, slots: Sequence[int]) -> Iterable[Row]:
        """Return what these slots have counted, in their order."""
        if len(slots) >= _MANY:
            first, last = min(slots), max(slots) + 1
            if last - first <= _SPREAD * len(slots):
                rows = self.rows(first, last)
                if tuple(slots) == tuple(range(first, last)):
                    return rows
                found = list(rows)
                return [found[slot - first] for slot in slots]
        return [self.row(slot) for slot in slots]

    def rows(self, first: int, last: int) -> Iterable[Row]:
        """Return what the slots from ``first`` to before ``last`` have counted: column by column, so it is quick.

        Only of sessions that have an uplink it is all.
        """
        # Far apart in memory, so in one go: whatever is done between two of them is waited for as well.
        gather = itemgetter(*self._places[first:last].tolist(), _NOBODYS)
        columns: list[Sequence[int]] = [gather(column)[:-1] for column in self._ups]
        down = self._down[first * _DOWN : last * _DOWN].tolist()
        kept = self.words[first * WORDS : last * WORDS]
        columns += [down[index::_DOWN] for index in range(_DOWN)]
        columns += [kept[index::WORDS].tolist() for index in range(_KEPT.start, _KEPT.stop)]
        rows: Iterable[Row] = zip(*columns, strict=True)
        used = self._used.intersection(range(first * WORDS + _SLOW, last * WORDS, WORDS)) if self._used else ()
        if not used:
            return rows
        found = list(rows)
        for at in used:
            found[at // WORDS - first] = self.row(at // WORDS)
        return found


_NOTHING = memoryview(bytes(8 * _COUNTERS)).cast("Q")
