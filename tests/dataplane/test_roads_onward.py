"""Routes to the core change while XDP forwards past the stack and remembers what the kernel said of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bras.dataplane.base import Status
from bras.dataplane.blocks import KEPT
from tests.support.inner import HEADERS, data_message, udp
from tests.support.provider import CORE, LAC, LNS, PORT, Road, honest, ready, road, subscriber, udp_socket
from tests.support.traffic import Sink, numbered, soon

pytestmark = pytest.mark.root
FAR = "203.0.113.5"
SECOND = {"lns": "192.0.3.1", "core": "192.0.3.2"}
HUNG_S = 4.0
"""Longer than what the programs are told holds."""
COUNT = 20


@pytest.fixture
def full(pins: Path, tmp_path: Path) -> Iterator[Road]:
    """Return a road in mode full, with a second link to the core by which nothing goes as yet."""
    with road("full", pins / tmp_path.name) as opened:
        core, lns = opened.core, opened.lns
        opened.network.link(core, "eth1", [f"{SECOND['core']}/24"], lns, "core1", [f"{SECOND['lns']}/24"])
        for where, name in ((core, "eth1"), (lns, "core1")):
            honest(where, name)
            ready(where, name)
        for name in ("all", "eth1"):
            core.sysctl(f"net/ipv4/conf/{name}/rp_filter", 0)
        core.ip("address", "add", f"{FAR}/32", "dev", "lo")
        lns.ip("route", "add", "203.0.0.0/16", "via", CORE[4])
        yield opened


def said(full: Road) -> str:
    found: Status = full.do(full.plane.status)
    return found.routes


def test_what_is_known_of_routes_is_shown(full: Road) -> None:
    assert soon(lambda: said(full) == KEPT)
    full.lns.ip("rule", "add", "fwmark", "7", "table", "77")
    assert soon(lambda: said(full) == "rules look at more than the destination")
    full.lns.ip("rule", "del", "fwmark", "7", "table", "77")
    assert soon(lambda: said(full) == KEPT)


@dataclass
class Upstream:
    """A subscriber's packets to a host far behind the core."""

    road: Road
    send: Callable[[int], object]
    sink: Sink
    sent: int = 0

    def by(self, interface: str) -> bool:
        """Send some; tell whether all came in at the core by an interface."""
        before = self._received(interface)
        for _ in range(COUNT):
            self.send(self.sent)
            self.sent += 1
            self.sink.wait(self.sent, 3)
        return self._received(interface) - before >= COUNT

    def _received(self, interface: str) -> int:
        (link,) = self.road.core.json("-statistics", "link", "show", interface)
        return int(link["stats64"]["rx"]["packets"])


@pytest.fixture
def stream(full: Road) -> Iterator[Upstream]:
    with (
        udp_socket(full.lac, LAC[4], PORT) as lac,
        udp_socket(full.core, FAR, PORT) as core,
        Sink(core) as sink,
    ):
        leg = full.leg(4, 1, lac)

        def send(number: int) -> None:
            packet = udp(subscriber(1)[4], FAR, numbered(number, 200 - HEADERS[4]), port=PORT)
            lac.sendto(data_message(leg.key, packet), (LNS[4], PORT))

        with full.entered(full.route(1, leg)):
            assert soon(lambda: said(full) == KEPT)
            yield Upstream(full, send, sink)


def test_a_longer_route_in_the_middle_of_a_stream(full: Road, stream: Upstream) -> None:
    """No packet is lost, and soon none goes the old way."""
    assert stream.by("eth0")
    full.lns.ip("route", "add", FAR, "via", SECOND["core"])
    assert soon(lambda: stream.by("eth1"))
    full.lns.ip("route", "del", FAR, "via", SECOND["core"])
    assert soon(lambda: stream.by("eth0"))
    assert said(full) == KEPT


def test_a_daemon_that_hangs_misleads_no_packet_for_long(full: Road, stream: Upstream) -> None:
    """It does not see the new route; what it has told is forgotten after three seconds."""
    held, let_go = threading.Event(), threading.Event()

    def hang() -> None:
        held.set()
        let_go.wait(60)

    assert stream.by("eth0")
    hanging = threading.Thread(target=full.do, args=(hang,))
    hanging.start()
    try:
        assert held.wait(10)
        full.lns.ip("route", "add", FAR, "via", SECOND["core"])
        time.sleep(HUNG_S)
        assert stream.by("eth1")
    finally:
        let_go.set()
        hanging.join()
    assert soon(lambda: said(full) == KEPT)
    assert stream.by("eth1")
