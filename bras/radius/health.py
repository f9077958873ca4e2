"""Whether a service answers: dead marking, and how the dead come back.

A service that left ``fail_count`` requests in a row unanswered counts as dead.  An answer
revives it at once; what is asked of it meanwhile is Status-Server (RFC 5997), and
``probe_answers`` answers in a row revive it too.  One that has never answered
Status-Server may not know it, so it is revived when ``dead_time_s`` is over; one that has
is not, because then only subscribers would find out that it is still dead.  Should it have
forgotten how to answer, it is tried all the same after ``LAST_RESORT`` times as long.
"""

from __future__ import annotations

from bras.config.radius import RadiusServerConfig
from bras.plain import Saved
from bras.radius.slots import MAX_IN_FLIGHT

PROBES = 16
"""Accounting requests in flight to a dead server, whose backlog may be long; each answer allows one more."""
LAST_RESORT = 20


class Probe:
    """The Status-Server on its way, and those before it."""

    __slots__ = ("answers", "authenticator", "due_at", "identifier", "knows")

    def __init__(self) -> None:
        """Begin unasked."""
        self.due_at: float | None = None
        """When the next one goes out; ``None`` while the service lives."""
        self.identifier = 0
        self.authenticator = b""
        """Of the one whose answer is awaited; empty when none is."""
        self.answers = 0
        """Answers in a row."""
        self.knows = False
        """Whether the service has ever answered one."""

    def stop(self) -> None:
        """The service lives: ask no more."""
        self.due_at, self.authenticator, self.answers = None, b"", 0

    def save(self) -> Saved:
        """Return plain data."""
        return [self.due_at, self.identifier, self.authenticator, self.answers, self.knows]

    @classmethod
    def restore(cls, saved: Saved) -> Probe:
        """Return the probe of which ``saved`` is the plain data."""
        probe = cls()
        probe.due_at, probe.identifier, probe.authenticator, probe.answers, probe.knows = saved
        return probe


class Health:
    """Whether a service answers, and how much is sent to it at a time."""

    __slots__ = ("dead_until", "failures", "probe", "to_move", "window")

    def __init__(self, window: int = MAX_IN_FLIGHT) -> None:
        """Begin alive; ``window``: requests in flight at most."""
        self.dead_until: float | None = None
        """The instant at which it is tried again as if it lived; ``None`` while it counts as alive."""
        self.failures = 0
        """Requests in a row without any answer."""
        self.window = window
        self.probe = Probe()
        self.to_move = 0
        """Requests that wait for the dead service and are still to go elsewhere, at once but some at a time."""

    @property
    def due_at(self) -> float | None:
        """Return when something is to be done about a dead service."""
        if self.to_move:
            return 0.0
        due_at = self.probe.due_at
        return self.dead_until if due_at is None or self.dead_until is None else min(due_at, self.dead_until)

    def _dead_time_s(self, config: RadiusServerConfig) -> float:
        return config.dead_time_s * (LAST_RESORT if config.status_server and self.probe.knows else 1)

    def follow(self, config: RadiusServerConfig, *, now: float) -> None:
        """Go on under other keys: being dead lasts no longer than under these, and is asked about as they say."""
        if self.dead_until is None:
            return
        self.dead_until = min(self.dead_until, now + self._dead_time_s(config))
        if config.status_server and self.probe.due_at is None:
            self.probe.due_at = now + config.probe_interval_s

    def die(self, config: RadiusServerConfig, spread: float, *, now: float) -> None:
        """Count it as dead; the first Status-Server goes out in one interval, times ``spread``."""
        self.dead_until = now + self._dead_time_s(config)
        if config.status_server:
            self.probe.due_at = now + config.probe_interval_s * spread

    def probe_answered(self, config: RadiusServerConfig, *, now: float) -> bool:
        """Note that Status-Server was answered; true when that was often enough to believe that it lives.

        From now on it counts as one that knows Status-Server.
        """
        probe = self.probe
        probe.authenticator = b""
        probe.answers += 1
        if not probe.knows:
            probe.knows = True
            self.dead_until = now + config.dead_time_s * LAST_RESORT
        return probe.answers >= config.probe_answers

    def live(self) -> None:
        """Count it as alive."""
        self.dead_until = None
        self.failures = self.to_move = 0
        self.probe.stop()

    def save(self) -> Saved:
        """Return plain data."""
        return [self.dead_until, self.failures, self.window, self.to_move, self.probe.save()]

    @classmethod
    def restore(cls, saved: Saved) -> Health:
        """Return the health of which ``saved`` is the plain data."""
        health = cls()
        health.dead_until, health.failures, health.window, health.to_move, probe = saved
        health.probe = Probe.restore(probe)
        return health


class Tally:
    """What is counted of a service since the start."""

    __slots__ = ("answered", "dropped", "probes", "probes_answered", "requests", "resent", "unanswered")

    def __init__(
        self,
        requests: int = 0,
        resent: int = 0,
        answered: int = 0,
        dropped: int = 0,
        probes: int = 0,
        probes_answered: int = 0,
        unanswered: int = 0,
    ) -> None:
        """Begin at these figures."""
        self.requests = requests
        """Requests sent for the first time to this server."""
        self.resent = resent
        self.answered = answered
        self.dropped = dropped
        self.probes = probes
        """Status-Servers sent."""
        self.probes_answered = probes_answered
        self.unanswered = unanswered
        """Requests that it left without any answer."""

    def save(self) -> Saved:
        """Return plain data."""
        figures = [self.requests, self.resent, self.answered, self.dropped, self.probes, self.probes_answered]
        return [*figures, self.unanswered]
