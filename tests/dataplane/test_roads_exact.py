"""Packet by packet: what the kernel leaves to the process as it is, and that both roads bill and drop alike."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from bras.forwarding.entry import Counters, Route
from tests.support.guest import until
from tests.support.inner import PPP, data_message, udp
from tests.support.provider import CORE, FAMILIES, LAC, LNS, PORT, Road, road, subscriber, udp_socket
from tests.support.traffic import never_cut, soon

pytestmark = pytest.mark.root
both = pytest.mark.both
SINK = 9
NUMBER = 21
"""Of the subscriber: not the one of other tests' connections, whose ends go on talking for a while."""
outers = pytest.mark.parametrize("outer", FAMILIES, ids=lambda family: f"outer{family}")
inners = pytest.mark.parametrize("inner", FAMILIES, ids=lambda family: f"inner{family}")


@dataclass
class Bench:
    """One call, its LAC a socket of ours."""

    road: Road
    route: Route
    lac: socket.socket
    cores: dict[int, socket.socket]

    @property
    def call(self) -> int:
        return self.route.legs[0].key

    def packet(self, family: int, payload: bytes = b"x" * 40, **changes: object) -> bytes:
        """Return a packet of the subscriber's."""
        given = {"source": subscriber(NUMBER)[family], "target": CORE[family], "port": SINK} | changes
        return udp(payload=payload, **given)  # type: ignore[arg-type]  # by name


@contextmanager
def bench_of(road: Road, outer: int, **changes: object) -> Iterator[Bench]:
    leg_changes = changes.pop("leg", {})
    assert isinstance(leg_changes, dict)
    with (
        udp_socket(road.lac, LAC[outer], PORT) as lac,
        udp_socket(road.core, CORE[4], SINK) as core4,
        udp_socket(road.core, CORE[6], SINK) as core6,
    ):
        for core in (core4, core6):
            never_cut(core)
        lac.connect((LNS[outer], PORT))
        with road.entered(road.route(NUMBER, road.leg(outer, NUMBER, lac, **leg_changes), **changes)) as route:
            yield Bench(road, route, lac, {4: core4, 6: core6})


def heard(road: Road, message: bytes, *, taken: bool) -> None:
    """Wait until the process has been given a datagram, octet for octet; ``taken``: it was a subscriber's packet."""
    for _ in until(10):
        if message in (road.pump.taken if taken else road.pump.refused):
            return
    raise AssertionError(f"{message.hex()} was not given to the process as it is; of the last: {_last(road)}")


def _last(road: Road) -> list[str]:
    return [data.hex() for data in [*road.pump.refused, *road.pump.taken][-5:]]


LCP = b"\xff\x03\xc0\x21\x09\x01\x00\x08" + bytes(4)
LEFT = {
    "control": (lambda b: b"\xc8\x02\x00\x14" + struct.pack("!I", b.call) + bytes(12), False, "CONTROL"),
    "ppp control": (lambda b: data_message(b.call, b"", framing=LCP), False, "PPP_CONTROL"),
    "compressed ppp control": (lambda b: data_message(b.call, b"", framing=LCP[2:]), False, "PPP_CONTROL"),
    "another session": (lambda b: data_message(b.call + 1, b.packet(4)), False, "UNKNOWN_SESSION"),
    "another tunnel": (lambda b: data_message(b.call + 0x10000, b.packet(6)), False, "UNKNOWN_SESSION"),
    "numbered": (lambda b: data_message(b.call, b.packet(4), bits="S"), False, "NUMBERED"),
    "an offset": (lambda b: data_message(b.call, b.packet(4), bits="O"), True, "UNUSUAL_HEADER"),
    "an offset and a length": (lambda b: data_message(b.call, b.packet(6), bits="LO"), True, "UNUSUAL_HEADER"),
    "a false length": (lambda b: _longer(data_message(b.call, b.packet(4), bits="L")), False, "UNUSUAL_HEADER"),
    "link scope": (lambda b: data_message(b.call, b.packet(6, source="fe80::1")), False, "LINK_SCOPE"),
    "multicast": (lambda b: data_message(b.call, b.packet(4, target="224.0.0.5")), False, "LINK_SCOPE"),
    "multicast of IPv6": (lambda b: data_message(b.call, b.packet(6, target="ff02::2")), False, "LINK_SCOPE"),
    "version 3": (lambda b: struct.pack("!HHI", 3, 0, b.call) + b.packet(4), False, None),
    "a fragment": (lambda b: data_message(b.call, bytes(2500), framing=LCP), False, "FRAGMENT"),
    "short": (lambda b: data_message(b.call, b"", framing=b"")[:5], False, None),
}


