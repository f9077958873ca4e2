"""What the programs remember of their look-ups: believed only as far as the session's own record agrees."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import replace
from itertools import islice

import pytest

from bras.errors import FallbackReason
from tests.support.fastpath import (
    CLIENT4,
    CORE,
    LEG,
    REDIRECT,
    SHOT,
    FastPath,
    frame,
    is_downstream,
    packed,
    route,
    udp,
)

pytestmark = pytest.mark.root

GOLDEN, BITS, CELLS = 0x9E3779B1, 12, 16


@pytest.fixture
def fast(fast: FastPath) -> FastPath:
    fast.forget()
    return fast


def line_of(host: int) -> int:
    """Return the line of an address: that of its neighbours, shifted by the upper bits."""
    above = ((host >> 16) * GOLDEN & 0xFFFFFFFF) >> (32 - BITS)
    return (host // CELLS + above) % (1 << BITS)


def cells(fast: FastPath, address: int) -> list[int]:
    """Return the slots that the line of an address has."""
    found = struct.unpack("=16I", fast.maps["near_hosts"].lookup(struct.pack("=I", line_of(address))) or bytes(64))
    return [(cell & 0xFFFFF) - 1 for cell in found if cell]


def number(text: str) -> int:
    return int.from_bytes(packed(text), "big")


def test_an_address_is_remembered(fast: FastPath) -> None:
    fast.add(route())
    packet = udp(CORE[4], CLIENT4)
    for _ in range(2):
        is_downstream(fast.tc("tc_segmented", frame(packet)).data[14:], packet, route())
        assert cells(fast, number(CLIENT4)) == [3]


def test_what_is_not_the_records_own_is_not_remembered(fast: FastPath) -> None:
    fast.add(route(addresses=(number(CLIENT4), number("10.64.0.9"))))
    for other in ("10.64.0.9", "172.20.0.5"):
        assert fast.tc("tc_segmented", frame(udp(CORE[4], other))).verdict == REDIRECT
        assert cells(fast, number(other)) == []


def down(fast: FastPath, address: str = CLIENT4) -> int:
    return fast.tc("tc_segmented", frame(udp(CORE[4], address))).verdict


def test_one_that_is_gone(fast: FastPath) -> None:
    fast.add(route())
    assert down(fast) == REDIRECT
    fast.clear()
    assert down(fast) == SHOT
    assert fast.take_tallies().fallbacks == {FallbackReason.NO_SUBSCRIBER: 1}


def test_one_that_goes(fast: FastPath) -> None:
    fast.add(route())
    assert down(fast) == REDIRECT
    fast.set_flags(3, 0)
    fast.take_tallies()
    assert down(fast) == SHOT
    assert fast.take_tallies().fallbacks == {FallbackReason.STALE: 1}


def test_a_slot_that_is_anothers_by_now(fast: FastPath) -> None:
    fast.add(route())
    assert down(fast) == REDIRECT
    fast.clear()
    fast.add(route(replace(LEG, key=99), generation=8, addresses=(number("10.64.0.4"),), prefixes4=(), prefixes6=()))
    again = route(slot=5, generation=9)
    fast.add(again)
    packet = udp(CORE[4], CLIENT4)
    is_downstream(fast.tc("tc_segmented", frame(packet)).data[14:], packet, again)
    assert [fast.account(slot).down_packets4 for slot in (3, 5)] == [0, 1]
    assert cells(fast, number(CLIENT4)) == [5]


def test_an_address_in_another_vrf(fast: FastPath) -> None:
    fast.add(route())
    assert fast.tc("tc_segmented", frame(udp(CORE[4], CLIENT4))).verdict == REDIRECT
    fast.clear()
    fast.add(route(vrf=4))
    assert fast.tc("tc_segmented", frame(udp(CORE[4], CLIENT4))).verdict == SHOT
    assert fast.take_tallies().fallbacks == {FallbackReason.NO_SUBSCRIBER: 1}


def test_more_than_a_line_can_hold(fast: FastPath) -> None:
    first, slots = number("10.64.1.0"), range(10, 10 + CELLS + 4)
    one = line_of(first)
    hosts = list(islice((host for host in range(first, first + (1 << 24)) if line_of(host) == one), len(slots)))
    assert len(hosts) == len(slots)
    for slot, host in zip(slots, hosts, strict=True):
        leg = replace(LEG, key=slot)
        fast.add(route(leg, slot=slot, addresses=(host,), prefixes4=(), prefixes6=()))
    for _ in range(3):
        for host in hosts:
            assert down(fast, str(ipaddress.IPv4Address(host))) == REDIRECT
    remembered = cells(fast, first)
    assert len(remembered) == CELLS
    assert set(remembered) <= set(slots)
    assert [fast.account(slot).down_packets4 for slot in slots] == [3] * len(slots)
