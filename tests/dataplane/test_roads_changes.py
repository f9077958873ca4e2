"""The network changes while packets flow: neighbours, routes, links, and another instance beside ours."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bras.dataplane import tcx
from bras.dataplane.base import Outlet
from bras.dataplane.hooks import Hooks, Side
from bras.forwarding.entry import Leg
from tests.support.bpf import hanging
from tests.support.inner import HEADERS, data_message, udp
from tests.support.namespaces import Namespace
from tests.support.provider import (
    CORE,
    FAMILIES,
    LAC,
    LNS,
    MODES,
    PORT,
    Road,
    backend,
    honest,
    opened,
    ready,
    road,
    subscriber,
    udp_socket,
    watched,
)
from tests.support.pump import Pump
from tests.support.traffic import Sink, numbered, paced, soon

pytestmark = pytest.mark.root
both = pytest.mark.both
outers = pytest.mark.parametrize("outer", FAMILIES, ids=lambda family: f"outer{family}")
OCTETS = 200
PER_SECOND, SECONDS = 400, 1.6
CHANGE = 200
"""At this packet the network changes."""
INNER = 4


@dataclass
class Flow:
    """A stream each way of one call whose LAC is this process."""

    leg: Leg
    up: Callable[[int], object]
    down: Callable[[int], object]
    at_core: Sink
    at_lac: Sink

    def both(self, number: int) -> None:
        self.up(number)
        self.down(number)


@contextmanager
def flow(
    road: Road, outer: int, lac_address: str, *, address: str = subscriber(1)[INNER], port: int = PORT
) -> Iterator[Flow]:
    """Open the ends; ``port`` is the LAC's and the LNS's."""
    payload = OCTETS - HEADERS[INNER]
    with (
        udp_socket(road.lac, lac_address, port) as lac,
        udp_socket(road.core, CORE[INNER], port) as core,
        Sink(core) as at_core,
        Sink(lac, number_at=10 + HEADERS[INNER]) as at_lac,
    ):
        leg = road.leg(outer, 1, lac, local_port=port)

        def up(n: int) -> None:
            packet = udp(address, CORE[INNER], numbered(n, payload), port=port)
            lac.sendto(data_message(leg.key, packet), (LNS[outer], port))

        def down(n: int) -> None:
            core.sendto(numbered(n, payload), (address, 5000))

        yield Flow(leg, up, down, at_core, at_lac)


def lost(sink: Sink, sent: int) -> list[int]:
    """Return the numbers that have not come; judges that none came twice."""
    numbers = sink.numbers()
    assert len(numbers) == len(set(numbers))
    print(f"{len(numbers)} of {sent} came")
    return sorted(set(range(sent)) - set(numbers))


@pytest.fixture(params=MODES)
def fresh_road(request: pytest.FixtureRequest, pins: Path, tmp_path: Path) -> Iterator[Road]:
    """Return a road that a test may change for good."""
    with road(request.param, pins / tmp_path.name) as opened:
        yield opened


def streamed(flow: Flow, change: Callable[[], object]) -> tuple[list[int], list[int]]:
    """Send both ways, change something in the middle; return what was lost at core and LAC."""

    def send(number: int) -> None:
        flow.both(number)
        if number == CHANGE:
            change()

    sent = paced(send, per_second=PER_SECOND, seconds=SECONDS)
    with contextlib.suppress(AssertionError):
        flow.at_core.wait(sent, 3)
        flow.at_lac.wait(sent, 3)
    return lost(flow.at_core, sent), lost(flow.at_lac, sent)


@outers
def test_a_neighbour_that_is_forgotten_is_asked_for_again(fresh_road: Road, outer: int) -> None:
    """Nothing is lost: packets wait for the answer."""
    with flow(fresh_road, outer, LAC[outer]) as stream, fresh_road.entered(fresh_road.route(1, stream.leg)):

        def forget() -> None:
            for interface in ("lac0", "core0"):
                fresh_road.lns.ip("neighbour", "flush", "dev", interface)

        assert streamed(stream, forget) == ([], [])


@outers
@both
def test_a_lac_with_another_mac_is_followed(fresh_road: Road, outer: int) -> None:
    """It announces itself; what was sent to it until that was heard has the old address, and is lost."""
    for key in ("ipv4/conf/eth0/arp_notify", "ipv6/conf/eth0/ndisc_notify"):
        fresh_road.lac.sysctl(f"net/{key}", 1)
    with flow(fresh_road, outer, LAC[outer]) as stream, fresh_road.entered(fresh_road.route(1, stream.leg)):

        def change() -> None:
            fresh_road.lac.ip("link", "set", "eth0", "address", "02:00:00:00:be:ef")

        at_core, at_lac = streamed(stream, change)
        assert at_core == []
        assert len(at_lac) <= PER_SECOND / 10
        assert "02:00:00:00:be:ef" in fresh_road.lns.ip("neighbour", "show", "dev", "lac0")


FAR = {4: "198.19.0.2", 6: "2001:db8:ff::2"}
SECOND = {4: ("198.18.2.1", "198.18.2.2"), 6: ("2001:db8:2::1", "2001:db8:2::2")}


def second_link(road: Road) -> None:
    """Lay another link to the LAC, which has an address of its own behind both; the first one leads there."""
    network, lac, lns = road.network, road.lac, road.lns
    network.link(
        *(lac, "eth1", [f"{SECOND[4][1]}/24", f"{SECOND[6][1]}/64"]),
        *(lns, "lac1", [f"{SECOND[4][0]}/24", f"{SECOND[6][0]}/64"]),
    )
    for where, name in ((lac, "eth1"), (lns, "lac1")):
        honest(where, name)
        ready(where, name)
    for family in FAMILIES:
        whole = 32 if family == 4 else 128
        lac.ip("address", "add", f"{FAR[family]}/{whole}", "dev", "lo")
        lns.ip(f"-{family}", "route", "add", FAR[family], "via", LAC[family], "dev", "lac0")
    lac.hold(FAR[6])


@outers
@both
def test_a_route_to_the_lac_that_moves_to_another_link_is_followed(fresh_road: Road, outer: int) -> None:
    """Both ways: the new way is there before the old one goes.

    The one loss that there may be is an old kernel's making, which has no TCX: while it puts the first ``clsact`` on
    the link that has become a LAC's, it sends nothing by that link, some milliseconds long.
    """
    lns, lac = fresh_road.lns, fresh_road.lac
    second_link(fresh_road)

    def move() -> None:
        ours, its = SECOND[outer]
        lns.ip(f"-{outer}", "route", "replace", FAR[outer], "via", its, "dev", "lac1")
        lac.ip(f"-{outer}", "route", "add", LNS[outer], "via", ours, "dev", "eth1")

    with flow(fresh_road, outer, FAR[outer]) as stream, fresh_road.entered(fresh_road.route(1, stream.leg)):
        before = sent_on(lns, "lac1")
        at_core, at_lac = streamed(stream, move)
        assert at_core == []
        assert len(at_lac) <= (0 if tcx.is_there() else PER_SECOND / 20)
        assert sent_on(lns, "lac1") - before >= PER_SECOND * SECONDS - CHANGE - 50
        found(lns, "lac1")
        slow = fresh_road.slow()
        exchange(stream, 10)
        assert fresh_road.slow() == slow
        assert "lac1" in {name for name, _ in fresh_road.do(fresh_road.plane.status).interfaces}


@pytest.fixture
def road_with_filters(with_tcx: None, pins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Road]:
    """Return a road laid by a daemon that knows no TCX."""
    with contextlib.ExitStack() as stack:
        with monkeypatch.context() as patch:
            patch.setattr(tcx, "is_there", lambda: False)
            opened = stack.enter_context(road("tc", pins / tmp_path.name))
        assert opened.do(opened.plane.status).hook == "clsact"
        yield opened


@outers
def test_filters_give_way_to_tcx_in_a_stream(road_with_filters: Road, outer: int) -> None:
    """As when the next daemon knows it: nothing is lost, nothing comes or counts twice."""
    laid = road_with_filters
    with flow(laid, outer, LAC[outer]) as stream, laid.entered(laid.route(1, stream.leg)) as route:
        slow = laid.slow()
        assert streamed(stream, lambda: laid.do(lambda: hang_again(laid))) == ([], [])
        counters, sent = laid.counters(route), len(stream.at_core.arrivals)
        assert (counters.up_packets4, counters.down_packets4) == (sent, sent)
        assert laid.slow() == slow
        assert not laid.lns.run("tc", "filter", "show", "dev", "lac0", "ingress").stdout
        assert hanging(laid.lns, "lac0") == ["tc_up"]


def hang_again(laid: Road) -> None:
    """Put all TC programs where they hang today, in the order of a start."""
    kernel = laid.plane._kernel  # type: ignore[attr-defined]  # it is an Ebpf
    programs, ends = kernel._loaded.programs, map(socket.if_nametoindex, ("bras0p", "bras0", "lac0"))
    hooks = Hooks(kernel._conversation, kernel.anchor.index, kernel._loaded.ours)
    sides = (Side.INGRESS, Side.EGRESS, Side.INGRESS)
    for index, side, name in zip(ends, sides, ("tc_segmented", "tc_down", "tc_up"), strict=True):
        hooks.attach(index, side, programs[name])
        assert (hooks.kind, tcx.attached(index, side.way)) == ("tcx", [programs[name].id])


def found(lns: Namespace, interface: str) -> None:
    """Wait until packets of LACs are taken from an interface."""
    assert soon(lambda: "tc_up" in hanging(lns, interface)), f"{interface} was not found"


def sent_on(where: Namespace, interface: str) -> int:
    (link,) = where.json("-statistics", "link", "show", interface)
    return int(link["stats64"]["tx"]["packets"])


@both
def test_an_interface_of_the_lac_that_comes_and_goes(fresh_road: Road) -> None:
    """The link is deleted and laid again; the call goes on."""
    lns = fresh_road.lns
    with flow(fresh_road, 4, LAC[4]) as stream, fresh_road.entered(fresh_road.route(1, stream.leg)):
        exchange(stream, 1)
        lns.ip("link", "delete", "lac0")
        fresh_road.network.link(fresh_road.lac, "eth0", [f"{LAC[4]}/24"], lns, "lac0", [f"{LNS[4]}/24"])
        fresh_road.lac.run("ethtool", "-K", "eth0", "tx", "off", "gro", "on")
        lns.run("ethtool", "-K", "lac0", "tx", "off", "tx-udp_tnl-segmentation", "off")
        exchange(stream, 10)
        found(lns, "lac0")
        exchange(stream, 50)
        slow = fresh_road.slow()
        exchange(stream, 10)
        assert fresh_road.slow() == slow


@contextmanager
def another_instance(first: Road, pins: Path) -> Iterator[Road]:
    """Open a data plane beside the first one: an anchor, pins and a port of its own, everything else shared."""
    with udp_socket(first.lns, LNS[4], PORT + 1) as listener, contextlib.ExitStack() as undo:
        outlets = [Outlet(listener, wildcard=False)]
        config = {"interface": "bras1", "local_address": "10.255.255.2"}
        plane = backend("tc", outlets, pins, network="10.65.0.0/16", **config)
        undo.enter_context(opened(plane, first.lns))
        pump = undo.enter_context(Pump(plane, listener, namespace=first.lns))
        yield replace(first, plane=plane, pump=pump, read_packets=watched(plane))


@both
def test_two_instances_side_by_side(fresh_road: Road, pins: Path, tmp_path: Path) -> None:
    """On one interface; the second one comes and goes while the first carries, and takes none of its packets."""
    other_address = "10.65.0.7"
    with flow(fresh_road, 4, LAC[4]) as ours, fresh_road.entered(fresh_road.route(1, ours.leg)):
        exchange(ours, 10)
        with (
            another_instance(fresh_road, pins / f"{tmp_path.name}-other") as other,
            flow(fresh_road, 4, LAC[4], address=other_address, port=PORT + 1) as theirs,
        ):
            addresses = (int.from_bytes(socket.inet_aton(other_address), "big"),)
            with other.entered(other.route(1, theirs.leg, addresses=addresses, prefixes6=())) as route:
                exchange(theirs, 10)
                exchange(ours, 10)
                counters = other.counters(route)
                assert (counters.up_packets4, counters.down_packets4) == (10, 10)
                assert other.slow() == 0
        exchange(ours, 10)
        assert fresh_road.slow() == 0


def exchange(flow: Flow, count: int) -> None:
    """Send so many packets both ways, each after the one before has come."""
    for _ in range(count):
        core, lac = len(flow.at_core.arrivals), len(flow.at_lac.arrivals)
        flow.both(count)
        flow.at_core.wait(core + 1)
        flow.at_lac.wait(lac + 1)
