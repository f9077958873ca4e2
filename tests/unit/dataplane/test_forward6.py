"""What becomes of each IPv6 packet, and of packets of networks behind a subscriber, both ways."""

from __future__ import annotations

import socket
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.icmp6 import Sources
from bras.errors import DropReason
from bras.forwarding.entry import Counters, RemoveEntry, ReplaceEntry
from tests.unit.dataplane.packets import ipv4, ipv6, tcp6, tcp6_sum
from tests.unit.dataplane.planes import Bench, bench

FRAMINGS = {"plain": b"\xff\x03\x00\x57", "acfc": b"\x00\x57", "pfc": b"\xff\x03\x57", "both": b"\x57"}
USUAL = FRAMINGS["plain"]
UP = {"source": "2001:db8:64::2", "target": "2001:db8:ffff::2"}
DOWN = {"source": "2001:db8:ffff::2", "target": "2001:db8:64::2"}
HEADER = bytes.fromhex("0002 4321 0001 ff03 0057")


def networks(*texts: str) -> tuple[tuple[int, int], ...]:
    return tuple((int(one.network_address), one.prefixlen) for one in map(ip_network, texts))


OWN = networks("2001:db8:64::/64")


def drops(bench: Bench) -> dict[DropReason, int]:
    return {reason: count for reason, count in bench.plane.drops.items() if count}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("octets", [0, 1, 1440])
def test_up(bench: Bench, framing: str, octets: int) -> None:
    bench.add(prefixes6=OWN)
    packet = ipv6(bytes(octets), **UP)
    assert bench.up(packet, ppp=FRAMINGS[framing])
    assert bench.taken(bench.device) == [packet]
    assert bench.counters() == bench.plane.totals() == Counters(up_octets6=len(packet), up_packets6=1)
    assert not drops(bench)


def test_padding_of_the_frame_is_neither_forwarded_nor_billed(bench: Bench) -> None:
    bench.add(prefixes6=OWN)
    packet = ipv6(b"abc", **UP)
    assert bench.up(packet + bytes(50), ppp=USUAL)
    assert bench.taken(bench.device) == [packet]
    assert bench.counters().up_octets6 == len(packet)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_without_a_prefix_ipv6_is_the_cores(bench: Bench, framing: str) -> None:
    bench.add(source_check=False)
    assert not bench.up(ipv6(b"x", **UP), ppp=FRAMINGS[framing])
    assert not bench.program(ReplaceEntry(bench.route(prefixes6=OWN)))
    assert bench.up(ipv6(b"x", **UP), ppp=FRAMINGS[framing])
    assert not bench.program(ReplaceEntry(bench.route()))
    assert not bench.up(ipv6(b"x", **UP), ppp=FRAMINGS[framing])
    assert not bench.program(ReplaceEntry(bench.route(prefixes6=OWN)))
    assert not bench.program(RemoveEntry(1, 1))
    assert not bench.up(ipv6(b"x", **UP), ppp=FRAMINGS[framing])
    assert not drops(bench)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_another_peer_is_the_cores_matter(bench: Bench, framing: str) -> None:
    bench.add(prefixes6=OWN)
    data = b"\x00\x02\x12\x34\x00\x01" + FRAMINGS[framing] + ipv6(b"x", **UP)
    assert not bench.plane.datagram(data, ("127.0.0.1", 1), now=0.0)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        ipv6(b"", **UP)[:39],
        b"\x45" + ipv6(b"", **UP)[1:],
        ipv6(b"abc", **UP)[:42],
        ipv6(b"", **UP)[:4] + b"\xff\xff" + ipv6(b"", **UP)[6:],
        ipv4(bytes(40)),
    ],
    ids=bytes.hex,
)
def test_a_malformed_packet_goes_no_further(bench: Bench, packet: bytes) -> None:
    bench.add(prefixes6=OWN, source_check=False)
    assert bench.up(packet, ppp=USUAL)
    assert bench.taken(bench.device) == []
    assert drops(bench) == {DropReason.BAD_PACKET_HEADER: 1}
    assert bench.plane.totals() == Counters()


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("fe80::1", "2001:db8:ffff::2"),
        ("febf::1", "ff02::2"),
        ("2001:db8:64::2", "ff02::1:2"),
        ("2001:db8:64::2", "ff0e::1"),
        ("2001:db8:64::2", "fe80::1"),
        ("::", "ff02::16"),
    ],
)
def test_what_is_of_the_link_is_the_cores(bench: Bench, checked: bool, source: str, target: str) -> None:
    bench.add(prefixes6=OWN, source_check=checked)
    assert not bench.up(ipv6(b"x", source=source, target=target), ppp=USUAL)
    assert bench.taken(bench.device) == []
    assert not drops(bench)


