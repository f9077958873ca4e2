"""Routes as a real kernel lists them, and what is made of them; live packets are in test_roads_onward.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bras.dataplane.blocks import MOST_ROUTES, survey
from tests.support.namespaces import Namespace, Network

pytestmark = pytest.mark.root


@pytest.fixture
def lns() -> Iterator[Namespace]:
    """Return a namespace with two links, and a default route by the first."""
    with Network() as network:
        lns, core = network.namespace("lns"), network.namespace("core")
        for number in (0, 1):
            ours, theirs = [f"192.0.{number}.1/24"], [f"192.0.{number}.2/24"]
            network.link(lns, f"core{number}", ours, core, f"eth{number}", theirs)
        lns.ip("route", "add", "default", "via", "192.0.0.2")
        yield lns


def found(lns: Namespace) -> bytes | str:
    with lns.entered():
        return survey()


def numbers(lns: Namespace, *addresses: str) -> list[int]:
    told = found(lns)
    assert isinstance(told, bytes), told
    return [told[int(first) << 8 | int(second)] for first, second, *_ in (each.split(".") for each in addresses)]


def test_the_routes_of_a_small_provider(lns: Namespace) -> None:
    lns.ip("route", "add", "10.64.0.0/15", "via", "192.0.1.2")
    lns.ip("route", "add", "blackhole", "172.16.0.0/12")
    default, other, pool, its_end, hole, links, own = numbers(
        lns, "203.0.113.9", "8.8.8.8", "10.64.1.1", "10.65.1.1", "172.20.1.1", "192.0.0.2", "127.0.0.1"
    )
    assert default == other != 0
    assert pool == its_end not in {0, default}
    assert hole not in {0, default, pool}  # the kernel says what it says, of one as of all
    assert links == 0  # of two links, and of addresses of ours
    assert own not in {default, pool, hole}


def test_a_longer_route_is_seen(lns: Namespace) -> None:
    assert numbers(lns, "203.0.113.9") != [0]
    lns.ip("route", "add", "203.0.113.9", "via", "192.0.1.2")
    assert numbers(lns, "203.0.113.9") == [0]


@pytest.mark.parametrize("table", ["local", "default"])
def test_tables_beside_the_main_one(lns: Namespace, table: str) -> None:
    lns.ip("route", "add", "203.0.113.9", "dev", "core1", "table", table)
    assert numbers(lns, "203.0.113.9") == [0]


def test_a_table_that_no_rule_leads_to_does_no_harm(lns: Namespace) -> None:
    lns.ip("route", "add", "203.0.0.0/16", "dev", "core1", "table", "77")
    assert numbers(lns, "203.0.113.9") != [0]


def test_several_next_hops(lns: Namespace) -> None:
    both = ("nexthop", "via", "192.0.0.2", "nexthop", "via", "192.0.1.2")
    lns.ip("route", "add", "10.64.0.0/16", *both)
    lns.ip("nexthop", "add", "id", "1", "via", "192.0.0.2", "dev", "core0")
    lns.ip("nexthop", "add", "id", "2", "via", "192.0.1.2", "dev", "core1")
    lns.ip("nexthop", "add", "id", "3", "group", "1/2")
    lns.ip("route", "add", "10.65.0.0/16", "nhid", "3")
    lns.ip("route", "add", "10.66.0.0/16", "nhid", "1")
    spread, group, alone = numbers(lns, "10.64.0.1", "10.65.0.1", "10.66.0.1")
    assert spread == group == 0
    assert alone


def test_a_route_for_a_type_of_service(lns: Namespace) -> None:
    lns.ip("route", "add", "10.64.0.0/16", "tos", "0x10", "via", "192.0.1.2")
    assert numbers(lns, "10.64.0.1") == [0]
    assert numbers(lns, "10.65.0.1") != [0]


@pytest.mark.parametrize(
    "rule",
    [
        ("from", "10.0.0.0/8", "table", "77"),
        ("iif", "core1", "table", "77"),
        ("fwmark", "1", "lookup", "main"),
        ("to", "10.0.0.0/8", "table", "77"),
        ("priority", "100", "table", "77"),
        ("lookup", "main", "suppress_prefixlength", "0"),
        ("from", "10.0.0.0/8", "blackhole"),
        ("not", "from", "10.0.0.0/8", "lookup", "main"),
        ("tos", "0x10", "lookup", "main"),
        ("uidrange", "1-2", "lookup", "main"),
        ("ipproto", "udp", "dport", "53", "lookup", "main"),
    ],
    ids="-".join,
)
def test_a_rule(lns: Namespace, rule: tuple[str, ...]) -> None:
    assert isinstance(found(lns), bytes)
    lns.ip("rule", "add", *rule)
    assert found(lns) == "rules look at more than the destination"
    lns.ip("rule", "del", *rule)
    assert isinstance(found(lns), bytes)


def test_rules_that_change_nothing(lns: Namespace) -> None:
    lns.ip("rule", "add", "priority", "100", "lookup", "main")
    assert isinstance(found(lns), bytes)


def test_too_many_routes(lns: Namespace) -> None:
    lns.ip_all(*(f"route add 10.{n >> 8}.{n & 255}.0/24 via 192.0.0.2" for n in range(4 * MOST_ROUTES)))
    assert found(lns) == f"there are more than {MOST_ROUTES} routes"
    lns.ip("route", "flush", "proto", "boot", "root", "10.0.0.0/8")
    assert isinstance(found(lns), bytes)


def test_a_kernel_that_remembers_paths(lns: Namespace) -> None:
    lns.sysctl("net/ipv4/ip_forward_use_pmtu", 1)
    assert found(lns) == "net.ipv4.ip_forward_use_pmtu is set"
