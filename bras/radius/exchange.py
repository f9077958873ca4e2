"""The RADIUS client: requests, retransmission, fail-over, and what becomes of them.

A request goes to the server of its group that is to have it (``bras.radius.selection``).  It
is sent again with doubling, jittered intervals up to ``timeout_cap_s``, ``max_tries`` times
in all (RFC 5080 section 2.2.1: IRT, MRT, MRC, RAND); then the next server is asked.  A
server that left ``fail_count`` requests in a row unanswered counts as dead
(``bras.radius.health``): what it has is given to others at once, and it is passed over while
another one lives.  When none lives they are all asked all the same: real traffic is a probe.

An Access-Request that every server left unanswered, or that has been under way for
``patience_s`` (MRD), is over (``Unanswered``).  An accounting record never is: it rests,
longer each time up to ``REST_CAP_S``, and every answer of an accounting server wakes two, so
that a backlog drains as fast as the server takes it.

An Access-Request is sent again as it was.  In an Accounting-Request Acct-Delay-Time grows, so
it gets a new identifier (RFC 2866 section 5.2); an answer to any of its transmissions counts.
A reply that does not verify is dropped; the true one may still come.  What many requests are
due for at once is done ``A_TURN`` at a time, so that nobody else waits for it.
"""

from __future__ import annotations

from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.config.understood import ignored
from bras.errors import DropReason
from bras.ids import Entropy
from bras.plain import Saved
from bras.radius.codec import HEADER_OCTETS, Codec
from bras.radius.credentials import MAX_PASSWORD_OCTETS, Credentials, Pap
from bras.radius.dispatch import A_TURN, Dispatch
from bras.radius.events import Answered, Event, Kind, Rejected, ServerAlive
from bras.radius.packets import Packets
from bras.radius.request import Request, new_round
from bras.radius.server import Servers
from bras.radius.service import Service
from bras.radius.slots import PROBE_SOCKET


