"""Roads from a LAC by an LNS to the core and back, one for each way of forwarding that is compared.

    lac eth0 <-> lac0 lns core0 <-> eth0 core

Frames are made at one end and counted at the other, both in XDP (frames.py).  What lies between is an LNS,
plain forwarding of the kernel, or nothing: then the frames are dropped where they enter the LNS.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bras.config.model import DataplaneConfig
from bras.dataplane.base import DataPlane, Outlet
from bras.dataplane.ebpf import Ebpf
from bras.dataplane.tun import Tun
from bras.forwarding.entry import AddEntry, Leg, Operation, Route
from bras.ids import CallKey
from tests.benchmark.frames import FAR_NETWORK, FIRST, LAC, LNS, Frames, Traffic, call_of
from tests.benchmark.kernel_l2tp import KernelSession
from tests.support.namespaces import Namespace, Network

POOL = (FIRST & 0xFFFF0000, 16)
LNS_CORE, CORE = "192.0.2.1", "192.0.2.2"
End = tuple[int, bytes, bytes]
"""Interface index, its address, that of the other end."""
SLOTS = 65536
TUNNEL_OCTETS = 38
"""Outer IPv4, UDP, L2TP and PPP headers."""
XDP = {
    "ebpf-tc": (),
    "ebpf-decap": (("lac0", "decap"),),
    "ebpf-full": (("lac0", "full"), ("core0", "full")),
}
"""Our back end, by the XDP modes of its interfaces."""
DIRECT = ("plain", "hop", "through")
"""What knows no tunnel: the kernel's own forwarding, and what is subtracted, or is the least that can be."""


@dataclass
class Road:
    """The namespaces, and who forwards."""

    kind: str
    lac: Namespace
    lns: Namespace
    core: Namespace
    plane: DataPlane | KernelSession | None = None
    listener: socket.socket | None = None
    ends: tuple[End, ...] = ()
    """Where frames are made: at the LAC, at the core."""
    through: tuple[int, ...] = ()
    """Interfaces of the LNS by which they leave: towards the core, towards the LAC."""

    def send(self, frames: Frames, program: str, octets: int, sessions: int, count: int) -> tuple[float, float]:
        """Send frames by this road; returns nanoseconds a frame, and the share that arrived."""
        self._follow()
        down = program == "downstream"
        grown = 0
        if self.kind not in DIRECT:
            grown = TUNNEL_OCTETS if down else -TUNNEL_OCTETS
        with (self.core if down else self.lac).entered():
            traffic = Traffic(program, octets, sessions, grown)
            return frames.send(traffic, self.ends[down], count, out=self.through[down])

    def _follow(self) -> None:
        """Let our data plane do what it does each second: say that it lives, and what it knows of the network."""
        if isinstance(self.plane, Ebpf):
            with self.lns.entered():
                self.plane.on_readable(now=time.clock_gettime(time.CLOCK_BOOTTIME))

    def losses(self) -> str:
        """Tell what our data plane says of packets that it did not forward."""
        if self.plane is None or isinstance(self.plane, KernelSession):
            return "no data plane of ours"
        counts = (*self.plane.drops.items(), *self.plane.fallbacks.items())
        return ", ".join(f"{reason.value} {count}" for reason, count in counts if count)

    def close(self) -> None:
        """End the data plane; the namespaces are the network's."""
        if self.plane is not None:
            with self.lns.entered():
                self.plane.close()
        if self.listener is not None:
            self.listener.close()


def index(namespace: Namespace, name: str) -> int:
    """Return an interface's index."""
    (link,) = namespace.json("link", "show", name)
    return int(link["ifindex"])


def mac(namespace: Namespace, name: str) -> bytes:
    """Return an interface's address."""
    (link,) = namespace.json("link", "show", name)
    return bytes.fromhex(link["address"].replace(":", ""))


def laid(network: Network, kind: str) -> Road:
    """Make the namespaces and links of a road; nobody has to be asked for a neighbour's address."""
    lac, lns, core = (network.namespace(f"{kind}-{role}") for role in ("lac", "lns", "core"))
    lns.sysctl("net.ipv4.ip_forward", 1)
    lns.sysctl("net.ipv6.conf.all.forwarding", 1)
    network.link(lac, "eth0", [f"{LAC}/24"], lns, "lac0", [f"{LNS}/24"])
    network.link(lns, "core0", [f"{LNS_CORE}/24"], core, "eth0", [f"{CORE}/24"])
    for name, neighbour, end in (("lac0", LAC, lac), ("core0", CORE, core)):
        address = mac(end, "eth0").hex(":")
        lns.ip("neighbour", "replace", neighbour, "lladdr", address, "dev", name, "nud", "permanent")
        # A frame that XDP sends into a veth pair is taken by the other end's NAPI, which is there with GRO.
        lns.run("ethtool", "-K", name, "gro", "on")
    lns.ip("route", "add", FAR_NETWORK, "via", CORE)
    ends = ((lac, "lac0"), (core, "core0"))
    return Road(
        *(kind, lac, lns, core),
        ends=tuple((index(end, "eth0"), mac(end, "eth0"), mac(lns, name)) for end, name in ends),
        through=(index(lns, "core0"), index(lns, "lac0")),
    )


def build(network: Network, frames: Frames, kind: str, sessions: int, pins: Path) -> Road:
    """Make a road of a kind, with its sinks and sessions."""
    road = laid(network, kind)
    for end in (road.lac, road.core):
        with end.entered():
            frames.attach("sink", socket.if_nametoindex("eth0"))
    with road.lns.entered():
        if kind in {"hop", "through"}:
            for name in ("lac0", "core0"):
                frames.attach("sink" if kind == "hop" else "through", socket.if_nametoindex(name))
        elif kind == "plain":
            road.lns.ip("route", "add", "10.64.0.0/16", "via", LAC)
        elif kind == "l2tp_ppp":
            session = road.plane = KernelSession()
            for words in session.settings:
                road.lns.ip(*words)
        else:
            begin(road, "ebpf", sessions, pins)
    return road


def begin(road: Road, backend: str, sessions: int, pins: Path) -> DataPlane:
    """Start one of our data planes and give it its sessions; the caller is in the LNS's namespace."""
    listener = road.listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((LNS, 1701))
    listener.setblocking(False)
    xdp = XDP.get(road.kind, ())
    config = DataplaneConfig(backend=backend, interfaces=("lac0",), xdp=xdp, pin_dir=str(pins / road.kind))
    given = config, [POOL], [Outlet(listener, wildcard=False)]
    plane: DataPlane = Ebpf(*given, slots=SLOTS) if backend == "ebpf" else Tun(*given)
    road.plane = plane
    plane.open()
    outcomes = plane.program_all(list(entries(range(sessions))))
    assert all(outcome.ok for outcome in outcomes), next(o.reason for o in outcomes if not o.ok)
    return plane


def entries(slots: Iterable[int]) -> Iterable[Operation]:
    """Return what adds the sessions of these slots, as they follow one another."""
    for slot in slots:
        leg = Leg(CallKey(call_of(slot)), 0, LNS, 1701, LAC, 1701, 7, slot + 1, False, False)
        yield AddEntry(Route(slot, 1, 0, (leg,), (FIRST + slot,), 1460))
