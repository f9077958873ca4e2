"""Is the client still there?  LCP Echo (RFC 1661 section 5.8), sent only into silence, or each second for a while."""

from __future__ import annotations

from typing import Any, Final

from bras.ppp import quality
from bras.ppp.quality import Quality

PROBE_S: Final = 1.0
"""Seconds between two Echo-Requests of a line that is probed."""


class Keepalive:
    """When the peer was last heard, and which Echo-Request is on its way."""

    __slots__ = (
        "_identifier", "_quality", "_sent_at", "_unanswered", "heard_at", "probe_until", "refused", "round_trip_s",
    )  # fmt: skip

    def __init__(self) -> None:
        """Nothing heard, nothing sent."""
        self.heard_at = 0.0
        self._sent_at = 0.0
        self._identifier = -1  # of the request that awaits its reply; -1: none does
        self._unanswered = 0
        self._quality = quality.NOTHING
        self.round_trip_s = 0.0
        """Of the last echo, in seconds; 0 when none was measured."""
        self.refused = False
        """Whether the peer does not know Echo-Request."""
        self.probe_until = 0.0
        """Till then a request goes out each second, whatever is heard; a missing answer counts against nobody."""

    @property
    def quality(self) -> Quality | None:
        """Return what is known of the line, once an echo has met its fate."""
        return quality.read(self._quality)

    def due_at(self, interval_s: float) -> float | None:
        """Return when the next Echo-Request should go out, if nothing is heard till then."""
        sent_at = self._sent_at
        if self.refused:
            return None
        if sent_at < self.probe_until:
            return sent_at + PROBE_S
        if interval_s <= 0:
            return None
        heard_at = self.heard_at
        return (heard_at if heard_at > sent_at else sent_at) + interval_s

    def lost(self, failures: int) -> bool:
        """Return whether ``failures`` (0: never) requests in a row met with silence; any frame breaks it."""
        if self.heard_at > self._sent_at:
            self._unanswered = 0
        return 0 < failures <= self._unanswered

    def silent(self, failures: int, interval_s: float, *, now: float) -> bool:
        """Return whether the peer is gone: ``lost``, or while it is probed as long a silence."""
        if now < self.probe_until:
            return 0.0 < failures * interval_s <= now - self.heard_at
        return self.lost(failures)

    def sent(self, identifier: int, *, now: float) -> None:
        """Note a request; one before that nobody has answered is lost."""
        if self._identifier >= 0:
            self._quality = quality.missed(self._quality)
        self._identifier = identifier
        self._sent_at = now
        if now >= self.probe_until:
            self._unanswered += 1

    def replied(self, identifier: int, *, now: float) -> bool:
        """Note a reply; true when it answers the last request, whose time is then known."""
        if identifier != self._identifier:
            return False
        self._identifier = -1
        self._unanswered = 0
        self.round_trip_s = now - self._sent_at
        self._quality = quality.replied(self._quality, self.round_trip_s)
        return True

    def save(self) -> list[Any]:
        """Return the state as plain data."""
        return [
            self.heard_at,
            self._sent_at,
            self._identifier,
            self._unanswered,
            self.round_trip_s,
            self.refused,
            self._quality,
            self.probe_until,
        ]

    @classmethod
    def restore(cls, data: list[Any]) -> Keepalive:
        """Return the machine that ``save`` described; an earlier version knew nothing of quality."""
        self = cls()
        self.heard_at, self._sent_at, self._identifier, self._unanswered, self.round_trip_s, self.refused = data[:6]
        if len(data) > 6:
            self._quality, self.probe_until = data[6:]
        return self
