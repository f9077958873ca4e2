"""The LACs that were seen since the start, and what became of what they wanted.

The memory is bounded, and a flood cannot wash out who matters: there is a place for

- each LAC that has a tunnel now (there are at most as many as tunnels),
- ``MOST_FORMER`` LACs that had one, which takes a secret or an open group, and a return path,
- ``MOST_STRANGERS`` others: what anybody can make up crowds out nothing else.

Within its place the one that was heard of least recently gives way.  Reasons come from an
enum, texts are clipped, so a row has at most a few kilobytes.  A new process begins with
the LACs whose tunnels go on; what was counted before is in the metrics' history.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bras.l2tp import refusals
from bras.l2tp.events import By, CallRefused, Cause, Refusal, TunnelDown, TunnelRefused, TunnelUp
from bras.l2tp.facts import TunnelFacts
from bras.plain import Saved, restore_fields, save_fields

MOST_FORMER: Final = 1024
MOST_STRANGERS: Final = 256
_CLIP: Final = 200

_EXPLAINED: Final = {
    Refusal.NO_GROUP: "no [[lac]] group has its address and Host Name",
    Refusal.WRONG_SECRET: "its response to our challenge fits none of the group's secrets",
    Refusal.NO_SECRET: "it challenged us, and its group has no secret",
}
"""What a LAC is not told in so many words."""

Key = tuple[str, str]
"""Address and Host Name."""
Place = dict[Key, "Seen"]


def key_of(address: str, hostname: str) -> Key:
    """Return what a LAC is known by."""
    return address, hostname[:_CLIP]


@dataclass(slots=True)
class Seen:
    """What is known of one LAC."""

    group: str
    """Name of the group that it matched last; empty: none."""
    first_at: float
    last_at: float
    tunnels: int = 0
    """Established now."""
    tunnels_ever: int = 0
    tunnels_refused: dict[str, int] = field(default_factory=dict)
    """By reason."""
    calls_refused: dict[str, int] = field(default_factory=dict)
    """By reason."""
    refusal: str = ""
    """The last one in words."""
    reason: str = ""
    """Its reason."""
    refused_at: float | None = None

    def refused(self, tally: dict[str, int], reason: Refusal, cause: Cause, now: float) -> None:
        """Count a refusal."""
        tally[reason.value] = tally.get(reason.value, 0) + 1
        self.refusal, self.reason, self.refused_at = _words(reason, cause), reason.value, now


def _words(reason: Refusal, cause: Cause) -> str:
    """Say why; our own operator may hear more than the LAC did."""
    if cause.by is By.PEER:
        said = cause.text[:_CLIP] or f"Result Code {cause.result}, Error Code {cause.error}"
        return f"the LAC: {said}"
    return _EXPLAINED.get(reason) or cause.text[:_CLIP] or reason.value.replace("_", " ")


class Lacs:
    """All of them, by address and Host Name."""

    __slots__ = ("_former", "_present", "_strangers", "forgotten")

    def __init__(self) -> None:
        """Begin without any."""
        self._present: Place = {}
        self._former: Place = {}
        self._strangers: Place = {}
        self.forgotten = 0
        """How many gave way."""

    def __iter__(self) -> Iterator[tuple[Key, Seen]]:
        """Yield the LACs: those with tunnels, those that had some, strangers."""
        for place in (self._present, self._former, self._strangers):
            yield from place.items()

    def of(self, address: str, hostname: str) -> Seen | None:
        """Return what is known of a LAC."""
        key = key_of(address, hostname)
        return self._present.get(key) or self._former.get(key) or self._strangers.get(key)

    def tunnel_up(self, event: TunnelUp, now: float) -> None:
        """A tunnel is established."""
        self._come(event.path.remote, event.lac_hostname, event.group, now)

    def adopt(self, facts: TunnelFacts) -> None:
        """A tunnel of an earlier process goes on."""
        if facts.up_at is not None:
            self._come(facts.path.remote, facts.hostname, facts.group, facts.up_at)

    def tunnel_down(self, event: TunnelDown, now: float) -> None:
        """An established tunnel has ended."""
        key = key_of(event.path.remote, event.lac_hostname)
        seen = self._present.get(key)
        if seen is None:
            return
        seen.last_at = now
        seen.tunnels -= 1
        if seen.tunnels <= 0:
            del self._present[key]
            self._keep(self._former, MOST_FORMER, key, seen)

    def tunnel_refused(self, event: TunnelRefused, now: float) -> None:
        """A tunnel never came up."""
        seen = self._heard(event.path.remote, event.lac_hostname, event.group, now)
        seen.refused(seen.tunnels_refused, refusals.of_tunnel(event.cause), event.cause, now)

    def call_refused(self, event: CallRefused, now: float) -> None:
        """A call never came up."""
        seen = self._heard(event.path.remote, event.lac_hostname, event.group, now)
        seen.refused(seen.calls_refused, refusals.of_call(event.cause), event.cause, now)

    def _come(self, address: str, hostname: str, group: str, now: float) -> None:
        key = key_of(address, hostname)
        seen = self._present.get(key) or self._former.pop(key, None) or self._strangers.pop(key, None)
        if seen is None:
            seen = Seen(group, now, now)
        self._present[key] = seen
        seen.group, seen.last_at = group, now
        seen.tunnels += 1
        seen.tunnels_ever += 1

    def _heard(self, address: str, hostname: str, group: str, now: float) -> Seen:
        key = key_of(address, hostname)
        seen = self._present.get(key)
        if seen is None:
            place, most = (self._former, MOST_FORMER) if key in self._former else (self._strangers, MOST_STRANGERS)
            seen = place.pop(key, None) or Seen(group, now, now)
            self._keep(place, most, key, seen)
        seen.last_at = now
        if group:
            seen.group = group
        return seen

    def _keep(self, place: Place, most: int, key: Key, seen: Seen) -> None:
        place[key] = seen
        if len(place) > most:
            del place[next(iter(place))]
            self.forgotten += 1

    def save(self) -> Saved:
        """Return plain data."""
        places = (self._present, self._former, self._strangers)
        return {
            "forgotten": self.forgotten,
            "places": [[[*key, save_fields(seen)] for key, seen in place.items()] for place in places],
        }

    @classmethod
    def restore(cls, saved: Saved) -> Lacs:
        """Go on from ``save``."""
        lacs = cls()
        lacs.forgotten = saved["forgotten"]
        for place, rows in zip((lacs._present, lacs._former, lacs._strangers), saved["places"], strict=True):
            place.update(((address, hostname), restore_fields(Seen, seen)) for address, hostname, seen in rows)
        return lacs
