"""LACs behind a VLAN, and subscribers in a VRF, over the back end ``ebpf``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.inner import data_message, udp
from tests.support.provider import CORE, FAMILIES, LAC, LNS, MODES, PORT, Road, road, subscriber, udp_socket
from tests.support.traffic import Sink, carried, connected, ping, sized

pytestmark = [pytest.mark.root, pytest.mark.guest]
MTU = 1400
VLAN, VRF = 7, "customers"


@pytest.fixture(scope="module", params=MODES)
def vlan_road(request: pytest.FixtureRequest, pins: Path) -> Iterator[Road]:
    with road(request.param, pins / f"vlan-{request.param}", vlan=VLAN) as opened:
        yield opened


@pytest.fixture(scope="module", params=MODES)
def vrf_road(request: pytest.FixtureRequest, pins: Path) -> Iterator[Road]:
    with road(request.param, pins / f"vrf-{request.param}", vrf=VRF) as opened:
        yield opened


def all_ways(road: Road, outer: int) -> None:
    """Judge a call: pings, the largest packets, one that is too large, TCP, a foreign source; none by this process."""
    with road.dial(outer, mtu=MTU) as call:
        for family in FAMILIES:
            headers = 28 if family == 4 else 48
            assert ping(call.client, CORE[family], count=1) == 1
            slow = road.slow()
            assert ping(call.client, CORE[family]) == 3
            assert ping(road.core, call.addresses[family], df=True, octets=MTU - headers) == 3
            assert road.slow() == slow
            with connected(call.client, road.core, CORE[family]) as (client, server):
                assert carried(client, server, bytes(50_000)) == bytes(50_000)
                assert carried(server, client, bytes(50_000)) == bytes(50_000)
            assert road.slow() == slow
            with sized(road.core, call.addresses[family], 9, df=True) as sender:
                sender.send(MTU + 1, 0)
                assert sender.refused() == MTU
        counters = call.counters()
        assert counters.up_packets4 > 4
        assert counters.up_packets6 > 4
        assert counters.down_packets4 > 4
        assert counters.down_packets6 > 4


@pytest.mark.parametrize("outer", FAMILIES, ids=lambda family: f"outer{family}")
def test_a_lac_behind_a_vlan(vlan_road: Road, outer: int) -> None:
    all_ways(vlan_road, outer)
    assert f"lac0.{VLAN}" in dict(vlan_road.do(vlan_road.plane.status).interfaces)


@pytest.mark.parametrize("outer", FAMILIES, ids=lambda family: f"outer{family}")
def test_subscribers_in_a_vrf_and_their_lac_outside(vrf_road: Road, outer: int) -> None:
    all_ways(vrf_road, outer)


def test_what_comes_untagged_is_not_the_vlans(vlan_road: Road) -> None:
    """The same addresses outside the VLAN are another network's: nothing of it is taken for a subscriber's."""
    lac, lns = vlan_road.lac, vlan_road.lns
    with (
        udp_socket(lac, LAC[4], PORT) as inside,
        udp_socket(vlan_road.core, CORE[4], 9) as core,
        Sink(core) as sink,
        vlan_road.entered(vlan_road.route(1, vlan_road.leg(4, 1, inside))) as route,
    ):
        lac.ip("address", "add", "198.18.9.2/24", "dev", "eth0")
        lns.ip("address", "add", "198.18.9.1/24", "dev", "lac0")
        with udp_socket(lac, "198.18.9.2", PORT) as outside:
            message = data_message(route.legs[0].key, udp(subscriber(1)[4], CORE[4], b"1234"))
            for _ in range(3):
                outside.sendto(message, ("198.18.9.1", PORT))
        inside.sendto(message, (LNS[4], PORT))
        sink.wait(1)
        assert len(sink.arrivals) == 1
        assert vlan_road.counters(route).up_packets4 == 1


@pytest.mark.parametrize("outer", FAMILIES, ids=lambda family: f"outer{family}")
def test_from_a_vrf_outer_packets_that_exceed_the_link_are_cut(vrf_road: Road, outer: int) -> None:
    """The way to the LAC is not the VRF's."""
    with vrf_road.dial(outer, mtu=1500) as call:
        for family in FAMILIES:
            headers = 28 if family == 4 else 48
            assert ping(vrf_road.core, call.addresses[family], df=True, octets=1500 - headers) == 3
            assert ping(call.client, CORE[family], df=True, octets=1500 - headers) == 3
