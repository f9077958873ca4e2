"""IPv6 and networks behind subscribers over the back end ``tun``: kernels' own stacks at both ends judge it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from bras.forwarding.entry import AddEntry, Counters, RemoveEntry, ReplaceEntry
from tests.support.guest import until
from tests.support.provider import CORE, FAMILIES, GATEWAY, LOCAL, Road, road, subscriber
from tests.support.traffic import carried, connected, ping

pytestmark = pytest.mark.root
MTU = 1400
ICMP6 = 48
PREFIX = "2001:db8:6400:1::/64"
"""Of subscriber 1."""


@pytest.fixture(scope="module")
def tun() -> Iterator[Road]:
    with road("tun", Path("/nowhere")) as opened:
        yield opened


@pytest.fixture(params=FAMILIES, ids=lambda family: f"outer{family}")
def outer(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def network(text: str) -> tuple[int, int]:
    parsed = ip_network(text)
    return int(parsed.network_address), parsed.prefixlen


def routes(road: Road) -> list[str]:
    """Return the IPv6 routes to the device, without those that every interface has."""
    lines = road.lns.ip("-6", "route", "show", "dev", "bras0").splitlines()
    return [line.strip() for line in lines if not line.startswith(("fe80::", "ff00::"))]


def said(where: object, target: str, *options: str) -> str:
    done = where.run("ping", "-n", "-c", "1", "-W", "5", *options, target, check=False)  # type: ignore[attr-defined]  # a Namespace
    return str(done.stdout)


def test_pings_both_ways_are_billed_by_family(tun: Road, outer: int) -> None:
    before = tun.drops()
    with tun.dial(outer, number=1, mtu=MTU) as call:
        assert ping(call.client, CORE[6]) == 3
        assert ping(tun.core, call.addresses[6]) == 3
        assert ping(call.client, CORE[6], df=True, octets=MTU - ICMP6) == 3
        assert ping(tun.core, call.addresses[6], df=True, octets=MTU - ICMP6) == 3
        assert ping(call.client, CORE[4]) == 3
        counters = call.counters()
        octets = 6 * (56 + ICMP6) + 6 * MTU
        assert (counters.up_octets6, counters.up_packets6) == (octets, 12)
        assert (counters.down_octets6, counters.down_packets6) == (octets, 12)
        assert (counters.up_octets4, counters.up_packets4) == (3 * 84, 3)
        assert tun.drops() == before
        assert {header[-4:] for header in call.concentrator.headers} == {b"\xff\x03\x00\x21", b"\xff\x03\x00\x57"}


def test_tcp_learns_the_mss_and_carries_all_octets(tun: Road, outer: int) -> None:
    payload = secrets.token_bytes(1 << 18)
    with tun.dial(outer, number=1, mtu=MTU, client_mtu=1500) as call:
        with connected(call.client, tun.core, CORE[6]) as (client, server):
            assert carried(client, server, payload) == payload
            assert carried(server, client, payload) == payload
        counters = call.counters()
        assert min(counters.up_octets6, counters.down_octets6) > len(payload)
        assert counters.down_too_big == 0


def test_a_too_big_packet_is_refused_by_the_kernel_itself(tun: Road) -> None:
    """The route knows the client's MTU, also after it has changed; so the packet never comes to us."""
    with tun.dial(4, number=1, mtu=MTU) as call:
        assert routes(tun) == [f"{PREFIX} proto static metric 1024 mtu {MTU} pref medium"]
        told = said(tun.core, call.addresses[6], "-M", "do", "-s", str(MTU + 1 - ICMP6))
        assert f"From {GATEWAY[6]} icmp_seq=1 Packet too big: mtu={MTU}" in told
        assert call.counters().down_too_big == 0
        assert tun.program(ReplaceEntry(replace(call.route, mtu=1300))).ok
        assert routes(tun) == [f"{PREFIX} proto static metric 1024 mtu 1300 pref medium"]
        told = said(tun.core, call.addresses[6], "-M", "do", "-s", str(1301 - ICMP6))
        assert f"From {GATEWAY[6]} icmp_seq=1 Packet too big: mtu=1300" in told
        assert ping(tun.core, call.addresses[6], octets=3000) == 3, "the sender cuts it"
    assert routes(tun) == []


