"""A day of an LNS in half a minute: calls and refusals, traffic and drops, a RADIUS server that lies, a restart.

lac 198.18.0.2 ── 198.18.0.1 lns: bras, Prometheus 198.18.1.1 ── 198.18.1.2 (RADIUS), .3 (a liar) core
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.certificates import Authority
from tests.support.dynauth import dynamic_request
from tests.support.lns import BRAS, CONFIG, Lns, changed
from tests.support.namespaces import Namespace, Network
from tests.support.provider import bpf_file_system
from tests.support.radius import attribute

WORLD, LIAR = "198.18.1.2", "198.18.1.3"
COA_SECRET = b"coasecret"
_COA_REQUEST = 43
_QUICK = {"timeout_s": 0.3, "max_tries": 1, "fail_count": 2, "probe_interval_s": 1, "dead_time_s": 3600}


def configuration(authority: Authority, directory: Path, pins: Path) -> dict[str, Any]:
    """Return a configuration in which everything that is counted can happen."""
    ours = authority.issue("lns1")
    base = CONFIG["lac"][0]
    return changed(
        CONFIG,
        {
            "lac": [
                base | {"hostname": "lac*"},
                base
                | {"name": "tiny", "hostname": "tiny*", "pool": "tiny", "max_sessions": 2, "rate_up_bps": 64_000}
                | {"quota_up_octets": 10_000, "at_quota": "throttle", "quota_rate_up_bps": 32_000}
                | {"interim_interval_s": 5},
                base | {"name": "proxy", "hostname": "proxy*", "proxy": "accept"},
            ],
            "pool": [*CONFIG["pool"], {"name": "tiny", "ranges": ["10.65.0.1/32"]}],
            "ppp": {"echo_interval_s": 1},
            "radius": {
                "server": [
                    {"name": "liar", "address": LIAR, "secret": "radsecret", **_QUICK},
                    {"name": "good", "address": WORLD, "secret": "radsecret"},
                    {
                        "name": "tls",
                        "address": WORLD,
                        "transport": "tls",
                        "tls_ca": str(authority.certificate),
                        "tls_certificate": str(ours.certificate),
                        "tls_key": str(ours.key),
                    },
                ],
                "coa": {
                    "listen": ["198.18.1.1"],
                    "client": [{"name": "policy", "address": ["198.18.1.0/24"], "secret": COA_SECRET.decode()}],
                },
            },
            "dataplane": {"backend": "ebpf", "pin_dir": str(pins / "bras"), "counter_interval_s": 0.5},
            "metrics": {"sessions": True},
            "state": {"directory": str(directory / "state")},
        },
    )


class Day:
    """The namespaces, the daemon in them, and what can happen to it."""

    def __init__(self, lac: Namespace, lns: Namespace, core: Namespace, daemon: Lns) -> None:
        self.lac, self.lns, self.core, self.daemon = lac, lns, core, daemon

    def dial(self, *options: str) -> None:
        """Run a LAC to its end, whatever becomes of its calls."""
        self.lac.run(*_lac(*options), check=False, timeout=120)

    @contextlib.contextmanager
    def staying(self, *options: str) -> Iterator[None]:
        """Hold calls up for a while."""
        with self.lac.start(
            *_lac(*options, "--hold", "-1"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as lac:
            try:
                yield
            finally:
                lac.send_signal(signal.SIGINT)
                lac.wait(60)

    def happen(self) -> None:
        """Let all of it happen, but for what stays."""
        self.dial(
            "--sessions",
            "6",
            "--tunnels",
            "2",
            "--method",
            "mschapv2,chap,pap",
            "--ping",
            WORLD,
            "--ping-interval",
            "0.2",
        )
        self.dial("--secret", "wrong")
        self.dial("--password", "wrong", "--sessions", "2")
        self.dial("--hostname", "proxy%d", "--proxy", "--sessions", "2")
        self.dial("--hostname", "tiny%d", "--sessions", "4", "--timeout", "5")
        self.dial("--hostname", "tiny%d", "--udp", f"{WORLD}:9", "--udp-rate", "1000000", "--hold", "3")
        self.send(self.lac, ("198.18.0.1", 1701), b"\xc8\x02\x00\x0c\x7f\xff\x00\x00\x00\x00\x00\x00")
        self.send(self.core, ("10.64.255.1", 9), b"nobody is there")
        self.ask_for_changes(1)

    def ask_for_changes(self, identifier: int) -> None:
        """Send two CoA-Requests, of which one is answered; the other is of somebody who does not know the secret."""
        for secret in (COA_SECRET, b"another"):
            request = dynamic_request(_COA_REQUEST, attribute(1, b"nobody"), identifier=identifier, secret=secret)
            self.send(self.core, ("198.18.1.1", 3799), request)

    @staticmethod
    def send(where: Namespace, to: tuple[str, int], data: bytes) -> None:
        """Send one datagram."""
        with where.entered():
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with opened:
            opened.sendto(data, to)


def _lac(*options: str) -> list[str]:
    secret = () if "--secret" in options else ("--secret", "tunsecret")
    return [str(BRAS), "lab", "lac", "198.18.0.1", *secret, *options]


@contextlib.contextmanager
def _lying(core: Namespace) -> Iterator[None]:
    """Answer requests to the liar with what nobody may believe."""
    with core.entered():
        opened = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]

    def lie(port: int, server: socket.socket) -> None:
        while (got := server.recvfrom(4096))[0]:  # of a socket that is shut down nothing comes
            server.sendto(bytes((2 if port == 1812 else 5, got[0][1], 0, 20)) + bytes(16), got[1])

    threads = []
    for port, server in zip((1812, 1813), opened, strict=True):
        server.bind((LIAR, port))
        threads.append(threading.Thread(target=lie, args=(port, server), daemon=True))
        threads[-1].start()
    try:
        yield
    finally:
        for server in opened:
            with contextlib.suppress(OSError):  # nobody is at the other end of it, which wakes the thread all the same
                server.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)
        for server in opened:
            server.close()


@contextlib.contextmanager
def day(directory: Path, authority: Authority) -> Iterator[Day]:
    """Lay the network, and run a RADIUS server and the daemon in it."""
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(Network())
        lac, lns = network.namespace("lac"), network.namespace("lns", forwarding=True)
        core = network.namespace("core")
        network.link(lac, "eth0", ["198.18.0.2/24"], lns, "eth0", ["198.18.0.1/24"])
        network.link(lns, "eth1", ["198.18.1.1/24"], core, "eth0", [f"{WORLD}/24", f"{LIAR}/24"])
        core.ip("route", "add", "10.64.0.0/15", "via", "198.18.1.1")
        command = [str(BRAS), "lab", "radius", "--listen", WORLD, "--log", str(directory / "radius.jsonl")]
        radius = stack.enter_context(core.start(*command, stderr=subprocess.PIPE, text=True))
        stack.callback(radius.terminate)
        assert radius.stderr.readline().startswith("RADIUS on")
        stack.enter_context(_lying(core))
        pins = stack.enter_context(bpf_file_system(directory / "bpf"))
        daemon = stack.enter_context(Lns(lns, directory / "lns", configuration(authority, directory, pins)))
        yield Day(lac, lns, core, daemon)
