"""Is the client still there?  LCP Echo (RFC 1661 section 5.8), sent only into silence."""

from __future__ import annotations

from typing import Any


class Keepalive:
    """When the peer was last heard, and which Echo-Request is on its way."""

    __slots__ = ("_identifier", "_sent_at", "_unanswered", "heard_at", "refused", "round_trip_s")

    def __init__(self) -> None:
        """Nothing heard, nothing sent."""
        self.heard_at = 0.0
        self._sent_at = 0.0
        self._identifier = -1  # of the request that awaits its reply; -1: none does
        self._unanswered = 0
        self.round_trip_s = 0.0
        """Of the last echo, in seconds; 0 when none was measured."""
        self.refused = False
        """Whether the peer does not know Echo-Request."""

    def due_at(self, interval_s: float) -> float | None:
        """Return when the next Echo-Request should go out, if nothing is heard till then."""
        if interval_s <= 0 or self.refused:
            return None
        heard_at, sent_at = self.heard_at, self._sent_at
        return (heard_at if heard_at > sent_at else sent_at) + interval_s

    def lost(self, failures: int) -> bool:
        """Return whether ``failures`` (0: never) requests in a row met with silence; any frame breaks it."""
        if self.heard_at > self._sent_at:
            self._unanswered = 0
        return 0 < failures <= self._unanswered

    def sent(self, identifier: int, *, now: float) -> None:
        """Note a request."""
        self._identifier = identifier
        self._sent_at = now
        self._unanswered += 1

    def replied(self, identifier: int, *, now: float) -> bool:
        """Note a reply; true when it answers the last request, whose time is then known."""
        if identifier != self._identifier:
            return False
        self._identifier = -1
        self._unanswered = 0
        self.round_trip_s = now - self._sent_at
        return True

    def save(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.heard_at, self._sent_at, self._identifier, self._unanswered, self.round_trip_s, self.refused]

    @classmethod
    def restore(cls, data: list[Any]) -> Keepalive:
        """Return the machine that ``save`` described."""
        self = cls()
        self.heard_at, self._sent_at, self._identifier, self._unanswered, self.round_trip_s, self.refused = data
        return self
