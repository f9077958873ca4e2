"""Interfaces, addresses, ways, routes, TCX, filters and XDP as a kernel has them, in namespaces."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bras.dataplane import tcx
from bras.dataplane.hooks import PRIORITY, Hooks, Side
from bras.dataplane.links import GROUPS, NEWROUTES, addresses, link, links, route_interface, ways
from bras.dataplane.maps import Map
from bras.dataplane.objects import Object
from bras.dataplane.records import CALL, PLACE
from bras.dataplane.routes import Routes
from bras.dataplane.rtnetlink import Conversation, News
from tests.support.namespaces import Namespace, Network

pytestmark = pytest.mark.root
INGRESS, EGRESS = Side.INGRESS, Side.EGRESS


@pytest.fixture
def lns() -> Iterator[Namespace]:
    with Network() as network:
        lns, lac = network.namespace("lns"), network.namespace("lac")
        network.link(lns, "lac0", ["198.18.0.1/24", "2001:db8::1/64"], lac, "eth0", ["198.18.0.2/24"])
        network.link(lns, "lac1", ["198.18.1.1/24"], lac, "eth1", ["198.18.1.2/24"])
        with lns.entered():  # as a daemon is where it works
            yield lns


@pytest.fixture
def kernel(lns: Namespace) -> Iterator[Conversation]:
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


def no_tcx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what begins from now on think that it is an older kernel."""
    monkeypatch.setattr(tcx, "is_there", lambda: False)


