"""Where a request goes, when it goes there again, and what a server's silence means for all that it has.

The timers are those of RFC 5080 section 2.2.1.  What many requests are due for at once is
done ``A_TURN`` at a time, so that nobody else waits for it.
"""

from __future__ import annotations

from itertools import islice

from bras.ids import Entropy
from bras.radius.events import (
    AccountingUnanswered,
    ConnectionDown,
    ConnectionUp,
    Event,
    Kind,
    Resent,
    SendRadius,
    ServerAlive,
    ServerDead,
    Unanswered,
)
from bras.radius.packets import Packets
from bras.radius.records import Records, rest_s
from bras.radius.request import NOWHERE, Attempt, Request, RequestState
from bras.radius.server import Servers
from bras.radius.service import Service
from bras.radius.slots import GIVEN_UP, PROBE_SOCKET
from bras.timers import DeadlineQueue

A_TURN = 256
"""Requests that are acted on at most before others have their turn."""
JITTER = 0.1
"""Share by which an interval is moved at random (RFC 5080 section 2.2.1)."""


class Dispatch:
    """All requests under way, and the ways that they and their servers can go."""

    __slots__ = ("_entropy", "deadlines", "packets", "patience_s", "records", "requests", "servers")

    def __init__(self, packets: Packets, servers: Servers, patience_s: float, entropy: Entropy) -> None:
        """Begin with nothing in flight."""
        self.packets = packets
        self._entropy = entropy
        self.servers = servers
        self.patience_s = patience_s or float("inf")
        """Seconds that an Access-Request may be under way in all."""
        self.requests: dict[int, Request] = {}
        """By number."""
        self.records = Records()
        self.deadlines: DeadlineQueue[int] = DeadlineQueue()
        """Of requests by number, of the dead services by -1 - number."""

    # -- the ways of a request

    def act(self, request: Request, now: float) -> list[Event]:
        """No answer came in time: once more, or elsewhere."""
        if request.kind is Kind.AUTH and now >= request.created_at + self.patience_s:
            return self._lose_patience(request, now)
        if request.state is RequestState.SENT:
            service = self.servers.services[request.attempt.service]
            if request.attempt.tries < service.max_tries:
                return self._transmit(request, service, now)
            events = self.fail(service, now)
            if request.attempt.service == service.number:
                events += self.leave(request, now)
            return events
        if request.state is RequestState.RESTING:
            self.records.resting.pop(request.number, None)
            return self.offer(request, now)
        return self.leave(request, now)

    def offer(self, request: Request, now: float) -> list[Event]:
        """Ask the next server, or give up for now."""
        if (service := self.servers.next_for(request)) is None:
            return self._give_up(request, now)
        request.tried |= 1 << service.number
        request.attempt = Attempt(service.number)
        if service.queue or not service.has_room():
            return self._ask(request, service, now)
        return self._transmit(request, service, now)

    def _ask(self, request: Request, service: Service, now: float) -> list[Event]:
        """Send a request to the server that it is to be asked of, or have it wait there for its turn."""
        if service.has_room() and not service.queue:
            return self._transmit(request, service, now)
        service.queue[request.number] = None
        request.state = RequestState.QUEUED
        self.wait(request, now + service.patience_s)
        return []

    def _transmit(self, request: Request, service: Service, now: float) -> list[Event]:
        """Send a request, for the first time or again."""
        attempt = request.attempt
        if request.kind is Kind.ACCT:
            self.packets.pack_record(request, service, now=now)
        elif not attempt.slots or attempt.secret is not service.secret:
            self._disguise(request)
            self.packets.pack_access(request, service)
        spread = self._spread()
        send = SendRadius(service.server, service.kind, attempt.slots[-1] >> 8, attempt.packet)
        attempt.tries += 1
        request.state = RequestState.SENT
        if attempt.tries == 1:
            attempt.started_at = now
            attempt.interval_s = interval_s = service.first_wait_s * spread
            service.tally.requests += 1
            self.wait(request, now + interval_s)
            return [send]
        attempt.interval_s = service.next_interval_s(attempt.interval_s, spread)
        service.tally.resent += 1
        self.wait(request, now + attempt.interval_s)
        return [Resent(service.name, service.kind, request.key if request.kind is Kind.AUTH else 0), send]

    def _disguise(self, request: Request) -> None:
        """Give a request another Request Authenticator: its next identifier is another (RFC 2865 section 4.1)."""
        if request.kind is Kind.AUTH and request.attempt.slots:
            request.authenticator = self._entropy(16)

    def _spread(self) -> float:
        """Return what moves an interval at random."""
        return 1.0 + JITTER * (self._entropy(1)[0] - 127.5) / 127.5

    def wait(self, request: Request, due_at: float) -> None:
        """Set when something is to be done about a request."""
        if request.kind is Kind.AUTH and due_at > (end_at := request.created_at + self.patience_s):
            due_at = end_at
        request.due_at = due_at
        self.deadlines.set(request.number, due_at)

    def leave(self, request: Request, now: float) -> list[Event]:
        """Go on from the server that was asked; whoever waits for its slots is next."""
        service = self.servers.services[request.attempt.service]
        self.abandon(request)
        events = self.offer(request, now)
        return events + self.drain(service, now) if service.queue else events

    def _give_up(self, request: Request, now: float) -> list[Event]:
        """Every server was asked: an Access-Request is over, a record rests."""
        if request.kind is Kind.AUTH:
            self.close(request)
            return [Unanswered(request.key)]
        request.rounds += 1
        request.tried = 0
        request.state = RequestState.RESTING
        self.records.resting[request.number] = None
        self.wait(request, now + rest_s(request.rounds) * self._spread())
        return [AccountingUnanswered(request.key)]

    def _lose_patience(self, request: Request, now: float) -> list[Event]:
        """An Access-Request has been under way for too long; that counts against the server that has it."""
        service = self.servers.services.get(request.attempt.service)
        was_sent = request.state is RequestState.SENT
        self.abandon(request)
        self.close(request)
        events: list[Event] = [Unanswered(request.key)]
        if service is None:
            return events
        if was_sent:
            events += self.fail(service, now)
        return events + self.drain(service, now)

    def put_off(self, request: Request, now: float) -> None:
        """Have a request that is with no server offered anew when it is its turn."""
        request.state = RequestState.RESTING
        if request.kind is Kind.ACCT:
            self.records.resting[request.number] = None
        self.wait(request, now)

    def adapt(self, request: Request, removed: Service | None, fresh: set[str | None], now: float) -> None:
        """Servers have changed: leave one that was ``removed``; a record that rests tries those that are ``fresh``."""
        if removed is not None:
            self._disguise(request)
            self._withdraw_from(removed, request)
            self.put_off(request, now)
        elif request.state is RequestState.RESTING and request.group in fresh:
            self.wait(request, now)

    def abandon(self, request: Request) -> None:
        """Leave a server without an answer: one that still comes is late."""
        attempt = request.attempt
        self._disguise(request)
        if attempt.service >= 0:
            sent = self.servers.services[attempt.service].sent
            for slot in attempt.slots:
                _, authenticator, secret = sent[slot]
                sent[slot] = (GIVEN_UP, authenticator, secret)
            self.withdraw(request)

    def withdraw(self, request: Request) -> None:
        """Give back what a request holds of its server."""
        if request.attempt.service >= 0:
            self._withdraw_from(self.servers.services[request.attempt.service], request)

    def _withdraw_from(self, service: Service, request: Request) -> None:
        if service.queue:
            service.queue.pop(request.number, None)
        for slot in request.attempt.slots:
            service.slots.give(slot, service.sent.pop(slot))
        request.attempt = NOWHERE

    def close(self, request: Request) -> None:
        """Forget a request."""
        number, service = request.number, request.attempt.service
        if service >= 0:
            self._withdraw_from(self.servers.services[service], request)
        self.deadlines.set(number, None)
        del self.requests[number]
        if number & 1:
            self.records.leave(number)

    # -- the ways of a server

    def fail(self, service: Service, now: float) -> list[Event]:
        """Note that a server left a request unanswered; a dead one's requests go elsewhere at once."""
        return self._bury(service, now) if service.fail() else []

    def _bury(self, service: Service, now: float) -> list[Event]:
        """Count a server as dead: what it has goes elsewhere, where there is somebody."""
        service.die(self._spread(), now=now)
        events: list[Event] = [ServerDead(service.name, service.kind)]
        mine = {sent[0] for sent in service.sent.values()}
        moved = 0
        for number in sorted(mine, key=lambda number: (self.requests[number].due_at, number)):
            request = self.requests[number]
            if not self.servers.has_other(request):
                continue
            self.abandon(request)
            moved += 1
            if moved <= A_TURN:
                events += self.offer(request, now)
            else:
                self.put_off(request, now)
        service.health.to_move = len(service.queue)
        events += self._clear(service, A_TURN - moved, now)
        self.deadlines.set(-1 - service.number, service.health.due_at)
        return events

    def _clear(self, service: Service, most: int, now: float) -> list[Event]:
        """Have some of those that wait for a dead server go elsewhere; who has nobody else waits on, in its order."""
        events: list[Event] = []
        queue, health = service.queue, service.health
        chosen = list(islice(queue, max(0, min(most, health.to_move))))
        for number in chosen:
            request = self.requests[number]
            if self.servers.has_other(request):
                self.abandon(request)
                events += self.offer(request, now)
            else:
                queue.move_to_end(number)
        health.to_move = min(health.to_move - len(chosen), len(queue))
        return events

    def attend(self, service: Service, now: float) -> list[Event]:
        """Ask a dead server whether it lives (RFC 5997 section 4.1); when its dead time is over, believe it."""
        health = service.health
        if health.dead_until is None:
            return []
        events = self._clear(service, A_TURN, now) if health.to_move else []
        if health.dead_until <= now:
            if service.is_connected:
                return events + self.revive(service, now)
            health.dead_until = now + service.config.dead_time_s
        if health.probe.due_at is not None and health.probe.due_at <= now:
            data = self.packets.pack_probe(service, self._entropy(16))
            events.append(SendRadius(service.server, service.kind, PROBE_SOCKET, data))
            health.probe.due_at = now + service.config.probe_interval_s * self._spread()
        self.deadlines.set(-1 - service.number, health.due_at)
        return events

    def revive(self, service: Service, now: float) -> list[Event]:
        """It is asked again like the others."""
        service.health.live()
        self.deadlines.set(-1 - service.number, None)
        return [ServerAlive(service.name, service.kind), *self.drain(service, now)]

    def connected(self, service: Service, socket: int, now: float) -> list[Event]:
        """A connection is up: the service is asked again, whatever was held against it."""
        events: list[Event] = [ConnectionUp(service.name, service.kind)] if service.slots.rise(socket) else []
        return events + (self.revive(service, now) if service.is_dead else self.drain(service, now))

    def disconnected(self, service: Service, socket: int, reason: str, now: float) -> list[Event]:
        """A connection is down: what it carried is sent anew, over another one or to another server.

        Where there is neither it waits for the connection to come back.  What was sent over
        ``max_tries`` connections is left: it may be what breaks them.
        """
        news = service.slots.fall(socket, reason)
        events: list[Event] = [ConnectionDown(service.name, service.kind, reason)] if news else []
        lost = {sent[0] for slot, sent in service.sent.items() if slot >> 8 == socket}
        if not service.is_connected and not service.is_dead:
            events += self._bury(service, now)
        for number in sorted(lost, key=lambda number: (self.requests[number].due_at, number)):
            request = self.requests[number]
            if request.attempt.service != service.number or request.state is not RequestState.SENT:
                continue  # it was taken elsewhere
            before = request.attempt
            self.abandon(request)
            if before.tries >= service.config.max_tries or (
                not service.is_connected and self.servers.has_other(request)
            ):
                events += self.offer(request, now)
                continue
            request.attempt = Attempt(service.number)
            request.attempt.tries, request.attempt.started_at = before.tries, before.started_at
            events += self._ask(request, service, now)
        return events

    def drain(self, service: Service, now: float) -> list[Event]:
        """Send what waited for a slot."""
        events: list[Event] = []
        while service.queue and service.has_room():
            number, _ = service.queue.popitem(last=False)
            events += self._transmit(self.requests[number], service, now)
        return events

    def wake(self, now: float) -> list[Event]:
        """An accounting server answers: those that rested longest may try now."""
        events: list[Event] = []
        for number in self.records.wake():
            events += self.offer(self.requests[number], now)
        return events

    def restore(self, request: Request) -> None:
        """Take a restored request."""
        self.requests[request.number] = request
        self.deadlines.set(request.number, request.due_at)
        if request.kind is Kind.ACCT:
            self.records.count += 1
