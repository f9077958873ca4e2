"""Sequence numbers on the data channel of one call (RFC 2661 section 5.4): what we send, and what comes.

Data that was lost is never sent again; the numbers only tell what was lost, came late or came
twice.  With a time to wait, what comes early is held for that long, so that it can be given on
in the order in which it was sent.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bras.errors import DropReason
from bras.plain import Saved

RESERVED: Final = 64
"""Numbers are reserved in the journal so many at a time: up to so many are left out after a crash."""
MOST_HELD: Final = 64
"""Frames of one call that wait for an earlier one, at most."""
RESTART_RUN: Final = 16
"""Late frames that follow each other without a gap, after which it is the peer that has begun anew."""
_NUMBERS: Final = 0xFFFF
_PAST: Final = 0x8000
"""Numbers less than this ahead are to come, all others have been: half of the 16 bits each."""
_RECENT: Final = 64
_RECENT_MASK: Final = (1 << _RECENT) - 1
_OUT_OF_ORDER: Final = DropReason.OUT_OF_ORDER_DATA
_DUPLICATE: Final = DropReason.DUPLICATE_DATA


class Numbering:
    """Ns of the data messages that we send in one call, control frames and packets alike."""

    __slots__ = ("following", "reserved")

    def __init__(self, following: int = 0) -> None:
        """Send ``following`` next."""
        self.following = following
        self.reserved = following
        """A journal that holds this number lets us send those before it."""

    def take(self) -> int:
        """Return the Ns of the next message."""
        ns = self.following
        self.following = (ns + 1) & _NUMBERS
        return ns

    def reserve(self) -> bool:
        """Tell whether more numbers must be reserved, in a journal, before the next message; they are from now on."""
        if self.following != self.reserved:
            return False
        self.reserved = (self.following + RESERVED) & _NUMBERS
        return True


class Order(NamedTuple):
    """What became of a frame that came, and of those that waited for it."""

    frames: tuple[bytes, ...] = ()
    """Frames to be given on now, in the order in which they were sent."""
    lost: int = 0
    """Numbers that are not waited for any more."""
    reordered: int = 0
    """Of ``frames``, those that had to wait for an earlier one."""
    dropped: DropReason | None = None
    """Why the frame that came is not given on."""


_HELD: Final = Order()


class Disorder:
    """What a call has seen of loss and disorder since it began, or since the daemon did: for operators."""

    __slots__ = ("duplicates", "late", "lost", "reordered", "unnumbered")

    def __init__(self, *counts: int) -> None:
        """Begin at zero, or where ``counts`` say, in the order of ``save``."""
        self.lost, self.late, self.duplicates, self.reordered, self.unnumbered = counts or (0, 0, 0, 0, 0)

    def count(self, order: Order) -> None:
        """Take note of what became of a frame."""
        self.lost += order.lost
        self.reordered += order.reordered
        reason = order.dropped
        if reason is _OUT_OF_ORDER:
            self.late += 1
        elif reason is _DUPLICATE:
            self.duplicates += 1
        elif reason is not None:
            self.unnumbered += 1

    def save(self) -> list[int]:
        """Return plain data: lost, late, duplicates, reordered, unnumbered."""
        return [self.lost, self.late, self.duplicates, self.reordered, self.unnumbered]


class Arrivals:
    """Judges the frames that come numbered in one call, and puts them in order."""

    __slots__ = ("_again", "_expected", "_held", "_recent", "_run")

    def __init__(self, expected: int | None = 0) -> None:
        """Expect number 0 first (RFC 2661 section 3.1), or ``None``: whatever comes, after a crash."""
        self._expected = expected
        self._recent = 0  # bit i: that number ``_expected`` - 1 - i has come
        self._held: dict[int, tuple[bytes, float]] = {}  # by Ns, as they came: the frame, and until when
        self._again = 0  # what would follow the last late one
        self._run = 0  # how many late ones have followed each other

    @property
    def deadline(self) -> float | None:
        """Return until when the frame that has waited longest waits; ``None`` when none does."""
        return next(iter(self._held.values()))[1] if self._held else None

    def receive(self, ns: int, frame: bytes, hold_s: float, *, now: float) -> Order:
        """Take a frame; one that comes early is held for up to ``hold_s`` seconds, if that is not 0."""
        if self._expected is None:
            self._expected = ns
        ahead = (ns - self._expected) & _NUMBERS
        if ahead >= _PAST:
            return self._late(ns, frame)
        self._run = 0
        if ahead and hold_s > 0.0:
            return self._hold(ns, frame, now + hold_s)
        self._pass(ns)
        if not self._held:
            return Order((frame,), ahead)
        waited = self._following()
        return Order((frame, *waited), ahead, len(waited))

    def _pass(self, ns: int) -> None:
        """Expect what comes after ``ns``, which has come."""
        assert self._expected is not None
        passed = ((ns - self._expected) & _NUMBERS) + 1
        self._recent = (self._recent << passed | 1) & _RECENT_MASK if passed < _RECENT else 1
        self._expected = (ns + 1) & _NUMBERS

    def _following(self) -> list[bytes]:
        """Take out what waited for nothing but what has come now."""
        frames: list[bytes] = []
        while self._expected in self._held:
            frames.append(self._held.pop(self._expected)[0])
            self._pass(self._expected)
        return frames

    def _hold(self, ns: int, frame: bytes, until: float) -> Order:
        if ns in self._held:
            return Order(dropped=_DUPLICATE)
        self._held[ns] = (frame, until)
        return self._give_up() if len(self._held) > MOST_HELD else _HELD

    def _give_up(self) -> Order:
        """Wait no longer for what is missing before the first of those held."""
        expected = self._expected
        assert expected is not None
        first = min(self._held, key=lambda ns: (ns - expected) & _NUMBERS)
        frame, _ = self._held.pop(first)
        self._pass(first)
        frames = (frame, *self._following())
        return Order(frames, (first - expected) & _NUMBERS, len(frames))

    def _late(self, ns: int, frame: bytes) -> Order:
        """Drop what was passed over or has come before, unless it is a new beginning.

        A LAC must not begin anew within a call, but one that has (a line card took over) would be
        deaf to us for up to 32,768 frames; the kernel's ``l2tp_core`` gives in after five.
        """
        assert self._expected is not None
        behind = (self._expected - ns) & _NUMBERS
        self._run = self._run + 1 if ns == self._again else 1
        self._again = (ns + 1) & _NUMBERS
        if self._run >= RESTART_RUN:
            return self._restart(ns, frame)
        if behind > _RECENT:
            return Order(dropped=_OUT_OF_ORDER)
        bit = 1 << (behind - 1)
        if self._recent & bit:
            return Order(dropped=_DUPLICATE)
        self._recent |= bit
        return Order(dropped=_OUT_OF_ORDER)

    def _restart(self, ns: int, frame: bytes) -> Order:
        """Go on with the peer's new numbers; what was held belongs to the old ones."""
        frames: list[bytes] = []
        while self._held:
            frames += self._give_up().frames
        self._expected, self._recent, self._run = (ns + 1) & _NUMBERS, 1, 0
        return Order((*frames, frame), 0, len(frames))

    def handle_timeout(self, *, now: float) -> Order:
        """Give on what has waited long enough, and with it what comes before and right after it."""
        frames: tuple[bytes, ...] = ()
        lost = 0
        while self.deadline is not None and self.deadline <= now:
            order = self._give_up()
            frames += order.frames
            lost += order.lost
        return Order(frames, lost, len(frames))

    def save(self) -> Saved:
        """Return plain data."""
        held = [[ns, frame, until] for ns, (frame, until) in self._held.items()]
        return [self._expected, self._recent, held, self._again, self._run]

    @classmethod
    def restore(cls, saved: Saved) -> Arrivals:
        """Go on from ``save``."""
        expected, recent, held, again, run = saved
        arrivals = cls(expected)
        arrivals._recent, arrivals._again, arrivals._run = recent, again, run
        arrivals._held = {ns: (frame, until) for ns, frame, until in held}
        return arrivals
