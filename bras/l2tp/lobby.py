"""Half-open tunnels: SCCRP sent, SCCCN not yet come.  Their number and what is sent to them are bounded.

Until the SCCCN has come nobody has proven that the SCCRQ was from where it says.  So we send
such a source no more octets than came from it (counted as UDP payload), but for one allowance
that all share: some LACs' SCCRQ is smaller than our SCCRP.  What a tunnel had of it comes back
when its SCCCN comes, and otherwise by and by.

Where there is no room, one that has had its time makes room for one that comes: the oldest of
the same source at the bound for a source, the oldest stranger at the bound for all.  If the
newest were always refused, a few forged SCCRQs a minute would keep everybody out; if the oldest
always went, a flood would push out an honest LAC within its round-trip time.  So each has
``TIME_S`` to itself, and those that come when nobody has had as much are not heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bras.l2tp.bucket import Bucket
from bras.l2tp.sources import source_of
from bras.plain import Saved

ALLOWANCE_OCTETS: Final = 32768
"""Octets sent beyond those received, to all half-open tunnels together; a thousand LACs at once need as much."""
ALLOWANCE_S: Final = 60.0
"""Seconds in which all of it comes back."""
TIME_S: Final = 3.0
"""Seconds that nobody is pushed out: an SCCCN comes in a round-trip time, or a retransmission later."""


@dataclass(slots=True)
class Visitor:
    """A half-open tunnel as the lobby knows it."""

    source: str
    group: str
    known: bool
    """Whether its address had proven its return path before."""
    since: float
    received: int
    """Octets."""
    sent: int = 0
    """Octets."""

    @property
    def owing(self) -> int:
        """Return how many octets more than it sent it has got."""
        return max(0, self.sent - self.received)


class Lobby:
    """The half-open tunnels by our id, the oldest first."""

    __slots__ = ("_allowance", "_most", "_most_of_source", "_sources", "_strays", "visitors")

    def __init__(self, most: int, most_of_source: int) -> None:
        """Begin empty; at most so many wait, in all and of one source."""
        self._most = most
        self._most_of_source = most_of_source
        self._allowance = Bucket(ALLOWANCE_OCTETS / ALLOWANCE_S, ALLOWANCE_OCTETS)
        self._sources: dict[str, dict[int, None]] = {}
        self._strays: dict[str, int] = {}
        self.visitors: dict[int, Visitor] = {}

    def follow(self, most: int, most_of_source: int) -> None:
        """Let so many wait from now on; those who wait already may."""
        self._most, self._most_of_source = most, most_of_source

    def is_full(self, address: str) -> bool:
        """Return whether one more from ``address`` is one too many."""
        own = self._sources.get(source_of(address), ())
        return len(own) >= self._most_of_source or len(self.visitors) >= self._most

    def in_the_way(self, address: str, *, now: float) -> int | None:
        """Return the tunnel that can make room for one from ``address``; ``None`` when nobody has had its time."""
        own = self._sources.get(source_of(address), ())
        if len(own) >= self._most_of_source:
            oldest: int | None = next(iter(own))
        else:
            oldest = self.oldest_stranger(now=now) or next(iter(self.visitors), None)
        return oldest if oldest is not None and self._had_its_time(oldest, now) else None

    def oldest_stranger(self, group: str | None = None, *, now: float) -> int | None:
        """Return the oldest half-open tunnel of a stranger (of ``group`` if given) that has had its time."""
        for tunnel_id, visitor in self.visitors.items():
            if now < visitor.since + TIME_S:
                break
            if not visitor.known and group in (None, visitor.group):
                return tunnel_id
        return None

    def _had_its_time(self, tunnel_id: int, now: float) -> bool:
        return now >= self.visitors[tunnel_id].since + TIME_S

    def enter(self, tunnel_id: int, address: str, group: str, received: int, *, known: bool, now: float) -> None:
        """Take in a tunnel whose SCCRQ of so many octets is about to be answered."""
        source = source_of(address)
        self.visitors[tunnel_id] = Visitor(source, group, known, now, received)
        self._sources.setdefault(source, {})[tunnel_id] = None

    def leave(self, tunnel_id: int, *, proven: bool) -> None:
        """Let a tunnel go that is not half-open any more."""
        visitor = self.visitors.pop(tunnel_id)
        if proven:
            self._allowance.give(visitor.owing)
        own = self._sources[visitor.source]
        del own[tunnel_id]
        if not own:
            del self._sources[visitor.source]
            self._strays.pop(visitor.source, None)

    def heard(self, tunnel_id: int, octets: int) -> None:
        """Take note that so many octets more have come from it."""
        self.visitors[tunnel_id].received += octets

    def may_send(self, tunnel_id: int, octets: int, *, now: float) -> bool:
        """Return whether so many octets may be sent to it; if so they count as sent."""
        visitor = self.visitors[tunnel_id]
        before = visitor.owing
        visitor.sent += octets
        if visitor.owing == before or self._allowance.take(now=now, tokens=visitor.owing - before):
            return True
        visitor.sent -= octets
        return False

    def lends(self, octets: int, *, now: float) -> bool:
        """Return whether so many octets may be sent beyond those received, to somebody that gets no tunnel."""
        return self._allowance.take(now=now, tokens=octets)

    def strayed(self, address: str) -> None:
        """Take note that somebody at ``address`` tries tunnel ids that are not there."""
        if not self._sources:
            return
        source = source_of(address)
        if source in self._sources:
            self._strays[source] = self._strays.get(source, 0) + 1

    def guesses(self, address: str) -> bool:
        """Return whether ids were tried from there: an SCCCN then proves nothing, for its id may have been guessed."""
        return source_of(address) in self._strays

    def save(self) -> Saved:
        """Return plain data."""
        return {
            "visitors": [
                [number, one.source, one.group, one.known, one.since, one.received, one.sent]
                for number, one in self.visitors.items()
            ],
            "allowance": self._allowance.save(),
            "strays": dict(self._strays),
        }

    def resume(self, saved: Saved) -> None:
        """Go on from ``save``."""
        for number, *fields in saved["visitors"]:
            visitor = self.visitors[number] = Visitor(*fields)
            self._sources.setdefault(visitor.source, {})[number] = None
        self._allowance = Bucket.restore(ALLOWANCE_OCTETS / ALLOWANCE_S, ALLOWANCE_OCTETS, saved["allowance"])
        self._strays = dict(saved["strays"])