@pytest.fixture(params=["tcx", "clsact"])
def at_tcx(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether programs hang at TCX, as they do on new kernels, or are filters, as on old ones."""
    if request.param == "clsact":
        no_tcx(monkeypatch)
    else:
        request.getfixturevalue("with_tcx")
    return request.param == "tcx"


def clsact_at(lns: Namespace, name: str = "lac0") -> bool:
    return "clsact" in lns.run("tc", "qdisc", "show", "dev", name).stdout


def test_programs_are_put_replaced_and_taken_away(
    lns: Namespace, kernel: Conversation, one: Loaded, two: Loaded, at_tcx: bool
) -> None:
    index, hooks = index_of(kernel, "lac0"), Hooks(kernel, 77)
    assert hooks.attached(index, INGRESS) == 0
    assert not hooks.detach(index, INGRESS)
    for program in (one.up, two.up, two.up):
        hooks.attach(index, INGRESS, program)
        assert hooks.attached(index, INGRESS) == program.id
        assert hooks.attached(index, EGRESS) == 0
    if at_tcx:
        assert (tcx.attached(index, tcx.INGRESS), list(hooks.filters(index, INGRESS))) == ([two.up.id], [])
        assert not clsact_at(lns)
    else:
        (found,) = hooks.filters(index, INGRESS)
        assert (found.priority, found.handle, found.name) == (PRIORITY, 77, "tc_up")
        assert "direct-action" in lns.run("tc", "filter", "show", "dev", "lac0", "ingress").stdout
    assert hooks.detach(index, INGRESS)
    assert hooks.attached(index, INGRESS) == 0
    assert not clsact_at(lns)
    hooks.attach(index, EGRESS, one.up)
    assert (hooks.attached(index, INGRESS), hooks.attached(index, EGRESS)) == (0, one.up.id)
    assert hooks.detach(index, EGRESS)


def test_two_instances_and_an_operator_do_not_disturb_each_other(
    lns: Namespace, kernel: Conversation, one: Loaded, two: Loaded, at_tcx: bool
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
    # What the operator has put there keeps clsact; where the kernel lacks matchall there was nothing.  At TCX we have
    # nothing to do with clsact at all.
    assert clsact_at(lns) is (operators or at_tcx)


class Counting:
    """A program of somebody's that lets everything pass on, or drops it, and counts what it sees."""

    def __init__(self, path: Path) -> None:
        with Object(path) as opened:
            opened.load()
            self.up = opened.program("tc_up")
            self._tallies, self._calls = Map(opened.map_fd("tallies")), Map(opened.map_fd("calls"))

    def seen(self) -> int:
        return sum(int.from_bytes(value[8:16], "little") for value in self._tallies.per_cpu(bytes(4)))

    def say(self, verdict: int) -> None:
        self._calls.update(CALL.pack(1), PLACE.pack(verdict, 1))

    def close(self) -> None:
        for each in (self.up, self._tallies, self._calls):
            each.close()


@pytest.fixture
def counting(probe: Path) -> Iterator[list[Counting]]:
    made = [Counting(probe) for _ in range(4)]
    yield made
    for each in made:
        each.close()


def test_packets_meet_the_program(lns: Namespace, kernel: Conversation, counting: list[Counting], at_tcx: bool) -> None:
    """One that passes everything on counts what comes in, and changes nothing."""
    del at_tcx
    Hooks(kernel, 5).attach(index_of(kernel, "lac0"), INGRESS, counting[0].up)
    lns.run("ping", "-c3", "-i0.05", "-W5", "198.18.0.2")
    assert counting[0].seen() >= 3


SHOT = 2


@pytest.mark.usefixtures("with_tcx")
def test_an_operators_programs_see_what_is_not_ours(
    lns: Namespace, kernel: Conversation, counting: list[Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At TCX before ours and after ours, and as a filter; what ours takes, only those before it see."""
    index, (before, ours, after, filtering) = index_of(kernel, "lac0"), counting
    hooks = Hooks(kernel, 5)
    tcx.attach(index, tcx.INGRESS, before.up)
    hooks.attach(index, INGRESS, ours.up)
    tcx.attach(index, tcx.INGRESS, after.up)
    with monkeypatch.context() as patch:
        no_tcx(patch)
        Hooks(kernel, 9).attach(index, INGRESS, filtering.up)
    assert tcx.attached(index, tcx.INGRESS) == [before.up.id, ours.up.id, after.up.id]
    lns.run("ping", "-c3", "-i0.05", "-W5", "198.18.0.2")
    seen = [each.seen() for each in counting]
    assert min(seen) >= 3
    ours.say(SHOT)
    assert "0 received" in lns.run("ping", "-c3", "-i0.05", "-W1", "198.18.0.2", check=False).stdout
    more = [each.seen() - was for each, was in zip(counting, seen, strict=True)]
    assert min(more[:2]) >= 3
    assert more[2:] == [0, 0]
    assert hooks.detach(index, INGRESS)
    assert tcx.attached(index, tcx.INGRESS) == [before.up.id, after.up.id]
    assert [one.handle for one in hooks.filters(index, INGRESS)] == [9]
    lns.run("ping", "-c1", "-W5", "198.18.0.2")


@pytest.mark.usefixtures("with_tcx")
def test_the_place_among_others_is_kept(kernel: Conversation, counting: list[Counting]) -> None:
    index, (before, ours, after, successor) = index_of(kernel, "lac0"), counting
    hooks = Hooks(kernel, 5)
    for each in (before, ours, after):
        tcx.attach(index, tcx.EGRESS, each.up)
    Hooks(kernel, 5, {ours.up.id: ours.up}).attach(index, EGRESS, successor.up)
    assert tcx.attached(index, tcx.EGRESS) == [before.up.id, successor.up.id, after.up.id]
    assert hooks.attached(index, EGRESS) == 0  # which knows none of them
    with pytest.raises(OSError, match="No such file"):
        tcx.attach(index, tcx.EGRESS, counting[1].up, instead_of=ours.up)


@pytest.mark.usefixtures("with_tcx")
def test_more_than_one_of_ours_become_one(kernel: Conversation, counting: list[Counting]) -> None:
    """As after starts that were cut short."""
    index, (first, second, third, other) = index_of(kernel, "lac0"), counting
    for each in (first, other, second):
        tcx.attach(index, tcx.INGRESS, each.up)
    hooks = Hooks(kernel, 5, {each.up.id: each.up for each in (first, second, third)})
    hooks.attach(index, INGRESS, third.up)
    assert tcx.attached(index, tcx.INGRESS) == [third.up.id, other.up.id]
    tcx.attach(index, tcx.INGRESS, second.up)
    hooks.attach(index, INGRESS, third.up)
    assert tcx.attached(index, tcx.INGRESS) == [third.up.id, other.up.id]


@pytest.mark.usefixtures("with_tcx")
def test_a_filter_gives_way_to_tcx_and_the_other_way_round(
    lns: Namespace, kernel: Conversation, one: Loaded, two: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, ours = index_of(kernel, "lac0"), {one.up.id: one.up, two.up.id: two.up}
    with monkeypatch.context() as patch:
        no_tcx(patch)
        Hooks(kernel, 5, ours).attach(index, INGRESS, one.up)
        Hooks(kernel, 6).attach(index, INGRESS, one.up)
        assert tcx.attached(index, tcx.INGRESS) == []
    hooks = Hooks(kernel, 5, ours)
    hooks.attach(index, INGRESS, two.up)
    assert tcx.attached(index, tcx.INGRESS) == [two.up.id]
    assert [each.handle for each in hooks.filters(index, INGRESS)] == [6]  # another instance's
    with monkeypatch.context() as patch:
        no_tcx(patch)
        Hooks(kernel, 5, ours).attach(index, INGRESS, one.up)
    assert tcx.attached(index, tcx.INGRESS) == []
    assert sorted(each.handle for each in hooks.filters(index, INGRESS)) == [5, 6]
    assert hooks.attached(index, INGRESS) == one.up.id
    assert clsact_at(lns)


@pytest.mark.usefixtures("with_tcx")
@pytest.mark.parametrize("code", [errno.EPERM, errno.EINVAL])
def test_where_tcx_is_refused_filters_do(
    kernel: Conversation, one: Loaded, two: Loaded, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, "refused")

    index, hooks = index_of(kernel, "lac0"), Hooks(kernel, 5)
    with monkeypatch.context() as patch:
        patch.setattr(tcx, "attach", refuse)
        hooks.attach(index, INGRESS, one.up)
    hooks.attach(index, EGRESS, two.up)  # it is not tried again
    assert tcx.attached(index, tcx.INGRESS) == tcx.attached(index, tcx.EGRESS) == []
    assert (hooks.attached(index, INGRESS), hooks.attached(index, EGRESS)) == (one.up.id, two.up.id)


def test_an_interface_that_is_not_there(kernel: Conversation, one: Loaded, at_tcx: bool) -> None:
    del at_tcx
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