def test_what_the_core_gives_back_has_no_way_on_if_it_is_of_the_link(bench: Bench) -> None:
    bench.add(prefixes6=OWN)
    packet = ipv6(b"x", **UP)
    bench.plane.forward(1, 1, packet, now=0.0)
    assert bench.taken(bench.device) == [packet]
    bench.plane.forward(1, 1, ipv6(b"x", source="fe80::1"), now=0.0)
    bench.plane.forward(1, 1, ipv6(b"x", target="ff02::1"), now=0.0)
    assert bench.taken(bench.device) == []
    assert drops(bench) == {DropReason.NO_ROUTE: 2}


@pytest.mark.parametrize("target", ["224.0.0.1", "239.255.255.250"])
def test_multicast_of_ipv4_is_forwarded_when_the_core_says_so(bench: Bench, target: str) -> None:
    bench.add()
    packet = ipv4(b"x", target=target)
    assert not bench.up(packet)
    assert bench.taken(bench.device) == []
    bench.plane.forward(1, 1, packet, now=0.0)
    assert bench.taken(bench.device) == [packet]
    assert not drops(bench)


@pytest.mark.parametrize("target", ["223.255.255.255", "240.0.0.1", "255.255.255.255"])
def test_what_is_no_multicast_is_forwarded(bench: Bench, target: str) -> None:
    bench.add()
    assert bench.up(ipv4(b"x", target=target))
    assert bench.counters().up_packets4 == 1


@pytest.mark.parametrize("source", ["2001:db8:65::2", "2001:db8:64:1::2", "::1", "::ffff:10.64.0.2", "2001:db9::"])
def test_a_foreign_source(bench: Bench, source: str) -> None:
    bench.add(1, prefixes6=OWN)
    bench.add(2, prefixes6=networks("2001:db8:65::/64"))
    assert bench.up(ipv6(b"x", source=source), ppp=USUAL)
    assert bench.taken(bench.device) == []
    assert drops(bench) == {DropReason.SPOOFED_SOURCE: 1}
    assert bench.counters(1) == Counters(up_spoofed=1) == bench.plane.totals()
    assert bench.counters(2) == Counters()


def test_a_foreign_source_passes_where_it_may(bench: Bench) -> None:
    bench.add(prefixes6=OWN, source_check=False)
    assert bench.up(ipv6(b"x", source="2001:db8:65::2"), ppp=USUAL)
    assert bench.counters().up_packets6 == 1


def test_the_smallest_prefix_says_whose_an_address_is(bench: Bench) -> None:
    bench.add(1, prefixes6=networks("2001:db8::/32", "2001:db8:77::7/128"))
    bench.add(2, prefixes6=networks("2001:db8:77::/48"))
    for source, slot, fits in (
        ("2001:db8:1::1", 1, True),
        ("2001:db8:77::7", 1, True),
        ("2001:db8:77::8", 1, False),
        ("2001:db8:77::8", 2, True),
        ("2001:db8:77::7", 2, False),
    ):
        before = bench.counters(slot).up_packets6
        assert bench.up(ipv6(b"x", source=source), slot=slot, ppp=USUAL)
        assert bench.counters(slot).up_packets6 - before == fits, (source, slot)
    for target in ("2001:db8:1::1", "2001:db8:77::7", "2001:db8:77::8"):
        bench.plane.packet(ipv6(b"x", target=target), now=0.0)
    assert (bench.counters(1).down_packets6, bench.counters(2).down_packets6) == (2, 1)


