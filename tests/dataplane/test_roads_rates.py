"""Policers of the back end ``ebpf`` with real packets: their rate, trains of segments, changes while packets flow."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from bras.dataplane.police import burst_of
from bras.forwarding.entry import ReplaceEntry, Route
from tests.support.inner import HEADERS, data_message, udp
from tests.support.namespaces import Namespace
from tests.support.provider import CORE, LAC, LNS, PORT, Call, Road, subscriber, udp_socket
from tests.support.traffic import Sink, carried, connected, iperf, numbered, paced, soon

pytestmark = pytest.mark.root
both = pytest.mark.both
SINK = 9
OCTETS = 1000
"""Of each IP packet."""
NUMBER = 11
"""Of the subscriber: not the one of the TCP connections, whose ends go on talking for a while when it has gone."""
ROADS = [(4, 4), (6, 6), (4, 6), (6, 4)]
WAYS = ("up", "down")


@dataclass
class Flow:
    """Streams of packets of OCTETS each way, of one call whose LAC is this process."""

    route: Route
    up: Callable[[int], object]
    down: Callable[[int], object]
    at_core: Sink
    at_lac: Sink


@contextmanager
def stream(road: Road, outer: int, inner: int, **changes: object) -> Iterator[Flow]:
    """Bring up a call, and open its ends."""
    ours, theirs = subscriber(NUMBER)[inner], CORE[inner]
    payload = OCTETS - HEADERS[inner]
    with (
        udp_socket(road.lac, LAC[outer], PORT) as lac,
        udp_socket(road.core, theirs, SINK) as core,
        Sink(core) as at_core,
        Sink(lac, number_at=10 + HEADERS[inner]) as at_lac,
    ):
        lac.connect((LNS[outer], PORT))
        leg = road.leg(outer, NUMBER, lac)

        def up(number: int) -> None:
            lac.send(data_message(leg.key, udp(ours, theirs, numbered(number, payload), port=SINK)))

        def down(number: int) -> None:
            core.sendto(numbered(number, payload), (ours, 5000))

        with road.entered(road.route(NUMBER, leg, **changes)) as route:
            yield Flow(route, up, down, at_core, at_lac)


@pytest.mark.parametrize(("outer", "inner"), ROADS)
def test_constant_rates_both_ways_within_three_per_cent(road_of: Road, outer: int, inner: int) -> None:
    """Twice what is allowed is sent; what arrives is the burst, and the rate from then on."""
    rates, burst, seconds = {"up": 2_000_000, "down": 3_000_000}, 64_000, 2.5
    limits = {f"rate_{way}_bps": rate for way, rate in rates.items()} | {f"burst_{way}_octets": burst for way in rates}
    for attempt in range(3):
        with stream(road_of, outer, inner, **limits) as flow:

            def send(number: int, flow: Flow = flow) -> None:
                flow.down(number)
                if number % 3 < 2:
                    flow.up(number)

            sent = paced(send, per_second=2 * rates["down"] / 8 / OCTETS, seconds=seconds)
            counters = road_of.counters(flow.route)
            passed = {
                "up": counters.up_packets4 + counters.up_packets6,
                "down": counters.down_packets4 + counters.down_packets6,
            }
            assert passed["down"] + counters.down_policed == sent
            assert passed["up"] + counters.up_policed == (2 * sent + 2) // 3
            shares = []
            for way, sink in (("up", flow.at_core), ("down", flow.at_lac)):
                sink.wait(passed[way])
                elapsed = (sink.arrivals[-1].at_ns - sink.arrivals[0].at_ns) / 1e9
                shares.append(passed[way] * OCTETS / (burst + rates[way] / 8 * elapsed))
            print(f"attempt {attempt}: of what is allowed arrived {shares}")
            assert max(shares) <= 1.03, "more than the rate: no stall can do that"
            if min(shares) >= 0.97:
                return
    pytest.fail("a rate was never reached: either the machine stalls all the time, or a policer takes too much")


@pytest.mark.parametrize(("outer", "inner"), ROADS)
@both
def test_changes_of_rate_and_burst_lose_nothing_that_conforms(road_of: Road, outer: int, inner: int) -> None:
    """A hundred changes of both in streams of a fifth of the smallest rate."""
    chance = random.Random(4)
    limits = {f"rate_{way}_bps": 10_000_000 for way in WAYS} | {f"burst_{way}_octets": 64_000 for way in WAYS}
    with stream(road_of, outer, inner, **limits) as flow:

        def send_and_change(number: int) -> None:
            flow.up(number)
            flow.down(number)
            if number % 3 == 0:
                rates = {f"rate_{way}_bps": chance.choice((8, 16, 1000, 2000)) * 1_000_000 for way in WAYS}
                bursts = {f"burst_{way}_octets": chance.choice((32_000, 64_000, 500_000)) for way in WAYS}
                assert road_of.program(ReplaceEntry(replace(flow.route, **rates, **bursts))).ok

        sent = paced(send_and_change, per_second=200, seconds=1.5)
        counters = road_of.counters(flow.route)
        assert counters.up_policed == counters.down_policed == 0
        for sink in (flow.at_core, flow.at_lac):
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
TRAINS = [(*road, True) for road in ROADS] + [(*road, False) for road in ROADS[:2]]


@stacks
@pytest.mark.parametrize(("outer", "inner", "trains"), TRAINS)
def test_tcp_downstream_through_a_policer_gets_most_of_it(road_of: Road, outer: int, inner: int, trains: bool) -> None:
    rate_bps, seconds = 20_000_000, 3
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
        end = iperf(call.client, road_of.core, CORE[inner], "-t", "3")
        assert end["sum_received"]["bytes"] >= 0.7 * rate_bps / 8 * end["sum_received"]["seconds"]
        assert call.counters().up_policed > 0