def _longer(message: bytes) -> bytes:
    return message[:2] + struct.pack("!H", len(message) + 1) + message[4:]


@outers
@pytest.mark.parametrize("what", LEFT)
@both
def test_what_is_not_ordinary_reaches_the_process_untouched(road_of: Road, outer: int, what: str) -> None:
    make, taken, reason = LEFT[what]
    with bench_of(road_of, outer) as bench:
        message, before = make(bench), road_of.fallbacks()
        bench.lac.send(message)
        heard(road_of, message, taken=taken)
        told = {name: n - before.get(name, 0) for name, n in road_of.fallbacks().items() if n != before.get(name, 0)}
        reports = told.pop("LINK_SCOPE", 0)  # the LNS's own kernel reports its groups
        if reason == "LINK_SCOPE":
            assert (told, reports >= 1) == ({}, True)
        elif reason is not None:
            assert told == {reason: 1}


@outers
@both
def test_from_another_port_it_is_the_process_that_decides(road_of: Road, outer: int) -> None:
    with bench_of(road_of, outer) as bench, udp_socket(road_of.lac, LAC[outer]) as stranger:
        message, before = data_message(bench.call, bench.packet(4)), road_of.fallbacks().get("PEER_MISMATCH", 0)
        stranger.sendto(message, (LNS[outer], PORT))
        heard(road_of, message, taken=False)
        assert road_of.fallbacks()["PEER_MISMATCH"] == before + 1


@outers
@both
def test_what_is_not_for_our_port_or_address_is_not_ours(road_of: Road, outer: int) -> None:
    """Another program's socket beside ours gets what looks like a subscriber's data; nothing is counted."""
    other_address = {4: "198.18.0.11", 6: "2001:db8::11"}[outer]
    with bench_of(road_of, outer) as bench:
        before = road_of.fallbacks(), road_of.slow(), bench.road.counters(bench.route)
        message = data_message(bench.call, bench.packet(4))
        for address, port in ((LNS[outer], PORT + 1), (other_address, PORT)):
            with udp_socket(road_of.lns, address, port) as other:
                bench.lac.connect((address, port))
                bench.lac.send(message)
                assert other.recv(2048) == message
        assert (road_of.fallbacks(), road_of.slow(), bench.road.counters(bench.route)) == before


@outers
@inners
@both
def test_numbered_calls_are_the_cores_both_ways(road_of: Road, outer: int, inner: int) -> None:
    with bench_of(road_of, outer, leg={"numbered": True}) as bench:
        message = data_message(bench.call, bench.packet(inner))
        bench.lac.send(message)
        heard(road_of, message, taken=False)
        bench.cores[inner].sendto(b"hello", (subscriber(NUMBER)[inner], 5000))
        for _ in until(10):
            frames = road_of.do(road_of.plane.to_be_numbered)
            if frames:
                break
        ((call, frame),) = frames
        assert (call, frame[:4], frame[-5:]) == (bench.call, b"\xff\x03" + PPP[inner], b"hello")


FRAMINGS = ["ff03", "", "ff03c", "c"]


@outers
@inners
@both
def test_every_framing_is_taken_by_the_kernel(road_of: Road, outer: int, inner: int) -> None:
    """FF 03 or not, a protocol of one octet or two, a length or none, a priority bit, octets behind the packet."""
    with bench_of(road_of, outer) as bench:
        slow, forms = (
            road_of.slow(),
            list(product((b"\xff\x03", b""), (0, 1), ("", "L", "P", "LP"), (b"", b"\xdd" * 5))),
        )
        for number, (control, at, bits, padding) in enumerate(forms):
            payload = b"%03d" % number + bytes(number)
            packet = bench.packet(inner, payload) + padding
            bench.lac.send(data_message(bench.call, packet, bits=bits, framing=control + PPP[inner][at:]))
            assert bench.cores[inner].recv(2048) == payload
        assert road_of.slow() == slow


