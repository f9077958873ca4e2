"""How well a line answers: round trips and losses of its last echoes, packed into a few octets.

The window slides in halves: while one half fills the other stands, so 30 to 60 echoes are in it.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

HALF: Final = 30
"""Echoes in half of the window."""
NOTHING: Final = b""
"""Before the first echo."""
_PACKED: Final = Struct("<IIBBIIIBBIII")
"""Since the beginning: echoes answered, lost; then for each half: answered, lost, sum, least and most microseconds."""
_EMPTY: Final = (0, 0, 0, 0, 0)
_MOST_US: Final = 100_000_000
"""What takes longer counts as that: 30 of them still fit."""


class Quality(NamedTuple):
    """What is known of a line."""

    answered: int
    """Echoes of the window."""
    lost: int
    least_s: float
    mean_s: float
    most_s: float
    """Round trips of those that were answered; 0 where none was."""
    answered_ever: int
    lost_ever: int

    @property
    def loss_percent(self) -> float:
        """Return how much of the window is lost."""
        return 100.0 * self.lost / (self.answered + self.lost)


def replied(packed: bytes, round_trip_s: float) -> bytes:
    """Return the window with an echo more that was answered."""
    answered_ever, lost_ever, (answered, lost, total, least, most), before = _unpacked(packed)
    us = min(int(round_trip_s * 1e6), _MOST_US)
    half = (answered + 1, lost, total + us, us if not answered or us < least else least, us if us > most else most)
    return _PACKED.pack(answered_ever + 1 & 0xFFFFFFFF, lost_ever, *half, *before)


def missed(packed: bytes) -> bytes:
    """Return the window with an echo more that was not."""
    answered_ever, lost_ever, (answered, lost, *trips), before = _unpacked(packed)
    return _PACKED.pack(answered_ever, lost_ever + 1 & 0xFFFFFFFF, answered, lost + 1, *trips, *before)


def read(packed: bytes) -> Quality | None:
    """Return what the window says; ``None`` before the first echo has met its fate."""
    if not packed:
        return None
    answered_ever, lost_ever, *halves = _PACKED.unpack(packed)
    now, before = halves[:5], halves[5:]
    answered = now[0] + before[0]
    least = min((half[3] for half in (now, before) if half[0]), default=0)
    mean = (now[2] + before[2]) / answered if answered else 0.0
    most = max(now[4], before[4])
    return Quality(answered, now[1] + before[1], least / 1e6, mean / 1e6, most / 1e6, answered_ever, lost_ever)


def _unpacked(packed: bytes) -> tuple[int, int, tuple[int, ...], tuple[int, ...]]:
    """Return the totals, the half that fills, and the one before; a full one gives way to an empty one."""
    if not packed:
        return 0, 0, _EMPTY, _EMPTY
    answered_ever, lost_ever, *halves = _PACKED.unpack(packed)
    now, before = tuple(halves[:5]), tuple(halves[5:])
    return (
        (answered_ever, lost_ever, _EMPTY, now) if now[0] + now[1] >= HALF else (answered_ever, lost_ever, now, before)
    )
