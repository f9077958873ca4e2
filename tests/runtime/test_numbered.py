"""Numbered packets through driver, core and data plane, on real sockets: the device is a socket pair."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, DataplaneConfig, LacConfig, Listen, LnsConfig, UserConfig
from bras.config.radius import RadiusConfig
from bras.dataplane.base import Outlet
from bras.lns.lns import Lns
from bras.runtime.driver import Driver
from bras.runtime.udp import Listener
from bras.secret import Secret
from tests.support.lacs import Client, SimulatedLac
from tests.support.wire import LNS_PORT, Wire
from tests.support.world import codec, config
from tests.unit.dataplane.packets import ipv4
from tests.unit.dataplane.planes import POOL, Wired

FRAMING = b"\xff\x03\x00\x21"
COMPRESSED = b"\x21"
"""As the client has agreed to."""


class Plane(Wired):
    """The tun back end whose device is read by the driver."""

    def filenos(self) -> tuple[int, ...]:
        return (self._device,)


@dataclass
class Site:
    """An LNS on real sockets, its LAC, and the network behind it."""

    driver: Driver
    wire: Wire
    device: socket.socket
    lac: SimulatedLac
    client: Client

    async def until(self, so: Callable[[], object]) -> None:
        end = time.monotonic() + 10.0
        while not so():
            assert time.monotonic() < end, "it did not happen in 10 s"
            self.wire.step(0)
            await asyncio.sleep(0.001)

    def up(self, *packets: bytes) -> list[bytes]:
        """Return the datagrams in which the LAC sends packets."""
        key = self.client.key
        assert key is not None
        datagrams = [self.lac.endpoint.send_packet(key, FRAMING + packet) for packet in packets]
        return [datagram.data for datagram in datagrams if datagram is not None]

    def put(self, *datagrams: bytes) -> None:
        for data in datagrams:
            self.wire.send(self.lac.address, self.lac.port, "", LNS_PORT, data)

    @property
    def data(self) -> list[bytes]:
        """Return the data messages that came to the LAC."""
        return [heard.data for heard in self.wire.heard if not heard.data[0] & 0x80]

    def taken(self) -> list[bytes]:
        """Return what has come out at the device."""
        packets = []
        try:
            while True:
                packets.append(self.device.recv(4096))
        except BlockingIOError:
            return packets


def run(use: Callable[[Site], Awaitable[None]], **keys: object) -> None:
    """Bring up a session of a group with these keys, and use it."""
    group = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"), **keys)  # type: ignore[arg-type]  # keys of [[lac]]
    given = config(
        lns=LnsConfig(listen=(Listen("127.0.0.1", 0),), hostname="lns1"),
        lac=(group,),
        auth=AuthConfig(methods=("chap",), source="local"),
        radius=RadiusConfig(),
        user=(UserConfig("user1", Secret(b"pass")),),
    )

    async def on_loop() -> None:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener = Listener(0, Listen("127.0.0.1", 0), 65536)
        plane = Plane(DataplaneConfig(), [POOL], [Outlet(listener.socket, wildcard=False)])
        plane.wire(near.fileno())
        driven = Driver(Lns(given, codec(), os.urandom, epoch=1), plane, [listener], lambda fact: None)
        with near, far, Wire() as wire:
            near.setblocking(False)
            far.setblocking(False)
            driven.start()
            try:
                lac = wire.lac("127.0.0.2", 0, calls=("127.0.0.1", listener.socket.getsockname()[1]))
                client = lac.dial("user1", "pass")
                site = Site(driven, wire, far, lac, client)
                await site.until(lambda: client.address and plane._table.routes)
                await use(site)
            finally:
                driven.stop()

    asyncio.run(on_loop())


@pytest.mark.parametrize("length_bit", [False, True])
def test_both_ways(length_bit: bool) -> None:
    async def use(site: Site) -> None:
        source = socket.inet_ntoa(site.client.address.to_bytes(4, "big"))
        up = [ipv4(bytes((number,)), source=source, target="192.0.2.2") for number in range(5)]
        down = [ipv4(bytes((number,)), source="192.0.2.2", target=source) for number in range(5)]
        first, *others = site.up(*up)
        got: list[bytes] = []
        site.put(first, others[1], others[0], *others[2:])
        await site.until(lambda: got.extend(site.taken()) or len(got) >= len(up))
        assert got == up, "in the order in which they were sent"
        before = len(site.data)
        for packet in down:
            site.device.send(packet)
        await site.until(lambda: len(site.data) == before + len(down))
        at = 8 if length_bit else 6
        numbers = [int.from_bytes(data[at : at + 2], "big") for data in site.data]
        assert numbers == list(range(len(numbers))), "one sequence with the control frames"
        assert [data[at + 4 :] for data in site.data[before:]] == [COMPRESSED + packet for packet in down]
        totals = site.driver.plane.totals()
        assert (totals.up_packets4, totals.down_packets4) == (5, 5)

    run(use, dataseq="require", reorder_timeout_s=5.0, length_bit=length_bit)


def test_what_is_missing_is_waited_for_and_no_longer() -> None:
    async def use(site: Site) -> None:
        source = socket.inet_ntoa(site.client.address.to_bytes(4, "big"))
        up = [ipv4(bytes((number,)), source=source, target="192.0.2.2") for number in range(3)]
        first, _lost, last = site.up(*up)
        got: list[bytes] = []
        site.put(first, last)
        await site.until(lambda: got.extend(site.taken()) or len(got) >= 2)
        assert got == [up[0], up[2]]

    run(use, dataseq="prefer", reorder_timeout_s=0.2)


def test_length_without_numbers_takes_the_short_way() -> None:
    async def use(site: Site) -> None:
        source = socket.inet_ntoa(site.client.address.to_bytes(4, "big"))
        packet = ipv4(b"abc", source="192.0.2.2", target=source)
        before = len(site.data)
        site.device.send(packet)
        await site.until(lambda: len(site.data) > before)
        data = site.data[-1]
        assert data[:2] == b"\x40\x02"
        assert int.from_bytes(data[2:4], "big") == len(data)
        assert data[8:] == COMPRESSED + packet

    run(use, length_bit=True)