def test_a_too_big_packet_is_refused_by_us_where_the_kernel_does_not(tun: Road) -> None:
    with tun.dial(4, number=1, mtu=MTU) as call:
        tun.lns.ip("-6", "route", "replace", PREFIX, "dev", "bras0", "proto", "static")  # without an MTU
        before = tun.drops()
        told = said(tun.core, call.addresses[6], "-M", "do", "-s", str(MTU + 1 - ICMP6))
        assert f"From {GATEWAY[6]} icmp_seq=1 Packet too big: mtu={MTU}" in told
        assert call.counters().down_too_big == 1
        assert tun.drops()["TOO_BIG"] == before.get("TOO_BIG", 0) + 1
        learnt = tun.core.ip("route", "get", call.addresses[6])
        assert f"mtu {MTU}" in learnt


def test_an_address_that_nobody_has_is_unreachable(tun: Road) -> None:
    tun.lns.ip("-6", "route", "add", "2001:db8:ff::/48", "dev", "bras0")
    before = tun.drops().get("NO_ROUTE", 0)
    with tun.dial(4, number=1) as call:
        for namespace in (tun.core, call.client):
            told = said(namespace, "2001:db8:ff::1")
            assert "icmp_seq=1 Destination unreachable: Address unreachable" in told
    assert tun.drops()["NO_ROUTE"] == before + 2
    tun.lns.ip("-6", "route", "delete", "2001:db8:ff::/48", "dev", "bras0")


@pytest.mark.parametrize("check", [True, False])
def test_a_foreign_source_is_dropped_and_counted_unless_allowed(tun: Road, check: bool) -> None:
    foreign = subscriber(2)[6]
    with tun.dial(4, number=1, source_check=check) as call:
        call.client.ip("address", "add", f"{foreign}/128", "dev", "lo")
        call.client.hold(foreign)
        assert ping(call.client, CORE[6], source=foreign, within_s=0.2) == 0
        counters = call.counters()
        assert (counters.up_spoofed, counters.up_packets6) == ((3, 0) if check else (0, 3))
        call.client.ip("address", "delete", f"{foreign}/128", "dev", "lo")


def test_what_is_of_the_link_is_left_to_the_core(tun: Road) -> None:
    with tun.dial(4, number=1) as call:
        tun.pump.refused.clear()
        said(call.client, "fe80::1%ppp0", "-W", "0.2")
        said(call.client, "224.0.0.1", "-I", "ppp0", "-W", "0.2")
        wanted = {b"\x00\x21", b"\x00\x57"}
        for _ in until(10.0):
            if {bytes(data[8:10]) for data in tuple(tun.pump.refused)} >= wanted:
                break
        assert {bytes(data[8:10]) for data in tun.pump.refused} == wanted
        counters = call.counters()
        assert (counters.up_packets4, counters.up_packets6, counters.up_spoofed) == (0, 0, 0)


def carried_packets(counters: Counters, family: int) -> tuple[int, int]:
    if family == 4:
        return counters.up_packets4, counters.down_packets4
    return counters.up_packets6, counters.down_packets6


