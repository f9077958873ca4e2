"""One TLS connection towards a RADIUS server, made again whenever it is lost (RFC 6614).

It is told of once as up and once as down, and as down again only for another reason; tries in
between are counted, not told.  Requests that come before the handshake is done wait for it.

With TLS 1.3 our end is done before the server has looked at our certificate: a server that
turns us away does it a moment later.  So after a connection that ended like that, the next one
counts as up when it has lasted, or when something came.

A connection that the server closes while nothing is awaited on it (idle servers do) is no
failure: the first of a service is made again at once, others when they are needed.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections.abc import Callable
from typing import Protocol, TypeVar

from bras.config.certificate import Certificate, read
from bras.config.radius import RadiusServerConfig
from bras.config.radsec import name_of
from bras.config.tls import WrongFile
from bras.radius.events import Kind
from bras.radius.stream import Frames
from bras.runtime.tls_papers import Papers
from bras.runtime.tls_reasons import CLOSED, CLOSED_EARLY, Loss, explain

CONNECT_S = 5.0
HANDSHAKE_S = 10.0
SETTLED_S = 1.0
"""A connection that ended sooner, with nothing received, was turned away."""
RETRY_FIRST_S = 0.5
RETRY_CAP_S = 30.0
RETRY_JITTER = 0.25
MAX_WAITING = 256
"""Requests that wait for a handshake: as many as there are identifiers."""
MAX_UNSENT_OCTETS = 1 << 20
"""What a server has not read; 256 requests of the longest kind."""
UNACKNOWLEDGED_MS = 10_000
"""A connection on which octets are unacknowledged for so long is lost (TCP_USER_TIMEOUT)."""
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 20), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))

Key = tuple[int, Kind, int]


class Owner(Protocol):
    """Who is told of connections."""

    def is_up(self, key: Key) -> None:
        """Hear that a connection carries requests now."""

    def is_down(self, key: Key, loss: Loss) -> None:
        """Hear that it does not any more, or still not and for another reason."""

    def heard(self, key: Key, packets: list[bytes]) -> None:
        """Take what came."""

    def tried(self, key: Key, certificate: Certificate) -> None:
        """Count a try, with this certificate of ours."""

    def failed(self, key: Key, loss: Loss) -> None:
        """Count a try that came to nothing, or a connection that was lost."""


class Wire(asyncio.Protocol):
    """The octets of one connection, for as long as it lasts."""

    __slots__ = ("_frames", "_take", "_transport", "heard", "lost", "wrong")

    def __init__(self, take: Callable[[list[bytes]], None]) -> None:
        """Hand whole packets to ``take``."""
        self._take = take
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self.heard = False
        """Whether anything came."""
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.wrong: Loss | None = None
        """Why we ended it ourselves."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; unless it was ended while the handshake went on."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self.wrong is not None:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Hand on what is complete; a stream that makes no sense ends here."""
        packets = self._frames.feed(data)
        if self._frames.wrong:
            self.end(Loss("garbage", self._frames.wrong))
        if packets:
            self.heard = True
            self._take(packets)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for it."""
        self._transport = None
        if not self.lost.done():
            self.lost.set_result(exc)

    def write(self, packets: list[bytes]) -> None:
        """Send, unless the other end has not read for too long.

        Each packet in a TLS record of its own: there are servers (FreeRADIUS 3.2) that take one
        packet from a record, and hang up on more.
        """
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT_OCTETS:
            self.end(Loss("stalled", "the other end does not read what is sent"))
            return
        self._transport.writelines(packets)

    def end(self, why: Loss) -> None:
        """Break it off."""
        self.wrong = self.wrong or why
        if self._transport is not None:
            self._transport.abort()


