"""What the programs remember of their look-ups: believed only as far as the session's own record agrees."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bras.errors import FallbackReason
from bras.forwarding.entry import Route
from tests.support.fastpath import (
    CALL,
    CLIENT4,
    CORE,
    LEG,
    REDIRECT,
    SHOT,
    FastPath,
    fast_path,
    frame,
    is_downstream,
    packed,
    route,
    udp,
    upstream,
)

pytestmark = pytest.mark.root

GOLDEN, BITS, CELLS = 0x9E3779B1, 12, 16


@pytest.fixture(scope="module")
def loaded() -> Iterator[FastPath]:
    with fast_path() as made:
        yield made


@pytest.fixture
def fast(loaded: FastPath) -> FastPath:
    loaded.clear()
    loaded.forget()
    return loaded


def up(fast: FastPath, call: int = CALL, source: str = CLIENT4) -> int:
    return fast.tc("tc_up", upstream(udp(source, CORE[4]), call=call)).verdict


def line_of(key: int) -> int:
    return (key * GOLDEN & 0xFFFFFFFF) >> (32 - BITS)


def line_of_host(host: int) -> int:
    """Return the line of an address: that of its neighbours, shifted by the upper bits."""
    return (host // CELLS + line_of(host >> 16)) % (1 << BITS)


def cells(fast: FastPath, name: str, key: int) -> list[int]:
    """Return the slots that the line of a key has."""
    line = line_of(key) if name == "near_calls" else line_of_host(key)
    found = struct.unpack("=16I", fast.maps[name].lookup(struct.pack("=I", line)) or bytes(64))
    return [(cell & 0xFFFFF) - 1 for cell in found if cell]


def address(text: str) -> int:
    return int.from_bytes(packed(text), "big")


def test_a_call_is_remembered(fast: FastPath) -> None:
    fast.add(route())
    assert cells(fast, "near_calls", CALL) == []
    assert up(fast) == REDIRECT
    assert cells(fast, "near_calls", CALL) == [3]
    fast.maps["calls"].delete(struct.pack("=I", CALL))
    assert up(fast) == REDIRECT, "not looked up again"


def test_an_address_is_remembered(fast: FastPath) -> None:
    fast.add(route())
    packet = udp(CORE[4], CLIENT4)
    for _ in range(2):
        is_downstream(fast.tc("tc_segmented", frame(packet)).data[14:], packet, route())
        assert cells(fast, "near_hosts", address(CLIENT4)) == [3]


def test_what_is_not_the_records_own_is_not_remembered(fast: FastPath) -> None:
    fast.add(route(addresses=(address(CLIENT4), address("10.64.0.9"))))
    for other in ("10.64.0.9", "172.20.0.5"):
        assert fast.tc("tc_segmented", frame(udp(CORE[4], other))).verdict == REDIRECT
        assert cells(fast, "near_hosts", address(other)) == []


def test_one_that_is_gone(fast: FastPath) -> None:
    fast.add(route())
    assert up(fast) == REDIRECT
    assert fast.tc("tc_segmented", frame(udp(CORE[4], CLIENT4))).verdict == REDIRECT
    fast.clear()
    fast.listen(LEG.local)
    octets = upstream(udp(CLIENT4, CORE[4]))
    fast.fell_back(fast.tc("tc_up", octets), octets, FallbackReason.UNKNOWN_SESSION)
    assert fast.tc("tc_segmented", frame(udp(CORE[4], CLIENT4))).verdict == SHOT
    assert fast.take_tallies().fallbacks == {FallbackReason.NO_SUBSCRIBER: 1}


def test_one_that_goes(fast: FastPath) -> None:
    fast.add(route())
    assert up(fast) == REDIRECT
    fast.set_flags(3, 0)
    octets = upstream(udp(CLIENT4, CORE[4]))
    fast.take_tallies()
    fast.fell_back(fast.tc("tc_up", octets), octets, FallbackReason.STALE)


def moved(fast: FastPath) -> Route:
    """Give the slot to another session, and the first one's call and address to a slot of their own."""
    assert up(fast) == REDIRECT
    assert fast.tc("tc_segmented", frame(udp(CORE[4], CLIENT4))).verdict == REDIRECT
    fast.clear()
    fast.add(route(replace(LEG, key=99), generation=8, addresses=(address("10.64.0.4"),), prefixes4=(), prefixes6=()))
    again = route(slot=5, generation=9)
    fast.add(again)
    return again


def test_a_slot_that_is_anothers_by_now(fast: FastPath) -> None:
    fast.add(route())
    again = moved(fast)
    assert up(fast) == REDIRECT
    packet = udp(CORE[4], CLIENT4)
    is_downstream(fast.tc("tc_segmented", frame(packet)).data[14:], packet, again)
    assert [fast.account(slot).up_packets4 for slot in (3, 5)] == [0, 1]
    assert [fast.account(slot).down_packets4 for slot in (3, 5)] == [0, 1]
    assert cells(fast, "near_calls", CALL) == [5]
    assert cells(fast, "near_hosts", address(CLIENT4)) == [5]


def test_an_address_in_another_vrf(fast: FastPath) -> None:
    fast.add(route())
    assert fast.tc("tc_segmented", frame(udp(CORE[4], CLIENT4))).verdict == REDIRECT
    fast.clear()
    fast.add(route(vrf=4))
    assert fast.tc("tc_segmented", frame(udp(CORE[4], CLIENT4))).verdict == SHOT
    assert fast.take_tallies().fallbacks == {FallbackReason.NO_SUBSCRIBER: 1}


def test_more_than_a_line_can_hold(fast: FastPath) -> None:
    keys = [key for key in range(1, 1 << 20) if line_of(key) == line_of(1)][: CELLS + 4]
    assert len(keys) == CELLS + 4
    for slot, key in enumerate(keys, 10):
        source = address("10.64.1.0") + slot
        fast.add(route(replace(LEG, key=key), slot=slot, addresses=(source,), prefixes4=(), prefixes6=()))
    for _ in range(3):
        for slot, key in enumerate(keys, 10):
            assert up(fast, key, f"10.64.1.{slot}") == REDIRECT
    remembered = cells(fast, "near_calls", 1)
    assert len(remembered) == CELLS
    assert set(remembered) <= set(range(10, 10 + len(keys)))
    assert [fast.account(slot).up_packets4 for slot in range(10, 10 + len(keys))] == [3] * len(keys)
