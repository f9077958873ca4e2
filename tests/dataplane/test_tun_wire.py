"""The tun back end, datagram by datagram: a hand-made LAC on one side, a kernel's socket on the other."""

from __future__ import annotations

import select
import socket
import struct
from dataclasses import dataclass
from itertools import product

import pytest

from bras.dataplane.base import Outlet
from bras.dataplane.tun import Tun
from bras.errors import DropReason
from bras.forwarding.entry import AddEntry, RemoveEntry, ReplaceEntry, Route
from tests.dataplane.conftest import ADDRESS, CORE, KEY, PEER_IDS, Provider, integer, leg

pytestmark = pytest.mark.root

IDS = struct.pack("!I", KEY)
FRAMINGS = [b"\xff\x03\x00\x21", b"\x00\x21", b"\xff\x03\x21", b"\x21"]


def udp_packet(payload: bytes, source: str = ADDRESS, target: str = CORE, port: int = 9) -> bytes:
    """Build an IPv4 packet with a UDP datagram without checksum."""
    total = 28 + len(payload)
    head = struct.pack("!BBHHHBBH", 0x45, 0, total, 1, 0, 64, 17, 0) + socket.inet_aton(source)
    head += socket.inet_aton(target)
    words = sum(struct.unpack("!10H", head))
    words = (words & 0xFFFF) + (words >> 16)
    words = (words & 0xFFFF) + (words >> 16)
    head = head[:10] + struct.pack("!H", 0xFFFF - words) + head[12:]
    return head + struct.pack("!HHHH", 5000, port, total - 20, 0) + payload


def data_message(body: bytes, bits: str = "") -> bytes:
    """Build an L2TP data message (RFC 2661 section 3.1) with the optional fields of ``bits``, some of LSOP."""
    flags = sum({"L": 0x4000, "S": 0x0800, "O": 0x0200, "P": 0x0100}[bit] for bit in bits) | 2
    rest = IDS
    rest += struct.pack("!HH", 7, 0) if "S" in bits else b""
    rest += struct.pack("!H3x", 3) if "O" in bits else b""
    length = struct.pack("!H", 4 + len(rest) + len(body)) if "L" in bits else b""
    return struct.pack("!H", flags) + length + rest + body


@dataclass
class Bench:
    """A data plane, the LNS's socket, the LAC's socket, and a core's sink."""

    plane: Tun
    listener: socket.socket
    lac: socket.socket
    sink: socket.socket

    def up(self, message: bytes, now: float = 0.0) -> bool:
        """Let the LAC send ``message``; return whether the data plane took it."""
        self.lac.sendto(message, self.listener.getsockname()[:2])
        return self.plane.datagram(*self.listener.recvfrom(65535), now=now)

    def route(self, **changes: object) -> Route:
        values = {"addresses": (integer(ADDRESS),), "mtu": 1400} | changes
        framing = {name: values.pop(name) for name in ("acfc", "pfc") if name in values}
        return Route(1, 1, 0, (leg(self.listener, self.lac, **framing),), **values)  # type: ignore[arg-type]  # by name


@pytest.fixture
def bench(provider: Provider) -> Bench:
    listener = provider.udp(provider.lns, "198.18.0.1", 1701)
    lac = provider.udp(provider.lac, "198.18.0.2", 1701)
    sink = provider.udp(provider.core, CORE, 9)
    made = Bench(provider.plane(Outlet(listener, wildcard=False)), listener, lac, sink)
    assert made.plane.program(AddEntry(made.route())).ok
    return made


def down(bench: Bench, payload: bytes, now: float = 0.0) -> None:
    """Let the core send a datagram to the subscriber, and the data plane forward what comes of it."""
    bench.sink.sendto(payload, (ADDRESS, 5000))
    select.select(bench.plane.filenos(), [], [], 5.0)  # on a busy machine the kernel delivers it a little later
    bench.plane.on_readable(now=now)


@pytest.mark.parametrize("framing", FRAMINGS, ids=bytes.hex)
def test_every_header_is_understood(bench: Bench, framing: bytes) -> None:
    forms = ["".join(bits) for bits in product(("", "L"), ("", "S"), ("", "O"), ("", "P"))]
    for number, bits in enumerate(forms):
        payload = b"%03d" % number + bytes(number)
        padding = b"" if "L" not in bits else b"\xee" * 3  # after the message's length: not ours
        message = data_message(framing + udp_packet(payload) + b"\xdd" * 4, bits) + padding
        if "S" in bits:  # numbers are judged by the core, which hands the packet down again
            assert not bench.up(message)
            continue
        assert bench.up(message)
        assert bench.sink.recv(2048) == payload
    unnumbered = [number for number, bits in enumerate(forms) if "S" not in bits]
    ((_, _, counters),) = bench.plane.read([(1, 1)])
    assert counters.up_packets4 == len(unnumbered) == 8
    assert counters.up_octets4 == sum(28 + 3 + number for number in unnumbered)


