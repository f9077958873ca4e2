"""Policers of the back end ``ebpf`` with real packets: their rate, trains of segments, changes while packets flow."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bras.dataplane.police import burst_of
from bras.forwarding.entry import ReplaceEntry, Route
from tests.support.inner import HEADERS, data_message, udp
from tests.support.namespaces import Namespace
from tests.support.provider import CORE, LAC, LNS, Call, Road, subscriber, udp_socket
from tests.support.traffic import Sink, carried, connected, iperf, numbered, paced, soon

pytestmark = pytest.mark.root
both = pytest.mark.both
PORT = 9
OCTETS = 1000
"""Of each IP packet."""
NUMBER = 11
"""Of the subscriber: not the one of the TCP connections, whose ends go on talking for a while when it has gone."""
ROADS = [(4, 4), (6, 6), (4, 6), (6, 4)]
ways = pytest.mark.parametrize("way", ["up", "down"])


@contextmanager
def stream(
    road: Road, way: str, outer: int, inner: int, **changes: object
) -> Iterator[tuple[Callable[[int], object], Sink, Route]]:
    """Yield what sends a numbered packet of OCTETS one way, the sink at the other end, and the Route in between."""
    ours, theirs = subscriber(NUMBER)[inner], CORE[inner]
    payload = OCTETS - HEADERS[inner]
    with udp_socket(road.lac, LAC[outer], 1701) as lac, udp_socket(road.core, theirs, PORT) as core:
        lac.connect((LNS[outer], 1701))
        leg = road.leg(outer, NUMBER, lac)
        with road.entered(road.route(NUMBER, leg, **changes)) as route:
            if way == "up":
                with Sink(core) as sink:
                    yield (
                        lambda n: lac.send(data_message(leg.key, udp(ours, theirs, numbered(n, payload)))),
                        sink,
                        route,
                    )
            else:
                with Sink(lac, number_at=10 + HEADERS[inner]) as sink:
                    yield lambda n: core.sendto(numbered(n, payload), (ours, 5000)), sink, route


@ways
@pytest.mark.parametrize(("outer", "inner"), ROADS)
def test_a_constant_rate_within_three_per_cent(road_of: Road, way: str, outer: int, inner: int) -> None:
    rate_bps, burst, seconds = 2_000_000, 64_000, 3.0
    limits = {f"rate_{way}_bps": rate_bps, f"burst_{way}_octets": burst}
    extra = 0 if way == "up" else 10  # what stands before the packet in the LAC's datagram
    for attempt in range(3):
        with stream(road_of, way, outer, inner, **limits) as (send, sink, route):
            sent = paced(send, per_second=3 * rate_bps / 8 / OCTETS, seconds=seconds)
            counters = road_of.counters(route)
            passed = counters.up_packets4 + counters.up_packets6 + counters.down_packets4 + counters.down_packets6
            sink.wait(passed)
            policed = counters.up_policed if way == "up" else counters.down_policed
            assert passed + policed == sent
            elapsed = (sink.arrivals[-1].at_ns - sink.arrivals[0].at_ns) / 1e9
            octets = sum(one.octets - extra + (HEADERS[inner] if way == "up" else 0) for one in sink.arrivals)
            assert octets == passed * OCTETS
            allowed = burst + rate_bps / 8 * elapsed
            print(f"attempt {attempt}: {octets} octets in {elapsed:.3f} s, {octets / allowed:.4f} of what is allowed")
            assert octets <= allowed * 1.03, "more than the rate: no stall can do that"
            if octets >= allowed * 0.97:
                return
    pytest.fail("the rate was never reached: either the machine stalls all the time, or the policer takes too much")


@ways
@pytest.mark.parametrize(("outer", "inner"), ROADS[:2])
def test_a_change_of_rate_and_burst_loses_nothing_that_conforms(
    road_of: Road, way: str, outer: int, inner: int
) -> None:
    """A hundred changes in a stream of a fifth of the smallest rate."""
    chance = random.Random(4)
    with stream(road_of, way, outer, inner, **{f"rate_{way}_bps": 10_000_000, f"burst_{way}_octets": 64_000}) as flow:
        send, sink, route = flow

        def send_and_change(number: int) -> None:
            send(number)
            if number % 5 == 0:
                rate, burst = chance.choice((8, 16, 1000, 2000)) * 1_000_000, chance.choice((32_000, 64_000, 500_000))
                changed = replace(route, **{f"rate_{way}_bps": rate, f"burst_{way}_octets": burst})
                assert road_of.program(ReplaceEntry(changed)).ok

        sent = paced(send_and_change, per_second=200, seconds=2.5)
        counters = road_of.counters(route)
        assert counters.up_policed == counters.down_policed == 0
        sink.wait(sent)
        assert sink.numbers() == list(range(sent))


@contextmanager
def whole_trains(core: Namespace) -> Iterator[None]:
    """Let the core hand over TCP segments many at a time, with sums that are not worked out yet."""
    core.run("ethtool", "-K", "eth0", "tx", "on", "tso", "on", "gso", "on")
    try:
        yield
    finally:
        core.run("ethtool", "-K", "eth0", "tx", "off", "tso", "off")


stacks = pytest.mark.parametrize("road_of", ["tc", "decap"], indirect=True)
trains = pytest.mark.parametrize("trains", [True, False], ids=["trains", "segments"])


@stacks
@trains
@pytest.mark.parametrize(("outer", "inner"), ROADS)
def test_tcp_downstream_through_a_policer_gets_most_of_it(road_of: Road, trains: bool, outer: int, inner: int) -> None:
    rate_bps, seconds = 20_000_000, 4
    with road_of.dial(outer, rate_down_bps=rate_bps) as call:
        with whole_trains(road_of.core) if trains else contextlib.nullcontext():
            end = iperf(call.client, road_of.core, CORE[inner], "-R", "-t", str(seconds))
        octets, elapsed = end["sum_received"]["bytes"], end["sum_received"]["seconds"]
        assert octets >= 0.7 * rate_bps / 8 * elapsed
        assert octets <= rate_bps / 8 * elapsed + burst_of(rate_bps, 0)
        assert call.counters().down_policed > 0
        billed_is_received(call)


def billed_is_received(call: Call) -> None:
    """Judge that the client's kernel got what we say, octet for octet."""

    def difference() -> tuple[int, int]:
        counters, (link,) = call.counters(), call.client.json("-statistics", "link", "show", "ppp0")
        got = link["stats64"]["rx"]
        octets, packets = counters.down_octets4 + counters.down_octets6, counters.down_packets4 + counters.down_packets6
        return octets - got["bytes"], packets - got["packets"]

    assert soon(lambda: difference() == (0, 0)), difference()


@stacks
@pytest.mark.parametrize(("outer", "inner"), ROADS)
@both
def test_a_train_longer_than_the_burst_passes_piece_by_piece(road_of: Road, outer: int, inner: int) -> None:
    """64 kbyte in one piece against a bucket of 16000 octets: whole, none would ever pass."""
    payload = random.Random(7).randbytes(300_000)
    with (
        road_of.dial(outer, rate_down_bps=50_000_000, burst_down_octets=16_000) as call,
        whole_trains(road_of.core),
        connected(call.client, road_of.core, CORE[inner]) as (client, server),
    ):
        assert carried(server, client, payload) == payload
        billed_is_received(call)


@pytest.mark.parametrize(("outer", "inner"), ROADS)
def test_tcp_upstream_through_a_policer_gets_most_of_it(road_of: Road, outer: int, inner: int) -> None:
    rate_bps = 20_000_000
    with road_of.dial(outer, rate_up_bps=rate_bps) as call:
        end = iperf(call.client, road_of.core, CORE[inner], "-t", "4")
        assert end["sum_received"]["bytes"] >= 0.7 * rate_bps / 8 * end["sum_received"]["seconds"]
        assert call.counters().up_policed > 0
