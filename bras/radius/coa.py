"""The server of dynamic authorisation (RFC 5176): who may ask, what was asked before, what is answered.

It knows octets and clients; sessions and transports are its owner's.  ``receive`` verifies
a request and tells it once, with a ticket; ``answer`` makes the answer to a ticket, which
goes to where the last copy of the request came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from bras.config.coa import CoaClientConfig, CoaConfig
from bras.errors import DropReason
from bras.plain import Saved
from bras.radius.coa_events import CoaAnswered, CoaAsked, CoaDropped, CoaRepeated, Event, Origin, SendCoaReply
from bras.radius.codec import SharedSecret
from bras.radius.dynauth import Asked, ErrorCause, Rules, Verified, answer, echo, sort, verify
from bras.radius.repeats import Key, Repeats
from bras.radius.slots import restore_sent, save_sent

MOST_ADDRESSES = 4096
"""Source addresses whose client is remembered."""
MOST_TOLD = 8
"""Sessions of a request that are told by name."""


class Client:
    """One that may ask."""

    __slots__ = ("config", "rules", "secrets")

    def __init__(self, config: CoaClientConfig, window_s: float) -> None:
        """Work out its secrets."""
        self.config = config
        self.secrets = [SharedSecret(secret.reveal()) for secret in config.secrets]
        self.rules = Rules(config.message_authenticator == "require", config.event_timestamp == "require", window_s)


class Clients:
    """Those of the configuration, by address and by name."""

    __slots__ = ("_found", "_prefixes", "by_name")

    def __init__(self, config: CoaConfig) -> None:
        """Take them out of the configuration."""
        self.by_name = {one.name: Client(one, config.window_s) for one in config.client}
        self._prefixes = sorted(
            (
                (ip_network(prefix), self.by_name[one.name])
                for one in config.client
                for prefix in one.address
                if one.tls_name is None  # whoever proves itself by a certificate is not believed without
            ),
            key=lambda held: -held[0].prefixlen,
        )
        self._found: dict[str, Client | None] = {}

    def at(self, address: str) -> Client | None:
        """Return who is at an address: the longest prefix counts."""
        if address in self._found:
            return self._found[address]
        if len(self._found) >= MOST_ADDRESSES:
            self._found.clear()
        one = ip_address(address)
        found = next((client for prefix, client in self._prefixes if one in prefix), None)
        self._found[address] = found
        return found


@dataclass(slots=True)
class Pending:
    """A request that is not answered yet."""

    origin: Origin
    """Where its last copy came from."""
    client: str
    head: bytes
    """Its code, identifier, length and authenticator."""
    asked: Asked
    secret: SharedSecret
    echoed: bytes
    """What its answer says again."""
    received_at: float

    @property
    def key(self) -> Key:
        """Return by what it is remembered."""
        return self.client, self.head


class CoaServer:
    """Takes requests, makes answers."""

    __slots__ = ("_clients", "_config", "_counts", "_offset_s", "_oldest_s", "_pending", "_repeats", "_tickets")

    def __init__(self, config: CoaConfig) -> None:
        """Begin with nothing asked."""
        self._config = config
        self._clients = Clients(config)
        self._pending: dict[int, Pending] = {}
        self._repeats = Repeats()
        self._tickets = 0
        self._counts: dict[tuple[str, str], int] = {}
        """By client, and what became of a request."""
        self._offset_s = float("-inf")
        """Wall clock minus ``now``, as of the last request."""
        self._oldest_s = float("-inf")
        """Event-Timestamp that was the oldest to pass so far, by the wall clock."""

    def follow(self, config: CoaConfig) -> None:
        """Take another configuration; what is pending is answered as it would have been."""
        self._config = config
        self._clients = Clients(config)

    def receive(self, origin: Origin, data: bytes, *, wall_s: float, now: float) -> list[Event]:
        """Take a request; ``wall_s`` is the wall clock in seconds since 1970."""
        client = self._clients.by_name.get(origin.client) if origin.client else self._clients.at(origin.remote)
        if client is None:
            return [CoaDropped("", origin.remote, DropReason.RADIUS_UNKNOWN_CLIENT)]
        name = client.config.name
        found = verify(data, client.secrets, client.rules, wall_s=wall_s)
        if isinstance(found, Verified) and self._was_too_old(found.event_at, wall_s, now):
            found = DropReason.RADIUS_STALE
        if isinstance(found, DropReason):
            self._count(name, "dropped")
            return [CoaDropped(name, origin.remote, found)]
        seen = self._repeats.find((name, data[:20]), now=now)
        if seen is not None and (seen[1] or seen[0] in self._pending):
            return self._repeated(name, origin, *seen)
        return [self._new(client, origin, data[:20], found, wall_s, now)]

    def _was_too_old(self, event_at: float | None, wall_s: float, now: float) -> bool:
        """Return whether a request was too old before the wall clock was set back, which makes nothing young again.

        A clock that is set back by more than the window was so wrong before that nobody could
        be heard if it counted: only what is still remembered is known again then.
        """
        offset_s, window_s = wall_s - now, self._config.window_s
        if offset_s < self._offset_s:
            self._repeats.stretch(self._offset_s - offset_s)
        self._offset_s = offset_s
        if wall_s < self._oldest_s:
            self._oldest_s = wall_s - window_s
        self._oldest_s = max(self._oldest_s, wall_s - window_s)
        return event_at is not None and event_at < self._oldest_s

    def _repeated(self, client: str, origin: Origin, ticket: int, data: bytes) -> list[Event]:
        self._count(client, "repeated")
        repeated = CoaRepeated(client, bool(data))
        if data:
            return [SendCoaReply(origin, data), repeated]
        if ticket in self._pending:
            self._pending[ticket].origin = origin
        return [repeated]

    def _new(
        self, client: Client, origin: Origin, head: bytes, verified: Verified, wall_s: float, now: float
    ) -> CoaAsked:
        name = client.config.name
        request = sort(verified, name)
        ticket = self._tickets = self._tickets + 1
        echoed = echo(verified.code, verified.attributes)
        pending = Pending(origin, name, head, request.asked, client.secrets[verified.secret], echoed, now)
        self._pending[ticket] = pending
        since = 0.0 if verified.event_at is None else verified.event_at - wall_s
        until_at = now + since + self._config.window_s + 1.0
        self._repeats.add(pending.key, ticket, until_at=until_at, now=now)
        return CoaAsked(ticket, request)

    def answer(
        self,
        ticket: int,
        cause: ErrorCause | None,
        *,
        sessions: tuple[str, ...] = (),
        user: str = "",
        text: str = "",
        now: float,
    ) -> list[Event]:
        """Answer a request: ACK, or with a ``cause`` NAK; the rest is for the log."""
        pending = self._pending.pop(ticket, None)
        if pending is None:
            return []
        head = pending.head
        data = answer(head[0], head[1], head[4:20], pending.echoed, pending.secret, cause)
        self._repeats.answered(pending.key, data, now=now)
        self._count(pending.client, "ack" if cause is None else "nak")
        told = CoaAnswered(
            pending.client,
            pending.asked,
            cause,
            now - pending.received_at,
            sessions[:MOST_TOLD],
            len(sessions),
            user,
            text,
        )
        return [SendCoaReply(pending.origin, data), told]

    def _count(self, client: str, what: str) -> None:
        self._counts[client, what] = self._counts.get((client, what), 0) + 1

    def rows(self) -> list[dict[str, str | int | list[str]]]:
        """Return a row for each client, as ``ShowCoa`` promises it."""
        counts = self._counts
        waiting = [pending.client for pending in self._pending.values()]
        return [
            {
                "client": one.name,
                "address": list(one.address),
                **{what: counts.get((one.name, what), 0) for what in ("ack", "nak", "repeated", "dropped")},
                "pending": waiting.count(one.name),
            }
            for one in self._config.client
        ]

    # -- state

    def save(self) -> Saved:
        """Return plain data."""
        by_name = self._clients.by_name
        return {
            "pending": [
                [
                    ticket,
                    list(one.origin),
                    one.client,
                    one.head,
                    one.asked.value,
                    save_sent((ticket, one.head[4:], one.secret), by_name[one.client].secrets[0]),
                    one.echoed,
                    one.received_at,
                ]
                for ticket, one in self._pending.items()
                if one.client in by_name
            ],
            "repeats": self._repeats.save(),
            "tickets": self._tickets,
            "clock": [self._offset_s, self._oldest_s],
            "counts": [[*key, count] for key, count in self._counts.items()],
        }

    @classmethod
    def restore(cls, saved: Saved, config: CoaConfig) -> CoaServer:
        """Return the server that ``save`` was called on; of clients that there are no more nothing is left."""
        server = cls(config)
        for ticket, origin, client, head, asked, secret, echoed, received_at in saved["pending"]:
            held = server._clients.by_name.get(client)
            if held is not None:
                _, used = restore_sent(secret, held.secrets[0])
                server._pending[ticket] = Pending(
                    Origin(*origin), client, head, Asked(asked), used, echoed, received_at
                )
        server._repeats.restore(saved["repeats"])
        server._tickets = saved["tickets"]
        server._offset_s, server._oldest_s = saved["clock"]
        server._counts = {(client, what): count for client, what, count in saved["counts"]}
        return server
