"""CoA- and Disconnect-Requests over TLS (RFC 6614 section 2.5): connections that servers make to us.

Who asks is known by its certificate: one of ``tls_ca`` has signed it, it has the ``tls_name``
of a client, and it comes from an address of that client.  Anybody else is hung up on.  An
answer leaves by the connection by which the request came.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from ipaddress import ip_address, ip_network

import structlog

from bras.config.certificate import Certificate, read
from bras.config.coa import CoaClientConfig, CoaConfig
from bras.config.listen import Listen
from bras.config.radsec import files_of
from bras.config.tls import WrongFile
from bras.lns.inputs import CoaReceived, Input
from bras.radius.coa_events import Origin, SendCoaReply
from bras.runtime.radsec_connection import HANDSHAKE_S, Wire, keep_alive, let_go
from bras.runtime.tls_papers import Papers
from bras.runtime.tls_reasons import CLOSED, Loss, explain
from bras.runtime.udp import named, sharing
from bras.telemetry.limit import RepeatLimit, repeated

log = structlog.get_logger()

MOST_CONNECTIONS = 64
"""Those in their handshake included."""
ACCEPT_AGAIN_S = 1.0
"""After a connection that could not be accepted, for want of descriptors; it waits, and would wake us for ever."""
_STRANGER = Loss("address", "no client with a tls_name has this address")
_TOO_MANY = Loss("full", f"{MOST_CONNECTIONS} connections are there already")


class CoaTls:
    """The listening sockets, and the connections that were made to them."""

    __slots__ = ("_config", "_deaf", "_last", "_limit", "_listening", "_meetings", "_papers", "_take", "_wires")

    def __init__(self, take: Callable[[list[Input]], None]) -> None:
        """Listen nowhere yet."""
        self._take = take
        self._config: CoaConfig | None = None
        self._deaf = False
        self._papers: Papers | None = None
        self._listening: dict[Listen, socket.socket] = {}
        self._meetings: set[asyncio.Task[None]] = set()
        self._wires: dict[int, Wire] = {}
        self._last = 0
        self._limit = RepeatLimit()

    def bind(self, config: CoaConfig | None) -> list[Listen]:
        """Bind what is not bound yet, and return it; OSError when that is not possible, and then nothing is."""
        wanted = config.tls_listen if config is not None else ()
        leaving = [opened for one, opened in self._listening.items() if one not in wanted]
        new: list[Listen] = []
        try:
            for one in wanted:
                if one not in self._listening:
                    self._listening[one] = _listen(one, leaving)
                    new.append(one)
        except OSError:
            self.unbind(new)
            raise
        return new

    def unbind(self, listens: Sequence[Listen]) -> None:
        """Take back what ``bind`` did."""
        for one in listens:
            self._listening.pop(one).close()

    def follow(self, config: CoaConfig | None) -> None:
        """Take requests as a configuration says, whose addresses are bound, and from no others; on the loop.

        Connections of clients end when the configuration of CoA is another one: who may ask is judged anew.
        """
        loop = asyncio.get_running_loop()
        wanted = config.tls_listen if config is not None else ()
        for one in [one for one in self._listening if one not in wanted]:
            loop.remove_reader(self._listening[one].fileno())
            self.unbind([one])
        if config != self._config or (self._papers is not None and self._papers.are_others):
            self._hang_up()
            self._config = config
            self._papers = Papers(files_of(config), server_side=True) if config is not None and wanted else None
        for opened in self._listening.values():
            loop.add_reader(opened.fileno(), self._accept, opened)

    @property
    def addresses(self) -> list[str]:
        """Return each "address:port" as bound."""
        names = (opened.getsockname()[:2] for opened in self._listening.values())
        return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in names]

    def deafen(self) -> None:
        """Take no more requests; may be called twice."""
        self._deaf = True
        for opened in self._listening.values():
            asyncio.get_running_loop().remove_reader(opened.fileno())

    def close(self) -> None:
        """Close everything."""
        self._hang_up()
        self.unbind(list(self._listening))

    def send(self, effect: SendCoaReply) -> None:
        """Send an answer; when its connection is gone the client asks again."""
        wire = self._wires.get(-effect.origin.socket)
        if wire is not None:
            wire.write([effect.data])

    def _hang_up(self) -> None:
        for task in self._meetings:
            task.cancel()
        for wire in self._wires.values():
            wire.end(CLOSED)

    # -- one connection

    def _accept(self, listening: socket.socket) -> None:
        try:
            opened, address = listening.accept()
        except (BlockingIOError, ConnectionError):
            return  # it is gone already
        except OSError:
            loop = asyncio.get_running_loop()
            loop.remove_reader(listening.fileno())
            loop.call_later(ACCEPT_AGAIN_S, self._accept_again, listening)
            return
        opened.setblocking(False)
        remote = str(address[0])
        known_there = self._config is not None and any(_at(self._config, remote))  # others may not take our time
        if not known_there or len(self._meetings) >= MOST_CONNECTIONS:
            opened.close()
            self._refuse(remote, _TOO_MANY if known_there else _STRANGER)
            return
        task = asyncio.get_running_loop().create_task(self._meet(opened, remote, int(address[1])))
        self._meetings.add(task)
        task.add_done_callback(partial(self._met, opened))

    def _accept_again(self, listening: socket.socket) -> None:
        if listening in self._listening.values() and not self._deaf:
            asyncio.get_running_loop().add_reader(listening.fileno(), self._accept, listening)

    def _met(self, opened: socket.socket, task: asyncio.Task[None]) -> None:
        self._meetings.discard(task)
        opened.close()  # when it never got as far as a transport

    async def _meet(self, opened: socket.socket, remote: str, port: int) -> None:
        """Shake hands, see who it is, and take requests until it leaves."""
        self._last += 1
        number, local = self._last, str(opened.getsockname()[0])
        origins: list[Origin] = []
        early: list[bytes] = []

        def take(packets: list[bytes]) -> None:
            if self._deaf:
                return  # the client asks the next start, by another connection
            if origins:
                self._take([CoaReceived(origins[0], packet) for packet in packets])
            else:
                early.extend(packets)

        wire = Wire(take)
        try:
            certificate = await self._shake_hands(opened, wire)
        except (OSError, WrongFile, ValueError) as error:
            self._refuse(remote, explain(let_go(error), ""))
            return
        client = None if self._config is None else known(self._config, remote, certificate)
        if client is None:
            names = ", ".join(certificate.names[:4]) or "nobody"
            loss = Loss("name", f"no client at its address has the tls_name of its certificate, which is for {names}")
            wire.end(loss)
            self._refuse(remote, loss)
            return
        origins.append(Origin(-number, local, remote, port, client.name))
        self._wires[number] = wire
        try:
            if early:
                take(early)
            await wire.lost
        finally:
            del self._wires[number]
            wire.end(CLOSED)

    async def _shake_hands(self, opened: socket.socket, wire: Wire) -> Certificate:
        """Return the client's certificate; OSError, WrongFile or ValueError tell why not, and the wire has ended.

        The descriptor becomes the transport's, which closes it; before that its number must not be another's.
        """
        assert self._papers is not None
        material = await self._papers.fresh()
        handed_over = socket.socket(fileno=opened.detach())
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: wire, handed_over, ssl=material.context, ssl_handshake_timeout=HANDSHAKE_S
            )
            return read(transport.get_extra_info("ssl_object").getpeercert(binary_form=True))
        except BaseException:
            wire.end(CLOSED)  # the handshake may go on without us
            raise

    def _refuse(self, remote: str, loss: Loss) -> None:
        """Tell of it, though not of each that a stranger may cause."""
        held_back = self._limit.allow(("coa_connection_refused", loss.word))
        if held_back is not None:
            log.warning("coa_connection_refused", address=remote, reason=loss.text, **repeated(held_back))


def known(config: CoaConfig, remote: str, certificate: Certificate) -> CoaClientConfig | None:
    """Return the client that this is: the first that has a name of the certificate and this address."""
    names = {name.lower() for name in certificate.names}
    return next((client for client in _at(config, remote) if (client.tls_name or "").lower() in names), None)


def _at(config: CoaConfig, remote: str) -> Iterator[CoaClientConfig]:
    """Yield the clients over TLS that may come from an address."""
    address = ip_address(remote)
    for client in config.client:
        if client.tls_name is not None and any(address in ip_network(prefix) for prefix in client.address):
            yield client


def _listen(listen: Listen, beside: Sequence[socket.socket]) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        keep_alive(opened)  # connections inherit it
        with sharing(socket.SO_REUSEPORT, [opened, *beside] if beside else ()):
            opened.bind((listen.address, listen.port))
            opened.listen(MOST_CONNECTIONS)
    except OSError as wrong:
        opened.close()
        raise named(wrong, "TCP", listen) from wrong
    return opened
