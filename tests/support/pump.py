"""A data plane at work in a thread, and a subscriber behind a hand-made LAC, both over real sockets and devices.

The LAC here is written from RFC 2661 section 3.1 alone and shares no code with the product,
so that one error cannot be on both sides.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext
from types import TracebackType
from typing import Any, TypeVar

from bras.dataplane.base import DataPlane
from tests.support.namespaces import Namespace

BATCH = 64
MOST = 1000
"""Datagrams that are kept to be looked at, at most."""
T = TypeVar("T")


class Loop:
    """Calls ``_readable`` whenever one of its descriptors is, in a thread, until it is left."""

    def __init__(self, *descriptors: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = os.pipe()
        for descriptor in (self._wake, *descriptors):
            self._selector.register(descriptor, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run)
        self._errands: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self.failure: BaseException | None = None

    def __enter__(self):  # type: ignore[no-untyped-def]  # each subclass returns itself
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.write(self._waker, b"x")
        self._thread.join()
        self._selector.close()
        os.close(self._wake)
        os.close(self._waker)
        if self.failure is not None and error is None:
            raise self.failure

    def do(self, what: Callable[[], T]) -> T:
        """Call ``what`` in the thread of the loop, between two wakes of it, and return what it returns."""
        answer: Future[T] = Future()
        self._errands.append((what, answer))
        os.write(self._waker, b"e")
        return answer.result(60)

    def _run(self) -> None:
        try:
            while True:
                ready = [key.fd for key, _ in self._selector.select()]
                if self._wake in ready:
                    ready.remove(self._wake)
                    if b"x" in os.read(self._wake, 4096):
                        return
                    self._run_errands()
                for descriptor in ready:
                    self._readable(descriptor)
        except BaseException as failure:  # noqa: BLE001 - handed to whoever leaves the loop
            self.failure = failure

    def _run_errands(self) -> None:
        while self._errands:
            what, answer = self._errands.popleft()
            try:
                answer.set_result(what())
            except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
                answer.set_exception(error)

    def _readable(self, descriptor: int) -> None:
        raise NotImplementedError


class Pump(Loop):
    """Gives an open data plane the datagrams of its sockets and its own readiness, as the daemon does."""

    def __init__(self, plane: DataPlane, *listeners: socket.socket, namespace: Namespace | None = None) -> None:
        """Its thread lives in ``namespace``, as a daemon does in its own."""
        super().__init__(*plane.filenos(), *(listener.fileno() for listener in listeners))
        self._namespace = namespace
        self._plane = plane
        self._listeners = {listener.fileno(): listener for listener in listeners}
        for listener in listeners:
            listener.setblocking(False)
        self.datagrams = 0
        """That came this way, and so were not carried by anything faster."""
        self.refused: deque[bytes] = deque(maxlen=MOST)
        self.taken: deque[bytes] = deque(maxlen=MOST)

    def _run(self) -> None:
        with self._namespace.entered() if self._namespace is not None else nullcontext():
            super()._run()

    def _readable(self, descriptor: int) -> None:
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        listener = self._listeners.get(descriptor)
        if listener is None:
            self._plane.on_readable(now=now)
            return
        try:
            for _ in range(BATCH):
                data, address = listener.recvfrom(65535)
                self.datagrams += 1
                taken = self._plane.datagram(data, address, now=now)
                (self.taken if taken else self.refused).append(data)
        except BlockingIOError:
            return


def make_tun(name: str) -> int:
    """Make a TUN device in the calling thread's namespace; it lives as long as its descriptor."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x1001))
    return descriptor


class Client(Loop):
    """A subscriber with a kernel stack of its own: packets of its TUN device travel as L2TP data of one session."""

    def __init__(
        self, namespace: Namespace, address: str, mtu: int, lac: socket.socket, tunnel_id: int, session_id: int
    ) -> None:
        """Give ``namespace`` the interface ppp0; ``lac`` is connected to the LNS, the ids are the LNS's own."""
        with namespace.entered():
            self._device = make_tun("ppp0")
        for scope in ("all", "default", "ppp0"):
            namespace.sysctl(f"net/ipv6/conf/{scope}/disable_ipv6", 1)  # counts IPv4 alone
        namespace.ip("address", "add", f"{address}/32", "dev", "ppp0")
        namespace.ip("link", "set", "ppp0", "mtu", str(mtu), "up")
        namespace.ip("route", "add", "default", "dev", "ppp0")
        self._namespace, self._lac = namespace, lac
        self._header = struct.pack("!HHH", 0x0002, tunnel_id, session_id) + b"\xff\x03\x00\x21"
        self.headers: set[bytes] = set()
        lac.setblocking(False)
        super().__init__(self._device, lac.fileno())

    def __exit__(self, *arguments: object) -> None:
        super().__exit__(*arguments)  # type: ignore[arg-type]  # as the context protocol passes them
        os.close(self._device)

    def _readable(self, descriptor: int) -> None:
        try:
            for _ in range(BATCH):
                if descriptor == self._device:
                    self._lac.send(self._header + os.read(self._device, 65535))
                else:
                    data = self._lac.recv(65535)
                    self.headers.add(data[:10])
                    os.write(self._device, data[10:])
        except BlockingIOError:
            return

    def statistics(self) -> tuple[int, int, int, int]:
        """Return octets and packets that the kernel sent into ppp0, octets and packets that it got from it."""
        (link,) = self._namespace.json("-statistics", "link", "show", "ppp0")
        sent, received = link["stats64"]["tx"], link["stats64"]["rx"]
        return sent["bytes"], sent["packets"], received["bytes"], received["packets"]