@pytest.mark.parametrize(
    ("changes", "head"),
    [
        ({}, "0002 4321 0001 ff03 0057"),
        ({"acfc": True}, "0002 4321 0001 0057"),
        ({"pfc": True}, "0002 4321 0001 ff03 57"),
        ({"acfc": True, "pfc": True}, "0002 4321 0001 57"),
        ({"length_bit": True}, "4002 0035 4321 0001 ff03 0057"),
    ],
)
def test_down(bench: Bench, changes: dict[str, bool], head: str) -> None:
    bench.add(prefixes6=OWN, **changes)
    packet = ipv6(b"x", **DOWN)
    bench.plane.packet(packet, now=0.0)
    assert bench.taken(bench.lac) == [bytes.fromhex(head) + packet]
    assert bench.counters() == bench.plane.totals() == Counters(down_octets6=41, down_packets6=1)


def test_numbered_data_is_the_cores_both_ways(bench: Bench) -> None:
    route = bench.add(prefixes6=OWN, numbered=True)
    assert not bench.up(ipv6(b"x", **UP), ppp=USUAL)
    packet = ipv6(b"x", **DOWN)
    bench.plane.packet(packet, now=0.0)
    assert bench.plane.to_be_numbered() == ((route.legs[0].key, USUAL + packet),)


class Known(Sources):
    """The kernel's choice of a source, made for it."""

    def to(self, address: bytes) -> bytes | None:
        return socket.inet_pton(socket.AF_INET6, "2001:db8::1")


@pytest.mark.parametrize("kind", [44, 17])
def test_too_big_is_answered_and_never_cut(bench: Bench, kind: int) -> None:
    bench.plane._errors6.sources = Known()
    bench.add(prefixes6=OWN)
    packet = ipv6(bytes(1361), protocol=kind, **DOWN)
    bench.plane.packet(packet, now=0.0)
    (answer,) = bench.taken(bench.device)
    assert answer[24:40] == packet[8:24]
    assert answer[40:42] == b"\x02\x00"
    assert int.from_bytes(answer[44:48], "big") == 1400
    assert bench.taken(bench.lac) == []
    assert drops(bench) == {DropReason.TOO_BIG: 1}
    assert bench.counters() == bench.plane.totals() == Counters(down_too_big=1)


def test_an_address_that_nobody_has_is_unreachable(bench: Bench) -> None:
    bench.plane._errors6.sources = Known()
    bench.add(prefixes6=OWN)
    bench.plane.packet(ipv6(b"x", target="2001:db8:65::1"), now=0.0)
    (answer,) = bench.taken(bench.device)
    assert answer[40:42] == b"\x01\x03"
    assert drops(bench) == {DropReason.NO_ROUTE: 1}


def test_the_kernels_own_multicast_is_for_nobody(bench: Bench) -> None:
    bench.add(prefixes6=OWN)
    bench.plane.packet(ipv6(b"x", source="fe80::1", target="ff02::16"), now=0.0)
    assert not drops(bench)
    assert bench.taken(bench.device) == bench.taken(bench.lac) == []


def test_both_families_share_the_rate(bench: Bench) -> None:
    bench.add(prefixes6=OWN, rate_up_bps=8000, burst_up_octets=1500, rate_down_bps=8000, burst_down_octets=1500)
    for _ in range(2):
        assert bench.up(ipv6(bytes(960), **UP), ppp=USUAL, now=9.0)
        bench.plane.packet(ipv6(bytes(960), **DOWN), now=9.0)
    assert bench.up(ipv4(bytes(480)), now=9.0)
    bench.plane.packet(ipv4(bytes(481), source="192.0.2.2", target="10.64.0.2"), now=9.0)
    assert (
        bench.counters()
        == bench.plane.totals()
        == Counters(
            up_octets6=1000,
            up_packets6=1,
            down_octets6=1000,
            down_packets6=1,
            up_octets4=500,
            up_packets4=1,
            up_policed=1,
            down_policed=2,
        )
    )
    assert drops(bench) == {DropReason.POLICED_UP: 1, DropReason.POLICED_DOWN: 2}


