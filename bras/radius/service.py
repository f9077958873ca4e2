"""One service of one RADIUS server: what is in flight to it, its health, and what is counted of it."""

from __future__ import annotations

from collections import OrderedDict

from bras.config.radius import RadiusServerConfig
from bras.errors import DropReason
from bras.plain import Saved
from bras.radius.codec import SharedSecret
from bras.radius.events import Kind, ReplyDropped
from bras.radius.health import PROBES, Health, Tally
from bras.radius.links import Links
from bras.radius.slots import Sent, Slots


class Service:
    """One service of one server."""

    __slots__ = (
        "config",
        "health",
        "kind",
        "name",
        "number",
        "queue",
        "secret",
        "sent",
        "server",
        "signed",
        "slots",
        "tally",
    )

    def __init__(self, number: int, server: int, kind: Kind, config: RadiusServerConfig) -> None:
        """Make the service ``kind`` of the server with a number; ``number`` is ours among all services."""
        self.number = number
        self.server = server
        self.kind = kind
        self.slots = Slots()
        if config.transport == "tls":
            self.slots.links = Links()
        self.sent: dict[int, Sent] = {}
        """Slots in use."""
        self.queue: OrderedDict[int, None] = OrderedDict()
        """Requests that wait for a slot, by number, oldest first."""
        self.health = Health(config.max_in_flight)
        self.tally = Tally()
        self.secret = SharedSecret(config.secret.reveal())
        self.config = config
        self.apply(config)

    def apply(self, config: RadiusServerConfig) -> None:
        """Go on by these keys; what was sent under another secret keeps that one until it ends."""
        before, self.config = self.config, config
        self.name = config.name or config.address
        if config.secret != before.secret:
            self.secret = SharedSecret(config.secret.reveal())
            self.health.probe.authenticator = b""  # the next one is under the new secret
        self.signed = self.kind is Kind.AUTH and config.message_authenticator == "require"
        """Replies without Message-Authenticator are not believed."""
        if not config.status_server:
            self.health.probe.stop()
        window, most = self.health.window, config.max_in_flight
        self.health.window = min(window, most) if window < before.max_in_flight else most

    @property
    def is_dead(self) -> bool:
        """Return whether it is passed over while another service lives."""
        return self.health.dead_until is not None

    @property
    def outstanding(self) -> int:
        """Return how many requests it has, sent and waiting."""
        return len(self.sent) + len(self.queue)

    @property
    def patience_s(self) -> float:
        """Return the seconds that it takes to find out that no answer comes."""
        config = self.config
        cap_s = config.timeout_cap_s or float("inf")
        return sum(min(config.timeout_s * (1 << tries), cap_s) for tries in range(config.max_tries))

    @property
    def is_connected(self) -> bool:
        """Return whether requests can be sent at all, as far as is known."""
        links = self.slots.links
        return links is None or bool(links.up)

    @property
    def max_tries(self) -> int:
        """Return how often a request is sent: over TLS, which loses nothing, once (RFC 6613 section 2.6.1)."""
        return self.config.max_tries if self.slots.links is None else 1

    @property
    def first_wait_s(self) -> float:
        """Return the seconds until a request is sent again; over TLS those after which it is given up."""
        return self.config.timeout_s if self.slots.links is None else self.patience_s

    def has_room(self) -> bool:
        """Return whether one more request may be in flight."""
        slots = self.slots
        if len(self.sent) >= self.health.window:
            return False
        return slots.links is None or (bool(slots.links.up) and slots.has_free)

    def next_interval_s(self, interval_s: float, spread: float) -> float:
        """Return the interval after one of ``interval_s``: twice that up to the cap, moved at random by ``spread``.

        Over TLS each transmission, which is over a connection of its own, is waited for as long as the first.
        """
        if self.slots.links is not None:
            return self.first_wait_s * spread
        next_s, cap_s = interval_s * (1.0 + spread), self.config.timeout_cap_s
        return cap_s * spread if cap_s and next_s > cap_s else next_s

    def fail(self) -> bool:
        """Note a request without any answer; true when that was one too many."""
        self.health.failures += 1
        self.tally.unanswered += 1
        return self.health.failures >= self.config.fail_count and self.health.dead_until is None

    def die(self, spread: float, *, now: float) -> None:
        """Count it as dead; ``spread`` moves the first Status-Server at random."""
        health = self.health
        health.die(self.config, spread, now=now)
        if self.kind is Kind.ACCT:
            health.window = min(PROBES, health.window)

    def answer(self) -> bool:
        """Note an answer; true when the service was dead."""
        health = self.health
        if was_dead := health.dead_until is not None:
            health.live()
        health.failures = 0
        if health.window < self.config.max_in_flight:
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
        links = self.slots.links
        state = "up" if dead_until is None else "dead"
        return {
            "server": self.name,
            "address": config.address,
            "port": config.auth_port if self.kind is Kind.AUTH else config.acct_port,
            "kind": self.kind.value,
            "group": config.group,
            "transport": config.transport,
            "state": state if links is None or links.up else links.state,
            "dead_left_s": None if dead_until is None else max(0.0, dead_until - now),
            "requests": tally.requests,
            "resent": tally.resent,
            "answered": tally.answered,
            "dropped": tally.dropped,
            "in_flight": self.outstanding,
            "queued": len(self.queue),
            "sockets": self.slots.sockets,
            "weight": config.weight,
            "probes": tally.probes,
            "probes_answered": tally.probes_answered,
        }

    def census(self) -> dict[str, str | int | bool]:
        """Return what metrics show."""
        return {
            "server": self.name,
            "kind": self.kind.value,
            "up": not self.is_dead and self.is_connected,
            "requests": self.tally.requests,
            "in_flight": self.outstanding,
            "queued": len(self.queue),
            "unanswered": self.tally.unanswered,
            "probes": self.tally.probes,
            "probes_answered": self.tally.probes_answered,
        }

    def save(self) -> Saved:
        """Return plain data; what is in flight is told by the requests."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "group": self.config.group,
            "server": self.server,
            "number": self.number,
            "slots": self.slots.save(self.secret),
            "health": self.health.save(),
            "tally": self.tally.save(),
            "queue": list(self.queue),
        }

    def take_back(self, saved: Saved) -> None:
        """Put what ``save`` returned into force."""
        self.server, self.number = saved["server"], saved["number"]
        self.slots = Slots.restore(saved["slots"], self.secret)
        self.health = Health.restore(saved["health"])
        self.tally = Tally(*saved["tally"])
        self.queue = OrderedDict.fromkeys(saved["queue"])
