"""Our back end ``tun`` as a subject of measurement: this process forwards, as the daemon would."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Sequence

from bras.config.model import DataplaneConfig
from bras.dataplane.base import Outlet
from bras.dataplane.rows import dotted
from bras.dataplane.tun import Tun
from tests.benchmark.frames import FAR, FAR_NETWORK, FIRST, LAC, LNS, call_of, ipv4, words_sum
from tests.benchmark.offered import DOWN_BURST, UP_BURST, Send, Sender, bursts, received, targets
from tests.benchmark.roads import CORE, LNS_CORE, POOL, entries
from tests.support.namespaces import Network

BATCH = 64
SO_RCVBUFFORCE = 33


class TunSubject:
    """The back end with its socket and sessions; its core is that of this process."""

    def __init__(self, network: Network, sessions: int, core: int) -> None:
        """``core`` is that of the sender."""
        self.sessions, self._core = sessions, core
        self.lac, lns, self.core = (
            network.namespace("lac"),
            network.namespace("lns", forwarding=True),
            network.namespace("core"),
        )
        network.link(self.lac, "eth0", [f"{LAC}/24"], lns, "lac0", [f"{LNS}/24"])
        network.link(lns, "core0", [f"{LNS_CORE}/24"], self.core, "eth0", [f"{CORE}/24"])
        self.core.ip("route", "add", "default", "via", LNS_CORE)
        self.core.ip("route", "add", "blackhole", FAR_NETWORK)
        lns.ip("route", "add", FAR_NETWORK, "via", CORE)
        with lns.entered():
            self._listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
            self._listener.bind((LNS, 1701))
            self._listener.setblocking(False)
            self._plane = Tun(DataplaneConfig(), [POOL], [Outlet(self._listener, wildcard=False)])
            self._plane.open()
        for outcome in self._plane.program_all(list(entries(range(sessions)))):
            assert outcome.ok, outcome.reason

    def sender(self, direction: str, octets: int) -> Sender:
        """Start what sends."""
        made = self._up if direction == "up" else self._down
        up = direction == "up"
        return Sender(
            lambda: made(octets), UP_BURST if up else DOWN_BURST, octets + 10 if up else octets - 28, self._core
        )

    def _up(self, octets: int) -> Sequence[Send]:
        with self.lac.entered():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((LAC, 1701))
        messages = [
            message(struct.pack("!HI", 2, call_of(slot)), FIRST + slot, octets) for slot in range(self.sessions)
        ]
        return [(sock, burst, (LNS, 1701)) for burst in bursts(messages)]

    def _down(self, octets: int) -> Sequence[Send]:
        with self.lac.entered():
            sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # takes what comes, reads nothing
        sink.bind((LAC, 1701))
        with self.core.entered():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        addresses = [dotted(FIRST + slot) for slot in range(self.sessions)]
        return [(sock, bytes((octets - 28) * DOWN_BURST), (address, 9)) for address in targets(addresses)]

    def pump(self, seconds: float) -> None:
        """Do what the daemon does with its descriptors."""
        (device,) = self._plane.filenos()
        poll = select.epoll()
        poll.register(device, select.EPOLLIN)
        poll.register(self._listener, select.EPOLLIN)
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            for descriptor, _ in poll.poll(0.01):
                if descriptor == device:
                    self._plane.on_readable(now=now)
                else:
                    self._receive(now)
        poll.close()

    def _receive(self, now: float) -> None:
        plane, listener = self._plane, self._listener
        try:
            for _ in range(BATCH):
                plane.datagram(*listener.recvfrom(2048), now=now)
        except BlockingIOError:
            return

    def arrived(self, direction: str) -> int:
        """Return what came out at the far end."""
        return received(self.core if direction == "up" else self.lac)

    def cpu_s(self) -> float:
        """Return the CPU time of this process."""
        return time.process_time()

    def close(self) -> None:
        """End it."""
        self._plane.close()
        self._listener.close()


def message(header: bytes, source: int, octets: int) -> bytes:
    """Return a data message: L2TP header, PPP header and an inner packet of so many octets."""
    head = ipv4(octets, dotted(source), FAR)
    head = head[:10] + struct.pack("!H", 0xFFFF ^ words_sum(head)) + head[12:]
    return header + b"\xff\x03\x00\x21" + head + struct.pack("!HHHH", 5000, 9, octets - 20, 0) + bytes(octets - 28)
