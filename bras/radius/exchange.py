"""The RADIUS client: requests, retransmission, fail-over, and what becomes of them.

A request goes to the first server of its group that lives.  It is sent again with doubling,
jittered intervals (RFC 5080 section 2.2.1), ``max_tries`` times in all; then the next
server is asked.  A server that left ``fail_count`` requests in a row unanswered counts as
dead for ``dead_time_s``: what it has is given to others at once, and it is passed over while
another one lives.  When none lives they are all asked all the same: real traffic is the probe.

An Access-Request that every server left unanswered is over (``Unanswered``).  An accounting
record never is: it rests, longer each time up to ``REST_CAP_S``, and every answer of an
accounting server wakes two, so that a backlog drains as fast as the server takes it.

At most ``MAX_RECORDS`` records of about 1 kB are held.  One more takes the place of the oldest
Interim-Update, which a later record makes good; else of the oldest (``AccountingForgotten``).

An Access-Request is sent again as it was.  In an Accounting-Request Acct-Delay-Time grows, so
it gets a new identifier (RFC 2866 section 5.2); an answer to any of its transmissions counts.
A reply that does not verify is dropped; the true one may still come.
"""

from __future__ import annotations

from collections import OrderedDict

from bras.config.radius import RadiusConfig
from bras.errors import DropReason
from bras.ids import Entropy
from bras.plain import Saved
from bras.radius.accounting import INTERIM_UPDATE
from bras.radius.codec import HEADER_OCTETS, Codec
from bras.radius.credentials import MAX_PASSWORD_OCTETS, Credentials, Pap
from bras.radius.events import (
    AccountingAcknowledged,
    AccountingForgotten,
    AccountingUnanswered,
    Answered,
    Event,
    Kind,
    Rejected,
    Resent,
    SendRadius,
    ServerAlive,
    ServerDead,
    Unanswered,
)
from bras.radius.packets import Packets
from bras.radius.request import NOWHERE, Attempt, Request, RequestState, new_round
from bras.radius.server import Servers, Service
from bras.timers import DeadlineQueue

MAX_RECORDS = 100_000
REST_FIRST_S = 30.0
REST_CAP_S = 300.0
WOKEN_BY_ANSWER = 2
JITTER = 0.1
"""Share by which an interval is moved at random (RFC 5080 section 2.2.1)."""


