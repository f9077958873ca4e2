"""LACs and RADIUS servers of a test on real sockets in real time: a ``World`` whose LNS is another process.

``SimulatedLac`` and ``SimulatedRadius`` are the same as in virtual time.  Everything runs in
the calling thread, and only while ``run`` does.
"""

from __future__ import annotations

import random
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import nullcontext
from types import TracebackType
from typing import NamedTuple

from bras.radius.events import Kind
from tests.support.lacs import SimulatedLac
from tests.support.namespaces import Namespace
from tests.support.world import SimulatedRadius

TICK_S = 0.05
LNS_PORT = 1701


class Heard(NamedTuple):
    """A datagram that came to a LAC or a RADIUS server."""

    source: tuple[str, int]
    data: bytes


class Wire:
    """Stands where a ``World`` stands for LACs; a context manager that closes its sockets."""

    def __init__(self, namespace: Namespace | None = None) -> None:
        """Put the LACs into a namespace (none: that of the test)."""
        self.dice = random.Random(1)
        self.parties: dict[tuple[str, int], Callable[[bytes, float], None]] = {}
        self.speaker_port = LNS_PORT
        """From which port what a LAC hears now has come; that which is called counts as ``LNS_PORT``."""
        self.timers: list[Callable[[], float | None]] = []
        self.handlers: list[Callable[[float], None]] = []
        self.heard: list[Heard] = []
        """What came to the LACs."""
        self.asked: list[Heard] = []
        """What came to the RADIUS servers."""
        self._namespace = namespace
        self._called: dict[tuple[str, int], tuple[str, int]] = {}
        self._sockets: dict[tuple[str, int], socket.socket] = {}
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]  # a socket
        self._selector.close()

    @property
    def now(self) -> float:
        """Return the instant, as ``World`` has it."""
        return time.monotonic()

    # -- who is there

    def lac(self, address: str, port: int = 1701, *, calls: tuple[str, int], hostname: str = "lac1") -> SimulatedLac:
        """Attach a LAC that calls the LNS at an address and port, and open its tunnel."""
        opened = self._bind(self._namespace, address, port, self._lac_readable)
        port = opened.getsockname()[1]
        self._called[address, port] = calls
        self._sockets[address, port] = opened
        lac = SimulatedLac(self, address, port, hostname=hostname)  # type: ignore[arg-type]  # as far as it looks
        lac.open()
        return lac

    def rebind(self, lac: SimulatedLac) -> int:
        """Let a LAC go on from another port, as a NAT may have it; nobody is at the former one."""
        key = lac.address, lac.port
        former, opened = self._sockets[key], self._bind(self._namespace, lac.address, 0, self._lac_readable)
        self._selector.unregister(former)
        former.close()
        self._sockets[key] = opened
        port = int(opened.getsockname()[1])
        self.parties[lac.address, port] = self.parties[key]
        return port

    def vanish(self, lac: SimulatedLac) -> None:
        """Let a LAC be there no more, without a word."""
        opened = self._sockets.pop((lac.address, lac.port))
        self._selector.unregister(opened)
        opened.close()
        place = self.handlers.index(lac.handle_timeout)
        del self.handlers[place], self.timers[place]

    def serve(self, namespace: Namespace | None, address: str, port: int, server: SimulatedRadius) -> None:
        """Attach a RADIUS server; an odd port is for accounting."""
        kind = Kind.ACCT if port & 1 else Kind.AUTH

        def readable(opened: socket.socket) -> None:
            data, source = opened.recvfrom(4096)
            self.asked.append(Heard(source[:2], data))
            answer = server.receive(data, kind)
            if answer is not None:
                opened.sendto(answer, source)

        self._bind(namespace, address, port, readable)

    def _bind(
        self, namespace: Namespace | None, address: str, port: int, readable: Callable[[socket.socket], None]
    ) -> socket.socket:
        with namespace.entered() if namespace is not None else nullcontext():
            opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind((address, port))
        self._selector.register(opened, selectors.EVENT_READ, readable)
        return opened

    # -- what happens

    def send(self, source: str, source_port: int, target: str, target_port: int, data: bytes) -> None:
        """Send for a LAC to the address that it calls, or to another port there."""
        called = self._called[source, source_port]
        self._sockets[source, source_port].sendto(data, called if target_port == LNS_PORT else (called[0], target_port))

    def _lac_readable(self, opened: socket.socket) -> None:
        data, source = opened.recvfrom(4096)
        self.heard.append(Heard(source[:2], data))
        party = opened.getsockname()[:2]
        own = next((self._called[at] for at, one in self._sockets.items() if one is opened), None)
        self.speaker_port = LNS_PORT if source[:2] == own else source[1]
        self.parties[party](data, self.now)

    def run(self, seconds: float, *, until: Callable[[], object]) -> None:
        """Let things happen until something is so; fail when it is not in time."""
        end = self.now + seconds
        while not until():
            assert self.now < end, f"it did not happen in {seconds} s"
            self.step(TICK_S)

    def step(self, seconds: float) -> None:
        """Let happen what is due, and wait for more at most so long."""
        for key, _ in self._selector.select(seconds):
            key.data(key.fileobj)
        for timer, handler in zip(self.timers, self.handlers, strict=True):
            at = timer()
            if at is not None and at <= self.now:
                handler(self.now)
