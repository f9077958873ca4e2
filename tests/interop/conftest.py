"""Real peers around the daemon: a guest that dials in, FreeRADIUS, and tshark as the judge of every run.

    guest 198.18.0.2 (and .101 ... for xl2tpd) ── br0 198.18.0.1: bras ── lo 198.18.1.2: FreeRADIUS, and the world

Guest and namespace serve all tests of the session; the daemon, its captures and FreeRADIUS
belong to one test.  When a test ends, so does the daemon, and what is left is judged.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.capture import Capture
from tests.support.freeradius import FreeRadius
from tests.support.guest import Guest
from tests.support.lns import CONFIG, Lns, Table, changed
from tests.support.namespaces import Namespace, Network

PROGRAMS = (
    *("linux.uml", "depmod", "modprobe", "xl2tpd", "pppd", "freeradius", "tshark", "tcpdump", "ip", "ping", "unshare"),
)
TSHARK = ("l2tp.shared_secret:tunsecret", "radius.shared_secret:radsecret", "radius.validate_authenticator:TRUE")


def pytest_itemcollected(item: pytest.Item) -> None:
    """All of this needs root."""
    item.add_marker(pytest.mark.root)


@dataclass(frozen=True, slots=True)
class Lab:
    """The namespace of the LNS and the guest at the other end of its bridge."""

    namespace: Namespace
    guest: Guest
    directory: Path


@dataclass(frozen=True, slots=True)
class Bench:
    """One daemon and what passed by it: on the LACs' bridge, and towards RADIUS."""

    lns: Lns
    l2tp: Capture
    radius: Capture


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[Lab]:
    """Return a booted guest, behind a bridge, in a namespace of its own."""
    for program in PROGRAMS:
        tool(program)
    directory = tmp_path_factory.mktemp("interop")
    with Network() as network:
        namespace = network.namespace("lns", forwarding=True)
        namespace.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        namespace.ip("address", "add", "198.18.0.1/24", "dev", "br0")
        namespace.ip("link", "set", "br0", "up")
        namespace.ip("tuntap", "add", "tap0", "mode", "tap")
        namespace.ip("link", "set", "tap0", "master", "br0", "up")
        for address in ("198.18.1.2", "198.18.1.3"):
            namespace.ip("address", "add", f"{address}/32", "dev", "lo")
        with Guest(namespace, "tap0", "198.18.0.2/24", "198.18.0.1", directory / "guest") as guest:
            yield Lab(namespace, guest, directory)


@pytest.fixture
def place(lab: Lab, request: pytest.FixtureRequest) -> Path:
    """Return a directory for this test."""
    path = lab.directory / re.sub(r"\W+", "-", request.node.name).strip("-")
    path.mkdir()
    return path


@pytest.fixture
def freeradius(lab: Lab, place: Path) -> Iterator[FreeRadius]:
    """Return the FreeRADIUS that the configuration names; its answers are signed."""
    with FreeRadius(lab.namespace, place / "freeradius") as server:
        yield server


@pytest.fixture
def start(lab: Lab, place: Path) -> Iterator[Callable[..., Bench]]:
    """Return what starts a daemon, with changes to the configuration; the daemon is judged when the test ends."""
    with contextlib.ExitStack() as running:
        benches = []

        def begin(changes: Table | None = None, **sections: Any) -> Bench:
            config = changed(changed(CONFIG, changes or {}), sections)
            l2tp = running.enter_context(Capture(lab.namespace, "br0", place / "l2tp.pcap", "udp or icmp"))
            radius = running.enter_context(
                Capture(lab.namespace, "lo", place / "radius.pcap", "udp portrange 1812-1813")
            )
            lns = running.enter_context(Lns(lab.namespace, place / "bras", config))
            benches.append(Bench(lns, l2tp, radius))
            return benches[-1]

        yield begin
        for bench in benches:
            _judge(bench, lab.namespace)


@pytest.fixture
def bench(freeradius: FreeRadius, start: Callable[..., Bench]) -> Bench:
    """Return a daemon with the configuration of the manual's first page."""
    return start()


def _judge(bench: Bench, namespace: Namespace) -> None:
    """A daemon ends within five seconds, leaves nothing behind, and has sent nothing that tshark holds against it."""
    status = bench.lns.stop()
    bench.l2tp.stop()
    bench.radius.stop()
    log = bench.lns.log_text()
    assert "Traceback" not in log, log[-4000:]
    assert status == 0, log[-4000:]
    assert bench.lns.ended_in_s is not None
    assert bench.lns.ended_in_s < 5
    left = [link["ifname"] for link in namespace.json("link", "show")]
    assert "bras0" not in left
    assert not [route for route in namespace.json("route", "show", "table", "all") if route.get("dev") == "bras0"]
    with ThreadPoolExecutor() as judges:  # tshark takes its time to start
        captures = ((bench.l2tp, "ip.src == 198.18.0.1"), (bench.radius, "udp.dstport in {1812..1813}"))
        verdicts = [judges.submit(capture.complaints, which, TSHARK) for capture, which in captures]
    complaints = [line for verdict in verdicts for line in verdict.result()]
    assert not complaints, "\n".join(complaints)
