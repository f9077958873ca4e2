"""What the tun back end asks of the kernel, what it says when refused, and that it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bras.config.model import DataplaneConfig
from bras.dataplane.base import DataPlaneError, Outlet
from bras.dataplane.tun import Tun
from bras.forwarding.entry import AddEntry, RemoveEntry, ReplaceEntry, Route
from bras.ids import CallKey
from tests.dataplane.conftest import LOCAL, POOL, Provider, integer, leg
from tests.support.namespaces import Namespace

pytestmark = pytest.mark.root
ROOT = Path(__file__).parents[2]
OPEN = f"""
import sys
from bras.config.model import DataplaneConfig
from bras.dataplane.base import DataPlaneError
from bras.dataplane.tun import Tun
try:
    plane = Tun(DataplaneConfig(local_address="{LOCAL}"), [{POOL}], [])
    plane.open()
except DataPlaneError as error:
    sys.exit(str(error))
print("open", flush=True)
sys.stdin.read()
"""


def kernel(namespace: Namespace) -> tuple[str, str, str]:
    """Return what the kernel knows; without IPv6, where the link-local addresses of other interfaces still settle."""
    links = " ".join(link["ifname"] for link in namespace.json("link"))
    return links, namespace.ip("-4", "-o", "address"), namespace.ip("-4", "route", "show", "table", "all")


def test_one_route_a_pool_and_one_for_each_address_outside(provider: Provider) -> None:
    before = kernel(provider.lns)
    listener = provider.udp(provider.lns, "198.18.0.1", 1701)
    lac = provider.udp(provider.lac, "198.18.0.2", 1701)
    plane = provider.plane(Outlet(listener, wildcard=False))
    (link,) = provider.lns.json("link", "show", "bras0")
    assert (link["mtu"], "UP" in link["flags"], link["link_type"]) == (1500, True, "none")
    aggregate = f"10.64.0.0/16 proto static scope link src {LOCAL} \n"
    assert routes(provider) == aggregate

    def route(*addresses: str) -> Route:
        return Route(1, 1, 0, (leg(listener, lac),), tuple(integer(address) for address in addresses), 1400)

    assert plane.program(AddEntry(route("10.64.0.2", "203.0.113.5"))).ok
    single = f"203.0.113.%d proto static scope link src {LOCAL} \n"
    assert routes(provider) == aggregate + single % 5
    assert plane.program(ReplaceEntry(route("203.0.113.5", "203.0.113.6"))).ok
    assert routes(provider) == aggregate + single % 5 + single % 6
    assert plane.program(ReplaceEntry(route("203.0.113.6"))).ok
    assert routes(provider) == aggregate + single % 6
    assert plane.program(RemoveEntry(1, 1)).ok
    assert routes(provider) == aggregate
    assert plane.program(AddEntry(route("203.0.113.7"))).ok
    plane.close()
    plane.close()
    assert kernel(provider.lns) == before


def routes(provider: Provider) -> str:
    return provider.lns.ip("route", "show", "dev", "bras0")


def test_a_pool_that_comes_later_has_one_route_in_the_place_of_its_addresses(provider: Provider) -> None:
    listener = provider.udp(provider.lns, "198.18.0.1", 1701)
    lac = provider.udp(provider.lac, "198.18.0.2", 1701)
    plane = provider.plane(Outlet(listener, wildcard=False))
    before = routes(provider)

    def route(number: int, address: str) -> Route:
        call = replace(leg(listener, lac), key=CallKey(1 << 16 | number))
        return Route(number, number, 0, (call,), (integer(address),), 1400)

    for number, address in enumerate(("203.0.113.5", "192.0.2.5"), 1):
        assert plane.program(AddEntry(route(number, address))).ok
    assert plane.cover([(integer("203.0.113.0"), 24), (integer("10.64.0.0"), 16)]) == ""
    single = f"192.0.2.5 proto static scope link src {LOCAL} \n"
    pool = f"203.0.113.0/24 proto static scope link src {LOCAL} \n"
    assert sorted(routes(provider).splitlines()) == sorted((before + single + pool).splitlines())
    assert plane.program(AddEntry(route(3, "203.0.113.6"))).ok
    for number in (1, 2, 3):
        assert plane.program(RemoveEntry(number, number)).ok
    assert sorted(routes(provider).splitlines()) == sorted((before + pool).splitlines())
    provider.lns.ip("route", "add", "198.51.100.0/24", "dev", "lo")
    assert "198.51.100.0/24" in plane.cover([(integer("198.51.100.0"), 24)])


def test_a_route_that_exists_refuses_the_entry_whole(provider: Provider) -> None:
    provider.lns.ip("route", "add", "blackhole", "203.0.113.6")
    listener = provider.udp(provider.lns, "198.18.0.1", 1701)
    lac = provider.udp(provider.lac, "198.18.0.2", 1701)
    plane = provider.plane(Outlet(listener, wildcard=False))
    before = routes(provider)
    addresses = integer("203.0.113.5"), integer("203.0.113.6")
    outcome = plane.program(AddEntry(Route(1, 1, 0, (leg(listener, lac),), addresses, 1400)))
    assert outcome.reason == "route to 203.0.113.6/32: there is one already: remove it"
    assert routes(provider) == before
    assert plane.program(AddEntry(Route(1, 1, 0, (leg(listener, lac),), addresses[:1], 1400))).ok


def test_a_killed_daemon_leaves_nothing(provider: Provider) -> None:
    before = kernel(provider.lns)
    daemon = provider.lns.start(
        sys.executable, "-c", OPEN, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "open\n"
        assert "bras0" in provider.lns.ip("link")
        os.kill(daemon.pid, signal.SIGKILL)
    assert kernel(provider.lns) == before


@pytest.mark.parametrize(
    ("interface", "said"),
    [
        ("lac0", "interface lac0: the name is taken: "),
        ("a-name-too-long-", "interface a-name-too-long-: this is no name for an interface: "),
        ("a b", "interface a b: this is no name for an interface: "),
        ("tap%d", "interface tap%d: this is no name for an interface: "),
    ],
)
def test_a_bad_name_is_refused_in_words(provider: Provider, interface: str, said: str) -> None:
    with pytest.raises(DataPlaneError, match=said):
        provider.plane(interface=interface)


def test_two_daemons_do_not_share_a_device_nor_a_pool(provider: Provider) -> None:
    first = provider.plane()
    before = kernel(provider.lns)
    with pytest.raises(DataPlaneError, match="interface bras0: the name is taken"):
        provider.plane()
    with pytest.raises(DataPlaneError, match=r"route to 10\.64\.0\.0/16: there is one already"):
        provider.plane(interface="bras1")
    assert kernel(provider.lns) == before
    first.close()
    provider.plane()


@pytest.mark.parametrize("dropped", [["--bounding-set=-net_admin"], ["--reuid=65534", "--clear-groups"]])
def test_without_rights_it_says_which_are_missing(provider: Provider, dropped: list[str]) -> None:
    done = provider.lns.run("setpriv", *dropped, sys.executable, "-c", OPEN, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "CAP_NET_ADMIN" in done.stderr


def test_without_the_device_file_it_says_what_to_load(provider: Provider) -> None:
    script = f'mount -t tmpfs none /dev/net && exec {sys.executable} -c "$0"'
    done = provider.lns.run("unshare", "--mount", "sh", "-c", script, OPEN, check=False)
    assert "there is no /dev/net/tun: load the module (modprobe tun)" in done.stderr


def test_a_device_taken_away_is_told_and_not_spun_on(provider: Provider) -> None:
    plane = provider.plane()
    provider.lns.ip("link", "delete", "bras0")
    with pytest.raises(DataPlaneError, match="the interface was taken away"):
        plane.on_readable(now=0.0)


def test_before_open_there_is_nothing_to_wait_for() -> None:
    plane = Tun(DataplaneConfig(), [POOL], [])
    assert plane.filenos() == ()
    plane.close()