class Exchanges:
    """All requests to all RADIUS servers."""

    __slots__ = (
        "_deadlines",
        "_entropy",
        "_interims",
        "_packets",
        "_requests",
        "_resting",
        "_servers",
        "max_records",
        "records",
    )

    def __init__(self, config: RadiusConfig, codec: Codec, entropy: Entropy) -> None:
        """Begin with nothing in flight."""
        self._packets = Packets(codec)
        self._entropy = entropy
        self.max_records = MAX_RECORDS
        self._servers = Servers(config)
        self._requests: dict[int, Request] = {}
        self.records = 0
        """Accounting records that await their acknowledgement."""
        self._interims: OrderedDict[int, None] = OrderedDict()
        self._resting: OrderedDict[int, None] = OrderedDict()
        self._deadlines: DeadlineQueue[int] = DeadlineQueue()

    # -- what the owner reads

    @property
    def deadline(self) -> float | None:
        """Return the instant at which ``handle_timeout`` should be called."""
        return self._deadlines.next_deadline

    def rows(self, *, now: float) -> list[dict[str, str | int | float | None]]:
        """Return a row for each service, for ``show radius``."""
        return [service.row(now=now) for service in self._servers.services]

    def census(self) -> list[dict[str, str | int | bool]]:
        """Return a row for each service, for metrics."""
        return [service.census() for service in self._servers.services]

    # -- what the owner wants

    def authenticate(
        self, key: int, group: str | None, blob: bytes, credentials: Credentials, *, now: float
    ) -> list[Event]:
        """Ask the servers of ``group`` whether the client may come in.

        ``blob``: ``Blobs.access``.  Ends in ``Accepted``, ``Rejected`` or ``Unanswered`` with
        this ``key``; at once, as unsupported, when RADIUS cannot carry name or password.
        """
        events = self.cancel(key, now=now)
        if blob[:1] != b"\x01" or (isinstance(credentials, Pap) and len(credentials.password) > MAX_PASSWORD_OCTETS):
            return [*events, Rejected(key, "", "", b"", "unsupported")]
        attributes = blob + self._packets.credentials.constant(credentials)
        request = Request(key, Kind.AUTH, group, attributes, created_at=now)
        request.authenticator = self._entropy(16)
        if isinstance(credentials, Pap):
            request.password = credentials.password
        self._requests[key << 1] = request
        return events + self._offer(request, now) if events else self._offer(request, now)

    def account(
        self, record: int, group: str | None, attributes: bytes, created_at: float, *, now: float
    ) -> list[Event]:
        """Tell an accounting record to a server of ``group``.

        ``attributes`` are complete but for Acct-Delay-Time, which counts from ``created_at``.
        Ends in ``AccountingAcknowledged`` (with no server when the group has none), and in
        nothing else but ``AccountingForgotten``.
        """
        if not self._servers.keeps_accounts(group):
            return [AccountingAcknowledged(record, "")]
        request = Request(record, Kind.ACCT, group, attributes, created_at=created_at)
        number = request.number
        if number in self._requests:
            return []  # told already
        events = self._make_room()
        self._requests[number] = request
        self.records += 1
        if attributes[5] == INTERIM_UPDATE:
            self._interims[number] = None
        return events + self._offer(request, now) if events else self._offer(request, now)

    def cancel(self, key: int, *, now: float) -> list[Event]:
        """Forget an Access-Request: its client is gone.  Others may go out in its place."""
        request = self._requests.get(key << 1)
        if request is None:
            return []
        asked = request.attempt.service
        self._close(request)
        return self._drain(self._servers.services[asked], now)

    def receive(self, server: int, kind: Kind, socket: int, data: bytes, *, now: float) -> list[Event]:
        """Take what came from a server."""
        service = self._servers.of(server, kind)
        if service is None or len(data) < HEADER_OCTETS:
            return [] if service is None else [service.drop(DropReason.RADIUS_SHORT)]
        sent = service.sent.get(socket << 8 | data[1])
        if sent is None:
            return [service.drop(DropReason.RADIUS_UNKNOWN_IDENTIFIER)]
        request = self._requests[sent[0]]
        outcome = self._packets.understand(service, request, data, sent[1])
        if isinstance(outcome, DropReason):
            return [service.drop(outcome)]
        events: list[Event] = [Answered(service.name, kind, data[0], now - request.attempt.started_at), outcome]
        self._close(request)
        if service.answer():
            self._deadlines.set(-1 - service.number, None)
            events.append(ServerAlive(service.name, kind))
        if service.queue:
            events += self._drain(service, now)
        if self._resting and kind is Kind.ACCT:
            events += self._wake(now)
        return events

    def unreachable(self, server: int, kind: Kind, socket: int, *, now: float) -> list[Event]:
        """Take the kernel's word that nobody listens there: ask the next server now.

        A request that has no other server to go to stays with its timer.
        """
        service = self._servers.of(server, kind)
        if service is None:
            return []
        events: list[Event] = []
        for number in sorted({sent[0] for slot, sent in service.sent.items() if slot >> 8 == socket}):
            request = self._requests.get(number)
            if request is None or request.attempt.service != service.number:
                continue  # moved with all the others when the service was found dead
            events += self._fail(service, now)
            if request.attempt.service == service.number and self._servers.next_for(request) is not None:
                events += self._leave(request, now)
        return events

    def handle_timeout(self, *, now: float) -> list[Event]:
        """Do what is due, the longest overdue first."""
        events: list[Event] = []
        due: list[tuple[float, int]] = []
        for number in self._deadlines.pop_expired(now):
            if number < 0:
                events += self._revive(self._servers.services[-1 - number], now)
            elif number in self._requests:
                due.append((self._requests[number].due_at, number))
        for due_at, number in sorted(due):
            request = self._requests.get(number)
            if request is not None and request.due_at == due_at <= now:
                events += self._act(request, now)
        return events

    # -- the ways of a request

    def _act(self, request: Request, now: float) -> list[Event]:
        """No answer came in time: once more, or elsewhere."""
        if request.state is RequestState.SENT:
            service = self._servers.services[request.attempt.service]
            if request.attempt.tries < service.config.max_tries:
                return self._transmit(request, service, now)
            events = self._fail(service, now)
            if request.attempt.service == service.number:
                events += self._leave(request, now)
            return events
        if request.state is RequestState.RESTING:
            self._resting.pop(request.number, None)
            return self._offer(request, now)
        return self._leave(request, now)

    def _offer(self, request: Request, now: float) -> list[Event]:
        """Ask the next server, or give up for now."""
        if (service := self._servers.next_for(request)) is None:
            return self._give_up(request, now)
        request.tried |= 1 << service.number
        request.attempt = Attempt(service.number)
        if len(service.sent) < service.health.window and not service.queue:
            return self._transmit(request, service, now)
        service.queue[request.number] = None
        request.state = RequestState.QUEUED
        self._wait(request, now + service.patience_s)
        return []

    def _transmit(self, request: Request, service: Service, now: float) -> list[Event]:
        """Send a request, for the first time or again."""
        attempt = request.attempt
        if request.kind is Kind.ACCT:
            self._packets.pack_record(request, service, now=now)
        elif not attempt.slots:
            self._packets.pack_access(request, service)
        spread = self._spread()
        send = SendRadius(service.index, service.kind, attempt.slots[-1] >> 8, attempt.packet)
        attempt.tries += 1
        request.state = RequestState.SENT
        if attempt.tries == 1:
            attempt.started_at = now
            attempt.interval_s = service.config.timeout_s * spread
            service.tally.requests += 1
            self._wait(request, now + attempt.interval_s)
            return [send]
        attempt.interval_s = attempt.interval_s * (1.0 + spread)
        service.tally.resent += 1
        self._wait(request, now + attempt.interval_s)
        return [Resent(service.name, service.kind), send]

    def _spread(self) -> float:
        """Return what moves an interval at random."""
        return 1.0 + JITTER * (self._entropy(1)[0] - 127.5) / 127.5

    def _wait(self, request: Request, due_at: float) -> None:
        """Set when something is to be done about a request."""
        request.due_at = due_at
        self._deadlines.set(request.number, due_at)

    def _leave(self, request: Request, now: float) -> list[Event]:
        """Go on from the server that was asked; whoever waits for its slots is next."""
        service = self._servers.services[request.attempt.service]
        self._withdraw(request)
        events = self._offer(request, now)
        return events + self._drain(service, now) if service.queue else events

    def _give_up(self, request: Request, now: float) -> list[Event]:
        """Every server was asked: an Access-Request is over, a record rests."""
        if request.kind is Kind.AUTH:
            self._close(request)
            return [Unanswered(request.key)]
        request.rounds += 1
        request.tried = 0
        request.state = RequestState.RESTING
        self._resting[request.number] = None
        rest_s = min(REST_FIRST_S * (1 << min(request.rounds - 1, 8)), REST_CAP_S)
        self._wait(request, now + rest_s * self._spread())
        return [AccountingUnanswered(request.key)]

    def _withdraw(self, request: Request) -> None:
        """Give back what a request holds of its server."""
        attempt = request.attempt
        if attempt.service < 0:
            return
        service = self._servers.services[attempt.service]
        service.queue.pop(request.number, None)
        for slot in attempt.slots:
            del service.sent[slot]
            service.slots.give(slot)
        request.attempt = NOWHERE

    def _close(self, request: Request) -> None:
        """Forget a request."""
        number = request.number
        self._withdraw(request)
        self._deadlines.set(number, None)
        del self._requests[number]
        if number & 1:
            self.records -= 1
            self._interims.pop(number, None)
            self._resting.pop(number, None)

    # -- the ways of a server

    def _fail(self, service: Service, now: float) -> list[Event]:
        """Note that a server left a request unanswered; a dead one's requests go elsewhere at once."""
        if not service.fail(now=now):
            return []
        self._deadlines.set(-1 - service.number, service.health.dead_until)
        events: list[Event] = [ServerDead(service.name, service.kind)]
        mine = {sent[0] for sent in service.sent.values()}
        for number in [*sorted(mine, key=lambda number: (self._requests[number].due_at, number)), *service.queue]:
            request = self._requests[number]
            if self._servers.next_for(request) is not None:
                self._withdraw(request)
                events += self._offer(request, now)
        return events

    def _revive(self, service: Service, now: float) -> list[Event]:
        """The dead time is over: it is asked again like the others."""
        service.revive()
        return [ServerAlive(service.name, service.kind), *self._drain(service, now)]

    def _drain(self, service: Service, now: float) -> list[Event]:
        """Send what waited for a slot."""
        events: list[Event] = []
        while service.queue and service.has_room():
            number, _ = service.queue.popitem(last=False)
            events += self._transmit(self._requests[number], service, now)
        return events

    def _wake(self, now: float) -> list[Event]:
        """An accounting server answers: those that rested longest may try now."""
        events: list[Event] = []
        for _ in range(min(WOKEN_BY_ANSWER, len(self._resting))):
            number, _none = self._resting.popitem(last=False)
            events += self._offer(self._requests[number], now)
        return events

    def _make_room(self) -> list[Event]:
        """Forget a record when there is no room for one more."""
        if self.records < self.max_records:
            return []
        oldest = next(iter(self._interims)) if self._interims else next(n for n in self._requests if n & 1)
        request = self._requests[oldest]
        self._close(request)
        return [AccountingForgotten(request.key)]

    # -- state

    def save(self) -> Saved:
        """Return plain data.  Passwords in it are hidden with the secret of the first server of their group."""
        return {
            "services": [service.save() for service in self._servers.services],
            "requests": [self._servers.save_request(request) for request in self._requests.values()],
            "resting": list(self._resting),
        }

    @classmethod
    def restore(cls, saved: Saved, config: RadiusConfig, codec: Codec, entropy: Entropy) -> Exchanges:
        """Return the machine of which ``saved`` is the plain data.

        When ``config`` names other servers, the records are offered to them as new ones, and
        Access-Requests are forgotten.
        """
        exchanges = cls(config, codec, entropy)
        servers = exchanges._servers
        unchanged = servers.are_those_of(saved["services"])
        if unchanged:
            for service, state in zip(servers.services, saved["services"], strict=True):
                service.take_back(state)
                exchanges._deadlines.set(-1 - service.number, service.health.dead_until)
        for state in saved["requests"]:
            if unchanged:
                exchanges._enter(servers.restore_request(state))
            elif state["kind"] == Kind.ACCT.value:
                exchanges._enter(new_round(state))
        exchanges._resting = OrderedDict.fromkeys(saved["resting"] if unchanged else exchanges._requests)
        return exchanges

    def _enter(self, request: Request) -> None:
        """Take a restored request."""
        number = request.number
        self._requests[number] = request
        self._deadlines.set(number, request.due_at)
        if number & 1:
            self.records += 1
            if request.attributes[5] == INTERIM_UPDATE:
                self._interims[number] = None
