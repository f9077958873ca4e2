"""Programming the tun back end; its device is in tests/dataplane."""

from __future__ import annotations

import pytest

from bras.errors import DropReason
from bras.forwarding.entry import AddEntry, Bridge, Counters, Outcome, RemoveEntry, ReplaceEntry, Switch
from tests.unit.dataplane.packets import ipv4
from tests.unit.dataplane.planes import ADDRESS, Bench

TO = {"source": "192.0.2.2"}


def test_a_life(bench: Bench) -> None:
    route = bench.route()
    assert bench.plane.program(AddEntry(route)) == Outcome(1, 1, ok=True)
    assert bench.up(ipv4(b"1"))
    assert bench.plane.program(ReplaceEntry(bench.route(mtu=1000, acfc=True))) == Outcome(1, 1, ok=True)
    assert bench.up(ipv4(b"22"))
    bench.plane.packet(ipv4(b"333", target="10.64.0.2", **TO), now=0.0)
    expected = Counters(up_octets4=43, up_packets4=2, down_octets4=23, down_packets4=1)
    assert bench.plane.read([(1, 1)]) == ((1, 1, expected),)
    assert bench.plane.program(RemoveEntry(1, 1)) == Outcome(1, 1, ok=True, counters=expected)
    assert bench.plane.read([(1, 1)]) == ()
    assert bench.plane.totals() == expected
    assert not bench.up(ipv4(b"late"))
    bench.plane.packet(ipv4(b"late", target="10.64.0.2", **TO), now=0.0)
    assert bench.plane.drops[DropReason.NO_ROUTE] == 1


def test_a_slot_used_again_begins_at_zero(bench: Bench) -> None:
    bench.add()
    assert bench.up(ipv4(b"1"))
    assert not bench.program(RemoveEntry(1, 1))
    assert not bench.program(AddEntry(bench.route(generation=2)))
    assert bench.plane.read([(1, 1), (1, 2), (3, 1)]) == ((1, 2, Counters()),)
    assert bench.plane.totals().up_packets4 == 1


def test_a_stale_generation_is_refused(bench: Bench) -> None:
    bench.add()
    assert bench.program(RemoveEntry(1, 2)) == "there is no such Entry"
    assert bench.program(RemoveEntry(2, 1)) == "there is no such Entry"
    assert bench.program(ReplaceEntry(bench.route(generation=2))) == "there is no such Entry"
    assert bench.program(ReplaceEntry(bench.route(slot=2))) == "there is no such Entry"
    assert bench.program(AddEntry(bench.route(generation=2))) == "the slot is taken by generation 1"
    assert bench.up(ipv4(b"still here"))


def test_what_it_cannot_do_is_refused_in_words(bench: Bench) -> None:
    (leg,) = bench.route().legs
    assert bench.program(AddEntry(Switch(1, 1, 0, (leg, leg)))) == "this data plane carries no Switch"
    assert bench.program(AddEntry(Bridge(1, 1, 0, (leg,), "eth0"))) == "this data plane carries no Bridge"
    assert bench.program(AddEntry(bench.route(vrf=7))) == "this data plane has no VRF 7"
    assert bench.program(AddEntry(bench.route(legs=(leg, leg)))) == "this data plane carries one leg, not 2"
    assert bench.program(AddEntry(bench.route(legs=()))) == "this data plane carries one leg, not 0"
    assert bench.program(AddEntry(bench.route(listener=1))) == "there is no listener 1"
    assert bench.program(AddEntry(bench.route(listener=-1))) == "there is no listener -1"


def test_what_another_has_is_refused(bench: Bench) -> None:
    bench.add(1)
    bench.add(2)
    assert bench.program(AddEntry(bench.route(3, key=0x1234_0002))) == "the call belongs to slot 2"
    taken = bench.route(3, addresses=(ADDRESS + 2, ADDRESS))
    assert bench.program(AddEntry(taken)) == "the address 10.64.0.2 belongs to slot 1"
    assert (
        bench.program(ReplaceEntry(bench.route(2, addresses=(ADDRESS,)))) == "the address 10.64.0.2 belongs to slot 1"
    )
    assert bench.program(ReplaceEntry(bench.route(2, key=0x1234_0001))) == "the call belongs to slot 1"
    assert bench.up(ipv4(b"x", source="10.64.0.3"), slot=2)
    assert bench.counters(2).up_packets4 == 1


def test_networks_that_another_has_are_refused(bench: Bench) -> None:
    network4, network6 = (0xC0000200, 24), (0x20010DB8 << 96, 48)
    bench.add(1, prefixes4=(network4, (0xC6336407, 32)), prefixes6=(network6,))
    bench.add(2)
    for changes, taken in (
        ({"prefixes4": (network4,)}, "the prefix 192.0.2.0/24"),
        ({"prefixes6": ((1, 128), network6)}, "the prefix 2001:db8::/48"),
        ({"prefixes4": ((0xC6336407, 32),)}, "the address 198.51.100.7"),
        ({"addresses": (0xC6336407,)}, "the address 198.51.100.7"),
    ):
        assert bench.program(AddEntry(bench.route(3, **changes))) == f"{taken} belongs to slot 1"
        assert bench.program(ReplaceEntry(bench.route(2, **changes))) == f"{taken} belongs to slot 1"
    assert not bench.program(AddEntry(bench.route(3, prefixes4=((0xC0000200, 25),), prefixes6=((network6[0], 64),))))
    assert not bench.program(ReplaceEntry(bench.route(1, prefixes6=(network6, (1, 128)))))
    assert not bench.program(ReplaceEntry(bench.route(2, prefixes4=(network4,))))
    assert not bench.program(RemoveEntry(1, 1))
    assert not bench.program(ReplaceEntry(bench.route(2, prefixes6=(network6,))))


def test_a_replacement_moves_call_and_address(bench: Bench) -> None:
    bench.add()
    assert not bench.program(ReplaceEntry(bench.route(key=0x1234_0009, addresses=(ADDRESS + 7,))))
    assert not bench.up(ipv4(b"x"))
    assert bench.up(ipv4(b"x", source="10.64.0.9"), slot=9)
    assert bench.counters().up_packets4 == 1
    bench.add(2, addresses=(ADDRESS,))


def test_a_replacement_keeps_the_policers(bench: Bench) -> None:
    bench.add(rate_up_bps=8000, burst_up_octets=1500)
    assert bench.up(ipv4(bytes(1480)))
    assert not bench.program(ReplaceEntry(bench.route(rate_up_bps=16000, burst_up_octets=1500, rate_down_bps=8000)))
    assert bench.up(ipv4(bytes(1480)))
    assert bench.counters() == Counters(up_octets4=1500, up_packets4=1, up_policed=1)
    assert not bench.program(ReplaceEntry(bench.route()))
    assert bench.up(ipv4(bytes(1480)))
    assert bench.counters().up_packets4 == 2


@pytest.mark.parametrize("addresses", [(), (0,), (0xFFFFFFFF,)])
def test_any_addresses_come_and_go(bench: Bench, addresses: tuple[int, ...]) -> None:
    bench.add(addresses=addresses)
    assert not bench.program(RemoveEntry(1, 1))
