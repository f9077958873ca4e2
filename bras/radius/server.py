"""One service of one RADIUS server: its identifiers, its health, and what is counted of it.

An identifier is one octet, so a socket carries 256 requests at a time; more sockets are
used when that is not enough, up to ``MAX_SOCKETS``.  A slot is ``socket << 8 |
identifier``.  Slots are given out longest-unused first, so that a late reply to an old
request seldom meets a new one (and then the Response Authenticator tells them apart).
"""

from __future__ import annotations

from collections import OrderedDict, deque

from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.errors import DropReason
from bras.plain import Saved
from bras.radius.codec import SharedSecret
from bras.radius.events import Kind, ReplyDropped
from bras.radius.request import Request, restore_request, save_request

MAX_SOCKETS = 16
MAX_IN_FLIGHT = MAX_SOCKETS << 8
"""Slots of one service; what is beyond that waits its turn."""
SPARE_SLOTS = 32
"""With fewer free slots than this the next socket is taken into use, so that none is reused at once."""
PROBES = 16
"""Accounting requests in flight to a dead server, whose backlog may be long; each answer allows one more."""


class Slots:
    """The free slots of one service."""

    __slots__ = ("_free", "sockets")

    def __init__(self) -> None:
        """Begin with one socket."""
        self._free: deque[int] = deque(range(256))
        self.sockets = 1

    def take(self) -> int:
        """Return the longest unused slot; -1 when all are in use."""
        free = self._free
        if len(free) < SPARE_SLOTS and self.sockets < MAX_SOCKETS:
            first = self.sockets << 8
            free.extend(range(first, first + 256))
            self.sockets += 1
        return free.popleft() if free else -1

    def give(self, slot: int) -> None:
        """Take a slot back."""
        self._free.append(slot)

    def save(self) -> Saved:
        """Return plain data."""
        return {"free": list(self._free), "sockets": self.sockets}

    @classmethod
    def restore(cls, saved: Saved) -> Slots:
        """Return the slots of which ``saved`` is the plain data."""
        slots = cls()
        slots._free = deque(saved["free"])
        slots.sockets = saved["sockets"]
        return slots


class Health:
    """Whether a service answers, and how much is sent to it at a time."""

    __slots__ = ("dead_until", "failures", "window")

    def __init__(self) -> None:
        """Begin alive."""
        self.dead_until: float | None = None
        """The instant at which it is tried again as if it lived; ``None`` while it counts as alive."""
        self.failures = 0
        """Requests in a row without any answer."""
        self.window = MAX_IN_FLIGHT

    def save(self) -> Saved:
        """Return plain data."""
        return [self.dead_until, self.failures, self.window]

    @classmethod
    def restore(cls, saved: Saved) -> Health:
        """Return the health of which ``saved`` is the plain data."""
        health = cls()
        health.dead_until, health.failures, health.window = saved
        return health


class Tally:
    """What is counted of a service since the start."""

    __slots__ = ("answered", "dropped", "requests", "resent")

    def __init__(self, requests: int = 0, resent: int = 0, answered: int = 0, dropped: int = 0) -> None:
        """Begin at these figures."""
        self.requests = requests
        """Requests sent for the first time to this server."""
        self.resent = resent
        self.answered = answered
        self.dropped = dropped

    def save(self) -> Saved:
        """Return plain data."""
        return [self.requests, self.resent, self.answered, self.dropped]


