"""Programs follow LAC-facing interfaces through changes of routes, addresses and interfaces, and through restarts."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from bras.dataplane import programs, tcx
from bras.dataplane.attachments import Attachments
from bras.dataplane.blocks import KEPT, Blocks
from bras.dataplane.follower import Follower
from bras.dataplane.hooks import Hooks, Side
from bras.dataplane.interfaces import Wish
from bras.dataplane.links import link
from bras.dataplane.pace import Timer
from bras.dataplane.programs import Loaded
from bras.dataplane.records import BLOCKS, PORT, XdpMode
from bras.dataplane.rtnetlink import Conversation
from tests.support.bpf import bpf_file_system
from tests.support.namespaces import Network

pytestmark = pytest.mark.root
INGRESS = Side.INGRESS
HANDLE = 4242


class House:
    """A namespace with links, in which followers come and go."""

    def __init__(self, stack: ExitStack, probe: Path) -> None:
        self.stack, self.probe = stack, probe
        self.told = bytearray(BLOCKS.size)
        self.pin_dir = stack.enter_context(bpf_file_system()) / "bras"
        self.network = stack.enter_context(Network())
        self.lns, self.lac = self.network.namespace("lns"), self.network.namespace("lac")
        self.link(0)
        self.link(1)
        with self.lns.entered():
            self.kernel = Conversation()
        stack.callback(self.kernel.close)

    def link(self, number: int) -> None:
        """Lay a link lacN, our end 198.18.N.1."""
        ours, theirs = [f"198.18.{number}.1/24"], [f"198.18.{number}.2/24"]
        self.network.link(self.lns, f"lac{number}", ours, self.lac, f"eth{number}", theirs)

    def follower(self, *, handle: int = HANDLE, **wish: object) -> tuple[Follower, Loaded]:
        """Begin one, as a daemon does when it starts; another one may be there."""
        loaded = programs.load(self.pin_dir, 64, xdp="xdp" in wish, path=self.probe)
        self.stack.callback(loaded.close)
        with self.lns.entered():
            attachments = Attachments(Hooks(self.kernel, handle, loaded.ours), loaded)
            blocks = Blocks(memoryview(self.told), wanted=True)
            follower = Follower(self.kernel, attachments, blocks, Wish(**wish))  # type: ignore[arg-type]  # as the test has it
        self.stack.callback(follower.close, detach=False)
        return follower, loaded

    def index(self, name: str) -> int:
        found = link(self.kernel, name)
        assert found is not None
        return found.index

    def on(self, *names: str) -> dict[str, int]:
        """Return the id of the program at each of these interfaces, 0 where there is none; more than one is wrong."""
        found = {}
        for name in names:
            index = self.index(name)
            ids = [one.program for one in Hooks(self.kernel, 0).filters(index, INGRESS)]
            if tcx.is_there():
                ids += tcx.attached(index, tcx.INGRESS)
            (found[name],) = ids or [0]
        return found

    def route_of(self, address: str) -> int:
        """Return the number of the route of an address, as the programs are told; 0: they are told nothing of it."""
        _, version, routes = BLOCKS.unpack(self.told)
        first, second, *_ = map(int, address.split("."))
        return int(routes[first << 8 | second]) if version else 0


@pytest.fixture
def house(probe: Path) -> Iterator[House]:
    with ExitStack() as stack:
        house = House(stack, probe)
        stack.enter_context(house.lns.entered())  # as a daemon is where it works
        yield house


def until(follower: Follower, condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Let a follower work until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        if select.select(follower.filenos(), [], [], 0.2)[0]:
            follower.on_readable()


def test_the_interface_that_holds_the_address(house: House) -> None:
    follower, loaded = house.follower(listening=frozenset({"198.18.0.1"}))
    up = loaded.programs["tc_up"].id
    assert house.on("lac0", "lac1") == {"lac0": up, "lac1": 0}
    assert follower.modes() == (("lac0", "tc"),)
    follower.listen("198.18.1.1")
    assert house.on("lac1") == {"lac1": up}
    assert follower.remarks() == []
    follower.close(detach=True)
    assert house.on("lac0", "lac1") == {"lac0": 0, "lac1": 0}
    assert "clsact" not in house.lns.run("tc", "qdisc").stdout


def test_an_address_moves(house: House) -> None:
    follower, _ = house.follower(listening=frozenset({"198.18.0.9"}))
    assert follower.modes() == ()
    house.lns.ip("address", "add", "198.18.0.9/32", "dev", "lac1")
    until(follower, lambda: follower.modes() == (("lac1", "tc"),))
    house.lns.ip("address", "del", "198.18.0.9/32", "dev", "lac1")
    house.lns.ip("address", "add", "198.18.0.9/32", "dev", "lac0")
    until(follower, lambda: follower.modes() == (("lac0", "tc"),))
    assert house.on("lac1") == {"lac1": 0}


def test_the_way_to_a_lac(house: House) -> None:
    follower, _ = house.follower(listening=frozenset({"198.18.0.1"}))
    house.lns.ip("route", "add", "203.0.113.0/24", "via", "198.18.0.2")
    follower.serve("203.0.113.5")
    assert follower.modes() == (("lac0", "tc"),)
    house.lns.ip("route", "change", "203.0.113.0/24", "via", "198.18.1.2")
    until(follower, lambda: follower.modes() == (("lac0", "tc"), ("lac1", "tc")))
    follower.leave("203.0.113.5")
    house.lns.ip("route", "del", "203.0.113.0/24")
    until(follower, lambda: follower.modes() == (("lac0", "tc"),))


def test_a_lac_whose_way_is_there_already_is_served_at_once(house: House) -> None:
    follower, _ = house.follower(listening=frozenset({"198.18.0.1"}))
    follower.serve("198.18.1.2")
    assert follower.modes() == (("lac0", "tc"), ("lac1", "tc"))


def test_an_interface_goes_and_comes_again(house: House) -> None:
    follower, loaded = house.follower(listening=frozenset({"198.18.0.1"}))
    house.lns.ip("link", "del", "lac0")
    until(follower, lambda: follower.modes() == ())
    house.link(0)
    until(follower, lambda: follower.modes() == (("lac0", "tc"),))
    assert house.on("lac0") == {"lac0": loaded.programs["tc_up"].id}


@pytest.mark.parametrize("at_tcx", [True, False], ids=["tcx", "clsact"])
def test_a_program_that_somebody_has_taken_away_comes_again(
    house: House, monkeypatch: pytest.MonkeyPatch, at_tcx: bool
) -> None:
    at_tcx = at_tcx and tcx.is_there()
    monkeypatch.setattr(tcx, "is_there", lambda: at_tcx)
    follower, loaded = house.follower(listening=frozenset({"198.18.0.1"}))
    if at_tcx:
        tcx.detach(house.index("lac0"), tcx.INGRESS, loaded.programs["tc_up"])
    else:
        house.lns.run("tc", "qdisc", "del", "dev", "lac0", "clsact")
    assert house.on("lac0") == {"lac0": 0}
    house.lns.ip("link", "set", "lac1", "mtu", "1400")  # some news
    until(follower, lambda: house.on("lac0")["lac0"] == loaded.programs["tc_up"].id)


def test_a_storm_costs_a_look_now_and_then(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    follower, _ = house.follower(listening=frozenset({"0.0.0.0"}))
    looks: list[float] = []
    look = Follower.look

    def counted(self: Follower) -> None:
        looks.append(time.monotonic())
        look(self)

    monkeypatch.setattr(Follower, "look", counted)
    script = "for i in 1 2 3; do for n in $(seq 250); do echo route add 10.0.$n.0/24 dev lac1; done; "
    script += "for n in $(seq 250); do echo route del 10.0.$n.0/24 dev lac1; done; done"
    waits: list[list[int]] = []  # while it waits, nothing but the timer wakes it
    arm = Timer.arm

    def armed(self: Timer, seconds: float) -> None:
        if self.fileno() == follower.filenos()[1]:
            waits.append(select.select([follower.filenos()[0]], [], [], 0.0)[0])
        arm(self, seconds)

    monkeypatch.setattr(Timer, "arm", armed)
    storm = house.lns.start("sh", "-c", f"({script}) | ip -batch -")
    with storm:
        until(follower, lambda: storm.poll() is not None and len(looks) > 0, 60.0)
    house.lns.ip("address", "add", "198.18.3.1/24", "dev", "lac1")
    until(follower, lambda: follower.modes() == (("lac0", "tc"), ("lac1", "tc")))
    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert all(pause >= 0.2 for pause in pauses), pauses
    assert waits
    assert not any(waits)


def test_our_own_routes_are_no_news(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    own = house.index("lac1")
    follower, _ = house.follower(listening=frozenset({"198.18.0.1"}), never=frozenset({own}))
    looks: list[int] = []
    monkeypatch.setattr(Follower, "look", lambda self: looks.append(1))
    for number in range(50):
        house.lns.ip("route", "add", f"10.0.{number}.0/24", "dev", "lac1")
    while select.select(follower.filenos(), [], [], 0.0)[0]:
        follower.on_readable()
    assert looks == []


def test_what_is_configured_but_not_there_is_said_once(house: House) -> None:
    follower, _ = house.follower(configured=("lac0", "lac7"))
    assert follower.remarks() == ["interface lac7: is not there"]
    assert follower.remarks() == []
    house.lns.ip("link", "set", "lac1", "mtu", "1400")
    until(follower, lambda: not select.select(follower.filenos(), [], [], 0.0)[0])
    assert follower.remarks() == []
    house.link(7)
    until(follower, lambda: follower.modes() == (("lac0", "tc"), ("lac7", "tc")))
    house.lns.ip("link", "del", "lac7")
    until(follower, lambda: follower.modes() == (("lac0", "tc"),))
    assert follower.remarks() == ["interface lac7: is not there"]


FULL, DECAP = XdpMode.FULL, XdpMode.DECAP


def ports(loaded: Loaded) -> dict[bytes, bytes]:
    return dict(loaded.maps["xdp_ports"].items())


def test_xdp_by_interface(house: House) -> None:
    with house.lns.entered():  # the kernel looks a device of xdp_exits up where the caller is
        follower, loaded = house.follower(listening=frozenset({"198.18.0.1"}), xdp={"lac0": DECAP, "lac1": FULL})
    lac0, lac1 = house.index("lac0"), house.index("lac1")
    assert follower.modes() == (("lac0", "xdp-decap"), ("lac1", "xdp-full"))
    assert ports(loaded) == {PORT.pack(lac0, 0): b"\1\0\0\0", PORT.pack(lac1, 0): b"\2\0\0\0"}
    assert [int.from_bytes(key, "little") for key, _ in loaded.maps["xdp_exits"].items()] == [lac1]
    xdp = loaded.programs["xdp_port"].id
    assert [each.xdp for name in ("lac0", "lac1") if (each := link(house.kernel, name))] == [xdp, xdp]
    house.lns.ip("link", "del", "lac1")
    with house.lns.entered():
        until(follower, lambda: follower.modes() == (("lac0", "xdp-decap"),))
    assert list(ports(loaded)) == [PORT.pack(lac0, 0)]
    follower.close(detach=True)
    assert ports(loaded) == {}
    assert [each.xdp for each in [link(house.kernel, "lac0")] if each] == [0]


@pytest.mark.guest
def test_a_vlan_is_met_at_the_interface_below(house: House) -> None:
    for namespace, name, address in ((house.lns, "lac0", "198.18.7.1/24"), (house.lac, "eth0", "198.18.7.2/24")):
        namespace.ip("link", "add", "link", name, "name", "vlan7", "type", "vlan", "id", "7")
        namespace.ip("address", "add", address, "dev", "vlan7")
        namespace.ip("link", "set", "vlan7", "up")
    follower, loaded = house.follower(listening=frozenset({"198.18.7.1"}), xdp={"vlan7": DECAP})
    assert follower.remarks() == []
    assert follower.modes() == (("vlan7", "xdp-decap"),)
    lac0 = house.index("lac0")
    assert list(ports(loaded)) == [PORT.pack(lac0, 7)]
    assert [each.xdp for each in [link(house.kernel, "lac0")] if each] == [loaded.programs["xdp_port"].id]
    assert house.on("lac0", "vlan7") == {"lac0": 0, "vlan7": loaded.programs["tc_up"].id}
    house.lac.run("ping", "-c1", "-W10", "198.18.7.1")
    house.lns.ip("link", "del", "vlan7")
    until(follower, lambda: follower.modes() == ())
    assert ports(loaded) == {}
    assert [each.xdp for each in [link(house.kernel, "lac0")] if each] == [0]


@pytest.mark.guest
def test_an_interface_in_a_vrf(house: House) -> None:
    house.lns.ip("link", "add", "red", "type", "vrf", "table", "100")
    house.lns.ip("link", "set", "red", "up")
    house.lns.ip("link", "set", "lac1", "master", "red")
    follower, _ = house.follower(listening=frozenset({"198.18.1.1"}))
    assert follower.modes() == (("lac1", "tc"),)
    house.lns.ip("address", "add", "198.18.9.9/32", "dev", "red")
    follower.listen("198.18.9.9")
    assert follower.modes() == (("lac0", "tc"), ("lac1", "tc"))


def test_a_driver_without_xdp_stays_with_tc_and_is_said_once(house: House) -> None:
    house.lns.ip("link", "add", "br0", "type", "bridge")
    house.lns.ip("address", "add", "198.18.5.1/24", "dev", "br0")
    follower, loaded = house.follower(listening=frozenset({"198.18.5.1"}), xdp={"br0": DECAP})
    assert follower.modes() == (("br0", "tc"),)
    assert ports(loaded) == {}
    (remark,) = follower.remarks()
    assert remark.startswith("interface br0: no XDP in its driver, it stays with TC: Operation not supported")
    house.lns.ip("link", "set", "lac1", "mtu", "1400")
    until(follower, lambda: not select.select(follower.filenos(), [], [], 0.0)[0])
    assert follower.remarks() == []


def test_another_xdp_program_is_left_alone(house: House) -> None:
    stranger = programs.load(house.pin_dir.with_name("other"), 8, xdp=True, path=house.probe)
    Hooks(house.kernel, 1).attach_xdp(house.index("lac0"), stranger.programs["xdp_port"], over=False)
    follower, _ = house.follower(listening=frozenset({"198.18.0.1"}), xdp={"lac0": DECAP})
    assert follower.modes() == (("lac0", "tc"),)
    assert "stays with TC" in follower.remarks()[0]
    follower.close(detach=True)
    assert [each.xdp for each in [link(house.kernel, "lac0")] if each] == [stranger.programs["xdp_port"].id]
    stranger.close()


@pytest.mark.both
def test_a_restart_swaps_programs_where_they_are_wanted_and_takes_them_away_elsewhere(house: House) -> None:
    _, first = house.follower(listening=frozenset({"198.18.0.1", "198.18.1.1"}), xdp={"lac0": DECAP, "lac1": DECAP})
    assert set(house.on("lac0", "lac1").values()) == {first.programs["tc_up"].id}
    follower, second = house.follower(listening=frozenset({"198.18.0.1"}), xdp={"lac0": DECAP})
    assert house.on("lac0", "lac1") == {"lac0": second.programs["tc_up"].id, "lac1": 0}
    assert follower.modes() == (("lac0", "xdp-decap"),)
    assert [each.xdp for name in ("lac0", "lac1") if (each := link(house.kernel, name))] == [
        second.programs["xdp_port"].id,
        0,
    ]
    second.settle()
    # Without XDP at all, and with another anchor than before.
    follower, third = house.follower(handle=HANDLE + 1, listening=frozenset({"198.18.1.1"}))
    assert house.on("lac0", "lac1") == {"lac0": 0, "lac1": third.programs["tc_up"].id}
    assert {one.handle for one in Hooks(house.kernel, 0).filters(house.index("lac1"), INGRESS)} <= {HANDLE + 1}
    assert [each.xdp for each in [link(house.kernel, "lac0")] if each] == [0]


def test_packets_pass_all_the_while(house: House) -> None:
    """A stream over the interface loses nothing while programs are swapped."""
    house.follower(listening=frozenset({"198.18.0.1"}), xdp={"lac0": DECAP})
    ping = house.lac.start("ping", "-q", "-i0.002", "-c600", "-W2", "198.18.0.1", stdout=-1, text=True)
    with ping:
        for _ in range(3):
            follower, loaded = house.follower(listening=frozenset({"198.18.0.1"}), xdp={"lac0": DECAP})
            assert follower.modes() == (("lac0", "xdp-decap"),)
            loaded.settle()
        out, _ = ping.communicate(timeout=60.0)
    assert "600 received, 0% packet loss" in out


def test_packets_pass_while_filters_give_way_to_tcx(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the first daemon that knows it takes over from one that does not."""
    listening = frozenset({"198.18.0.1"})
    with monkeypatch.context() as patch:
        patch.setattr(tcx, "is_there", lambda: False)
        house.follower(listening=listening)
    ping = house.lac.start("ping", "-q", "-i0.002", "-c400", "-W2", "198.18.0.1", stdout=-1, text=True)
    with ping:
        follower, loaded = house.follower(listening=listening)
        assert house.on("lac0") == {"lac0": loaded.programs["tc_up"].id}
        assert follower.modes() == (("lac0", "tc"),)
        loaded.settle()
        out, _ = ping.communicate(timeout=60.0)
    assert "400 received, 0% packet loss" in out