def test_networks_behind_a_subscriber(tun: Road, outer: int) -> None:
    behind = {4: "203.0.113.129", 6: "2001:db8:7:8::9"}
    prefixes6 = (network(PREFIX), network("2001:db8:7::/48"))
    with tun.dial(outer, number=1, prefixes4=(network("203.0.113.128/25"),), prefixes6=prefixes6) as call:
        assert f"203.0.113.128/25 proto static scope link src {LOCAL}" in tun.lns.ip("route", "show", "dev", "bras0")
        assert [line.split()[0] for line in routes(tun)] == ["2001:db8:7::/48", PREFIX]
        for family in FAMILIES:
            call.client.ip("address", "add", behind[family], "dev", "lo", *(("nodad",) * (family == 6)))
            for _ in until(5.0):  # the client's kernel is not at once ready to answer for it
                if ping(tun.core, behind[family], count=1):
                    break
            before = call.counters()
            assert ping(tun.core, behind[family]) == 3
            assert ping(call.client, CORE[family], source=behind[family]) == 3
            after = call.counters()
            assert carried_packets(after, family) == tuple(count + 6 for count in carried_packets(before, family))
            assert after.up_spoofed == 0
            call.client.ip("address", "delete", behind[family], "dev", "lo")
    assert "203.0.113.128/25" not in tun.lns.ip("route")
    assert routes(tun) == []


def test_a_network_in_a_pool_needs_no_route(tun: Road) -> None:
    before = tun.lns.ip("route", "show", "dev", "bras0")
    with tun.dial(4, number=1, prefixes4=(network("10.64.8.0/24"),)):
        assert tun.lns.ip("route", "show", "dev", "bras0") == before


def test_a_route_that_exists_refuses_the_entry_whole(tun: Road) -> None:
    tun.lns.ip("-6", "route", "add", "2001:db8:7::/48", "dev", "core0")
    lac = tun.udp(tun.lac, "198.18.0.2")
    prefixes6 = (network(PREFIX), network("2001:db8:7::/48"))
    route = tun.route(1, tun.leg(4, 1, lac), prefixes6=prefixes6, prefixes4=(network("203.0.113.0/24"),))
    assert tun.program(AddEntry(route)).reason == "route to 2001:db8:7::/48: there is one already: remove it"
    assert routes(tun) == []
    assert "203.0.113.0/24" not in tun.lns.ip("route")
    tun.lns.ip("-6", "route", "delete", "2001:db8:7::/48", "dev", "core0")
    assert tun.program(AddEntry(route)).ok
    assert tun.program(RemoveEntry(route.slot, route.generation)).ok


def test_a_change_that_fails_leaves_the_routes_as_they_were(tun: Road) -> None:
    tun.lns.ip("-6", "route", "add", "2001:db8:7::/48", "dev", "core0")
    with tun.dial(4, number=1, mtu=MTU) as call:
        before = routes(tun)
        wider = replace(call.route, mtu=1300, prefixes6=(*call.route.prefixes6, network("2001:db8:7::/48")))
        assert "there is one already" in tun.program(ReplaceEntry(wider)).reason
        assert routes(tun) == before
        assert f"mtu {MTU}" in before[0]
        assert ping(tun.core, call.addresses[6], df=True, octets=MTU - ICMP6) == 3
    tun.lns.ip("-6", "route", "delete", "2001:db8:7::/48", "dev", "core0")


def test_where_ipv6_is_off_the_entry_is_refused_in_words(tun: Road) -> None:
    tun.lns.sysctl("net.ipv6.conf.bras0.disable_ipv6", 1)
    lac = tun.udp(tun.lac, "198.18.0.2")
    route = tun.route(1, tun.leg(4, 1, lac))
    reason = tun.program(AddEntry(route)).reason
    assert reason.startswith(f"route to {PREFIX}: ")
    tun.lns.sysctl("net.ipv6.conf.bras0.disable_ipv6", 0)
    assert tun.program(AddEntry(route)).ok
    assert tun.program(RemoveEntry(route.slot, route.generation)).ok


def test_the_device_has_no_address_of_its_own_for_ipv6(tun: Road) -> None:
    (link,) = tun.lns.json("address", "show", "dev", "bras0")
    assert [one["family"] for one in link["addr_info"]] == ["inet"]
