"""RADIUS over TLS: the connections towards all servers that are reached so (RFC 6614).

Each service of a server has connections of its own, numbered as the sockets of one over UDP
are, 256 requests each.  The first is there from the start, so that it is known whether the
server is; others are made when they are first used.  One server's handshake, silence or
garbage is nothing to the others.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from bras.config.certificate import Certificate
from bras.config.radius import RadiusServerConfig
from bras.config.radsec import files_of, name_of
from bras.config.tls import days_left, lifetime
from bras.lns.inputs import Input, RadiusReceived, TransportDown, TransportUp
from bras.radius.events import Kind, SendRadius
from bras.runtime import clock
from bras.runtime.radsec_connection import Connection, Key
from bras.runtime.tls_papers import Papers
from bras.runtime.tls_reasons import Loss
from bras.telemetry.connections import ConnectionFigures

log = structlog.get_logger()

CHECK_S = 86400.0
"""Between two looks at when our certificates end."""


def _way(server: RadiusServerConfig) -> tuple[object, ...]:
    """Return what a connection depends on."""
    return (*files_of(server), name_of(server), server.address, server.source, server.auth_port, server.acct_port)


class RadSec:
    """The connections of all servers over TLS."""

    __slots__ = ("_connections", "_losses", "_papers", "_servers", "_take", "_timer", "_tries", "_warned")

    def __init__(self, take: Callable[[list[Input]], None]) -> None:
        """Connect to nobody yet; ``take`` takes what comes of itself, never while ``send`` is at work."""
        self._take = take
        self._servers: dict[int, RadiusServerConfig] = {}
        self._papers: dict[int, Papers] = {}
        self._connections: dict[Key, Connection] = {}
        self._tries: Counter[tuple[str, str]] = Counter()
        self._losses: Counter[tuple[str, str, str]] = Counter()
        self._warned: dict[str, Certificate] = {}
        self._timer: asyncio.TimerHandle | None = None

    def serve(self, servers: Mapping[int, RadiusServerConfig]) -> None:
        """Have connections with these servers, by their numbers, and with no others; on the loop.

        One that is reached in the same way, with the same files as they lie there, keeps its connections.
        """
        wanted = {number: server for number, server in servers.items() if server.transport == "tls"}
        for number, server in list(self._servers.items()):
            if number not in wanted or _way(wanted[number]) != _way(server) or self._papers[number].are_others:
                self._leave(number)
        for number, server in wanted.items():
            if number not in self._papers:
                self._papers[number] = Papers(files_of(server))
            self._servers[number] = server
            for kind, port in ((Kind.AUTH, server.auth_port), (Kind.ACCT, server.acct_port)):
                if port:
                    self._connection((number, kind, 0))
        self._forget_others()
        if self._timer is None and self._servers:
            self._timer = asyncio.get_running_loop().call_later(CHECK_S, self._look_at_ends)

    def _leave(self, number: int) -> None:
        del self._servers[number], self._papers[number]
        for key in [key for key in self._connections if key[0] == number]:
            self._connections.pop(key).close()

    def _forget_others(self) -> None:
        """Count, and look at the certificates, of those alone who are there now."""
        names = {server.name for server in self._servers.values()}
        self._tries = Counter({key: count for key, count in self._tries.items() if key[0] in names})
        self._losses = Counter({key: count for key, count in self._losses.items() if key[0] in names})
        self._warned = {name: certificate for name, certificate in self._warned.items() if name in names}

    def _connection(self, key: Key) -> Connection:
        connection = self._connections.get(key)
        if connection is None:
            connection = Connection(key, self._servers[key[0]], self._papers[key[0]], self)
            self._connections[key] = connection
        return connection

    def send(self, effect: SendRadius) -> Input | None:
        """Send a request; that there is no connection comes back as an input."""
        key = (effect.server, effect.kind, effect.socket)
        connection = self._connection(key)
        if connection.send(effect.data):
            return None
        return TransportDown(*key, connection.told.text if connection.told is not None else "")

    def close(self) -> None:
        """Close them all."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        self._servers.clear()
        self._papers.clear()

    # -- what connections tell

    def is_up(self, key: Key) -> None:
        """Tell the machine that it can send."""
        self._take([TransportUp(*key)])

    def is_down(self, key: Key, loss: Loss) -> None:
        """Tell the machine that what it sent has no answer to come."""
        self._take([TransportDown(*key, loss.text)])

    def heard(self, key: Key, packets: list[bytes]) -> None:
        """Hand replies to the machine."""
        self._take([RadiusReceived(*key, packet) for packet in packets])

    def tried(self, key: Key, certificate: Certificate) -> None:
        """Count a try; a certificate of ours that ends soon is worth a line."""
        server = self._servers[key[0]].name
        self._tries[server, key[1].value] += 1
        if self._warned.get(server) != certificate:
            self._warned[server] = certificate
            self._warn(server, certificate)

    def failed(self, key: Key, loss: Loss) -> None:
        """Count it by reason."""
        self._losses[self._servers[key[0]].name, key[1].value, loss.word] += 1

    # -- our certificates

    def _look_at_ends(self) -> None:
        """Warn again of certificates that end: connections may last for longer than they."""
        for server, certificate in self._warned.items():
            self._warn(server, certificate)
        self._timer = asyncio.get_running_loop().call_later(CHECK_S, self._look_at_ends)

    def _warn(self, server: str, certificate: Certificate) -> None:
        wall_s = clock.wall_seconds()
        told = lifetime(certificate, wall_s)
        if told:
            days = int(days_left(certificate, wall_s))
            log.warning(
                "radsec_certificate", server=server, certificate=certificate.subject, problem=told, days_left=days
            )

    def figures(self) -> ConnectionFigures:
        """Return what metrics show."""
        up: Counter[tuple[str, str]] = Counter()
        for key, connection in self._connections.items():
            up[self._servers[key[0]].name, key[1].value] += connection.is_up
        ends = {(server,): certificate.ends_at for server, certificate in self._warned.items()}
        return ConnectionFigures(up, self._tries, self._losses, ends)
