"""``tc_down`` where it runs, at the egress of a TUN device: what reaches the LAC, and what reaches Python instead."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import pytest

from bras.dataplane.hooks import Hooks, Side
from bras.dataplane.rtnetlink import Conversation
from bras.errors import FallbackReason
from bras.forwarding.entry import Route
from tests.support.fastpath import (
    CLIENT4,
    CLIENT6,
    CORE,
    ETHERTYPE,
    LAC,
    LAC_MAC,
    LEG,
    LEG6,
    FastPath,
    datagram,
    fast_path,
    icmp,
    ip,
    is_downstream,
    message,
    route,
    tcp,
    udp,
)

pytestmark = pytest.mark.root

CLIENT = {4: CLIENT4, 6: CLIENT6}
LEGS = {4: LEG, 6: LEG6}
WAIT_S = 5.0
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 1, 0x1000
_ALL = socket.htons(3)
_OUTGOING = 4


@dataclass
class Anchor:
    """The device with the program, and both places where a packet can come out."""

    fast: FastPath
    tun: int
    into: socket.socket
    lac: socket.socket

    def send(self, packet: bytes) -> None:
        """Send a packet out by the device, as routing would."""
        kind = int.from_bytes(ETHERTYPE[packet[0] >> 4], "big")
        self.into.sendto(packet, ("bras0", kind))

    def at_lac(self) -> bytes:
        """Return the next frame to the LAC."""
        while True:
            ready, _, _ = select.select([self.lac], [], [], WAIT_S)
            assert ready, f"nothing came: {self.fast.take_tallies()}"
            octets, address = self.lac.recvfrom(65536)
            if address[2] != _OUTGOING and octets[12:14] in ETHERTYPE.values() and self._is_ours(octets):
                return octets

    @staticmethod
    def _is_ours(octets: bytes) -> bool:
        return octets[14 + 9] == 17 if octets[12:14] == ETHERTYPE[4] else octets[14 + 6] == 17

    def at_python(self) -> bytes:
        """Return the next packet that the device hands to its process."""
        ready, _, _ = select.select([self.tun], [], [], WAIT_S)
        assert ready, f"nothing came: {self.fast.take_tallies()}"
        return os.read(self.tun, 65536)


@pytest.fixture(scope="module")
def loaded() -> Iterator[Anchor]:
    with fast_path() as fast, fast.namespace.entered():
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", b"bras0", _IFF_TUN | _IFF_NO_PI))
        for key, value in (("ipv4.conf.bras0.accept_local", 1), ("ipv4.conf.bras0.rp_filter", 0)):
            fast.namespace.sysctl(f"net.{key}", value)
        fast.namespace.sysctl("net.ipv6.conf.bras0.disable_ipv6", 1)  # the kernel has nothing to say there
        with closing(Conversation()) as kernel:
            Hooks(kernel, fast.anchor).attach(fast.anchor, Side.EGRESS, fast.program("tc_down"))
        with fast.lac.entered():
            lac = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, _ALL)
            lac.bind(("eth0", 0))
        into = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        with lac, into:
            yield Anchor(fast, tun, into, lac)
        os.close(tun)


@pytest.fixture
def anchor(loaded: Anchor) -> Anchor:
    with contextlib.suppress(BlockingIOError):
        while True:  # what the kernel itself says when a link comes up
            os.read(loaded.tun, 65536)
    while select.select([loaded.lac], [], [], 0)[0]:
        loaded.lac.recv(65536)  # what had waited for a neighbour
    loaded.fast.clear()
    return loaded


def was_sent(anchor: Anchor, packet: bytes, entry: Route) -> None:
    anchor.fast.add(entry)
    anchor.send(packet)
    octets = anchor.at_lac()
    assert octets[:6] == bytes.fromhex(LAC_MAC.replace(":", ""))
    is_downstream(octets[14:], packet, entry)
    account = anchor.fast.account(entry.slot)
    carried = account.down_octets4 + account.down_octets6, account.down_packets4 + account.down_packets6
    assert carried == (len(packet), 1)


PACKETS = {
    "tcp": lambda there, here: tcp(there, here, b"data!"),
    "udp": lambda there, here: udp(there, here, b"data"),
    "echo": lambda there, here: icmp(there, here, b"ping!"),
    "esp": lambda there, here: ip(there, here, 50, bytes(range(101))),
    "smallest": lambda there, here: ip(there, here, 59, b""),
    "large": lambda there, here: udp(there, here, bytes(1440 - 40 - 8)),
}


@pytest.mark.parametrize("name", PACKETS)
@pytest.mark.parametrize(("acfc", "pfc"), [(False, False), (True, True), (False, True)])
@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize("outer", [4, 6])
def test_sent(anchor: Anchor, outer: int, inner: int, acfc: bool, pfc: bool, name: str) -> None:
    entry = route(replace(LEGS[outer], acfc=acfc, pfc=pfc))
    was_sent(anchor, PACKETS[name](CORE[inner], CLIENT[inner]), entry)


def test_a_neighbour_that_nobody_has_asked_for(anchor: Anchor) -> None:
    """The kernel asks, and sends what has waited."""
    anchor.fast.lac.ip("address", "replace", "198.18.0.7/24", "dev", "eth0")
    entry = route(replace(LEG, remote="198.18.0.7"))
    anchor.fast.add(entry)
    packet = udp(CORE[4], CLIENT4, b"data")
    anchor.send(packet)
    is_downstream(anchor.at_lac()[14:], packet, entry)


def test_a_neighbour_that_is_another_by_now(anchor: Anchor) -> None:
    """The kernel asks again for one that is in use, as it does for packets of its own."""
    anchor.fast.lac.ip("address", "replace", "198.18.0.8/24", "dev", "eth0")
    (link,) = anchor.fast.lac.json("link", "show", "eth0")
    for key, value in (("delay_first_probe_time", 1), ("retrans_time_ms", 100), ("ucast_solicit", 1)):
        anchor.fast.namespace.sysctl(f"net.ipv4.neigh.lac0.{key}", value)
    wrong = ("lladdr", "02:00:00:00:00:99", "dev", "lac0", "nud", "stale")
    anchor.fast.namespace.ip("neighbour", "replace", "198.18.0.8", *wrong)
    anchor.fast.add(route(replace(LEG, remote="198.18.0.8")))
    until = time.monotonic() + 4 * WAIT_S
    seen = set()
    while link["address"] not in seen:
        assert time.monotonic() < until, seen
        anchor.send(udp(CORE[4], CLIENT4, b"data"))
        seen.add(anchor.at_lac()[:6].hex(":"))
    assert "02:00:00:00:00:99" in seen


@pytest.mark.parametrize("size", [1463, 1480, 1500])
def test_larger_than_the_path(anchor: Anchor, size: int) -> None:
    """The kernel cuts the outer packet; the pieces make the one that should have been."""
    entry = route(mtu=1500)
    anchor.fast.add(entry)
    packet = ip(CORE[4], CLIENT4, 50, bytes(size - 20))
    anchor.fast.namespace.ip("link", "set", "bras0", "mtu", "1500")
    anchor.send(packet)
    pieces = [anchor.at_lac()[14:] for _ in range(2)]
    assert all(len(piece) <= 1500 for piece in pieces)
    assert [piece[6] & 0x20 for piece in pieces] == [0x20, 0]
    assert pieces[0][4:6] == pieces[1][4:6]
    payload = b"".join(piece[20:] for piece in pieces)
    call = message(packet, call=LEG.peer_tunnel_id << 16 | LEG.peer_session_id)
    assert payload.hex() == datagram(call, LEG.local, LAC[4], checksum=False)[20:].hex()
    assert anchor.fast.take_tallies().fallbacks == {FallbackReason.OUTER_FRAGMENT: 1}
    assert anchor.fast.account().down_octets4 == size


def was_left(anchor: Anchor, packet: bytes, reason: FallbackReason) -> None:
    anchor.send(packet)
    assert anchor.at_python().hex() == packet.hex()
    counted = anchor.fast.take_tallies()
    assert counted.fallbacks == {reason: 1}
    assert not any(counted.carried)


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (udp(CORE[4], "10.64.0.3"), FallbackReason.NO_SUBSCRIBER),
        (udp(CORE[6], "2001:db8:65::1"), FallbackReason.NO_SUBSCRIBER),
        (udp(CORE[4], "224.0.0.1"), FallbackReason.LINK_SCOPE),
        (udp(CORE[6], "ff02::1"), FallbackReason.LINK_SCOPE),
        (udp("fe80::1", CLIENT6), FallbackReason.LINK_SCOPE),
        (udp(CORE[6], "fe80::1"), FallbackReason.LINK_SCOPE),
        (ip(CORE[4], CLIENT4, 50, bytes(1441)), FallbackReason.TOO_BIG),
        (ip(CORE[6], CLIENT6, 50, bytes(1421)), FallbackReason.TOO_BIG),
    ],
    ids=range(8),
)
def test_left_to_python(anchor: Anchor, packet: bytes, reason: FallbackReason) -> None:
    anchor.fast.add(route())
    anchor.fast.namespace.ip("link", "set", "bras0", "mtu", "1500")
    was_left(anchor, packet, reason)


def test_larger_than_the_path_over_ipv6(anchor: Anchor) -> None:
    anchor.fast.add(route(LEG6, mtu=1500))
    anchor.fast.namespace.ip("link", "set", "bras0", "mtu", "1500")
    was_left(anchor, ip(CORE[4], CLIENT4, 50, bytes(1480)), FallbackReason.OUTER_FRAGMENT)


@pytest.mark.parametrize("inner", [4, 6])
def test_not_active(anchor: Anchor, inner: int) -> None:
    anchor.fast.add(route())
    anchor.fast.set_flags(3, 0)
    was_left(anchor, udp(CORE[inner], CLIENT[inner]), FallbackReason.STALE)