@outers
@inners
@pytest.mark.parametrize(("acfc", "pfc", "length_bit"), [*product((False, True), repeat=3)])
@both
def test_framing_towards_the_lac_is_as_agreed(
    road_of: Road, outer: int, inner: int, acfc: bool, pfc: bool, length_bit: bool
) -> None:
    leg = {"acfc": acfc, "pfc": pfc, "length_bit": length_bit}
    with bench_of(road_of, outer, leg=leg) as bench:
        slow = road_of.slow()
        for octets in (0, 1, 2, 3, 501, 1000):
            payload = random.Random(octets).randbytes(octets)
            bench.cores[inner].sendto(payload, (subscriber(NUMBER)[inner], 5000))
            got = bench.lac.recv(2048)
            framing = (b"" if acfc else b"\xff\x03") + PPP[inner][pfc:]
            length = struct.pack("!H", len(got)) if length_bit else b""
            ids = struct.pack("!HH", bench.route.legs[0].peer_tunnel_id, bench.route.legs[0].peer_session_id)
            header = struct.pack("!H", 0x4002 if length_bit else 2) + length + ids + framing
            assert got.startswith(header)
            packet = got[len(header) :]
            assert packet[0] >> 4 == inner
            assert packet.endswith(payload)
            assert len(packet) == octets + (28 if inner == 4 else 48)
        assert road_of.slow() == slow


def script(bench: Bench, family: int) -> None:
    """Send, one by one, all sorts of packets both ways."""
    packet, call = bench.packet, bench.call
    sent = [
        *(data_message(call, packet(family, bytes(n))) for n in (0, 1, 100, 1300, 1400, 1300)),
        *(data_message(call, packet(family), bits=bits) for bits in ("L", "O", "LO", "P")),
        data_message(call, packet(family), framing=PPP[family][1:]),
        *(data_message(call, packet(family, source=subscriber(9)[family])) for _ in range(3)),
        data_message(call, packet(family)[:-1]),
        data_message(call, packet(family)[:19]),
        data_message(call, bytes((packet(family)[0] ^ 0x70,)) + packet(family)[1:], framing=PPP[family]),
        data_message(call, b"", framing=PPP[family]),
        data_message(call, packet(family) + bytes(7)),
    ]
    if family == 4:
        damaged = bytearray(packet(4))
        damaged[10] ^= 1
        sent.append(data_message(call, bytes(damaged)))
    for message in sent:
        one_by_one(bench, lambda message=message: bench.lac.send(message))
    for octets in (0, 1, 100, 1300, 1300, 1300):
        one_by_one(
            bench, lambda octets=octets: bench.cores[family].sendto(bytes(octets), (subscriber(NUMBER)[family], 5000))
        )
    for octets in (1400, 1450):  # the kernel knows of what prefix packets are too big, and refuses those itself
        bench.cores[family].sendto(bytes(octets), (subscriber(NUMBER)[family], 5000))


def one_by_one(bench: Bench, send: Callable[[], object]) -> None:
    """Send, and wait until it is billed or dropped: the slower of two roads is not to change the order."""

    def seen() -> int:
        return sum(bench.road.counters(bench.route)) + sum(bench.road.drops().values())

    before = seen()
    send()
    assert soon(lambda: seen() != before)


def settled(bench: Bench) -> tuple[Counters, dict[str, int]]:
    """Return counters and drops when they have stood still for a while, all packets being on their way already."""
    before, still = None, 0
    for _ in until(20):
        now = bench.road.counters(bench.route), bench.road.drops()
        still = still + 1 if now == before else 0
        before = now
        if still == 3:
            return now
    raise AssertionError("the counters do not come to rest")


@outers
@inners
@pytest.mark.parametrize("limited", [False, True], ids=["free", "limited"])
@both
def test_both_roads_bill_and_drop_alike(road_of: Road, tun_road: Road, outer: int, inner: int, limited: bool) -> None:
    """One script of packets by ``tun`` and by ``ebpf``; the rates are so low that only the bursts pass."""
    limits = {f"rate_{way}_bps": 80 for way in ("up", "down")} | {f"burst_{way}_octets": 3100 for way in ("up", "down")}
    results = []
    for each in (tun_road, road_of):
        with bench_of(each, outer, mtu=1400, **(limits if limited else {})) as bench:
            before = each.drops()
            script(bench, inner)
            counters, drops = settled(bench)
            results.append((counters._asdict(), {name: n - before.get(name, 0) for name, n in drops.items()}))
    (tun, tun_drops), (ebpf, ebpf_drops) = results
    assert ebpf == tun
    assert {name: n for name, n in ebpf_drops.items() if n} == {name: n for name, n in tun_drops.items() if n}
    assert tun[f"up_packets{inner}"] > 0
    assert tun[f"down_packets{inner}"] > 0
    assert (tun["up_policed"] > 0) is limited


@pytest.fixture(scope="session")
def tun_road(pins: Path) -> Iterator[Road]:
    with road("tun", pins / "tun") as opened:
        yield opened
