"""Rates as vendors write them, and what they are as a token bucket: bits a second, and octets at once above that.

"Up" is from the subscriber.  A burst of 0 leaves it to us.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bras.radius.draft import Senseless
from bras.radius.profile import BURST_SHARE, MIN_BURST_OCTETS

FASTEST_BPS: Final = 10**12
LARGEST_BURST: Final = 1 << 31
_PRIORITIES: Final = frozenset("12345678")
_UNITS: Final = {"k": 10**3, "K": 10**3, "M": 10**6, "m": 10**6, "G": 10**9, "g": 10**9}


class Rate(NamedTuple):
    """One direction."""

    bps: int
    """0: unlimited."""
    burst_octets: int = 0


def bps(value: int) -> int:
    """Return a rate that can be; raises ``Senseless``."""
    if not 0 <= value <= FASTEST_BPS:
        raise Senseless(str(value))
    return value


def burst(octets: int) -> int:
    """Return a burst, and no more than can be."""
    return min(octets, LARGEST_BURST)


def mikrotik(text: str) -> tuple[Rate, Rate]:
    """Read "rx[/tx] [burst-rx[/tx] [threshold [time [priority [min]]]]]": (up, down).

    MikroTik lets a subscriber go at the burst rate until its average over the burst time
    reaches the threshold: for threshold * time / burst rate seconds, when it was idle before.
    What it gets above its rate until then is what our bucket holds, unless that is less than it
    would hold without any burst: MikroTik queues what we would drop.
    """
    fields = text.split()
    if not 1 <= len(fields) <= 6:
        raise Senseless(text)
    rates = _both(fields[0])
    bursts = _both(fields[1]) if len(fields) > 1 else (0, 0)
    thresholds = _both(fields[2]) if len(fields) > 2 else rates
    times = _seconds(fields[3]) if len(fields) > 3 else (1, 1)
    if len(fields) > 4 and not all(part in _PRIORITIES for part in fields[4].split("/", 1)):
        raise Senseless(fields[4])
    if len(fields) > 5:
        _both(fields[5])
    up, down = (
        Rate(rate, _held(rate, fast, threshold, seconds))
        for rate, fast, threshold, seconds in zip(rates, bursts, thresholds, times, strict=True)
    )
    return up, down


def _held(rate: int, fast: int, threshold: int, seconds: int) -> int:
    """Return the octets that may go beyond ``rate`` at the rate ``fast``."""
    if not rate or fast <= rate:
        return 0
    octets = burst((fast - rate) * threshold * seconds // fast // 8)
    return octets if octets > max(rate // BURST_SHARE, MIN_BURST_OCTETS) else 0


def _both(text: str) -> tuple[int, int]:
    """Read "rx/tx"; one value stands for both."""
    first, slash, second = text.partition("/")
    up = _rate(first)
    return up, _rate(second) if slash else up


def _rate(text: str) -> int:
    """Read a rate with its suffix."""
    unit = _UNITS.get(text[-1:], 1)
    digits = text if unit == 1 else text[:-1]
    if not (digits.isascii() and digits.isdecimal()):
        raise Senseless(text)
    return bps(int(digits) * unit)


def _seconds(text: str) -> tuple[int, int]:
    first, slash, second = text.partition("/")
    up, down = (part.removesuffix("s") for part in (first, second if slash else first))
    for part in (up, down):
        if not (part.isascii() and part.isdecimal() and len(part) <= 5):
            raise Senseless(text)
    return int(up), int(down)


def cisco(words: list[str]) -> Rate:
    """Read what follows "rate-limit input" or "output": bps, normal and extended burst in octets, actions.

    Our bucket holds the normal burst; there is no extended one.
    """
    figures, actions = words[:3], words[3:]
    if len(figures) < 3 or not all(word.isascii() and word.isdecimal() for word in figures):
        raise Senseless(" ".join(words))
    if actions not in ([], ["conform-action", "transmit", "exceed-action", "drop"]):
        raise Senseless(" ".join(actions))
    return Rate(bps(int(figures[0])), burst(int(figures[1])))


def nokia(text: str) -> tuple[bool, bool, Rate] | None:
    """Read an override: whether it is of what comes from the subscriber, of all of that way, and the rate.

    The queues and policers of a direction are one for us: the first that names a rate gives
    it, unless there is an aggregate (``r``, ``a``).  ``None``: it says nothing of a rate.
    """
    words = text.lower().split(":")
    if not 3 <= len(words) <= 4 or words[0] not in ("i", "e") or words[1] not in ("q", "p", "r", "a", "s"):
        raise Senseless(text)
    direction, kind, *rest = words
    values = dict(_pair(part) for part in rest[-1].split(","))
    rate = values.get("rate" if kind in "ras" else "pir")
    if rate is None or rate == -2:
        return None
    size = values.get("mbs", 0)
    return direction == "i", kind in "ra", Rate(bps(max(rate, 0) * 1000), burst(max(size, 0)))


def _pair(text: str) -> tuple[str, int]:
    name, equals, value = text.strip().partition("=")
    if value in ("max", "sum"):
        value = "-1"
    if not equals or not value.removeprefix("-").isdecimal() or not value.isascii():
        raise Senseless(text)
    return name, int(value)


def isg(text: str) -> tuple[Rate | None, Rate | None]:
    """Read "QU;bps;burst;excess;D;bps;burst;excess", each half alone too: (up, down)."""
    words = text.strip(";").split(";")
    if words[0] not in ("QU", "QD"):
        raise Senseless(text)
    halves: dict[str, Rate] = {}
    words[0] = words[0][1]
    while words:
        way, figures = words[0], []
        words = words[1:]
        while words and words[0].isdecimal():
            figures.append(int(words[0]))
            words = words[1:]
        if way not in ("U", "D") or way in halves or not 1 <= len(figures) <= 3:
            raise Senseless(text)
        halves[way] = Rate(bps(figures[0]), burst(figures[1]) if len(figures) > 1 else 0)
    return halves.get("U"), halves.get("D")