@pytest.mark.parametrize(("acfc", "pfc"), [*product((False, True), repeat=2)])
def test_compression_is_used_where_it_was_agreed(bench: Bench, acfc: bool, pfc: bool) -> None:
    assert bench.plane.program(ReplaceEntry(bench.route(acfc=acfc, pfc=pfc))).ok
    down(bench, b"hello")
    header = struct.pack("!HHH", 2, *PEER_IDS)
    framing = (b"" if acfc else b"\xff\x03") + (b"\x21" if pfc else b"\x00\x21")
    got = bench.lac.recv(2048)
    assert got.startswith(header + framing)
    packet = got[6 + len(framing) :]
    assert (packet[0], len(packet), packet[-5:]) == (0x45, 33, b"hello")


def test_what_is_sent_on_is_billed_and_nothing_else(bench: Bench) -> None:
    for size in (0, 1, 100, 1300):
        assert bench.up(data_message(FRAMINGS[0] + udp_packet(bytes(size))))
        assert len(bench.sink.recv(2048)) == size
        down(bench, bytes(size))
        assert len(bench.lac.recv(2048)) == 10 + 28 + size
    bad_sum = bytearray(udp_packet(b"bad"))
    bad_sum[10] ^= 1
    assert bench.up(data_message(FRAMINGS[0] + bytes(bad_sum)))
    assert bench.up(data_message(FRAMINGS[0] + udp_packet(b"spoofed", source="10.64.0.3")))
    outcome = bench.plane.program(RemoveEntry(1, 1))
    assert outcome.counters is not None
    assert (outcome.counters.up_packets4, outcome.counters.up_octets4) == (4, 4 * 28 + 1401)
    assert (outcome.counters.down_packets4, outcome.counters.down_octets4) == (4, 4 * 28 + 1401)
    assert outcome.counters.up_spoofed == 1
    assert bench.plane.drops[DropReason.BAD_PACKET_HEADER] == 1
    assert bench.plane.totals() == outcome.counters
    bench.sink.settimeout(0)
    with pytest.raises(BlockingIOError):
        bench.sink.recv(2048)


def test_rates_hold_within_a_twentieth_and_each_way_for_itself(bench: Bench) -> None:
    rates = {"rate_up_bps": 1_000_000, "rate_down_bps": 4_000_000}
    bursts = {"burst_up_octets": 3000, "burst_down_octets": 3000}
    assert bench.plane.program(ReplaceEntry(bench.route(**rates, **bursts))).ok
    seconds, offered_bps, size = 2.0, 8_000_000, 1000
    count = int(seconds * offered_bps / 8 / size)
    for number in range(count):
        now = 1000.0 + number * seconds / count
        assert bench.up(data_message(FRAMINGS[0] + udp_packet(bytes(size - 28))), now)
        down(bench, bytes(size - 28), now)
    ((_, _, counters),) = bench.plane.read([(1, 1)])
    assert counters.up_octets4 * 8 / seconds == pytest.approx(1_000_000, rel=0.05)
    assert counters.down_octets4 * 8 / seconds == pytest.approx(4_000_000, rel=0.05)
    assert counters.up_packets4 + counters.up_policed == counters.down_packets4 + counters.down_policed == count
    assert counters.up_policed == bench.plane.drops[DropReason.POLICED_UP]
    assert counters.down_policed == bench.plane.drops[DropReason.POLICED_DOWN]
    assert waiting(bench.sink) == counters.up_packets4
    assert waiting(bench.lac) == counters.down_packets4


def waiting(receiver: socket.socket) -> int:
    """Count the datagrams that a socket holds."""
    receiver.setblocking(False)
    count = 0
    try:
        while receiver.recv(2048):
            count += 1
    except BlockingIOError:
        return count
    return count


def test_another_peer_control_and_unknown_calls_are_the_cores(provider: Provider, bench: Bench) -> None:
    packet = data_message(FRAMINGS[0] + udp_packet(b"x"))
    stranger = provider.udp(provider.lac, "198.18.0.2", 1702)
    stranger.sendto(packet, ("198.18.0.1", 1701))
    assert not bench.plane.datagram(*bench.listener.recvfrom(65535), now=0.0)
    assert not bench.up(b"\xc8\x02\x00\x0c" + IDS + bytes(4))
    assert not bench.up(packet.replace(IDS, b"\x12\x34\x00\x43"))
    assert not bench.up(data_message(b"\xff\x03\xc0\x21\x09\x01\x00\x08" + bytes(20)))
    assert set(bench.plane.drops.values()) == {0}


def test_a_full_way_out_is_a_counted_drop(bench: Bench) -> None:
    bench.listener.close()
    down(bench, b"lost")
    assert bench.plane.drops[DropReason.SEND_FAILED] == 1
    assert bench.plane.totals().down_packets4 == 0