def test_what_the_device_or_the_lac_refuses_is_not_billed(bench: Bench) -> None:
    bench.add(prefixes6=OWN, remote="255.255.255.255")
    bench.plane.packet(ipv6(b"x", **DOWN), now=0.0)
    bench.add(2, prefixes6=networks("2001:db8:65::/64"))
    bench.device.close()
    assert bench.up(ipv6(b"x", source="2001:db8:65::1"), slot=2, ppp=USUAL)
    assert drops(bench) == {DropReason.SEND_FAILED: 2}
    assert bench.plane.totals() == Counters()


@pytest.mark.parametrize("clamp", [True, False])
def test_the_mss_is_lowered_both_ways(bench: Bench, clamp: bool) -> None:
    bench.add(prefixes6=OWN, clamp_mss=clamp)
    for flags, lowered in ((0x02, clamp), (0x12, clamp), (0x10, False)):
        up, down = tcp6(flags=flags, **UP), tcp6(flags=flags, **DOWN)
        assert bench.up(up, ppp=USUAL)
        bench.plane.packet(down, now=0.0)
        (got_up,), (got_down,) = bench.taken(bench.device), bench.taken(bench.lac)
        for before, after in ((up, got_up), (down, got_down[10:])):
            assert len(after) == len(before)
            assert int.from_bytes(after[-2:], "big") == (1340 if lowered else 1460)
            assert tcp6_sum(after) == 0xFFFF


def test_networks_of_ipv4(bench: Bench) -> None:
    bench.add(1, prefixes4=networks("192.0.2.0/24", "198.51.100.7/32"))
    bench.add(2, prefixes4=networks("192.0.2.128/25"))
    for source, slot, fits in (
        ("10.64.0.2", 1, True),
        ("192.0.2.1", 1, True),
        ("198.51.100.7", 1, True),
        ("198.51.100.8", 1, False),
        ("192.0.2.129", 1, False),
        ("192.0.2.129", 2, True),
        ("10.64.0.2", 2, False),
    ):
        before = bench.counters(slot).up_packets4
        assert bench.up(ipv4(b"x", source=source, target="203.0.113.1"), slot=slot)
        assert bench.counters(slot).up_packets4 - before == fits, (source, slot)
    for target in ("192.0.2.1", "198.51.100.7", "192.0.2.200"):
        bench.plane.packet(ipv4(b"x", source="203.0.113.1", target=target), now=0.0)
    assert (bench.counters(1).down_packets4, bench.counters(2).down_packets4) == (2, 1)
    assert not bench.program(RemoveEntry(1, 1))
    for target in ("192.0.2.1", "198.51.100.7"):
        bench.plane.packet(ipv4(b"x", source="203.0.113.1", target=target), now=0.0)
    assert drops(bench) == {DropReason.SPOOFED_SOURCE: 3, DropReason.NO_ROUTE: 2}


def test_a_subscribers_address_in_the_network_of_another_is_its_own(bench: Bench) -> None:
    bench.add(1, prefixes4=networks("10.64.0.0/24"))
    bench.add(2)
    assert bench.up(ipv4(b"x", source="10.64.0.3"), slot=1)
    assert bench.counters(1).up_spoofed == 1
    bench.plane.packet(ipv4(b"x", target="10.64.0.3"), now=0.0)
    assert bench.counters(2).down_packets4 == 1


@given(st.binary(max_size=60), st.binary(max_size=12), st.booleans())
def test_no_octets_raise(tail: bytes, head: bytes, everything: bool) -> None:
    world = "::/0" if everything else "2001:db8:64::/64"
    with bench() as made:
        made.add(
            prefixes6=networks(world),
            prefixes4=networks("0.0.0.0/0" if everything else "192.0.2.0/24"),
            rate_up_bps=8_000_000,
            rate_down_bps=8_000_000,
        )
        lac = made.lac.getsockname()
        begin = b"\x00\x02\x12\x34\x00\x01"
        for framing in FRAMINGS.values():
            for packet in (tail, b"\x60" + tail, ipv6(tail, **UP), ipv6(tail, protocol=6, **UP)[: -len(head) or None]):
                made.plane.datagram(begin + framing + packet, lac, now=0.0)
                made.plane.forward(1, 1, packet, now=0.0)
        for packet in (tail, b"E" + tail, b"\x60" + tail, ipv6(tail, **DOWN), ipv6(tail, protocol=6, **DOWN)):
            made.plane.packet(packet, now=0.0)
