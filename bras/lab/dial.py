"""Sockets and the loop round the emulated LAC."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable

from bras.l2tp.events import Path, SendDatagram
from bras.lab.lac import LabLac
from bras.lab.namespaces import LabError
from bras.lab.plan import LacPlan
from bras.lab.subscriber import Stage

DRAINED_AT_ONCE = 64
PROGRESS_S = 1.0

Progress = Callable[[LabLac], None]


class Dialer:
    """Runs a ``LabLac`` to its end; SIGINT and SIGTERM end it politely, a second one at once."""

    def __init__(self, plan: LacPlan, sources: tuple[str, ...] = (), port: int = 0) -> None:
        """Open a socket for each source address (none: as the system chooses); raises ``LabError``."""
        self._sockets: list[socket.socket] = []
        try:
            for source in sources or ("",):
                self._sockets.append(_connect(plan, source, port))
        except LabError:
            self._close()
            raise
        self._paths = [_path(plan, index, sock) for index, sock in enumerate(self._sockets)]
        self.lac = LabLac(plan, self._paths, os.urandom)
        self._poll = select.poll()
        self._index = {}
        for index, sock in enumerate(self._sockets):
            self._poll.register(sock, select.POLLIN)
            self._index[sock.fileno()] = index
        self._signals = 0
        self._hang_up_at: float | None = None

    def run(self, progress: Progress | None = None) -> None:
        """Run until everything has ended; ``progress`` is called once a second."""
        previous = {number: signal.signal(number, self._signalled) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._run(progress)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            self._close()

    def _close(self) -> None:
        for sock in self._sockets:
            sock.close()

    def _signalled(self, *_: object) -> None:
        self._signals += 1
        if self._signals > 1:
            raise KeyboardInterrupt

    def _run(self, progress: Progress | None) -> None:
        lac = self.lac
        now = time.monotonic()
        self._send(lac.start(now=now))
        tell_at = now + PROGRESS_S
        while not lac.finished:
            self._wait(now, tell_at)
            now = time.monotonic()
            if lac.deadline is not None and lac.deadline <= now:
                self._send(lac.handle_timeout(now=now))
            if self._should_finish(now):
                self._send(lac.finish(now=now))
            if now >= tell_at:
                tell_at = now + PROGRESS_S
                if progress is not None:
                    progress(lac)

    def _wait(self, now: float, tell_at: float) -> None:
        """Sleep until a datagram, a deadline or a signal; take what came in."""
        wake_at = min(at for at in (self.lac.deadline, self._hang_up_at, tell_at) if at is not None)
        for number, _ in self._poll.poll(max(0.0, (wake_at - now) * 1000)):
            index = self._index[number]
            self._drain(self._sockets[index], self._paths[index])

    def _drain(self, sock: socket.socket, path: Path) -> None:
        now = time.monotonic()
        for _ in range(DRAINED_AT_ONCE):
            try:
                data = sock.recv(4096)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                return  # nobody listens there (yet): retransmissions go on until their patience ends
            self._send(self.lac.receive(path, data, now=now))

    def _send(self, datagrams: list[SendDatagram]) -> None:
        for datagram in datagrams:
            try:
                self._sockets[datagram.path.listener].send(datagram.data)
            except (BlockingIOError, ConnectionRefusedError):
                continue  # lost, as any datagram may be

    def _should_finish(self, now: float) -> bool:
        """Return whether the sessions have been held for long enough, or a signal came."""
        if self._signals:
            return True
        if not self.lac.settled:
            return False
        if all(one.stage is Stage.ENDED for one in self.lac.subscribers):
            return self.lac.plan.hold_s is not None or bool(self.lac.subscribers)
        if self.lac.plan.hold_s is None:
            return False
        if self._hang_up_at is None:
            self._hang_up_at = now + self.lac.plan.hold_s
        return now >= self._hang_up_at


def _connect(plan: LacPlan, source: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in plan.lns.address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    sock.setblocking(False)
    try:
        if source or port:
            sock.bind((source, port))
        sock.connect((plan.lns.address, plan.lns.port))
    except OSError as error:
        sock.close()
        raise LabError(f"{source or 'any address'} to {plan.lns.address}: {error.strerror or error}") from None
    return sock


def _path(plan: LacPlan, index: int, sock: socket.socket) -> Path:
    local = sock.getsockname()
    return Path(index, local[0], local[1], plan.lns.address, plan.lns.port)