class Connection:
    """One connection of a service, and all that came before it in its place."""

    __slots__ = (
        "_batch",
        "_owed",
        "_retries",
        "_task",
        "_turned_away",
        "_wire",
        "config",
        "key",
        "owner",
        "papers",
        "told",
    )

    def __init__(self, key: Key, config: RadiusServerConfig, papers: Papers, owner: Owner) -> None:
        """Begin to connect; must be called on the loop."""
        self.key = key
        self.config = config
        self.papers = papers
        self.owner = owner
        self.told: Loss | None = None
        """What the owner believes: why it is down; ``None``: that it is up, or will be."""
        self._wire: Wire | None = None
        self._batch: list[bytes] = []
        self._owed = 0
        """Requests without an answer so far."""
        self._retries = 0
        self._turned_away = False
        self._task: asyncio.Task[None] | None = self._begin()

    @property
    def is_up(self) -> bool:
        """Return whether requests go out as they come."""
        return self._wire is not None

    def send(self, data: bytes) -> bool:
        """Send a request now, or when the handshake is done; false when the connection is down."""
        if self.told is not None:
            return False
        if len(self._batch) < MAX_WAITING:  # more have been given up by those who asked
            self._batch.append(data)
        if self._wire is None:
            if self._task is None:
                self._task = self._begin()
        elif len(self._batch) == 1:
            asyncio.get_running_loop().call_soon(self._flush)
        return True

    def close(self) -> None:
        """End it for good."""
        if self._task is not None:
            self._task.cancel()
        if self._wire is not None:
            self._wire.end(CLOSED)
            self._wire = None

    def _flush(self) -> None:
        """Send all that a wake has brought in one go."""
        if self._wire is not None and self._batch:
            self._owed += len(self._batch)
            self._wire.write(self._batch)
            self._batch = []

    def _begin(self, pause_s: float = 0.0) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._keep_up(pause_s))
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """See that a defect, be it of those who are told, costs the server no more than this connection."""
        wrong = None if task.cancelled() else task.exception()
        if wrong is None:
            return
        asyncio.get_running_loop().call_exception_handler({"message": "a RadSec connection", "exception": wrong})
        if self._wire is not None:
            self._wire.end(CLOSED)
            self._wire = None
        self._task = self._begin(self._pause())

    async def _keep_up(self, pause_s: float) -> None:
        """Connect, serve, and do it again."""
        await asyncio.sleep(pause_s)
        while True:
            loss = await self._serve()
            if loss is None:  # the server had no use for it any more
                if self.key[2] and not self._batch:
                    self._task = None
                    return
            else:
                self._fail(loss)
            await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        """Return the seconds until the next try; none after a connection that had worked."""
        self._retries += 1
        if self._retries == 1:
            return 0.0
        pause = min(RETRY_FIRST_S * float(1 << min(self._retries - 2, 16)), RETRY_CAP_S)
        return pause * random.uniform(1 - RETRY_JITTER, 1 + RETRY_JITTER)

    async def _serve(self) -> Loss | None:
        """Serve for as long as a connection lasts; return why it ended, ``None`` when it was merely idle."""
        try:
            wire = await self._connect()
        except (OSError, WrongFile, ValueError) as error:  # ValueError: a name that OpenSSL cannot take
            return await self._explained(let_go(error))
        began_at = asyncio.get_running_loop().time()
        if self._turned_away:
            await asyncio.wait((wire.lost,), timeout=SETTLED_S)
        if not wire.lost.done():
            self._rise(wire)
        why = await wire.lost
        was_up, self._wire = self._wire is not None, None
        has_lasted = asyncio.get_running_loop().time() - began_at >= SETTLED_S
        if has_lasted:
            self._retries = 0
        self._turned_away = not has_lasted and not wire.heard
        if wire.wrong is not None or why is not None:
            return wire.wrong or explain(why and let_go(why), name_of(self.config))
        if self._turned_away:
            return CLOSED_EARLY
        return None if was_up and not self._owed else CLOSED

    def _rise(self, wire: Wire) -> None:
        self._wire = wire
        self._owed = 0
        self.told = None
        self.owner.is_up(self.key)
        self._flush()

    def _fail(self, loss: Loss) -> None:
        """Count it, and tell it where it is news."""
        self._batch.clear()
        self.owner.failed(self.key, loss)
        if loss != self.told:
            self.told = loss
            self.owner.is_down(self.key, loss)

    async def _connect(self) -> Wire:
        """Connect, with TLS; OSError or WrongFile tell why not."""
        material = await self.papers.fresh()
        self.owner.tried(self.key, material.certificate)
        opened = _socket(self.config)
        try:
            port = self.config.auth_port if self.key[1] is Kind.AUTH else self.config.acct_port
            async with asyncio.timeout(CONNECT_S):
                await asyncio.get_running_loop().sock_connect(opened, (self.config.address, port))
        except BaseException:
            opened.close()
            raise
        return await self._shake_hands(opened, material.context)

    async def _shake_hands(self, opened: socket.socket, context: ssl.SSLContext) -> Wire:
        """Hand the socket over to a transport, which closes it; before that its number must not be another's."""
        wire = Wire(self._heard)
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: wire,
                sock=opened,
                ssl=context,
                server_hostname=name_of(self.config),
                ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=SETTLED_S,
            )
        except BaseException:
            wire.end(CLOSED)  # the handshake may go on without us
            raise
        return wire

    def _heard(self, packets: list[bytes]) -> None:
        self._owed = max(0, self._owed - len(packets))
        self.owner.heard(self.key, packets)

    async def _explained(self, error: OSError | WrongFile | ValueError) -> Loss:
        certificate = None
        if isinstance(error, ssl.SSLCertVerificationError):
            certificate = await self._look()
        return explain(error, name_of(self.config), certificate)

    async def _look(self) -> Certificate | None:
        """Return the server's certificate, whatever it is worth: OpenSSL does not tell what it has refused.

        A connection that believes everybody, on which nothing is sent.
        """
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname = False
        anybody.verify_mode = ssl.CERT_NONE
        port = self.config.auth_port if self.key[1] is Kind.AUTH else self.config.acct_port
        try:
            anybody.load_cert_chain(self.papers.files.certificate, self.papers.files.key)
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(self.config.address, port, ssl=anybody, server_hostname="")
            try:
                der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
                return read(der)
            finally:
                writer.transport.abort()
        except (OSError, ValueError) as error:  # our own files may be others by now, too
            let_go(error)
        return None


_Wrong = TypeVar("_Wrong", bound=Exception)


def let_go(error: _Wrong) -> _Wrong:
    """Part an error, and what led to it, from where they were raised; return it.

    asyncio's frames hold what ended a handshake, and are held by its traceback: a circle with a
    quarter of a megabyte of buffers, which nobody would collect for long.
    """
    one: BaseException | None = error
    while one is not None:
        one.__traceback__, following = None, one.__cause__ or one.__context__
        one.__cause__ = one.__context__ = None
        one = following
    return error


def keep_alive(opened: socket.socket) -> None:
    """Have the kernel find out that the other end is gone."""
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (*_KEEPALIVE, (socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)):
        opened.setsockopt(socket.IPPROTO_TCP, option, value)


def _socket(config: RadiusServerConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        keep_alive(opened)
        if config.source is not None:
            opened.bind((config.source, 0))
    except OSError:
        opened.close()
        raise
    return opened
