"""Debian's l2tpns as a subject of measurement, with sessions that were set up for real."""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmark.frames import FAR_NETWORK, LAC, LNS
from tests.benchmark.offered import DOWN_BURST, UP_BURST, Send, Sender, bursts, received, targets
from tests.benchmark.roads import CORE, LNS_CORE
from tests.benchmark.tun import message
from tests.support.namespaces import Namespace, Network

sys.path.insert(0, str(Path(__file__).parent))

from generator import Generator, cpu_s
from lns import start_l2tpns

TUNNELS = 100
WITHIN_S = 120.0


class Bed:
    """The namespaces by their roles, for what starts an LNS in one."""

    def __init__(self, **roles: Namespace) -> None:
        self._roles = roles

    def start(self, role: str, command: Sequence[str], **options: Any) -> Any:
        """Start a command in a role's namespace."""
        return self._roles[role].start(*command, **options)


class L2tpnsSubject:
    """A running l2tpns; the LAC and the RADIUS server are this process, which answers between measurements."""

    def __init__(self, network: Network, sessions: int, core: int, lns_core: int) -> None:
        """``core`` is that of the sender and of this process."""
        self._core = core
        self.lac, lns, self.core = (network.namespace(role) for role in ("lac", "lns", "core"))
        lns.sysctl("net.ipv4.ip_forward", 1)
        network.link(self.lac, "eth0", [f"{LAC}/24"], lns, "lac0", [f"{LNS}/24"])
        network.link(self.lac, "radius0", ["198.18.1.2/24"], lns, "radius0", ["198.18.1.1/24"])
        network.link(lns, "core0", [f"{LNS_CORE}/24"], self.core, "eth0", [f"{CORE}/24"])
        self.core.ip("route", "add", "default", "via", LNS_CORE)
        self.core.ip("route", "add", "blackhole", FAR_NETWORK)
        lns.ip("route", "add", FAR_NETWORK, "via", CORE)
        self._place = tempfile.TemporaryDirectory(prefix="bras-benchmark-")
        bed = Bed(lns=lns)
        self._running = start_l2tpns(bed, Path(self._place.name), cpu=lns_core, method="chap", interface="lac0")
        self._generator = self._set_up(sessions)
        tunnels = self._generator.tunnels
        self._sessions = [each for tunnel in tunnels for each in tunnel.sessions if each is not None and each.up]

    def _set_up(self, sessions: int) -> Generator:
        options = argparse.Namespace(
            lns=LNS, lac=LAC, lacs=1, radius="198.18.1.2", radius_secret="radsecret", secret="tunsecret",
            password="pass", sessions=sessions, tunnels=min(TUNNELS, sessions), window=4, concurrency=400,
            method="chap", limit=WITHIN_S, signals=False,
        )  # fmt: skip
        with self.lac.entered():
            generator = Generator(options)
        generator.open_tunnels()
        generator.set_up()
        return generator

    @property
    def sessions(self) -> int:
        """How many came up."""
        return len(self._sessions)

    def sender(self, direction: str, octets: int) -> Sender:
        """Start what sends; before that, answer what was asked meanwhile."""
        self._generator.run_until(lambda: False, 0.5)
        up = direction == "up"
        made = self._up if up else self._down
        return Sender(
            lambda: made(octets), UP_BURST if up else DOWN_BURST, octets + 10 if up else octets - 28, self._core
        )

    def _up(self, octets: int) -> Sequence[Send]:
        messages = [message(each.head[:6], int.from_bytes(each.request[2:6], "big"), octets) for each in self._sessions]
        return [(self._generator.sockets[0], burst, None) for burst in bursts(messages)]

    def _down(self, octets: int) -> Sequence[Send]:
        with self.core.entered():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        addresses = [socket.inet_ntoa(each.request[2:6]) for each in self._sessions]
        return [(sock, bytes((octets - 28) * DOWN_BURST), (address, 9)) for address in targets(addresses)]

    def pump(self, seconds: float) -> None:
        """Let it work."""
        time.sleep(seconds)

    def arrived(self, direction: str) -> int:
        """Return what came out at the far end."""
        return received(self.core if direction == "up" else self.lac)

    def cpu_s(self) -> float:
        """Return the CPU time of l2tpns."""
        return cpu_s(self._running.process.pid)

    def close(self) -> None:
        """End it without a word to anybody."""
        self._running.process.kill()
        self._running.process.wait()
        for sock in (*self._generator.sockets, *self._generator.responder.sockets):
            sock.close()
        self._place.cleanup()
