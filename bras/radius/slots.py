"""The identifiers of one service: those in use, those that are free, and what the free ones were used for.

An identifier is one octet, so a socket carries 256 requests at a time; more sockets are
used when that is not enough, up to ``MAX_SOCKETS``.  A slot is ``socket << 8 |
identifier``.  Slots are given out longest-unused first, so that a late reply to an old
request seldom meets a new one (and then the Response Authenticator tells them apart).
"""

from __future__ import annotations

from collections import deque

from bras.plain import Saved
from bras.radius.codec import SharedSecret
from bras.radius.credentials import hide, reveal
from bras.radius.links import Links

MAX_SOCKETS = 16
MAX_IN_FLIGHT = MAX_SOCKETS << 8
"""Slots of one service; what is beyond that waits its turn."""
SPARE_SLOTS = 32
"""With fewer free slots than this the next socket is taken into use, so that none is reused at once."""
PROBE_SOCKET = MAX_SOCKETS
"""The socket of Status-Server: a service whose slots are all in use can be probed."""
GIVEN_UP = -1
"""Stands in ``Slots.ended`` for the number of a request that was given up unanswered."""

Sent = tuple[int, bytes, SharedSecret]
"""A transmission: the number of its request, its Request Authenticator, and the secret that was used."""


class Slots:
    """The free slots of one service."""

    __slots__ = ("_free", "ended", "links", "sockets")

    def __init__(self) -> None:
        """Begin with one socket."""
        self._free: deque[int] = deque(range(256))
        self.sockets = 1
        self.ended: dict[int, Sent] = {}
        """What each slot was used for last: a reply that comes after all is told from an invented one."""
        self.links: Links | None = None
        """Its connections, if it is reached over TLS."""

    @property
    def has_free(self) -> bool:
        """Return whether ``take`` would find one; those of connections that are down are not free."""
        return bool(self._free) or self.sockets < MAX_SOCKETS

    def take(self) -> int:
        """Return the longest unused slot; -1 when all are in use."""
        free = self._free
        if len(free) < SPARE_SLOTS and self.sockets < MAX_SOCKETS:
            first = self.sockets << 8
            free.extend(range(first, first + 256))
            self.sockets += 1
        return free.popleft() if free else -1

    def give(self, slot: int, sent: Sent) -> None:
        """Take a slot back; ``sent`` is what it was used for."""
        self.ended[slot] = sent
        if self.links is not None and slot >> 8 in self.links.parked:
            self.links.parked[slot >> 8].append(slot)
        else:
            self._free.append(slot)

    def rise(self, socket: int) -> bool:
        """Note that a connection is up; true when none was up before."""
        return self.links is not None and self.links.rise(socket, self._free)

    def fall(self, socket: int, reason: str) -> bool:
        """Note that a connection is down; true when that is news of the service."""
        return self.links is not None and self.links.fall(socket, self._free, reason)

    def save(self, secret: SharedSecret) -> Saved:
        """Return plain data; ``secret`` is the service's present one."""
        ended = [[slot, sent[0], save_sent(sent, secret)] for slot, sent in self.ended.items()]
        links = None if self.links is None else self.links.save()
        return {"free": list(self._free), "sockets": self.sockets, "ended": ended, "links": links}

    @classmethod
    def restore(cls, saved: Saved, secret: SharedSecret) -> Slots:
        """Return the slots of which ``saved`` is the plain data."""
        slots = cls()
        slots._free = deque(saved["free"])
        slots.sockets = saved["sockets"]
        slots.links = None if saved["links"] is None else Links.restore(saved["links"])
        slots.ended = {slot: (number, *restore_sent(sent, secret)) for slot, number, sent in saved["ended"]}
        return slots


def save_sent(sent: Sent, secret: SharedSecret) -> Saved:
    """Return the authenticator of a transmission, and its secret, hidden, if it is not the present one."""
    _, authenticator, used = sent
    if used is secret:
        return [authenticator, None]
    octets = used.reveal()
    # the other way round: the authenticator as it is may hide a password
    return [authenticator, [len(octets), hide(octets, authenticator[::-1], secret)]]


def restore_sent(saved: Saved, secret: SharedSecret) -> tuple[bytes, SharedSecret]:
    """Return the authenticator and the secret of a transmission."""
    authenticator, older = saved
    if older is None:
        return authenticator, secret
    return authenticator, SharedSecret(reveal(older[1], authenticator[::-1], secret)[: older[0]])
