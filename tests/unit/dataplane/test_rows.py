"""What is prepared of an Entry."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.rows import PPP_IPV6, Tally, call_octets, counters_of, dotted
from bras.forwarding.entry import AddEntry, Counters, RemoveEntry, ReplaceEntry, Route
from tests.unit.dataplane.packets import ipv4, ipv6
from tests.unit.dataplane.planes import ADDRESS, Bench, bench

NETWORKS = {"prefixes4": ((0xC0A80000, 16), (0xC6336407, 32)), "prefixes6": ((0x20010DB8 << 96, 48),)}
IPV6 = b"\xff\x03\x00\x57"
OUT, OUT6 = "192.0.2.2", "2001:db8:ffff::2"
FIRST = {
    "up": lambda bench: bench.up(ipv4(bytes(1000))),
    "up, compressed": lambda bench: bench.up(ipv4(b"x"), ppp=b"\x21"),
    "up, from a network": lambda bench: bench.up(ipv4(b"x", source="192.168.3.4")),
    "up, from a network of one": lambda bench: bench.up(ipv4(b"x", source="198.51.100.7")),
    "up, IPv6": lambda bench: bench.up(ipv6(b"x", source="2001:db8::2", target=OUT6), ppp=IPV6),
    "up, IPv6, compressed": lambda bench: bench.up(ipv6(b"x", source="2001:db8::2", target=OUT6), ppp=b"\x57"),
    "up, by the core": lambda bench: bench.plane.forward(1, 1, ipv4(b"x"), now=0.0),
    "down": lambda bench: bench.plane.packet(ipv4(b"x", source=OUT, target="10.64.0.2"), now=0.0),
    "down, to a network": lambda bench: bench.plane.packet(ipv4(b"x", source=OUT, target="192.168.3.4"), now=0.0),
    "down, to one of one": lambda bench: bench.plane.packet(ipv4(b"x", source=OUT, target="198.51.100.7"), now=0.0),
    "down, IPv6": lambda bench: bench.plane.packet(ipv6(b"x", source=OUT6, target="2001:db8::2"), now=0.0),
}
"""Packets of the subscriber in slot 1, by ways on which one may be its first."""


def test_the_key_of_a_call_is_how_its_data_begins() -> None:
    assert call_octets(0x1234_0042) == bytes.fromhex("0002 1234 0042 ff03 0021")
    assert call_octets(0x1234_0042, PPP_IPV6) == bytes.fromhex("0002 1234 0042 ff03 0057")


def test_dotted() -> None:
    assert [dotted(address) for address in (0, 0x0A400002, 0xFFFFFFFF)] == ["0.0.0.0", "10.64.0.2", "255.255.255.255"]


def test_every_count_has_its_place() -> None:
    tally = Tally()
    assert counters_of(tally) == Counters()
    for number, name in enumerate(Tally.__slots__, 1):
        setattr(tally, name, number)
    counters = counters_of(tally)
    for name in Tally.__slots__:
        there = name + "4" if name.endswith(("octets", "packets")) else name
        assert getattr(counters, there) == getattr(tally, name)


def _figures(bench: Bench) -> tuple[object, ...]:
    return bench.plane.totals(), dict(bench.plane.drops), bench.taken(bench.device), bench.taken(bench.lac)


@pytest.mark.parametrize("way", FIRST)
def test_a_row_is_made_for_the_first_packet_whichever_way_it_comes(bench: Bench, way: str) -> None:
    bench.add(**NETWORKS)
    table, send = bench.plane._table, FIRST[way]
    assert bench.counters() == Counters()
    assert not table.rows
    send(bench)
    row = table.rows[1]
    for again in FIRST.values():
        again(bench)
    assert table.rows == {1: row}
    ups, downs = bench.taken(bench.device), bench.taken(bench.lac)
    assert (len(ups), len(downs)) == (7 + way.startswith("up"), 4 + way.startswith("down"))
    carried = bench.counters()
    assert carried.up_packets4 + carried.up_packets6 == len(ups)
    assert carried.down_packets4 + carried.down_packets6 == len(downs)
    assert not any(bench.plane.drops.values())
    bench.program(RemoveEntry(1, 1))
    for kept in (table.routes, table.keys, table.hosts, table.rows, table.calls, table.calls6, table.addresses):
        assert not kept
    assert not table.nets4
    assert not table.nets6


def test_what_goes_or_changes_before_its_first_packet(bench: Bench) -> None:
    bench.add(1, **NETWORKS)
    bench.add(2)
    assert not bench.program(RemoveEntry(1, 1))
    moved = bench.route(2, key=0x1234_0001, addresses=(ADDRESS,), mtu=1000, **NETWORKS)
    assert not bench.program(ReplaceEntry(moved))
    assert not bench.plane._table.rows
    assert not bench.up(ipv4(b"x", source="10.64.0.3"), slot=2)
    for send in FIRST.values():
        if send is not FIRST["up, by the core"]:
            send(bench)
    assert bench.plane._table.rows[2].mtu == 1000
    assert len(bench.taken(bench.device)) == 6
    assert len(bench.taken(bench.lac)) == 4
    assert bench.program(RemoveEntry(1, 1)) == "there is no such Entry"


def test_a_call_that_never_sent_has_its_addresses_for_itself(bench: Bench) -> None:
    """A source in a network of one call, but an address of another that has no row yet."""
    bench.add(1, prefixes4=((0x0A400000, 24),))
    bench.add(2)
    assert bench.up(ipv4(b"x", source="10.64.0.9"))
    assert bench.up(ipv4(b"x", source="10.64.0.3"))
    assert bench.counters() == Counters(up_octets4=21, up_packets4=1, up_spoofed=1)


def test_no_row_is_made_for_messages_of_nobody(bench: Bench) -> None:
    bench.add(numbered=True)
    assert not bench.up(ipv4(b"x"))
    assert not bench.up(ipv4(b"x"), slot=7)
    bench.add(2)
    for _ in range(2):
        assert not bench.up(ipv6(b"x", source="2001:db8::2", target=OUT6), slot=2, ppp=IPV6)
    assert bench.taken(bench.device) == []


Step = tuple[str, int, int]


def _entry(bench: Bench, slot: int, form: int) -> Route:
    networks = NETWORKS if form & 1 else {}
    rates = {"rate_up_bps": 8000, "burst_up_octets": 1500} if form & 2 else {}
    return bench.route(slot, addresses=(ADDRESS + (form >> 2 & 1),), key=0x1234_0001 + (form >> 3), **networks, **rates)


@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "replace", "remove", *FIRST]), st.integers(1, 3), st.integers(0, 15)),
        max_size=50,
    )
)
def test_nobody_can_tell_when_a_row_is_made(steps: list[Step]) -> None:
    """The same happens where each row is made with its Entry."""
    with bench() as lazy, bench() as eager:
        begun: list[Step] = [("add", 1, 3), ("add", 2, 12), *steps]
        results = [_played(one, begun, eagerly=one is eager) for one in (lazy, eager)]
        assert results[0] == results[1]


def _played(bench: Bench, steps: list[Step], *, eagerly: bool) -> list[object]:
    operations: dict[str, Callable[[Route], AddEntry | ReplaceEntry | RemoveEntry]] = {
        "add": AddEntry,
        "replace": ReplaceEntry,
        "remove": lambda route: RemoveEntry(route.slot, 1),
    }
    seen: list[object] = []
    for step, (what, slot, form) in enumerate(steps):
        if what in FIRST:
            seen.append(FIRST[what](bench))
        else:
            seen.append(bench.plane.program(operations[what](_entry(bench, slot, form))))
        table = bench.plane._table
        for route in list(table.routes.values()) if eagerly else ():
            table.row_of(route)
        seen.append((step, _figures(bench), bench.plane.read([(one, 1) for one in (1, 2, 3)])))
    return seen
