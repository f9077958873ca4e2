"""Real packets over the back end ``ebpf``: outer IPv4 and IPv6, inner IPv4 and IPv6, by TC and by XDP.

Kernels' own stacks at both ends judge what it does.  No packet here may pass through this process, but for
those of which a test says so.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bras.forwarding.entry import Counters
from tests.support.namespaces import Namespace
from tests.support.provider import CORE, FAMILIES, Road, udp_socket
from tests.support.traffic import Sink, carried, connected, iperf, ping, sized

pytestmark = pytest.mark.root
both = pytest.mark.both
PORT = 9
MTU = 1400
LINK = 1500
HEADERS = {4: 28, 6: 48}
"""Octets of IP and of UDP or ICMP."""
TUNNEL = {4: 38, 6: 58}
"""Octets that stand before a subscriber's packet: IP, UDP, L2TP, PPP."""
LADDER = sorted({*range(60, LINK + 1, 7), *range(MTU - 3, MTU + 4), *range(1438, 1446), *range(1458, 1466), LINK})


@pytest.fixture(params=FAMILIES, ids=lambda family: f"outer{family}")
def outer(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(params=FAMILIES, ids=lambda family: f"inner{family}")
def inner(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def carried_by(counters: Counters, family: int) -> tuple[int, int, int, int]:
    """Return up octets and packets, down octets and packets of a family."""
    if family == 4:
        return counters.up_octets4, counters.up_packets4, counters.down_octets4, counters.down_packets4
    return counters.up_octets6, counters.up_packets6, counters.down_octets6, counters.down_packets6


@contextmanager
def in_the_kernel(road: Road, *, slow: int = 0, falls: frozenset[str] = frozenset()) -> Iterator[None]:
    """Judge that all but ``slow`` packets pass by the kernel alone, none is dropped, and only ``falls`` are told."""
    before, falls_before, drops_before = road.slow(), road.fallbacks(), road.drops()
    yield
    told = {name for name, count in road.fallbacks().items() if count != falls_before.get(name, 0)}
    assert told <= falls | {"LINK_SCOPE"}  # the LNS's own kernel reports its groups
    assert road.drops() == drops_before
    assert road.slow() - before == slow


@both
def test_pings_both_ways_are_billed(road_of: Road, outer: int, inner: int) -> None:
    headers = HEADERS[inner]
    with road_of.dial(outer, mtu=MTU) as call:
        with in_the_kernel(road_of):
            assert ping(call.client, CORE[inner]) == 3
            assert ping(road_of.core, call.addresses[inner]) == 3
            assert ping(call.client, CORE[inner], df=True, octets=MTU - headers) == 3
            assert ping(road_of.core, call.addresses[inner], df=True, octets=MTU - headers) == 3
        octets = 6 * (56 + headers) + 6 * MTU
        assert carried_by(call.counters(), inner) == (octets, 12, octets, 12)
        assert carried_by(call.counters(), 10 - inner) == (0, 0, 0, 0)
        assert len(call.concentrator.headers) == 1
        assert not call.concentrator.strangers


@both
def test_tcp_both_ways_octet_for_octet(road_of: Road, outer: int, inner: int) -> None:
    payload = secrets.token_bytes(1 << 18)
    with road_of.dial(outer, mtu=MTU, client_mtu=LINK) as call, in_the_kernel(road_of):
        with connected(call.client, road_of.core, CORE[inner]) as (client, server):
            assert carried(client, server, payload) == payload
            assert carried(server, client, payload) == payload
        up, _, down, _ = carried_by(call.counters(), inner)
        assert min(up, down) > len(payload)


@pytest.mark.parametrize("way", [(), ("-R",)], ids=["up", "down"])
def test_iperf(road_of: Road, outer: int, inner: int, way: tuple[str, ...]) -> None:
    with road_of.dial(outer, mtu=MTU, client_mtu=LINK) as call, in_the_kernel(road_of):
        end = iperf(call.client, road_of.core, CORE[inner], "-n", "4M", *way)
        assert end["sum_sent"]["bytes"] >= 4 << 20
        assert end["sum_received"]["bytes"] > 1 << 20  # what is on its way at the end is not waited for


@pytest.mark.parametrize("df", [True, False], ids=["df", "no-df"])
@both
def test_every_size_upstream(road_of: Road, outer: int, inner: int, df: bool) -> None:
    """Of the largest the LAC has to cut its own packets; we put them together again."""
    cut = sum(size + TUNNEL[outer] > LINK for size in LADDER)
    with (
        road_of.dial(outer, mtu=MTU, client_mtu=LINK) as call,
        udp_socket(road_of.core, CORE[inner], PORT) as receiver,
        Sink(receiver) as sink,
        sized(call.client, CORE[inner], PORT, df=df, source=call.addresses[inner]) as sender,
        in_the_kernel(road_of, slow=cut, falls=frozenset({"FRAGMENT"})),
    ):
        for number, size in enumerate(LADDER):
            sender.send(size, number)
            if number % 32 == 31:
                sink.wait(number + 1)
        sink.wait(len(LADDER))
        assert sorted(one.octets + HEADERS[inner] for one in sink.arrivals) == LADDER


@pytest.mark.parametrize(
    ("inner", "df"), [(4, True), (6, True), (4, False)], ids=["inner4-df", "inner6", "inner4-no-df"]
)
@both
def test_every_size_downstream(road_of: Road, outer: int, inner: int, df: bool) -> None:
    """What the client does not take is cut, or refused with the MTU that would do."""
    fits = [size for size in LADDER if size <= MTU]
    larger = [size for size in LADDER if size > MTU]
    asked = [] if not df else larger[:2] + larger[-1:]
    delivered = fits if df else LADDER
    with (
        road_of.dial(outer, mtu=MTU, client_mtu=LINK) as call,
        udp_socket(call.client, call.addresses[inner], PORT) as receiver,
        Sink(receiver) as sink,
        sized(road_of.core, call.addresses[inner], PORT, df=df) as sender,
    ):
        ours = 0 if inner == 6 else len(asked) if df else len(larger)  # the route of a prefix knows the MTU
        before = road_of.slow()
        for number, size in enumerate(delivered):
            sender.send(size, number)
            if number % 32 == 31:
                sink.wait(number + 1)
        sink.wait(len(delivered))
        for size in asked:
            sender.send(size, 0)
            assert sender.refused() == MTU
        assert sorted(one.octets + HEADERS[inner] for one in sink.arrivals) == delivered
        assert road_of.slow() - before == ours
        counters = call.counters()
        assert counters.down_too_big == (ours if df else 0)
        if df:
            assert carried_by(counters, inner)[2:] == (sum(fits), len(fits))


@pytest.mark.parametrize("df", [True, False], ids=["df", "no-df"])
@both
def test_outer_packets_that_exceed_the_link_are_cut_not_the_inner_ones(
    road_of: Road, outer: int, inner: int, df: bool
) -> None:
    """A client that takes 1500 octets over a link to its LAC that carries no more than that with all headers."""
    cut = sum(size + TUNNEL[outer] > LINK for size in LADDER)
    with (
        road_of.dial(outer, mtu=LINK, client_mtu=LINK) as call,
        udp_socket(call.client, call.addresses[inner], PORT) as receiver,
        Sink(receiver) as sink,
        sized(road_of.core, call.addresses[inner], PORT, df=df) as sender,
        in_the_kernel(road_of, slow=cut if outer == 6 else 0, falls=frozenset({"OUTER_FRAGMENT", "NOT_XDP"})),
    ):
        for number, size in enumerate(LADDER):
            sender.send(size, number)
            if number % 32 == 31:
                sink.wait(number + 1)
        sink.wait(len(LADDER))
        assert sorted(one.octets + HEADERS[inner] for one in sink.arrivals) == LADDER
        assert carried_by(call.counters(), inner)[2:] == (sum(LADDER), len(LADDER))


FOREIGN = {4: "10.64.255.1", 6: "2001:db8:6400:ffff::1"}


@contextmanager
def also_having(where: Namespace, address: str) -> Iterator[None]:
    """Give a namespace one more address for a while."""
    whole = f"{address}/{128 if ':' in address else 32}"
    where.ip("address", "add", whole, "dev", "lo")
    if ":" in address:
        where.hold(address)
    try:
        yield
    finally:
        where.ip("address", "delete", whole, "dev", "lo")


@pytest.mark.parametrize("check", [True, False], ids=["checked", "unchecked"])
@both
def test_a_foreign_source_is_dropped_and_counted_unless_allowed(
    road_of: Road, outer: int, inner: int, check: bool
) -> None:
    with (
        road_of.dial(outer, source_check=check) as call,
        also_having(call.client, FOREIGN[inner]),
        udp_socket(road_of.core, CORE[inner], PORT) as receiver,
        Sink(receiver) as sink,
        sized(call.client, CORE[inner], PORT, df=True, source=FOREIGN[inner]) as foreign,
        sized(call.client, CORE[inner], PORT, df=True, source=call.addresses[inner]) as own,
    ):
        before, dropped = road_of.slow(), road_of.drops().get("SPOOFED_SOURCE", 0)
        for number in range(3):
            foreign.send(100, number)
        own.send(100, 77)
        sink.wait(1 if check else 4)
        assert sink.numbers() == ([77] if check else [0, 1, 2, 77])
        assert call.counters().up_spoofed == (3 if check else 0)
        assert road_of.drops().get("SPOOFED_SOURCE", 0) - dropped == (3 if check else 0)
        assert road_of.slow() == before
