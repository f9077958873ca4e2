"""Data messages with a length, and those that the core numbers."""

from __future__ import annotations

import pytest

from bras.dataplane.police import Policer
from bras.dataplane.ways import Handed, Measured, way_of
from bras.errors import DropReason
from bras.forwarding.entry import AddEntry, Counters, Leg, RemoveEntry, ReplaceEntry
from tests.unit.dataplane.packets import ipv4
from tests.unit.dataplane.planes import Bench

UP = {"source": "10.64.0.2", "target": "192.0.2.2"}
DOWN = {"source": "192.0.2.2", "target": "10.64.0.2"}
KEY = 0x1234_0001


class Plain:
    """A way that remembers what is sent on it."""

    peer = ("198.18.0.2", 1701)

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> object:
        self.sent.append(data)
        return len(data)


def leg(*, numbered: bool = False, length_bit: bool = False) -> Leg:
    return Leg(KEY, 0, "127.0.0.1", 1701, "127.0.0.2", 1701, 7, 9, False, False, numbered, length_bit)


def test_what_needs_nothing_goes_straight() -> None:
    plain = Plain()
    assert way_of(leg(), plain, []) is plain


def test_a_length_counts_from_the_first_octet() -> None:
    plain = Plain()
    way = way_of(leg(length_bit=True), plain, [])
    assert isinstance(way, Measured)
    assert way.peer == plain.peer
    way.send(bytes.fromhex("0007 0009 21") + b"packet")
    assert plain.sent == [bytes.fromhex("4002 000f 0007 0009 21") + b"packet"]


@pytest.mark.parametrize("length_bit", [False, True])
def test_what_is_numbered_is_handed_up_in_order(length_bit: bool) -> None:
    plain = Plain()
    frames: list[tuple[int, bytes]] = []
    way = way_of(leg(numbered=True, length_bit=length_bit), plain, frames)
    assert isinstance(way, Handed)
    assert way.peer == plain.peer
    way.send(b"a")
    way.send(b"b")
    assert frames == [(KEY, b"a"), (KEY, b"b")]
    assert not plain.sent


@pytest.mark.parametrize(("acfc", "pfc", "framing"), [(False, False, "ff030021"), (True, True, "21")])
def test_down_with_a_length(bench: Bench, acfc: bool, pfc: bool, framing: str) -> None:
    bench.add(length_bit=True, acfc=acfc, pfc=pfc)
    packet = ipv4(b"abc", **DOWN)
    bench.plane.packet(packet, now=0.0)
    body = bytes.fromhex("4321 0001" + framing) + packet
    assert bench.taken(bench.lac) == [b"\x40\x02" + (len(body) + 4).to_bytes(2, "big") + body]
    assert bench.counters() == Counters(down_octets4=len(packet), down_packets4=1)


@pytest.mark.parametrize(("acfc", "pfc", "framing"), [(False, False, "ff030021"), (True, True, "21")])
def test_down_for_the_core_to_number(bench: Bench, acfc: bool, pfc: bool, framing: str) -> None:
    bench.add(numbered=True, acfc=acfc, pfc=pfc)
    small, large = ipv4(b"abc", **DOWN), ipv4(bytes(1480), **DOWN)
    bench.plane.packet(small, now=0.0)
    bench.plane.packet(large, now=0.0)
    assert bench.taken(bench.lac) == []
    frames = bench.plane.to_be_numbered()
    assert frames[0] == (KEY, bytes.fromhex(framing) + small)
    assert [key for key, _ in frames] == [KEY] * 3, "the large one in two pieces"
    assert bench.plane.to_be_numbered() == ()
    assert bench.counters().down_packets4 == 3


def test_up_what_the_core_found_to_be_in_order(bench: Bench) -> None:
    bench.add(numbered=True)
    packet = ipv4(b"abc", **UP)
    assert not bench.up(packet), "the core judges whether it may come without a number"
    numbered = bytes.fromhex("0802 1234 0001 0000 0000 ff03 0021") + packet
    assert not bench.plane.datagram(numbered, bench.lac.getsockname(), now=0.0)
    assert bench.taken(bench.device) == []
    bench.plane.forward(1, 1, packet, now=0.0)
    assert bench.taken(bench.device) == [packet]
    assert bench.counters() == Counters(up_octets4=len(packet), up_packets4=1)


def test_what_the_core_hands_down_is_checked_as_any_other(bench: Bench) -> None:
    bench.add(numbered=True, rate_up_bps=8000, burst_up_octets=2000)
    bench.plane.forward(1, 1, b"no packet", now=0.0)
    bench.plane.forward(1, 1, ipv4(b"abc", source="10.64.0.3", target="192.0.2.2"), now=0.0)
    bench.plane.forward(1, 2, ipv4(b"abc", **UP), now=0.0)
    for _ in range(3):
        bench.plane.forward(1, 1, ipv4(bytes(900), **UP), now=0.0)
    assert {reason: count for reason, count in bench.plane.drops.items() if count} == {
        DropReason.BAD_PACKET_HEADER: 1,
        DropReason.SPOOFED_SOURCE: 1,
        DropReason.NOT_PROGRAMMED: 1,
        DropReason.POLICED_UP: 1,
    }
    assert isinstance(bench.plane._table.rows[1].police_up, Policer)
    assert len(bench.taken(bench.device)) == 2


def test_a_call_is_one_entrys_whether_it_is_numbered_or_not(bench: Bench) -> None:
    first = bench.add(numbered=True)
    for numbered in (False, True):
        other = bench.route(2, key=KEY, numbered=numbered)
        assert bench.program(AddEntry(other)) == "the call belongs to slot 1"
    assert bench.program(ReplaceEntry(bench.route(numbered=True, rate_up_bps=1))) == ""
    assert bench.program(RemoveEntry(first.slot, first.generation)) == ""
    bench.plane.forward(1, 1, ipv4(**UP), now=0.0)
    assert bench.taken(bench.device) == []
    bench.add()
    assert bench.up(ipv4(**UP))
