"""Interfaces, addresses, ways, routes, filters and XDP as a kernel has them, in namespaces."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bras.dataplane.hooks import PRIORITY, Hooks, Side
from bras.dataplane.links import GROUPS, NEWROUTES, addresses, link, links, route_interface, ways
from bras.dataplane.maps import Map
from bras.dataplane.objects import Object
from bras.dataplane.routes import Routes
from bras.dataplane.rtnetlink import Conversation, News
from tests.support.bpf import compiled
from tests.support.namespaces import Namespace, Network

pytestmark = pytest.mark.root
SOURCE = Path(__file__).with_name("probe.bpf.c")
INGRESS, EGRESS = Side.INGRESS, Side.EGRESS


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(SOURCE, tmp_path_factory.mktemp("bpf"))


@pytest.fixture
def lns() -> Iterator[Namespace]:
    with Network() as network:
        lns, lac = network.namespace("lns"), network.namespace("lac")
        network.link(lns, "lac0", ["198.18.0.1/24", "2001:db8::1/64"], lac, "eth0", ["198.18.0.2/24"])
        network.link(lns, "lac1", ["198.18.1.1/24"], lac, "eth1", ["198.18.1.2/24"])
        yield lns


@pytest.fixture
def kernel(lns: Namespace) -> Iterator[Conversation]:
    """Return a conversation that belongs to the namespace, wherever the thread is."""
    with lns.entered():
        kernel = Conversation()
    yield kernel
    kernel.close()


class Loaded:
    """The programs of the probe, twice: a daemon and its successor."""

    def __init__(self, path: Path) -> None:
        with Object(path) as opened:
            opened.load()
            self.up, self.xdp = opened.program("tc_up"), opened.program("xdp_port")

    def close(self) -> None:
        self.up.close()
        self.xdp.close()


@pytest.fixture
def one(probe: Path) -> Iterator[Loaded]:
    loaded = Loaded(probe)
    yield loaded
    loaded.close()


@pytest.fixture
def two(probe: Path) -> Iterator[Loaded]:
    loaded = Loaded(probe)
    yield loaded
    loaded.close()


def index_of(kernel: Conversation, name: str) -> int:
    found = link(kernel, name)
    assert found is not None
    return found.index


def test_interfaces_and_addresses(lns: Namespace, kernel: Conversation) -> None:
    lns.ip("link", "add", "br0", "type", "bridge")
    lns.ip("link", "set", "lac1", "master", "br0", "mtu", "1400")
    lns.ip("link", "set", "br0", "up")
    found = {each.name: each for each in links(kernel).values()}
    assert set(found) == {"lo", "lac0", "lac1", "br0"}
    assert (found["lac0"].kind, found["lac0"].up, found["lac0"].master, found["lac0"].mtu) == ("veth", True, 0, 1500)
    assert (found["lac1"].master, found["lac1"].mtu, found["br0"].kind) == (found["br0"].index, 1400, "bridge")
    held = addresses(kernel)
    assert {(found["lac0"].index, "198.18.0.1"), (found["lac0"].index, "2001:db8::1")} <= held


def test_the_way_to_an_address(lns: Namespace, kernel: Conversation) -> None:
    lac0, lac1 = index_of(kernel, "lac0"), index_of(kernel, "lac1")
    assert ways(kernel, "198.18.0.2") == {lac0}
    assert ways(kernel, "2001:db8::2") == {lac0}
    assert ways(kernel, "203.0.113.1") == set()
    assert ways(kernel, "2001:db8:1::1") == set()
    lns.ip("route", "add", "203.0.113.0/24", "via", "198.18.1.2")
    assert ways(kernel, "203.0.113.1") == {lac1}
    lns.ip("route", "change", "203.0.113.0/24", "nexthop", "via", "198.18.0.2", "nexthop", "via", "198.18.1.2")
    assert ways(kernel, "203.0.113.1") == {lac0, lac1}
    lns.ip("route", "add", "unreachable", "203.0.113.7")
    assert ways(kernel, "203.0.113.7") == set()


FOUR, SIX = (bytes([10, 64, 0, 0]), 16), (socket.inet_pton(socket.AF_INET6, "2001:db8:7::"), 56)


def shown(lns: Namespace) -> set[str]:
    lines = [
        *lns.ip("route", "show", "proto", "static").splitlines(),
        *lns.ip("-6", "route", "show", "proto", "static").splitlines(),
    ]
    return {line.strip().removesuffix(" pref medium") for line in lines}


def test_routes_come_change_and_go(lns: Namespace, kernel: Conversation) -> None:
    routes = Routes(kernel, index_of(kernel, "lac0"), socket.inet_aton("198.18.0.1"))
    assert routes.add(FOUR) == routes.add(FOUR) == ""
    assert routes.add(SIX, 1400) == ""
    assert shown(lns) == {
        "10.64.0.0/16 dev lac0 scope link src 198.18.0.1",
        "2001:db8:7::/56 dev lac0 metric 1024 mtu 1400",
    }
    assert routes.add(SIX, 1300) == ""
    assert "2001:db8:7::/56 dev lac0 metric 1024 mtu 1300" in shown(lns)
    routes.remove(FOUR)
    routes.remove(FOUR)
    routes.remove(SIX)
    assert shown(lns) == set()


def test_a_route_of_somebody_else_is_not_ours(lns: Namespace, kernel: Conversation) -> None:
    lns.ip("route", "add", "blackhole", "10.64.0.0/16")
    lns.ip("route", "add", "10.65.0.0/16", "dev", "lac0")  # no static one
    routes = Routes(kernel, index_of(kernel, "lac0"), socket.inet_aton("198.18.0.1"))
    assert routes.add(FOUR) == "route to 10.64.0.0/16: there is one already: remove it"
    assert routes.sweep() == 0
    routes.remove(FOUR)
    assert "blackhole 10.64.0.0/16" in lns.ip("route")
    assert "10.65.0.0/16" in lns.ip("route")


def test_a_predecessors_routes_are_as_good_as_new(lns: Namespace, kernel: Conversation) -> None:
    index, source = index_of(kernel, "lac0"), socket.inet_aton("198.18.0.1")
    first = Routes(kernel, index, source)
    left = (bytes([203, 0, 113, 5]), 32)
    for prefix, mtu in ((FOUR, 0), (left, 0), (SIX, 1400)):
        assert first.add(prefix, mtu) == ""
    before = shown(lns)
    second = Routes(kernel, index, source)
    assert second.add(FOUR) == ""
    assert second.add(SIX, 1400) == ""
    assert shown(lns) == before
    assert second.sweep() == 1
    assert shown(lns) == before - {"203.0.113.5 dev lac0 scope link src 198.18.0.1"}
    assert second.sweep() == 0


def test_filters_are_put_replaced_and_taken_away(
    lns: Namespace, kernel: Conversation, one: Loaded, two: Loaded
) -> None:
    index, hooks = index_of(kernel, "lac0"), Hooks(kernel, 77)
    assert hooks.attached(index, INGRESS) == 0
    assert not hooks.detach(index, INGRESS)
    for program in (one.up, two.up):
        hooks.attach(index, INGRESS, program)
        assert hooks.attached(index, INGRESS) == program.id
        assert hooks.attached(index, EGRESS) == 0
    (found,) = hooks.filters(index, INGRESS)
    assert (found.priority, found.handle, found.name) == (PRIORITY, 77, "tc_up")
    assert "direct-action" in lns.run("tc", "filter", "show", "dev", "lac0", "ingress").stdout
    assert hooks.detach(index, INGRESS)
    assert "clsact" not in lns.run("tc", "qdisc", "show", "dev", "lac0").stdout


def test_two_instances_and_an_operator_do_not_disturb_each_other(
    lns: Namespace, kernel: Conversation, one: Loaded, two: Loaded
) -> None:
    index = index_of(kernel, "lac0")
    lns.run("tc", "qdisc", "add", "dev", "lac0", "clsact")
    ours, theirs = Hooks(kernel, 5), Hooks(kernel, 6)
    ours.attach(index, INGRESS, one.up)
    theirs.attach(index, INGRESS, two.up)
    assert (ours.attached(index, INGRESS), theirs.attached(index, INGRESS)) == (one.up.id, two.up.id)
    lns.run("tc", "filter", "add", "dev", "lac0", "egress", "matchall", "action", "pass", check=False)
    operators = "matchall" in lns.run("tc", "filter", "show", "dev", "lac0", "egress").stdout
    assert ours.detach(index, INGRESS)
    assert theirs.attached(index, INGRESS) == two.up.id
    assert theirs.detach(index, INGRESS)
    # What the operator has put there keeps clsact; where the kernel lacks matchall there was nothing.
    assert ("clsact" in lns.run("tc", "qdisc", "show", "dev", "lac0").stdout) is operators


def test_packets_meet_the_program(lns: Namespace, kernel: Conversation, probe: Path) -> None:
    """A filter that passes everything on counts what comes in, and changes nothing."""
    with Object(probe) as opened:
        opened.load()
        up, tallies = opened.program("tc_up"), Map(opened.map_fd("tallies"))
    Hooks(kernel, 5).attach(index_of(kernel, "lac0"), INGRESS, up)
    lns.run("ping", "-c3", "-i0.05", "-W5", "198.18.0.2")
    assert sum(int.from_bytes(value[8:16], "little") for value in tallies.per_cpu(bytes(4))) >= 3
    up.close()
    tallies.close()


def test_an_interface_that_is_not_there(kernel: Conversation, one: Loaded) -> None:
    hooks = Hooks(kernel, 5)
    with pytest.raises(OSError, match=r"such device|Cannot find") as caught:
        hooks.attach(9999, INGRESS, one.up)
    assert caught.value.errno == errno.ENODEV
    assert not hooks.detach(9999, INGRESS)
    assert list(hooks.filters(9999, EGRESS)) == []


def xdp_id(kernel: Conversation, name: str) -> int:
    found = link(kernel, name)
    assert found is not None
    return found.xdp


def test_xdp_in_the_driver(kernel: Conversation, one: Loaded, two: Loaded) -> None:
    index, hooks = index_of(kernel, "lac0"), Hooks(kernel, 5)
    hooks.attach_xdp(index, one.xdp, over=False)
    assert xdp_id(kernel, "lac0") == one.xdp.id
    with pytest.raises(OSError, match=r"already attached|exists|busy"):
        hooks.attach_xdp(index, two.xdp, over=False)
    hooks.attach_xdp(index, two.xdp, over=True)
    assert xdp_id(kernel, "lac0") == two.xdp.id
    hooks.detach_xdp(index)
    assert xdp_id(kernel, "lac0") == 0


def test_a_driver_without_xdp_says_so(kernel: Conversation, one: Loaded) -> None:
    with pytest.raises(OSError, match="not supported") as caught:
        Hooks(kernel, 5).attach_xdp(1, one.xdp, over=False)
    assert caught.value.errno == errno.EOPNOTSUPP


def wait(news: News) -> list[tuple[int, bytes]]:
    assert select.select([news], [], [], 10.0)[0]
    return news.read() or []


def test_news_of_routes_and_addresses(lns: Namespace, kernel: Conversation) -> None:
    with lns.entered():
        news = News(GROUPS)
    lns.ip("route", "add", "203.0.113.0/24", "dev", "lac1")
    told = [(kind, route_interface(body)) for kind, body in wait(news) if kind in NEWROUTES]
    assert told == [(24, index_of(kernel, "lac1"))]
    news.look_away()
    lns.ip("address", "add", "198.18.9.1/24", "dev", "lac1")
    assert news.read() == []
    news.listen()
    lns.ip("address", "del", "198.18.9.1/24", "dev", "lac1")
    assert wait(news)
    news.close()


def test_more_news_than_goes_in(lns: Namespace) -> None:
    with lns.entered():
        news = News(GROUPS)
    batch = "\n".join(f"route add 10.{high}.{low}.0/24 dev lac0" for high in range(20) for low in range(100))
    lns.run("sh", "-c", f"echo '{batch}' | ip -batch -", timeout=60.0)
    read = []
    while (some := news.read()) != []:
        read.append(some)
    assert None in read  # look again
    news.close()
