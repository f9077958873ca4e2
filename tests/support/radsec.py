"""The other end of RadSec, on the loopback: a TLS server that does what a test wants, and a client's view of it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
import threading
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bras.config.radius import RadiusServerConfig
from bras.config.tls import TlsFiles, make
from bras.lns.inputs import Input, RadiusReceived, TransportDown, TransportUp
from bras.runtime.radsec import RadSec
from bras.secret import Secret
from tests.support.certificates import Authority, Pair

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def files(authority: Authority, pair: Pair) -> TlsFiles:
    """Return the three files: who is believed, and who we are."""
    return TlsFiles(str(authority.certificate), str(pair.certificate), str(pair.key))


async def packet(reader: asyncio.StreamReader) -> bytes:
    """Read one RADIUS packet."""
    head = await reader.readexactly(4)
    return head + await reader.readexactly(int.from_bytes(head[2:4], "big") - 4)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back whatever comes."""
    while True:
        writer.write(await packet(reader))


@dataclass
class Server:
    """A TLS server; counts who came."""

    port: int
    clients: list[dict[str, Any]] = field(default_factory=list)
    """What each client's certificate says, as Python's ssl tells it, and its address as "from"."""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    left: int = 0
    """How many are gone."""

    def cut(self) -> None:
        """Break every connection off."""
        for writer in self.writers:
            if not writer.transport.is_closing():
                writer.transport.abort()

    @property
    def names(self) -> list[str]:
        """Return the common name of each client."""
        return [client["subject"][-1][0][1] for client in self.clients]


def _limit(context: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    """Speak this version only, be it one that nobody should speak any more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if version < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("DEFAULT@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = version


@contextlib.contextmanager
def refusing(given: TlsFiles, version: ssl.TLSVersion) -> Iterator[int]:
    """Serve those whose certificates are good and tell the others why not, as servers on OpenSSL do; yield the port.

    asyncio's own server hangs up without a word.
    """
    context = make(given, server_side=True).context
    _limit(context, version)
    listening = socket.create_server(("127.0.0.1", 0))
    visitors: list[socket.socket] = []

    def meet() -> None:
        while True:
            try:
                opened, _ = listening.accept()
            except OSError:
                return  # the test is over
            with context.wrap_socket(opened, server_side=True, do_handshake_on_connect=False) as client:
                visitors.append(client)
                client.settimeout(10)
                with contextlib.suppress(OSError):
                    with contextlib.suppress(ssl.SSLError):
                        client.do_handshake()
                        client.recv(1)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(4096):
                        pass  # unread octets would turn our goodbye into a reset

    thread = threading.Thread(target=meet)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        for visitor in visitors:
            with contextlib.suppress(OSError):  # gone already
                visitor.shutdown(socket.SHUT_RDWR)
        thread.join()
        listening.close()


@contextlib.asynccontextmanager
async def serving(
    given: TlsFiles, talk: Talk = echo, *, port: int = 0, version: ssl.TLSVersion | None = None
) -> AsyncIterator[Server]:
    """Serve on 127.0.0.1 with these files, which say whose clients are welcome."""
    context = make(given, server_side=True).context
    if version is not None:
        _limit(context, version)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peercert") or {}
        server.clients.append({**peer, "from": writer.get_extra_info("peername")[0]})
        server.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):  # the client is gone
            await talk(reader, writer)
        server.left += 1
        writer.close()

    listening = await asyncio.start_server(meet, "127.0.0.1", port, ssl=context)
    server = Server(listening.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listening.close()
        server.cut()
        await asyncio.sleep(0.01)  # what is broken off is closed in the next turns of the loop


class Client:
    """A ``RadSec`` and all that it told."""

    def __init__(self) -> None:
        """Begin with no server."""
        self.told: list[Input] = []
        self.radsec = RadSec(self.told.extend)

    def serve(self, *servers: RadiusServerConfig) -> None:
        """Be a client of these servers."""
        self.radsec.serve(dict(enumerate(servers)))

    async def until(self, so: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not so():
            assert time.monotonic() < end, f"it did not happen in {seconds} s; told: {self.told[-5:]}"
            await asyncio.sleep(0.002)

    def ups(self, number: int = 0) -> list[TransportUp]:
        """Return how often a server's connections came up."""
        return [one for one in self.told if isinstance(one, TransportUp) and one.server == number]

    def downs(self, number: int = 0) -> list[TransportDown]:
        """Return how often a server's connections went down."""
        return [one for one in self.told if isinstance(one, TransportDown) and one.server == number]

    def received(self) -> list[bytes]:
        """Return the packets that came."""
        return [one.data for one in self.told if isinstance(one, RadiusReceived)]

    async def down(self, number: int = 0) -> str:
        """Return why a server's first connection is down."""
        await self.until(lambda: self.downs(number))
        return self.downs(number)[0].reason


def towards(port: int, given: TlsFiles, **keys: Any) -> RadiusServerConfig:
    """Return the section of a server on the loopback; accounting only if it is asked for."""
    server = RadiusServerConfig(
        "127.0.0.1",
        Secret(b"radsec"),
        name="one",
        transport="tls",
        auth_port=port,
        acct_port=0,
        tls_ca=given.ca,
        tls_certificate=given.certificate,
        tls_key=given.key,
    )
    return replace(server, **keys)


def numbers_are_free() -> None:
    """See that no transport still holds the number of a descriptor that is closed: the next ones are what it likes."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            for end in socket.socketpair():
                stack.enter_context(end)
                loop.add_reader(end.fileno(), end.recv, 1)
                loop.remove_reader(end.fileno())


@contextlib.contextmanager
def nothing_kept() -> Iterator[None]:
    """See that what becomes of connections leaves nothing for the garbage collector: each has large buffers."""
    gc.collect()
    gc.disable()
    before = _connections()  # of a test that has failed, whose report holds them
    try:
        yield
        kept = [one for one in _connections() if not any(one is other for other in before)]
        assert not kept, f"{len(kept)} connections"
    finally:
        gc.enable()


def _connections() -> list[object]:
    return [one for one in gc.get_objects() if isinstance(one, asyncio.sslproto.SSLProtocol)]


async def _quiet() -> None:
    """Wait until everybody is gone."""
    end = time.monotonic() + 10
    loop = asyncio.get_running_loop()
    while len(asyncio.all_tasks()) > 1 or len(loop._selector.get_map()) > 1:  # type: ignore[attr-defined]  # nobody else tells of transports that still say goodbye
        assert time.monotonic() < end, f"left over: {asyncio.all_tasks()}"
        await asyncio.sleep(0.001)
    for _ in range(5):  # those that nobody watches any more are closed in their turn
        await asyncio.sleep(0)


def run(use: Callable[[Client], Awaitable[None]]) -> None:
    """Run a test on a loop of its own; whatever the loop would only have logged fails it."""
    wrong: list[Mapping[str, Any]] = []

    async def go() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: wrong.append(context))
        client = Client()
        try:
            async with asyncio.timeout(30):
                await use(client)
        finally:
            client.radsec.close()
            await _quiet()

    asyncio.run(go())
    assert not wrong, wrong
