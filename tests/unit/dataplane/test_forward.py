"""What becomes of each packet, both ways."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.base import DataPlaneError
from bras.errors import DropReason
from bras.forwarding.entry import Counters
from tests.unit.dataplane.packets import internet_sum, ipv4, tcp, tcp_sum
from tests.unit.dataplane.planes import Bench, bench

UP = {"source": "10.64.0.2", "target": "192.0.2.2"}
DOWN = {"source": "192.0.2.2", "target": "10.64.0.2"}
HEADER = bytes.fromhex("0002 4321 0001 ff03 0021")


def drops(bench: Bench) -> dict[DropReason, int]:
    return {reason: count for reason, count in bench.plane.drops.items() if count}


@pytest.mark.parametrize("packet", [ipv4(**UP), ipv4(bytes(1480), **UP), ipv4(b"x", options=b"\x01" * 40, **UP)])
def test_up(bench: Bench, packet: bytes) -> None:
    bench.add()
    assert bench.up(packet)
    assert bench.taken(bench.device) == [packet]
    assert bench.counters() == Counters(up_octets4=len(packet), up_packets4=1) == bench.plane.totals()
    assert not drops(bench)


def test_padding_of_the_frame_is_neither_forwarded_nor_billed(bench: Bench) -> None:
    bench.add()
    packet = ipv4(b"abc", **UP)
    assert bench.up(packet + bytes(50))
    assert bench.taken(bench.device) == [packet]
    assert bench.counters().up_octets4 == len(packet)


def broken(at: int, value: int) -> bytes:
    packet = bytearray(ipv4(bytes(20), **UP))
    packet[at] = value
    packet[10:12] = bytes(2)
    packet[10:12] = (0xFFFF - internet_sum(bytes(packet[: (packet[0] & 15) * 4]))).to_bytes(2, "big")
    return bytes(packet)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        ipv4(**UP)[:19],
        broken(0, 0x65),
        broken(0, 0x05),
        broken(0, 0x44),
        broken(0, 0x40),
        broken(0, 0x4F),
        broken(3, 19),
        broken(3, 41),
        broken(2, 1),
        ipv4(bytes(20), **UP)[:30],
        ipv4(b"", **UP)[:10] + b"\0\0" + ipv4(b"", **UP)[12:],
        ipv4(b"", **UP)[:8] + b"\x63" + ipv4(b"", **UP)[9:],
        bytes(20),
        bytes(40),
        b"\xff" * 40,
    ],
    ids=bytes.hex,
)
def test_a_malformed_packet_goes_no_further(bench: Bench, packet: bytes) -> None:
    bench.add(source_check=False)
    assert bench.up(packet)
    assert bench.taken(bench.device) == []
    assert drops(bench) == {DropReason.BAD_PACKET_HEADER: 1}
    assert bench.plane.totals() == Counters()


@pytest.mark.parametrize("source", ["10.64.0.3", "10.64.0.1", "8.8.8.8", "0.0.0.0", "10.255.255.1"])
def test_a_foreign_source(bench: Bench, source: str) -> None:
    bench.add(1)
    bench.add(2)
    assert bench.up(ipv4(source=source))
    assert bench.taken(bench.device) == []
    assert drops(bench) == {DropReason.SPOOFED_SOURCE: 1}
    assert bench.counters(1) == Counters(up_spoofed=1) == bench.plane.totals()
    assert bench.counters(2) == Counters()


def test_a_foreign_source_passes_where_it_may(bench: Bench) -> None:
    bench.add(source_check=False)
    assert bench.up(ipv4(source="8.8.8.8"))
    assert bench.counters().up_packets4 == 1


def test_every_address_of_an_entry_is_its_own(bench: Bench) -> None:
    bench.add(addresses=(0x0A400002, 0xC6336401))
    assert bench.up(ipv4(source="198.51.100.1"))
    bench.plane.packet(ipv4(source="192.0.2.2", target="198.51.100.1"), now=0.0)
    assert bench.counters().up_packets4 == bench.counters().down_packets4 == 1


def test_the_rate_up_is_not_the_rate_down(bench: Bench) -> None:
    bench.add(rate_up_bps=8000, burst_up_octets=1500, rate_down_bps=8000, burst_down_octets=3000)
    for _ in range(5):
        assert bench.up(ipv4(bytes(480), **UP), now=9.0)
        bench.plane.packet(ipv4(bytes(480), **DOWN), now=9.0)
    passed = Counters(up_octets4=1500, up_packets4=3, down_octets4=2500, down_packets4=5, up_policed=2, down_policed=0)
    assert bench.counters() == bench.plane.totals() == passed
    bench.plane.packet(ipv4(bytes(481), **DOWN), now=9.0)
    assert bench.counters().down_policed == 1
    assert drops(bench) == {DropReason.POLICED_UP: 2, DropReason.POLICED_DOWN: 1}
    assert bench.up(ipv4(bytes(480), **UP), now=9.5)
    assert bench.counters().up_packets4 == 4


def test_what_the_device_refuses_is_not_billed(bench: Bench) -> None:
    bench.add()
    bench.device.close()
    assert bench.up(ipv4(**UP))
    assert drops(bench) == {DropReason.SEND_FAILED: 1}
    assert bench.plane.totals() == Counters()


@pytest.mark.parametrize("address", [("127.0.0.1", 1), ("127.0.0.2", 0), ("::1", 0, 0, 0)])
def test_another_peer_is_the_cores_matter(bench: Bench, address: tuple[str, int]) -> None:
    bench.add()
    if not address[1]:
        address = (address[0], bench.lac.getsockname()[1], *address[2:])
    data = b"\x00\x02\x12\x34\x00\x01\xff\x03\x00\x21" + ipv4(**UP)
    assert not bench.plane.datagram(data, address, now=0.0)
    assert not drops(bench)


def test_a_call_without_entry_is_the_cores_matter(bench: Bench) -> None:
    bench.add()
    assert not bench.up(ipv4(**UP), slot=2)
    assert not drops(bench)


@pytest.mark.parametrize(
    ("framing", "head"),
    [
        ({}, "ff030021"),
        ({"acfc": True}, "0021"),
        ({"pfc": True}, "ff0321"),
        ({"acfc": True, "pfc": True}, "21"),
    ],
)
def test_down(bench: Bench, framing: dict[str, bool], head: str) -> None:
    bench.add(**framing)
    packets = [ipv4(**DOWN), ipv4(bytes(1380), **DOWN)]
    for packet in packets:
        bench.plane.packet(packet, now=0.0)
    assert bench.taken(bench.lac) == [HEADER[:6] + bytes.fromhex(head) + packet for packet in packets]
    expected = Counters(down_octets4=20 + 1400, down_packets4=2)
    assert bench.counters() == bench.plane.totals() == expected


def test_a_wake_takes_a_batch_and_leaves_the_rest(bench: Bench) -> None:
    bench.add()
    os.set_blocking(bench.device.fileno(), True)
    sent = 0
    bench.device.setblocking(False)
    try:
        while sent < 70:
            bench.device.send(ipv4(**DOWN))
            sent += 1
    except BlockingIOError:
        pass  # the pair's queue is shorter than a batch: then one wake takes all of it
    bench.plane.on_readable(now=0.0)
    assert bench.counters().down_packets4 == min(sent, 64)
    bench.plane.on_readable(now=0.0)
    assert bench.counters().down_packets4 == sent
    bench.plane.on_readable(now=0.0)


def test_a_device_that_is_gone_is_said(bench: Bench) -> None:
    bench.plane.wire(-1)
    with pytest.raises(DataPlaneError, match="taken away"):
        bench.plane.on_readable(now=0.0)


def test_too_big_with_df_is_answered_with_the_mtu(bench: Bench) -> None:
    bench.add()
    packet = ipv4(bytes(1381), field=0x4000, **DOWN)
    bench.plane.packet(packet, now=0.0)
    (answer,) = bench.taken(bench.device)
    assert answer[20:22] == b"\x03\x04"
    assert int.from_bytes(answer[26:28], "big") == 1400
    assert (answer[12:16], answer[16:20]) == (bytes((10, 255, 255, 1)), bytes((192, 0, 2, 2)))
    assert bench.taken(bench.lac) == []
    assert drops(bench) == {DropReason.TOO_BIG: 1}
    assert bench.counters() == bench.plane.totals() == Counters(down_too_big=1)


def test_too_big_without_df_is_cut_and_each_piece_billed(bench: Bench) -> None:
    bench.add()
    bench.plane.packet(ipv4(bytes(1480), **DOWN), now=0.0)
    pieces = bench.taken(bench.lac)
    assert [len(piece) - 10 for piece in pieces] == [1396, 124]
    expected = Counters(down_octets4=1396 + 124, down_packets4=2)
    assert bench.counters() == bench.plane.totals() == expected
    assert not drops(bench)


def test_the_pieces_are_policed_together(bench: Bench) -> None:
    bench.add(rate_down_bps=8000, burst_down_octets=1519)
    bench.plane.packet(ipv4(bytes(1480), **DOWN), now=0.0)
    assert bench.taken(bench.lac) == []
    assert bench.counters() == Counters(down_policed=1)
    assert drops(bench) == {DropReason.POLICED_DOWN: 1}


@pytest.mark.parametrize(
    ("packet", "mtu"), [(b"E" + bytes(15) + bytes((10, 64, 0, 2)) + bytes(50), 60), (ipv4(bytes(50), **DOWN), 27)]
)
def test_what_cannot_be_cut_is_too_big(bench: Bench, packet: bytes, mtu: int) -> None:
    bench.add(mtu=mtu)
    bench.plane.packet(packet, now=0.0)
    assert drops(bench) == {DropReason.TOO_BIG: 1}
    assert bench.taken(bench.device) == bench.taken(bench.lac) == []


def test_an_address_that_nobody_has_is_unreachable(bench: Bench) -> None:
    bench.plane.packet(ipv4(b"x", **DOWN), now=0.0)
    (answer,) = bench.taken(bench.device)
    assert answer[20:22] == b"\x03\x01"
    assert drops(bench) == {DropReason.NO_ROUTE: 1}


def test_errors_are_not_answered_and_floods_within_reason(bench: Bench) -> None:
    bench.plane.packet(ipv4(b"\x03\x01" + bytes(6), protocol=1, **DOWN), now=0.0)
    assert bench.taken(bench.device) == []
    answers = 0
    for _ in range(2000):
        bench.plane.packet(ipv4(b"x", **DOWN), now=0.0)
        answers += len(bench.taken(bench.device))
    assert 100 < answers < 1000
    assert drops(bench) == {DropReason.NO_ROUTE: 2001}


@pytest.mark.parametrize("packet", [b"", b"\x60" + bytes(38), b"\x60" + ipv4(b"x", **DOWN)[1:], b"\x50" + bytes(39)])
def test_what_is_no_ip_packet_is_not_programmed(bench: Bench, packet: bytes) -> None:
    bench.add()
    bench.plane.packet(packet, now=0.0)
    assert drops(bench) == {DropReason.NOT_PROGRAMMED: 1}


@pytest.mark.parametrize("clamp", [True, False])
@pytest.mark.parametrize("ip_options", [b"", b"\x01" * 4])
def test_the_mss_is_lowered_both_ways(bench: Bench, clamp: bool, ip_options: bytes) -> None:
    bench.add(clamp_mss=clamp)
    for flags, lowered in ((0x02, clamp), (0x12, clamp), (0x10, False)):
        segment = tcp(flags=flags, **UP)
        up = ipv4(segment[20:], protocol=6, options=ip_options, **UP)
        assert bench.up(up)
        down = ipv4(tcp(flags=flags, **DOWN)[20:], protocol=6, options=ip_options, **DOWN)
        bench.plane.packet(down, now=0.0)
        (got_up,), (got_down,) = bench.taken(bench.device), bench.taken(bench.lac)
        for before, after in ((up, got_up), (down, got_down[10:])):
            assert len(after) == len(before)
            assert int.from_bytes(after[-2:], "big") == (1360 if lowered else 1460)
            assert tcp_sum(after) == 0xFFFF


def test_a_short_tcp_packet_is_no_matter(bench: Bench) -> None:
    bench.add()
    assert bench.up(ipv4(b"short", protocol=6, **UP))
    bench.plane.packet(ipv4(b"short", protocol=6, **DOWN), now=0.0)
    assert bench.counters().up_packets4 == bench.counters().down_packets4 == 1


@given(st.binary(max_size=60), st.binary(max_size=12), st.booleans())
def test_no_octets_raise(tail: bytes, head: bytes, small: bool) -> None:
    with bench() as made:
        made.add(mtu=40 if small else 1400, rate_up_bps=8_000_000, rate_down_bps=8_000_000)
        begin = b"\x00\x02\x12\x34\x00\x01\xff\x03\x00\x21"
        lac = made.lac.getsockname()
        for data in (tail, head + tail, begin + tail, begin[: len(head)] + tail, begin + ipv4(tail)[:20] + head + tail):
            made.plane.datagram(data, lac, now=0.0)
        for packet in (
            tail,
            b"E" + tail,
            ipv4(tail, **DOWN),
            ipv4(tail, **DOWN)[:20] + head,
            ipv4(tail, protocol=6, **DOWN),
        ):
            made.plane.packet(packet, now=0.0)
