"""From the number of a call to its record: where it may lie, and what is believed of it."""

from __future__ import annotations

import random
import struct
from dataclasses import replace

import pytest

from bras.dataplane.records import QUICK_PORT, QUICK_PORTS, XdpMode
from bras.errors import FallbackReason
from bras.forwarding.entry import Leg
from tests.support.fastpath import (
    CALL,
    CLIENT4,
    CLIENT6,
    CORE,
    LEG,
    LEG6,
    LOOPBACK,
    REDIRECT,
    UNSPEC,
    XDP_PASS,
    FastPath,
    route,
    udp,
    upstream,
)

pytestmark = pytest.mark.root
FAR = 77
"""A place of which no number here speaks."""


def up(fast: FastPath, call: int = CALL, outer: int = 4) -> int:
    return fast.tc("tc_up", upstream(udp(CLIENT4, CORE[4]), outer, call=call)).verdict


def is_left(fast: FastPath, reason: FallbackReason, call: int = CALL) -> None:
    octets = upstream(udp(CLIENT4, CORE[4]), call=call)
    fast.take_tallies()
    fast.fell_back(fast.tc("tc_up", octets), octets, reason)


def carried(fast: FastPath, slot: int = 3) -> tuple[int, int]:
    found = fast.account(slot)
    return found.up_octets4, found.up_packets4


def test_where_its_number_says(fast: FastPath) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    chosen = [0x0001_0001, 0xFFFF_FFFF, 0x0001_FFFF, 0xFFFF_0001, *(dice.randrange(1 << 32) | 1 for _ in range(200))]
    for call in chosen:
        first, second = fast.uplinks.said(call)
        for place in (first, second):
            if place:
                fast.add(route(replace(LEG, key=call)), at=place)
                fast.maps["calls"].delete(struct.pack("=I", call))
                assert up(fast, call) == REDIRECT
                assert carried(fast) == (28, 1)


def test_calls_that_follow_each_other_lie_side_by_side(fast: FastPath) -> None:
    first = fast.uplinks.said(0x1234_0001)[0]
    assert [fast.uplinks.said(0x1234_0001 + n)[0] for n in range(9)] == [
        (first + n) & fast.uplinks.mask for n in range(9)
    ]


def test_anywhere_else_by_a_key(fast: FastPath) -> None:
    fast.add(route(), at=FAR)
    assert up(fast) == REDIRECT
    assert carried(fast) == (28, 1)
    fast.maps["calls"].delete(struct.pack("=I", CALL))
    is_left(fast, FallbackReason.UNKNOWN_SESSION)


def test_a_key_to_a_session_that_has_another_call(fast: FastPath) -> None:
    fast.add(route(), at=FAR)
    fast.maps["calls"].update(struct.pack("=I", CALL + 1), struct.pack("=II", 3, 7))
    is_left(fast, FallbackReason.UNKNOWN_SESSION, CALL + 1)
    fast.uplinks.leave(FAR)
    is_left(fast, FallbackReason.UNKNOWN_SESSION)


def test_anothers_in_its_places(fast: FastPath) -> None:
    """Who came first lies where both numbers say; the second one by its other number, the third one elsewhere."""
    first, second = fast.uplinks.said(CALL)
    for place, slot in ((first, 10), (second, 11)):
        fast.add(route(replace(LEG, key=slot), slot=slot, addresses=(), prefixes4=(), prefixes6=()), at=place)
    is_left(fast, FallbackReason.UNKNOWN_SESSION)
    fast.add(route())
    assert fast.uplink() not in {first, second}
    assert up(fast) == REDIRECT
    assert [carried(fast, slot) for slot in (3, 10, 11)] == [(28, 1), (0, 0), (0, 0)]


def test_no_call_at_all(fast: FastPath) -> None:
    """Nobody's records have the number 0, too."""
    fast.add(route())
    is_left(fast, FallbackReason.UNKNOWN_SESSION, 0)


def test_one_that_goes_and_is_gone(fast: FastPath) -> None:
    fast.add(route())
    fast.set_flags(3, 0)
    is_left(fast, FallbackReason.STALE)
    fast.uplinks.leave(fast.uplink())
    is_left(fast, FallbackReason.UNKNOWN_SESSION)


@pytest.mark.parametrize("numbered", [True, False], ids=["by number", "by its header"])
@pytest.mark.parametrize("leg", [LEG, LEG6], ids=["outer4", "outer6"])
def test_the_peer(fast: FastPath, leg: Leg, numbered: bool) -> None:
    outer = 6 if leg is LEG6 else 4
    peer = fast.maps["peers"]
    for other in (leg, replace(leg, local_port=1702), replace(leg, remote_port=1702)):
        fast.add(route(other))
        if not numbered:
            fast.uplinks.halves[fast.uplink() * 16 + 5] = 0
        assert (fast.account().peer != 0) == numbered
        assert up(fast, outer=outer) == (REDIRECT if other is leg else UNSPEC)
        assert up(fast, outer=10 - outer) == UNSPEC
    assert peer.lookup(struct.pack("=I", 2)) != bytes(40)


def test_ipv6_is_counted_in_the_session(fast: FastPath) -> None:
    fast.add(route())
    assert fast.tc("tc_up", upstream(udp(CLIENT6, CORE[6]))).verdict == REDIRECT
    found = fast.account()
    assert (found.up_octets4, found.up_packets4, found.up_octets6, found.up_packets6) == (0, 0, 48, 1)


def quick(fast: FastPath, interface: int, mode: XdpMode, at: int = LOOPBACK) -> None:
    fast.maps["quick_ports"].update(struct.pack("=I", at % QUICK_PORTS), QUICK_PORT.pack(interface, mode))


def passes_untouched(fast: FastPath, vlan: int = 0) -> bool:
    octets = upstream(udp(CLIENT4, CORE[4]), vlan=vlan)
    passed = fast.xdp(octets)
    assert passed.verdict == XDP_PASS
    return passed.data == octets


def test_the_mode_of_an_interface_is_looked_for_in_the_array_first(fast: FastPath) -> None:
    fast.add(route())
    assert passes_untouched(fast)
    quick(fast, LOOPBACK, XdpMode.DECAP)
    assert not passes_untouched(fast)
    assert passes_untouched(fast, vlan=7), "that is for frames without a tag"
    quick(fast, LOOPBACK + QUICK_PORTS, XdpMode.DECAP)
    assert passes_untouched(fast), "another interface's"
    fast.port(XdpMode.DECAP)
    assert not passes_untouched(fast)