def test_starts_that_were_cut_short_leave_nothing_behind(house: House) -> None:
    """Programs are known by their pins until they hang nowhere."""
    listening = frozenset({"198.18.0.1", "198.18.1.1"})
    house.follower(listening=listening)
    for _ in range(12):  # ended before they had put anything anywhere
        programs.load(house.pin_dir, 64, xdp=False, path=house.probe).close()
    house.follower(listening=frozenset({"198.18.1.1"}))  # and before it could settle
    _, loaded = house.follower(listening=frozenset({"198.18.1.1"}))
    assert house.on("lac0", "lac1") == {"lac0": 0, "lac1": loaded.programs["tc_up"].id}
    assert len(list(loaded.directory.glob("tc_up*"))) <= 9
    loaded.settle()
    assert [place.name for place in loaded.directory.glob("tc_up*")] == ["tc_up"]
    assert set(loaded.ours) == {program.id for program in loaded.programs.values()}


def test_it_gives_its_descriptors_back(house: House) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    follower, loaded = house.follower(listening=frozenset({"198.18.0.1"}))
    during = descriptors()
    follower.close(detach=True)
    loaded.close()
    assert descriptors() < during - len(programs._PER_SLOT)


def test_the_programs_are_told_of_routes(house: House) -> None:
    """Those of others are a reason to look again; our own are only not told of any more."""
    house.lns.ip("route", "add", "default", "via", "198.18.0.2")
    own = frozenset({house.index("lac1")})
    follower, _ = house.follower(never=own)
    assert follower.routes == KEPT
    assert house.route_of("203.0.113.9") == house.route_of("100.64.0.1") != 0
    house.lns.ip("route", "add", "203.0.113.9", "via", "198.18.1.2", "dev", "lac1")
    until(follower, lambda: house.route_of("203.0.113.9") == 0)
    assert house.route_of("100.64.0.1")
    house.lns.ip("route", "add", "100.64.0.1", "via", "198.18.0.2")
    until(follower, lambda: house.route_of("100.64.0.1") == 0)
    assert house.route_of("100.65.0.1")
    house.lns.ip("route", "del", "100.64.0.1")
    until(follower, lambda: house.route_of("100.64.0.1") != 0)
    house.lns.ip("rule", "add", "fwmark", "9", "table", "9")
    until(follower, lambda: follower.routes != KEPT)
    assert house.route_of("100.65.0.1") == 0


def test_in_a_storm_of_news_nothing_is_told(house: House) -> None:
    house.lns.ip("route", "add", "default", "via", "198.18.0.2")
    follower, _ = house.follower()
    for number in range(3):
        house.lns.ip("route", "add", f"203.0.113.{number}", "via", "198.18.0.2")
        follower.on_readable()
    assert house.route_of("100.64.0.1") == 0  # it has looked a moment ago, and waits
    until(follower, lambda: house.route_of("100.64.0.1") != 0)
    assert house.route_of("203.0.113.9") == 0
