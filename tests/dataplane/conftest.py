"""A provider in namespaces: client - (L2TP data) - lac - lns - core; and roads: one data plane for many tests."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bras.config.model import DataplaneConfig
from bras.dataplane import tcx
from bras.dataplane.base import Outlet
from bras.dataplane.tun import Tun
from bras.forwarding.entry import AddEntry, Counters, Leg, Route
from tests.support.bpf import compiled
from tests.support.fastpath import FastPath, fast_path
from tests.support.namespaces import Namespace, Network
from tests.support.provider import MODES, Road, bpf_file_system, road
from tests.support.pump import Client, Pump

POOL = (0x0A400000, 16)
ADDRESS = "10.64.0.2"
LOCAL = "10.255.255.1"
CORE = "192.0.2.2"
KEY = 0x1234_0042
_SO_RCVBUFFORCE = 33
PEER_IDS = (0x4321, 0x0099)


def integer(address: str) -> int:
    return int.from_bytes(socket.inet_aton(address), "big")


@dataclass
class Provider:
    """The namespaces, and what runs in them for a test."""

    client: Namespace
    lac: Namespace
    lns: Namespace
    core: Namespace
    planes: list[Tun] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)

    def udp(self, where: Namespace, address: str, port: int = 0, **options: Any) -> socket.socket:
        """Open a UDP socket in a namespace, closed when the test ends."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with where.entered():
            opened = socket.socket(family, socket.SOCK_DGRAM)
        self.sockets.append(opened)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
        opened.bind((address, port))
        opened.settimeout(options.get("timeout", 5.0))
        return opened

    def plane(self, *outlets: Outlet, **config: Any) -> Tun:
        """Open a data plane in the LNS's namespace, closed when the test ends."""
        tun = Tun(DataplaneConfig(local_address=LOCAL, **config), [POOL], outlets)
        with self.lns.entered():
            tun.open()
        self.planes.append(tun)
        return tun

    def close(self) -> None:
        for plane in self.planes:
            plane.close()
        for opened in self.sockets:
            opened.close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Network() as network:
        client, lac = network.namespace("client"), network.namespace("lac")
        lns, core = network.namespace("lns", forwarding=True), network.namespace("core")
        network.link(
            *(lac, "eth0", ["198.18.0.2/24", "2001:db8::2/64"]),
            *(lns, "lac0", ["198.18.0.1/24", "198.18.0.11/24", "2001:db8::1/64", "2001:db8::11/64"]),
        )
        network.link(lns, "core0", ["192.0.2.1/24"], core, "eth0", [f"{CORE}/24"])
        core.ip("route", "add", "default", "via", "192.0.2.1")
        made = Provider(client, lac, lns, core)
        try:
            yield made
        finally:
            made.close()


def leg(listener: socket.socket, lac: socket.socket, *, called: str = "", **changes: Any) -> Leg:
    local, local_port = listener.getsockname()[:2]
    remote, remote_port = lac.getsockname()[:2]
    values = {"acfc": False, "pfc": False} | changes
    return Leg(KEY, 0, called or local, local_port, remote, remote_port, *PEER_IDS, **values)


@dataclass
class Call:
    """One subscriber of one data plane, its client a kernel stack."""

    plane: Tun
    pump: Pump
    client: Client

    def counters(self) -> Counters:
        ((_, _, counters),) = self.plane.read([(1, 1)])
        return counters


@contextmanager
def dialled(
    provider: Provider, *, mtu: int = 1460, bound: str = "198.18.0.1", called: str = "", **route: Any
) -> Iterator[Call]:
    """Bring a subscriber up, its LAC calling ``called``; ``bound`` may be a wildcard."""
    called = called or bound
    listener = provider.udp(provider.lns, bound, 1701)
    lac = provider.udp(provider.lac, "2001:db8::2" if ":" in bound else "198.18.0.2", 1701)
    lac.connect((called, 1701))
    plane = provider.plane(Outlet(listener, wildcard=bound in {"0.0.0.0", "::"}))
    address = route.pop("address", ADDRESS)
    client_mtu = route.pop("client_mtu", mtu)
    entry = Route(1, 1, 0, (leg(listener, lac, called=called),), (integer(address),), mtu, **route)
    assert plane.program(AddEntry(entry)).ok
    with (
        Pump(plane, listener) as pump,
        Client(provider.client, address, client_mtu, lac, KEY >> 16, KEY & 0xFFFF) as client,
    ):
        yield Call(plane, pump, client)


@pytest.fixture
def one_cpu() -> Iterator[None]:
    """Each CPU has a memory of its own."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture
def with_tcx() -> None:
    """For tests of TCX itself; filters, which older kernels have instead, are tried on every kernel."""
    if not tcx.is_there():
        pytest.skip("this kernel is older than Linux 6.6, where TCX came")


@pytest.fixture(scope="session")
def pins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a directory in a BPF file system of this run's own."""
    with bpf_file_system(tmp_path_factory.mktemp("bpf")) as directory:
        yield directory


@pytest.fixture(scope="session", params=MODES)
def road_of(request: pytest.FixtureRequest, pins: Path) -> Iterator[Road]:
    """Return a road of each mode of ``ebpf``; programs are loaded once for all the tests of a mode."""
    with road(request.param, pins / request.param) as opened:
        yield opened


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile programs that show what the kernel does with maps and hooks, once for all."""
    return compiled(Path(__file__).with_name("probe.bpf.c"), tmp_path_factory.mktemp("probe"))


@pytest.fixture(scope="session")
def loaded_path() -> Iterator[FastPath]:
    """Load the programs once for all fixtures: the verifier needs half a second, and ten in a slow machine."""
    with fast_path() as made:
        yield made


@pytest.fixture
def fast(loaded_path: FastPath) -> FastPath:
    """Return the programs, with nothing in their maps."""
    loaded_path.clear()
    return loaded_path
