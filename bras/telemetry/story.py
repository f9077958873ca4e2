"""What is remembered of one session: who it is, and its events, packed.

A story is one MessagePack array that grows at its end: an event is an array of its word's number, the milliseconds
since the story began, and the values that ``FIELDS`` names.  So a story of a dozen events takes some 300 octets, and
one that never ends does not grow for ever: beyond ``MOST_OCTETS`` events are left out of its middle.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from bras.lns.told import NOTES
from bras.subscriber.parts import Line
from bras.telemetry.text import clean

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "begun": ("tunnel", "call"),
    "found": ("state",),
    "proxy": ("result", "reason"),
    "radius_resent": ("server",),
    "radius_answered": ("server", "code", "after_ms"),
    "radius_silent": ("servers",),
    "verdict": ("outcome", "by", "text"),
    "up": ("setup_ms",),
    "throttled": ("text", "up_bps", "down_bps"),
    "unthrottled": ("up_bps", "down_bps"),
    "ended": (
        "reason",
        "text",
        "phase",
        "cause",
        "duration_s",
        "up_octets",
        "down_octets",
        "heard",
        "echo_mean_ms",
        "echo_max_ms",
        "echo_loss_percent",
    ),
    "omitted": ("events",),
    **NOTES,
}
"""The words of events, and the names of their values."""
WORDS: Final = tuple(FIELDS)
CODES: Final = {word: code for code, word in enumerate(WORDS)}

MOST_OCTETS: Final = 1200
_BEGINNING: Final = 16
"""Events at the beginning that are never left out."""
_ENDING: Final = 8
"""Events at the end that stay when others are left out."""
_MOST_TEXT: Final = 253
_EMPTY: Final = b"\xdc\0\0"
"""A MessagePack array of 16 bits of elements, without any."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[list[Any]]).decode


class Event(NamedTuple):
    """Something that happened."""

    at: float
    """Seconds of the wall clock."""
    word: str
    values: dict[str, Any]


class Story:
    """One session's."""

    __slots__ = ("_octets", "address", "begun_at", "claimed", "line", "number", "session", "up", "user")

    def __init__(self, number: int, session: str, line: Line, at: float) -> None:
        """Begin without an event; ``line`` is the session's own, so that it takes no room twice."""
        self.number = number
        self.session = session
        self.line = line
        self.begun_at = at
        self.user = self.claimed = ""
        """The name that it has; the name that its client gave."""
        self.address = 0
        self.up = False
        """Whether it ever was."""
        self._octets = bytearray(_EMPTY)

    def add(self, at: float, word: str, *values: Any) -> None:
        """Remember an event."""
        octets = self._octets
        octets += _encode((CODES[word], int((at - self.begun_at) * 1000.0), *map(_fit, values)))
        count = (octets[1] << 8 | octets[2]) + 1
        octets[1], octets[2] = count >> 8, count & 0xFF
        if len(octets) > MOST_OCTETS:
            self._shorten()

    def _shorten(self) -> None:
        """Leave out what lies between the beginning and the end."""
        events = _decode(self._octets)
        middle = events[_BEGINNING:-_ENDING]
        omitted = CODES["omitted"]
        count = sum(event[2] if event[0] == omitted else 1 for event in middle)
        if count and middle:
            events[_BEGINNING:-_ENDING] = [[omitted, middle[-1][1], count]]
        self._octets = bytearray(_EMPTY[:1] + len(events).to_bytes(2, "big") + b"".join(map(_encode, events)))

    @property
    def events(self) -> list[Event]:
        """Return all that is remembered, in order."""
        found = []
        for code, after_ms, *values in _decode(self._octets):
            word = WORDS[code]
            found.append(Event(self.begun_at + after_ms / 1000.0, word, dict(zip(FIELDS[word], values, strict=True))))
        return found

    @property
    def octets(self) -> int:
        """Return how much the events take."""
        return len(self._octets)

    @property
    def owner(self) -> tuple[str, str]:
        """Return whose story it is, among those that have ended: a user's, or else a line's."""
        line = self.line
        if self.user:
            return "user", self.user
        return "line", line.calling_number or f"{line.peer_address} {line.peer_name}"


def _fit(value: Any) -> Any:
    """Return a value that can be told: texts of the network are cleaned, and not longer than RADIUS can say."""
    if isinstance(value, str) and (len(value) > _MOST_TEXT or not value.isprintable()):
        return clean(value)[: 2 * _MOST_TEXT]
    return value
