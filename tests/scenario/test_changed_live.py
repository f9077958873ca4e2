"""What an Access-Accept can grant, a CoA-Request can change: by its effect on a session that is up."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from bras.forwarding.entry import Counters
from bras.radius.dynauth import COA_REQUEST
from bras.radius.events import Kind
from bras.subscriber.events import SubscriberEnded, TerminateCause
from tests.scenario.test_coa import session_id, subscriber, world
from tests.support.dac import CoaWorld
from tests.support.radius import attribute, vendor_attribute

CISCO, ALCATEL, MIKROTIK, WISPR, BRAS = 9, 6527, 14988, 14122, 32473
NET = (0xC6336400, 24)
RATE = "lcp:interface-config=rate-limit {} {} 1500000 3000000 conform-action transmit exceed-action drop"


def changed(attributes: bytes, reply: bytes = b"") -> CoaWorld:
    made = world(reply=reply)
    made.ask_for(COA_REQUEST, session_id(made) + attributes)
    made.run(1.0)
    assert made.outcome == 0
    return made


def u64(code: int, value: int) -> bytes:
    return vendor_attribute(BRAS, code, struct.pack("!Q", value))


@pytest.mark.parametrize(
    "attributes",
    [
        u64(2, 5_000_000) + u64(3, 50_000_000),
        vendor_attribute(MIKROTIK, 8, b"5M/50M"),
        vendor_attribute(WISPR, 7, 5_000_000) + vendor_attribute(WISPR, 8, 50_000_000),
        vendor_attribute(CISCO, 1, RATE.format("input", 5_000_000).encode())
        + vendor_attribute(CISCO, 1, RATE.format("output", 50_000_000).encode()),
        vendor_attribute(ALCATEL, 126, b"i:q:1:pir=5000") + vendor_attribute(ALCATEL, 126, b"e:r:rate=50000"),
    ],
    ids=["own", "mikrotik", "wispr", "cisco", "alcatel"],
)
def test_rates_of_every_kind(attributes: bytes) -> None:
    before = vendor_attribute(MIKROTIK, 8, b"1M/2M")
    entry = world(reply=before).entry
    assert (entry.rate_up_bps, entry.rate_down_bps) == (1_000_000, 2_000_000)
    entry = changed(attributes, before).entry
    assert (entry.rate_up_bps, entry.rate_down_bps) == (5_000_000, 50_000_000)


@pytest.mark.parametrize(
    ("attributes", "field", "value"),
    [
        (attribute(22, b"198.51.100.0/24 0.0.0.0 1"), "prefixes4", (NET,)),
        (attribute(12, 1300), "mtu", 1300),
        (vendor_attribute(BRAS, 10, 0), "source_check", False),
        (vendor_attribute(BRAS, 11, 7), "mark", 7),
        (vendor_attribute(BRAS, 12, 0x10010), "priority", 0x10010),
        (vendor_attribute(BRAS, 4, 70_000), "burst_up_octets", 70_000),
        (vendor_attribute(BRAS, 5, 80_000), "burst_down_octets", 80_000),
    ],
)
def test_what_the_data_plane_is_told(attributes: bytes, field: str, value: object) -> None:
    before = attribute(22, b"203.0.113.0/24") + attribute(12, 1400)
    assert getattr(world(reply=before).entry, field) != value
    assert getattr(changed(attributes, before).entry, field) == value


@pytest.mark.parametrize(
    ("before", "attributes", "burst"),
    [
        (vendor_attribute(MIKROTIK, 8, b"4M 8M 4M 8"), vendor_attribute(MIKROTIK, 8, b"32M"), 1_000_000),
        (u64(2, 64_000) + vendor_attribute(BRAS, 4, 0), u64(2, 64_000_000), 2_000_000),
        (
            u64(2, 64_000) + vendor_attribute(BRAS, 4, 70_000),
            u64(2, 640_000) + vendor_attribute(BRAS, 4, 80_000),
            80_000,
        ),
    ],
)
def test_another_rate_has_no_burst_of_the_one_before(before: bytes, attributes: bytes, burst: int) -> None:
    made = changed(attributes, before)
    assert made.entry.burst_up_octets == burst
    made.ask_for(COA_REQUEST, session_id(made) + vendor_attribute(BRAS, 10, 0))
    made.run(1.0)
    assert (made.outcome, made.entry.burst_up_octets) == (0, burst), "what is not named stays"


def test_a_gateway_of_a_route_may_be_the_address_of_the_session() -> None:
    before = attribute(8, 0xC0000207)
    assert changed(attribute(22, b"198.51.100.0/24 192.0.2.7 1"), before).entry.prefixes4 == (NET,)
    made = world(reply=before)
    made.ask_for(COA_REQUEST, session_id(made) + attribute(22, b"198.51.100.0/24 192.0.2.8 1"))
    made.run(1.0)
    assert made.outcome == 401


def test_other_routes_take_the_place_of_the_old_ones() -> None:
    made = changed(attribute(22, b"198.51.100.0/24"), attribute(22, b"203.0.113.0/24"))
    networks = made.lns.core.pools.networks
    assert (networks.holder(0, *NET), networks.holder(0, 0xCB007100, 24)) == (subscriber(made).number, None)


@pytest.mark.parametrize("before", [b"", vendor_attribute(MIKROTIK, 17, 5000)])
def test_a_quota_counts_what_was_carried_before_it_came(before: bytes) -> None:
    made = world(reply=before)
    (slot,) = made.plane.entries
    made.plane.feed(slot, Counters(up_octets4=600, up_packets4=1))
    made.run(11.0)
    made.ask_for(COA_REQUEST, session_id(made) + vendor_attribute(MIKROTIK, 17, 1000))
    made.run(11.0)
    assert made.outcome == 0
    assert not made.of(SubscriberEnded)
    made.plane.feed(slot, Counters(down_octets4=600, down_packets4=1))
    made.run(11.0)
    (end,) = made.of(SubscriberEnded)
    assert (end.cause, end.reason) == (TerminateCause.NAS_REQUEST, "quota_exhausted")


def test_a_quota_that_is_spent_already_ends_the_session_at_the_next_reading() -> None:
    made = world(reply=vendor_attribute(MIKROTIK, 17, 5000))
    (slot,) = made.plane.entries
    made.plane.feed(slot, Counters(up_octets4=600, up_packets4=1))
    made.run(11.0)
    made.ask_for(COA_REQUEST, session_id(made) + vendor_attribute(MIKROTIK, 17, 500))
    made.run(25.0)
    (end,) = made.of(SubscriberEnded)
    assert end.reason == "quota_exhausted"


def test_a_larger_quota_lets_it_go_on() -> None:
    made = world(reply=vendor_attribute(MIKROTIK, 17, 1000))
    (slot,) = made.plane.entries
    made.ask_for(COA_REQUEST, session_id(made) + vendor_attribute(MIKROTIK, 17, 5000))
    made.plane.feed(slot, Counters(up_octets4=2000, up_packets4=2))
    made.run(25.0)
    assert not made.of(SubscriberEnded)


def test_an_idle_direction() -> None:
    made = changed(vendor_attribute(BRAS, 9, 1) + attribute(28, 60))
    (slot,) = made.plane.entries
    for _ in range(8):
        if made.plane.entries:
            made.plane.feed(slot, Counters(down_octets4=64, down_packets4=1))
        made.run(15.0)
    (end,) = made.of(SubscriberEnded)
    assert end.cause is TerminateCause.IDLE_TIMEOUT


def test_a_termination_action() -> None:
    made = changed(attribute(27, 50) + attribute(29, 1))
    made.run(120.0)
    assert not made.of(SubscriberEnded)
    assert len(made.requests(Kind.AUTH)) == 2, "the new Accept has no Session-Timeout any more"


def test_a_port_limit_is_for_who_comes_then() -> None:
    made = changed(attribute(62, 1))
    shown: Any = subscriber(made).profile
    assert shown.port_limit == 1
    assert made.plane.entries
