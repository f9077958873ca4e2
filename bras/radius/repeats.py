"""Requests that were seen, and what they were answered (RFC 5080 section 2.2.2).

Who asks again, with the same octets, gets the same octets again, and nothing is done
twice.  An entry lives as long as the request's Event-Timestamp would let it pass, so that
who has recorded a request cannot have it done again, and not for less than it takes to be
answered, and ``ANSWER_S`` more; the oldest gives way when there are too many.
"""

from __future__ import annotations

from itertools import islice

from bras.plain import Saved

MOST = 65536
"""Requests remembered at most."""

ANSWER_S = 30.0
"""Seconds that an answer is there for who has not heard it."""

Key = tuple[str, bytes]
"""Name of the client, and the first 20 octets of the request: its Request Authenticator is a digest of all of it."""


class Repeats:
    """Remembers requests: each has a ticket, and sooner or later an answer."""

    __slots__ = ("_most", "_seen")

    def __init__(self, most: int = MOST) -> None:
        """Begin empty."""
        self._most = most
        self._seen: dict[Key, tuple[float, int, bytes]] = {}
        """Until when, ticket, answer or nothing, by when they came."""

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._seen)

    def find(self, key: Key, *, now: float) -> tuple[int, bytes] | None:
        """Return ticket and answer (empty: none yet) of a request that was seen."""
        found = self._seen.get(key)
        return None if found is None or _is_over(found, now) else found[1:]

    def add(self, key: Key, ticket: int, *, until_at: float, now: float) -> None:
        """Remember a new request."""
        seen = self._seen
        seen.pop(key, None)
        for old in list(islice(seen, 2)):  # two for one: those that are over go in time
            if _is_over(seen[old], now) or len(seen) >= self._most:
                del seen[old]
        seen[key] = (until_at, ticket, b"")

    def answered(self, key: Key, data: bytes, *, now: float) -> None:
        """Remember the answer."""
        found = self._seen.get(key)
        if found is not None:
            self._seen[key] = (max(found[0], now + ANSWER_S), found[1], data)

    def stretch(self, by_s: float) -> None:
        """Remember all for longer: the clock by which their timestamps are judged was set back."""
        self._seen = {key: (until_at + by_s, ticket, data) for key, (until_at, ticket, data) in self._seen.items()}

    def save(self) -> Saved:
        """Return plain data."""
        return [[*key, *entry] for key, entry in self._seen.items()]

    def restore(self, saved: Saved) -> None:
        """Take what ``save`` returned."""
        self._seen = {(client, head): (until_at, ticket, data) for client, head, until_at, ticket, data in saved}


def _is_over(entry: tuple[float, int, bytes], now: float) -> bool:
    """Return whether a request is answered, and its time has passed."""
    return entry[2] != b"" and entry[0] <= now
