"""The connections of a service that is reached over TLS: which are up, and what that means for its identifiers.

While none is up the service takes no request: what it had is another server's, or waits for
the connection.  Over one connection no request is sent twice (RFC 6613 section 2.6.1); when
it breaks, no answer comes by it, and what it carried is sent anew at once.
"""

from __future__ import annotations

from collections import deque

from bras.plain import Saved

CONNECTING = "connecting"
UP = "up"


class Links:
    """The connections of one service, by the numbers of its sockets."""

    __slots__ = ("parked", "state", "up")

    def __init__(self) -> None:
        """Begin with none up."""
        self.state = CONNECTING
        """For people: `connecting`, `up` or "down: " and why."""
        self.up: set[int] = set()
        self.parked: dict[int, list[int]] = {}
        """Free slots of connections that are down."""

    def rise(self, socket: int, free: deque[int]) -> bool:
        """Note that a connection is up, and give its slots back to ``free``; true when none was up before."""
        free.extend(self.parked.pop(socket, ()))
        self.up.add(socket)
        was, self.state = self.state, UP
        return was != UP

    def fall(self, socket: int, free: deque[int], reason: str) -> bool:
        """Note that a connection is down, and take its slots out of ``free``; true when that is news of the service."""
        mine = [slot for slot in free if slot >> 8 == socket]
        if mine:
            others = [slot for slot in free if slot >> 8 != socket]
            free.clear()
            free.extend(others)
        self.parked.setdefault(socket, []).extend(mine)
        self.up.discard(socket)
        if self.up:
            return False
        was, self.state = self.state, f"down: {reason}"
        return was != self.state

    def save(self) -> Saved:
        """Return plain data."""
        return [self.state, sorted(self.up), [[socket, slots] for socket, slots in self.parked.items()]]

    @classmethod
    def restore(cls, saved: Saved) -> Links:
        """Return the connections of which ``saved`` is the plain data."""
        links = cls()
        links.state, up, parked = saved
        links.up = set(up)
        links.parked = {socket: list(slots) for socket, slots in parked}
        return links
