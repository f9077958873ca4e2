"""The device that stays, the segmenter beside it, and how all of it is taken away."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bras.dataplane import layout, programs, segmenter
from bras.dataplane.anchor import Anchor
from bras.dataplane.attachments import Attachments
from bras.dataplane.base import DataPlaneError
from bras.dataplane.blocks import Blocks
from bras.dataplane.detach import detach
from bras.dataplane.device import Device
from bras.dataplane.follower import Follower
from bras.dataplane.hooks import Hooks, Side
from bras.dataplane.interfaces import Wish
from bras.dataplane.links import link
from bras.dataplane.records import BLOCKS, SETTINGS, XdpMode
from bras.dataplane.rtnetlink import Conversation
from bras.dataplane.segmenter import Segmenter
from tests.support.bpf import bpf_file_system
from tests.support.namespaces import Namespace, Network

pytestmark = pytest.mark.root
ROOT = Path(__file__).parents[2]
LOCAL = socket.inet_aton("10.255.255.1")
VERSION = layout.ours(64).version
POOLS = frozenset({(0x0A400000, 16)})


@pytest.fixture
def lns() -> Iterator[Namespace]:
    with Network() as network:
        lns, lac = network.namespace("lns", forwarding=True), network.namespace("lac")
        network.link(lns, "lac0", ["198.18.0.1/24"], lac, "eth0", ["198.18.0.2/24"])
        yield lns


def anchor(lns: Namespace, name: str = "bras0", local: bytes = LOCAL, mtu: int = 1500) -> Anchor:
    with lns.entered():
        return Anchor(name, local, POOLS, mtu)


def test_it_stays_and_is_taken_hold_of_again(lns: Namespace) -> None:
    first = anchor(lns)
    (shown,) = lns.json("-d", "link", "show", "bras0")
    assert (shown["mtu"], shown["linkinfo"]["info_data"]["persist"]) == (1500, True)
    assert first.add((bytes([203, 0, 113, 5]), 32), 0) == ""
    assert first.add((socket.inet_pton(socket.AF_INET6, "2001:db8:7::"), 56), 1400) == ""
    before = (
        lns.ip("address", "show", "bras0").split("qdisc")[0],
        lns.ip("route"),
        lns.ip("-6", "route", "show", "dev", "bras0"),
    )
    index = first.index
    first.close(keep=True)
    again = anchor(lns)
    assert again.index == index
    after = (
        lns.ip("address", "show", "bras0").split("qdisc")[0],
        lns.ip("route"),
        lns.ip("-6", "route", "show", "dev", "bras0"),
    )
    assert after[1:] == before[1:]
    assert again.add((bytes([203, 0, 113, 5]), 32), 0) == ""
    assert again.sweep() == 1
    assert "2001:db8:7" not in lns.ip("-6", "route")
    assert "203.0.113.5" in lns.ip("route")
    again.remove((bytes([203, 0, 113, 5]), 32))
    assert "203.0.113.5" not in lns.ip("route")
    again.close()
    assert "bras0" not in lns.ip("link")


@pytest.mark.parametrize(("of_all", "own"), [(0, "0"), (1, "2"), (2, "2")])
def test_what_the_kernel_is_told_of_it(lns: Namespace, of_all: int, own: str) -> None:
    lns.sysctl("net.ipv4.conf.all.rp_filter", of_all)
    made = anchor(lns, mtu=1460)
    with lns.entered():
        four, six = Path("/proc/sys/net/ipv4/conf/bras0"), Path("/proc/sys/net/ipv6/conf/bras0")
        read = {
            path.name: path.read_text().strip()
            for path in (four / "accept_local", four / "rp_filter", six / "disable_ipv6")
        }
    assert read == {"accept_local": "1", "rp_filter": own, "disable_ipv6": "0"}
    addresses = [each["local"] for each in lns.json("address", "show", "bras0")[0]["addr_info"]]
    assert addresses == ["10.255.255.1"]
    assert lns.json("link", "show", "bras0")[0]["mtu"] == 1460
    made.close()


def test_another_local_address_takes_the_place_of_the_old_one(lns: Namespace) -> None:
    anchor(lns).close(keep=True)
    again = anchor(lns, local=socket.inet_aton("10.255.255.2"), mtu=1400)
    shown = lns.json("address", "show", "bras0")[0]
    assert ([each["local"] for each in shown["addr_info"]], shown["mtu"]) == (["10.255.255.2"], 1400)
    assert lns.ip("route", "show", "dev", "bras0").strip() == "10.64.0.0/16 proto static scope link src 10.255.255.2"
    again.close()


def test_it_is_refused_in_words(lns: Namespace) -> None:
    with pytest.raises(
        DataPlaneError, match="interface lac0: an interface of that name is there, and is no TUN device"
    ):
        anchor(lns, "lac0")
    first = anchor(lns)
    with pytest.raises(DataPlaneError, match="interface bras0: the name is taken: end the program that holds"):
        anchor(lns)
    with lns.entered(), pytest.raises(DataPlaneError, match="interface bras0: the name is taken"):
        Device("bras0", LOCAL, POOLS)
    first.close()


def test_a_pool_that_is_routed_elsewhere(lns: Namespace) -> None:
    lns.ip("route", "add", "10.64.0.0/16", "via", "198.18.0.2")
    with pytest.raises(DataPlaneError, match=r"interface bras0: route to 10\.64\.0\.0/16: there is one already"):
        anchor(lns)
    assert "bras0" not in lns.ip("link")


DIE = f"""
import os, sys, signal
from bras.dataplane.anchor import Anchor
Anchor("bras0", {LOCAL!r}, {POOLS!r}, 1500)
print("open", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_leaves_it(lns: Namespace) -> None:
    process = lns.start(sys.executable, "-c", DIE, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        os.kill(process.pid, signal.SIGKILL)
    assert "10.64.0.0/16" in lns.ip("route")
    again = anchor(lns)
    again.close()
    assert "bras0" not in lns.ip("link")


# The segmenter.


@pytest.fixture
def kernel(lns: Namespace) -> Iterator[Conversation]:
    with lns.entered():
        kernel = Conversation()
    yield kernel
    kernel.close()


def pair(lns: Namespace, kernel: Conversation, name: str = "bras0") -> Segmenter:
    with lns.entered():
        return Segmenter(kernel, name)


@pytest.mark.both
def test_the_pair(lns: Namespace, kernel: Conversation) -> None:
    made = pair(lns, kernel)
    shown = {each["ifname"]: each for each in lns.json("-d", "address") if each["ifname"].startswith("bras0")}
    assert (shown["bras0s"]["ifindex"], shown["bras0p"]["ifindex"]) == (made.entrance, made.exit)
    assert shown["bras0s"]["gso_max_segs"] == 1
    for each in shown.values():
        assert {"UP", "NOARP"} <= set(each["flags"])
        assert (each["mtu"], each["addr_info"]) == (65535, [])
    features = lns.run("ethtool", "-k", "bras0s").stdout
    assert "tx-checksumming: off" in features
    assert "tx-tcp-segmentation: off" in features
    assert "tx-tcp6-segmentation: off" in features
    again = pair(lns, kernel)
    assert (again.entrance, again.exit) == (made.entrance, made.exit)
    made.close()
    again.close()
    assert "bras0" not in lns.ip("link")


def test_a_stranger_with_the_name_of_an_end(lns: Namespace, kernel: Conversation) -> None:
    lns.ip("link", "add", "bras0p", "type", "veth", "peer", "name", "other")
    with pytest.raises(OSError, match="bras0s or bras0p is there that is not ours"):
        pair(lns, kernel)
    assert "other" in lns.ip("link")


def test_a_pair_is_removed_by_its_anchors_name(lns: Namespace, kernel: Conversation) -> None:
    pair(lns, kernel, "a23456789012345")
    assert segmenter.remove(kernel, "a23456789012345")
    assert not segmenter.remove(kernel, "a23456789012345")
    assert "a2345678901234" not in lns.ip("link")


# All of it away.


@pytest.fixture
def pin_dir() -> Iterator[Path]:
    with bpf_file_system() as place:
        yield place / "bras"


def daemon(lns: Namespace, pin_dir: Path, probe: Path, name: str = "bras0") -> None:
    """Do what a daemon does when it starts, and die."""
    loaded = programs.load(pin_dir, 64, xdp=True, path=probe)
    with lns.entered():
        device = Anchor(name, LOCAL, frozenset(), 1500)
        kernel = Conversation()
        ends = Segmenter(kernel, name)
        loaded.maps["settings"].update(bytes(4), SETTINGS.pack(device.index, ends.entrance, 1, 0, 64, 0, 0, 0))
        hooks = Hooks(kernel, device.index, loaded.ours)
        hooks.attach(device.index, Side.EGRESS, loaded.programs["tc_down"])
        hooks.attach(ends.exit, Side.INGRESS, loaded.programs["tc_segmented"])
        wish = Wish(xdp={"lac0": XdpMode.DECAP}, never=frozenset({device.index, ends.entrance, ends.exit}))
        blocks = Blocks(memoryview(bytearray(BLOCKS.size)), wanted=False)
        follower = Follower(kernel, Attachments(hooks, loaded), blocks, wish)
    assert follower.modes() == (("lac0", "xdp-decap"),)
    follower.close(detach=False)
    kernel.close()
    device.close(keep=True)
    loaded.close()


def state(lns: Namespace) -> tuple[str, str, str]:
    links = " ".join(each["ifname"] for each in lns.json("link"))
    return links, lns.run("tc", "qdisc").stdout, lns.ip("-d", "link", "show", "lac0").partition("prog/xdp")[1]


@pytest.mark.both
def test_detach_removes_everything(lns: Namespace, pin_dir: Path, probe: Path) -> None:
    before = state(lns)
    daemon(lns, pin_dir, probe)
    assert state(lns) != before
    with lns.entered():
        removed = detach("bras0", str(pin_dir))
        assert detach("bras0", pin_dir) == []
    assert state(lns) == before
    assert list(pin_dir.iterdir()) == []
    assert set(removed[:-1]) == {
        "XDP program of lac0",
        "TC program tc_up of lac0",
        "TC program tc_down of bras0",
        "TC program tc_segmented of bras0p",
        "interfaces bras0s and bras0p",
        "interface bras0",
    }
    assert removed[-1].startswith(f"{pin_dir / VERSION} with accounts, calls, ")


def test_detach_after_the_device_has_gone(lns: Namespace, pin_dir: Path, probe: Path) -> None:
    before = state(lns)
    daemon(lns, pin_dir, probe)
    lns.ip("link", "del", "bras0")
    for name in ("tc_up", "xdp_port"):  # as if a new daemon had died between pinning and swapping
        (pin_dir / VERSION / name).rename(pin_dir / VERSION / f"{name}_old")
    with lns.entered():
        assert "TC program tc_up of lac0" in detach("bras0", pin_dir)
    assert state(lns) == before


def test_detach_finds_filters_without_any_pin(lns: Namespace, pin_dir: Path, probe: Path) -> None:
    daemon(lns, pin_dir, probe)
    for name in ("tc_up", "tc_down", "tc_segmented"):
        (pin_dir / VERSION / name).unlink()
    with lns.entered():
        assert "TC program tc_up of lac0" in detach("bras0", pin_dir)
    assert "clsact" not in lns.run("tc", "qdisc").stdout


def test_detach_leaves_another_instance_alone(lns: Namespace, pin_dir: Path, probe: Path) -> None:
    other = pin_dir.with_name("other")
    daemon(lns, pin_dir, probe)
    loaded = programs.load(other, 64, xdp=False, path=probe)
    with lns.entered():
        kernel = Conversation()
        second = link(kernel, "lac0")
        assert second is not None
        hooks = Hooks(kernel, 4242, loaded.ours)
        hooks.attach(second.index, Side.INGRESS, loaded.programs["tc_up"])
        detach("bras0", pin_dir)
        assert hooks.attached(second.index, Side.INGRESS) == loaded.programs["tc_up"].id
        detach("bras1", other)  # by its pin: its device was never there
        assert hooks.attached(second.index, Side.INGRESS) == 0
        kernel.close()
    loaded.close()


def test_detach_does_nothing_while_a_process_has_the_device(lns: Namespace, pin_dir: Path, probe: Path) -> None:
    daemon(lns, pin_dir, probe)
    held = anchor(lns)
    before = state(lns)
    with lns.entered(), pytest.raises(DataPlaneError, match="interface bras0: a process has it: end that first"):
        detach("bras0", pin_dir)
    assert state(lns) == before
    held.close(keep=True)
    with lns.entered():
        assert detach("bras0", pin_dir)