class Service:
    """One service of one server."""

    __slots__ = (
        "config",
        "health",
        "index",
        "kind",
        "name",
        "number",
        "queue",
        "secret",
        "sent",
        "signed",
        "slots",
        "tally",
    )

    def __init__(self, number: int, index: int, kind: Kind, config: RadiusServerConfig) -> None:
        """Make the service ``kind`` of ``RadiusConfig.server[index]``; ``number`` is ours among all services."""
        self.number = number
        self.index = index
        self.kind = kind
        self.config = config
        self.name = config.name or config.address
        self.secret = SharedSecret(config.secret.reveal())
        self.signed = kind is Kind.AUTH and config.message_authenticator == "require"
        """Replies without Message-Authenticator are not believed."""
        self.slots = Slots()
        self.sent: dict[int, tuple[int, bytes]] = {}
        """Slots in use: the number of the request, and its Request Authenticator."""
        self.queue: OrderedDict[int, None] = OrderedDict()
        """Requests that wait for a slot, by number, oldest first."""
        self.health = Health()
        self.tally = Tally()

    @property
    def is_dead(self) -> bool:
        """Return whether it is passed over while another service lives."""
        return self.health.dead_until is not None

    @property
    def patience_s(self) -> float:
        """Return the seconds that it takes to find out that no answer comes."""
        return self.config.timeout_s * ((1 << self.config.max_tries) - 1)

    def has_room(self) -> bool:
        """Return whether one more request may be in flight."""
        return len(self.sent) < self.health.window

    def fail(self, *, now: float) -> bool:
        """Note a request without any answer; true when the service counts as dead from now on."""
        health = self.health
        health.failures += 1
        if health.failures < self.config.fail_count or health.dead_until is not None:
            return False
        health.dead_until = now + self.config.dead_time_s
        if self.kind is Kind.ACCT:
            health.window = PROBES
        return True

    def revive(self) -> None:
        """Take it for alive again, since its dead time is over; it has to prove it."""
        self.health.dead_until = None
        self.health.failures = 0

    def answer(self) -> bool:
        """Note an answer; true when the service was dead."""
        health = self.health
        was_dead = health.dead_until is not None
        health.dead_until = None
        health.failures = 0
        if health.window < MAX_IN_FLIGHT:
            health.window += 1
        self.tally.answered += 1
        return was_dead

    def drop(self, reason: DropReason) -> ReplyDropped:
        """Count a reply that is not believed."""
        self.tally.dropped += 1
        return ReplyDropped(self.name, self.kind, reason)

    def row(self, *, now: float) -> dict[str, str | int | float | None]:
        """Return what ``show radius`` prints."""
        config, tally, dead_until = self.config, self.tally, self.health.dead_until
        return {
            "server": self.name,
            "address": config.address,
            "port": config.auth_port if self.kind is Kind.AUTH else config.acct_port,
            "kind": self.kind.value,
            "group": config.group,
            "state": "up" if dead_until is None else "dead",
            "dead_left_s": None if dead_until is None else max(0.0, dead_until - now),
            "requests": tally.requests,
            "resent": tally.resent,
            "answered": tally.answered,
            "dropped": tally.dropped,
            "in_flight": len(self.sent) + len(self.queue),
            "queued": len(self.queue),
            "sockets": self.slots.sockets,
        }

    def census(self) -> dict[str, str | int | bool]:
        """Return what metrics show."""
        return {
            "server": self.name,
            "kind": self.kind.value,
            "up": not self.is_dead,
            "requests": self.tally.requests,
            "in_flight": len(self.sent) + len(self.queue),
        }

    def save(self) -> Saved:
        """Return plain data; what is in flight is told by the requests."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "group": self.config.group,
            "slots": self.slots.save(),
            "health": self.health.save(),
            "tally": self.tally.save(),
            "queue": list(self.queue),
        }

    def take_back(self, saved: Saved) -> None:
        """Put what ``save`` returned into force."""
        self.slots = Slots.restore(saved["slots"])
        self.health = Health.restore(saved["health"])
        self.tally = Tally(*saved["tally"])
        self.queue = OrderedDict.fromkeys(saved["queue"])


class Servers:
    """The services of all servers."""

    __slots__ = ("_by_index", "_groups", "services")

    def __init__(self, config: RadiusConfig) -> None:
        """Make them; a port of 0 means that the server has no such service."""
        self.services: list[Service] = []
        self._by_index: dict[int, Service] = {}
        self._groups: tuple[dict[str | None, list[Service]], dict[str | None, list[Service]]] = ({}, {})
        for index, server in enumerate(config.server):
            for kind, port in ((Kind.AUTH, server.auth_port), (Kind.ACCT, server.acct_port)):
                if port:
                    service = Service(len(self.services), index, kind, server)
                    self.services.append(service)
                    self._by_index[index << 1 | (kind is Kind.ACCT)] = service
                    self._groups[kind is Kind.ACCT].setdefault(server.group, []).append(service)

    def of(self, index: int, kind: Kind) -> Service | None:
        """Return the service ``kind`` of ``RadiusConfig.server[index]``."""
        return self._by_index.get(index << 1 | (kind is Kind.ACCT))

    def keeps_accounts(self, group: str | None) -> bool:
        """Return whether anybody in the group takes accounting records."""
        return group in self._groups[1]

    def next_for(self, request: Request) -> Service | None:
        """Return the first service not asked in this round; dead ones only when all are dead."""
        tried = request.tried
        last_resort: Service | None = None
        alive = False
        for service in self._groups[request.kind is Kind.ACCT].get(request.group, ()):
            untried = not tried >> service.number & 1
            if service.health.dead_until is None:
                if untried:
                    return service
                alive = True
            elif untried and last_resort is None:
                last_resort = service
        return None if alive else last_resort

    def are_those_of(self, saved: list[Saved]) -> bool:
        """Return whether the saved services are these, in this order."""
        mine = [(service.name, service.kind.value, service.config.group) for service in self.services]
        return mine == [(state["name"], state["kind"], state["group"]) for state in saved]

    def save_request(self, request: Request) -> Saved:
        """Return a request as plain data."""
        return save_request(
            request, self.services[request.attempt.service].sent, self._keeper(request.kind, request.group)
        )

    def restore_request(self, saved: Saved) -> Request:
        """Return a saved request, its slots in use again."""
        request = restore_request(saved, self._keeper(Kind(saved["kind"]), saved["group"]))
        for slot, authenticator in saved["attempt"][1]:
            self.services[request.attempt.service].sent[slot] = (request.number, authenticator)
        return request

    def _keeper(self, kind: Kind, group: str | None) -> SharedSecret:
        """Return the secret with which a request's password is hidden while it is saved."""
        return self._groups[kind is Kind.ACCT][group][0].secret