class Exchanges:
    """All requests to all RADIUS servers."""

    __slots__ = ("_codec", "_deadlines", "_dispatch", "_entropy", "_packets", "_requests", "_servers", "backlog")

    def __init__(self, config: RadiusConfig, codec: Codec, entropy: Entropy) -> None:
        """Begin with nothing in flight."""
        self._codec = codec
        self._packets = _packets(config, codec)
        self._entropy = entropy
        self._servers = Servers(config)
        self._dispatch = dispatch = Dispatch(self._packets, self._servers, config.patience_s, entropy)
        self._requests = dispatch.requests
        self._deadlines = dispatch.deadlines
        self.backlog = dispatch.records

    # -- what the owner reads

    @property
    def deadline(self) -> float | None:
        """Return the instant at which ``handle_timeout`` should be called."""
        return self._deadlines.next_deadline

    @property
    def records(self) -> int:
        """Return how many accounting records await their acknowledgement."""
        return self.backlog.count

    @property
    def servers(self) -> dict[int, RadiusServerConfig]:
        """Return the servers by the number that ``SendRadius`` names."""
        return self._servers.configs

    def rows(self, *, now: float) -> list[dict[str, str | int | float | None]]:
        """Return a row for each service, for ``show radius``."""
        return [service.row(now=now) for service in self._servers.services.values()]

    def census(self) -> list[dict[str, str | int | bool]]:
        """Return a row for each service, for metrics."""
        return [service.census() for service in self._servers.services.values()]

    def keeps_accounts(self, group: str | None) -> bool:
        """Return whether anybody in the group takes accounting records."""
        return self._servers.keeps_accounts(group)

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
        return events + self._dispatch.offer(request, now) if events else self._dispatch.offer(request, now)

    def account(
        self, record: int, group: str | None, attributes: bytes, created_at: float, *, now: float
    ) -> list[Event]:
        """Tell an accounting record to a server of ``group``.

        ``attributes`` are complete but for Acct-Delay-Time, which counts from ``created_at``.
        Ends in ``AccountingAcknowledged``, and in nothing else; the owner decides how many
        there are (``bras.accounting``).  A record of a group that is not configured any more
        waits until it is again.
        """
        request = Request(record, Kind.ACCT, group, attributes, created_at=created_at)
        number = request.number
        if number in self._requests:
            return []  # told already
        self._requests[number] = request
        self.backlog.count += 1
        return self._dispatch.offer(request, now)

    def cancel(self, key: int, *, now: float) -> list[Event]:
        """Forget an Access-Request: its client is gone.  Others may go out in its place."""
        return self._forget(key << 1, now)

    def withdraw(self, record: int, *, now: float) -> list[Event]:
        """Forget an accounting record: another one has taken its place."""
        return self._forget(record << 1 | 1, now)

    def rouse(self, *, now: float) -> list[Event]:
        """Let those records try again that have rested longest: somebody may answer."""
        return self._dispatch.wake(now) if self.backlog.resting else []

    def _forget(self, number: int, now: float) -> list[Event]:
        request = self._requests.get(number)
        if request is None:
            return []
        asked = request.attempt.service
        self._dispatch.abandon(request)
        self._dispatch.close(request)
        return self._dispatch.drain(self._servers.services[asked], now) if asked >= 0 else []

    def receive(self, server: int, kind: Kind, socket: int, data: bytes, *, now: float) -> list[Event]:
        """Take what came from a server."""
        service = self._servers.of(server, kind)
        if service is None or len(data) < HEADER_OCTETS:
            return [] if service is None else [service.drop(DropReason.RADIUS_SHORT)]
        slot = socket << 8 | data[1]
        sent = service.sent.get(slot)
        if sent is None:
            return self._unawaited(service, slot, data, now)
        request = self._requests[sent[0]]
        outcome = self._packets.understand(service, request, data, sent)
        if isinstance(outcome, DropReason):
            return [self._disbelieve(service, slot, data, outcome)]
        events: list[Event] = [
            Answered(
                service.name,
                kind,
                data[0],
                now - request.attempt.started_at,
                request.key if kind is Kind.AUTH else 0,
            ),
            outcome,
        ]
        self._dispatch.close(request)
        if service.answer():
            self._deadlines.set(-1 - service.number, None)
            events.append(ServerAlive(service.name, kind))
        if service.queue:
            events += self._dispatch.drain(service, now)
        if kind is Kind.ACCT and self.backlog.resting:
            events += self._dispatch.wake(now)
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
            events += self._dispatch.fail(service, now)
            if request.attempt.service == service.number and self._servers.has_other(request):
                events += self._dispatch.leave(request, now)
        return events

    def connected(self, server: int, kind: Kind, socket: int, *, now: float) -> list[Event]:
        """Hear that a connection over TLS is up, with nothing awaited on it."""
        service = self._servers.of(server, kind)
        return [] if service is None or socket == PROBE_SOCKET else self._dispatch.connected(service, socket, now)

    def disconnected(self, server: int, kind: Kind, socket: int, reason: str, *, now: float) -> list[Event]:
        """Hear that a connection over TLS is down: no answer comes by it any more."""
        service = self._servers.of(server, kind)
        if service is None or socket == PROBE_SOCKET:
            return []
        return self._dispatch.disconnected(service, socket, reason, now)

    def handle_timeout(self, *, now: float) -> list[Event]:
        """Do what is due, the longest overdue first; what is left of it is due at once."""
        events: list[Event] = []
        due: list[tuple[float, int]] = []
        for number in self._deadlines.pop_expired(now, most=A_TURN):
            if number < 0:
                events += self._dispatch.attend(self._servers.services[-1 - number], now)
            elif number in self._requests:
                due.append((self._requests[number].due_at, number))
        for due_at, number in sorted(due):
            request = self._requests.get(number)
            if request is not None and request.due_at == due_at <= now:
                events += self._dispatch.act(request, now)
        return events

    def reconfigure(self, config: RadiusConfig, codec: Codec | None = None, *, now: float) -> list[Event]:
        """Go by another configuration: servers come and go, no request and no record is lost.

        What a server had that is gone is offered to the others of its group.  A new secret is
        that of the next transmission; replies to what was sent under the old one still count.
        Whoever has the sockets is told by ``servers`` which ones to close.  ``codec``: that of
        other dictionaries.
        """
        self._codec = codec or self._codec
        self._packets = self._dispatch.packets = _packets(config, self._codec)
        self._dispatch.patience_s = config.patience_s or float("inf")
        before = dict(self._servers.services)
        removed = {service.number: service for service in self._servers.reconfigure(config)}
        services = self._servers.services.values()
        fresh = {service.config.group for service in services if before.get(service.number) is not service}
        kept = ~sum(1 << number for number in removed)
        for request in list(self._requests.values()):
            request.tried &= kept
            self._dispatch.adapt(request, removed.get(request.attempt.service), fresh, now)
        events: list[Event] = []
        for number in removed:
            self._deadlines.set(-1 - number, None)
        for service in services:
            service.health.follow(service.config, now=now)
            self._deadlines.set(-1 - service.number, service.health.due_at)
            events += self._dispatch.drain(service, now)
        return events

    # -- replies that no request awaits

    def _unawaited(self, service: Service, slot: int, data: bytes, now: float) -> list[Event]:
        """Take a reply to a Status-Server; anything else is too late, or was never asked for."""
        if slot >> 8 != PROBE_SOCKET:
            return [service.drop(self._packets.judge(service, slot, data))]
        reason = self._packets.judge_probe(service, slot, data)
        if reason is not None:
            return [service.drop(reason)]
        service.tally.probes_answered += 1
        if service.health.probe_answered(service.config, now=now):
            return self._dispatch.revive(service, now)
        self._deadlines.set(-1 - service.number, service.health.due_at)
        return []

    def _disbelieve(self, service: Service, slot: int, data: bytes, reason: DropReason) -> Event:
        """Drop a reply to a request under way, which may be a true one to the request before it."""
        if reason is DropReason.RADIUS_BAD_AUTHENTICATOR:
            earlier = self._packets.judge(service, slot, data)
            if earlier in (DropReason.RADIUS_LATE, DropReason.RADIUS_DUPLICATE):
                reason = earlier
        return service.drop(reason)

    # -- state

    def save(self) -> Saved:
        """Return plain data.  Passwords in it are hidden with the secret of the first server of their group."""
        return {
            "servers": self._servers.save(),
            "requests": [self._servers.save_request(request) for request in self._requests.values()],
            "resting": list(self.backlog.resting),
        }

    @classmethod
    def restore(cls, saved: Saved, config: RadiusConfig, codec: Codec, entropy: Entropy) -> Exchanges:
        """Return the machine of which ``saved`` is the plain data.

        When ``config`` names other servers, the records are offered to them as new ones, and
        Access-Requests are forgotten.
        """
        exchanges = cls(config, codec, entropy)
        servers, dispatch = exchanges._servers, exchanges._dispatch
        unchanged = servers.take_back(saved["servers"])
        for state in saved["requests"]:
            if unchanged:
                dispatch.restore(servers.restore_request(state))
            elif state["kind"] == Kind.ACCT.value:
                dispatch.restore(new_round(state))
        for service in servers.services.values():
            dispatch.deadlines.set(-1 - service.number, service.health.due_at)
        exchanges.backlog.resting.update(dict.fromkeys(saved["resting"] if unchanged else exchanges._requests))
        return exchanges


def _packets(config: RadiusConfig, codec: Codec) -> Packets:
    return Packets(codec, config.nas_identifier, ignored(config.unsupported))
