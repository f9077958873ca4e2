"""A provider in namespaces, client - (L2TP data) - lac - lns - core, with a data plane of any kind in ``lns``.

IPv4 and IPv6 inside and outside.  The ends compute their checksums themselves and the LAC's link takes no
finished promises either (no checksum offload, no segmentation of tunnels): a wrong checksum is a lost packet.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bras.config.model import DataplaneConfig
from bras.dataplane.base import DataPlane, Outlet
from bras.dataplane.tun import Tun
from bras.forwarding.entry import AddEntry, Counters, Leg, Operation, Outcome, RemoveEntry, Route
from tests.support.concentrator import Concentrator, Line, of_groups
from tests.support.namespaces import Namespace, Network
from tests.support.pump import Pump
from tests.support.traffic import soon

T = TypeVar("T")
LAC = {4: "198.18.0.2", 6: "2001:db8::2"}
LNS = {4: "198.18.0.1", 6: "2001:db8::1"}
CORE = {4: "192.0.2.2", 6: "2001:db8:c::2"}
GATEWAY = {4: "192.0.2.1", 6: "2001:db8:c::1"}
LOCAL = "10.255.255.1"
POOL, POOL6 = "10.64.0.0/16", "2001:db8:6400::/48"
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
FAMILIES = (4, 6)
PORT = 1701
MODES = ("tc", "decap", "full")
"""How ``ebpf`` carries: by its TC programs, with XDP before them, by XDP alone."""
SLOTS = 64
DIALLED = 1000
"""Subscribers that ``Road.dial`` brings up are numbered from here on."""
_SO_RCVBUFFORCE = 33


def family_of(address: str) -> int:
    return 6 if ":" in address else 4


def subscriber(number: int) -> dict[int, str]:
    """Return the addresses of a subscriber by number, 1 or more."""
    return {4: f"10.64.{number >> 8}.{number & 255}", 6: f"2001:db8:6400:{number:x}::2"}


@contextmanager
def bpf_file_system(directory: Path) -> Iterator[Path]:
    """Mount one of our own, with a directory for pins in it: nothing outlives it, nobody else sees it."""
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "bpf", "none", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def lay(network: Network, vlan: int = 0) -> tuple[Namespace, Namespace, Namespace]:
    """Make lac, lns and core, and the links between them; with a ``vlan`` LAC and LNS speak in that one only."""
    lac, lns = network.namespace("lac"), network.namespace("lns", forwarding=True)
    core = network.namespace("core")
    its, ours = [f"{LAC[4]}/24", f"{LAC[6]}/64"], [f"{LNS[4]}/24", "198.18.0.11/24", f"{LNS[6]}/64", "2001:db8::11/64"]
    network.link(lac, "eth0", [] if vlan else its, lns, "lac0", [] if vlan else ours)
    for where, name, addresses in ((lac, "eth0", its), (lns, "lac0", ours)) if vlan else ():
        where.ip_all(
            f"link add link {name} name {name}.{vlan} type vlan id {vlan}",
            *(f"address add {address} dev {name}.{vlan} {'nodad' if ':' in address else ''}" for address in addresses),
            f"link set {name}.{vlan} up",
        )
        where.hold(*(address for address in addresses if ":" in address))
    network.link(
        lns, "core0", [f"{GATEWAY[4]}/24", f"{GATEWAY[6]}/64"], core, "eth0", [f"{CORE[4]}/24", f"{CORE[6]}/64"]
    )
    core.ip_all(f"route add 0.0.0.0/0 via {GATEWAY[4]}", f"route add ::/0 via {GATEWAY[6]}")
    return lac, lns, core


def ready(where: Namespace, interface: str) -> None:
    """Wait until the kernel has noticed that a link is up: it looks once a second, and IPv6 hears nobody until then."""

    def there() -> bool:
        with where.entered():
            routes = Path("/proc/thread-self/net/ipv6_route").read_text().splitlines()
        return any(line.startswith("ff00") and line.split()[-1] == interface for line in routes)

    assert soon(there), f"{interface} of {where.name} does not come up"


def acquaint(where: Namespace, interface: str, addresses: Mapping[int, str]) -> None:
    """Let neighbours become known: while they are not, XDP leaves packets to others."""
    for address in addresses.values():
        with udp_socket(where, "::" if ":" in address else "0.0.0.0") as asking:
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            asking.sendto(b"", (address, 9))
    shown = ("neighbour", "show", "dev", interface)
    assert soon(lambda: all(f"{address} lladdr" in where.ip(*shown) for address in addresses.values()))


def honest(where: Namespace, interface: str) -> None:
    """No checksum and no segment is left to a device that is none."""
    features = ("tx", "off", "tso", "off", "tx-udp_tnl-segmentation", "off", "tx-udp_tnl-csum-segmentation", "off")
    where.run("ethtool", "-K", interface, *features)


def receives_frames(where: Namespace, interface: str) -> None:
    """Let the other end of a veth pair take frames from XDP: it does once this end polls, as GRO makes it."""
    where.run("ethtool", "-K", interface, "gro", "on")


@dataclass
class Call:
    """One subscriber, its client a kernel's stack."""

    road: Road
    route: Route
    client: Namespace
    concentrator: Concentrator
    addresses: dict[int, str]

    def counters(self) -> Counters:
        return self.road.counters(self.route)


@dataclass
class Road:
    """One open data plane, and all that packets need to pass by it; calls come and go."""

    mode: str
    network: Network
    lac: Namespace
    lns: Namespace
    core: Namespace
    plane: DataPlane
    pump: Pump
    listeners: dict[int, socket.socket]
    read_packets: list[int]
    """Length of each packet that the process read from its device."""
    sockets: contextlib.ExitStack
    clients: dict[int, Namespace] = field(default_factory=dict)
    generations: int = 0
    dialled: int = 0

    def slow(self) -> int:
        """Return how many packets passed through this process instead of the kernel alone."""
        for _ in range(2):  # what waited at its descriptors when we asked, is through at the second answer
            self.do(lambda: None)
        return self.pump.datagrams + len(self.read_packets)

    def fallbacks(self) -> dict[str, int]:
        """Return those that have been counted, by name."""
        counted: dict[str, int] = self.do(lambda: {r.name: n for r, n in self.plane.fallbacks.items() if n})
        return counted

    def drops(self) -> dict[str, int]:
        """Return those that have been counted, by name."""
        counted: dict[str, int] = self.do(lambda: {r.name: n for r, n in self.plane.drops.items() if n})
        return counted

    def do(self, what: Callable[[], T]) -> T:
        """Call something of the data plane in the thread that it belongs to."""
        return self.pump.do(what)

    def program(self, operation: Operation) -> Outcome:
        return self.do(lambda: self.plane.program(operation))

    def counters(self, route: Route) -> Counters:
        ((_, _, counters),) = self.do(lambda: self.plane.read([(route.slot, route.generation)]))
        return counters

    def udp(self, where: Namespace, address: str, port: int = 0, *, timeout: float = 10.0) -> socket.socket:
        """Open a UDP socket in a namespace, closed with the road."""
        return self.sockets.enter_context(udp_socket(where, address, port, timeout=timeout))

    def client(self, number: int) -> Namespace:
        if number not in self.clients:
            self.clients[number] = self.network.namespace(f"client{number}")
        return self.clients[number]

    def leg(self, outer: int, number: int, lac: socket.socket, **changes: Any) -> Leg:
        values = {"acfc": False, "pfc": False, "local_port": PORT} | changes
        remote, remote_port = lac.getsockname()[:2]
        return Leg(
            key=0x1200 + number << 16 | number,
            listener=FAMILIES.index(outer),
            local=LNS[outer],
            remote=remote,
            remote_port=remote_port,
            peer_tunnel_id=0x4300 + number,
            peer_session_id=0x0900 + number,
            **values,
        )

    def route(self, number: int, leg: Leg, *, mtu: int = 1400, slot: int = 0, **changes: Any) -> Route:
        """Return a Route with an address of each family, in the slot of its number if none is given."""
        self.generations += 1
        addresses = subscriber(number)
        values: dict[str, Any] = {
            "addresses": (int(ipaddress.ip_address(addresses[4])),),
            "prefixes6": ((int(ipaddress.ip_address(addresses[6])) >> 64 << 64, 64),),
        }
        return Route(slot or number, self.generations, 0, (leg,), mtu=mtu, **(values | changes))

    @contextmanager
    def entered(self, route: Route) -> Iterator[Route]:
        """Have a Route in the data plane for a while."""
        outcome = self.program(AddEntry(route))
        assert outcome.ok, outcome
        try:
            yield route
        finally:
            outcome = self.program(RemoveEntry(route.slot, route.generation))
            assert outcome.ok, outcome

    @contextmanager
    def dial(self, outer: int, *, number: int = 0, client_mtu: int = 1500, **changes: Any) -> Iterator[Call]:
        """Bring a subscriber up; ``changes`` are a Route's, or a Leg's as ``leg={...}``.

        Without a ``number`` it has addresses that nobody had before: the core remembers for a while what MTU there
        was on a path.  It goes when its connections have had their last words, which would else come again and again.
        """
        leg_changes = changes.pop("leg", {})
        self.dialled += 1
        number = number or DIALLED + self.dialled
        client, addresses = self.client(1), subscriber(number)
        with udp_socket(self.lac, LAC[outer], PORT) as lac:
            lac.connect((LNS[outer], PORT))
            leg = self.leg(outer, number, lac, **leg_changes)
            line = Line(client, leg.key, leg.peer_session_id, tuple(addresses.values()), client_mtu)
            with (
                Concentrator(lac, line) as concentrator,
                self.entered(self.route(number, leg, slot=1, **changes)) as route,
            ):
                try:
                    yield Call(self, route, client, concentrator, addresses)
                finally:
                    soon(lambda: at_rest(client) and at_rest(self.core))
                    if number < DIALLED:  # its addresses will be another's
                        self.core.ip("-6", "route", "flush", "cache")


def at_rest(where: Namespace) -> bool:
    """Tell whether no TCP connection of a namespace has anything to send, or waits for anything."""
    with where.entered():
        tables = [Path(f"/proc/thread-self/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    return {line.split()[3] for table in tables for line in table} <= _AT_REST


_AT_REST = {"06", "07", "0A"}
"""TIME_WAIT, CLOSE, LISTEN."""


def udp_socket(where: Namespace, address: str, port: int = 0, *, timeout: float = 10.0) -> socket.socket:
    family = socket.AF_INET6 if family_of(address) == 6 else socket.AF_INET
    with where.entered():
        opened = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind((address, port))
    opened.settimeout(timeout)
    return opened


_XDP: dict[str, tuple[str, ...]] = {"decap": ("lac0",), "full": ("lac0", "core0")}
"""Interfaces with XDP, by mode."""


def backend(mode: str, outlets: Sequence[Outlet], pins: Path, *, network: str = POOL, **config: Any) -> DataPlane:
    """Return a back end, not open yet; ``mode`` is one of MODES, or ``tun``."""
    pools = [pool(network)]
    if mode == "tun":
        return Tun(DataplaneConfig(local_address=LOCAL, **config), pools, outlets)
    from bras.dataplane.ebpf import Ebpf

    values = {
        "local_address": LOCAL,
        "xdp": tuple((name, mode) for name in _XDP.get(mode, ())),
        "pin_dir": str(pins),
    } | config
    return Ebpf(DataplaneConfig(**values), pools, outlets, slots=SLOTS)


def pool(network: str) -> tuple[int, int]:
    parsed = ipaddress.ip_network(network)
    return int(parsed.network_address), parsed.prefixlen


@contextmanager
def road(mode: str, pins: Path, *, vlan: int = 0, vrf: str = "", **config: Any) -> Iterator[Road]:
    """Lay a network and open a data plane in it; in ``vrf`` are the subscribers and the core, the LAC is not."""
    with Network() as network, contextlib.ExitStack() as undo:
        lac, lns, core = lay(network, vlan)
        if vlan:
            config["xdp"] = tuple((f"lac0.{vlan}" if n == "lac0" else n, mode) for n in _XDP.get(mode, ()))
        for where, interface in ((lac, "eth0"), (lns, "lac0"), (lns, "core0"), (core, "eth0")):
            honest(where, interface)
            ready(where, interface)
        listeners = {family: undo.enter_context(udp_socket(lns, LNS[family], PORT)) for family in FAMILIES}
        outlets = [Outlet(listener, wildcard=False) for listener in listeners.values()]
        plane = backend(mode, outlets, pins, **config)
        undo.enter_context(opened(plane, lns))
        if mode == "full":
            receives_frames(lac, "eth0")
            receives_frames(core, "eth0")
        if vrf:
            enslave(lns, vrf, plane.status().interface)
        acquaint(lns, f"lac0.{vlan}" if vlan else "lac0", LAC)
        acquaint(lns, "core0", CORE)
        pump = undo.enter_context(Pump(plane, *listeners.values(), namespace=lns))
        sockets = undo.enter_context(contextlib.ExitStack())
        yield Road(mode, network, lac, lns, core, plane, pump, listeners, watched(plane), sockets)


@contextmanager
def opened(plane: DataPlane, where: Namespace) -> Iterator[None]:
    """Open a data plane in a namespace for a while; it is closed there, too, opened or not."""
    try:
        with where.entered():
            plane.open()
        yield
    finally:
        with where.entered():
            plane.close()


def enslave(lns: Namespace, vrf: str, anchor: str) -> None:
    """Put anchor and core in a VRF, as an operator would; the routes to the anchor are that VRF's business then."""
    lns.ip("link", "add", vrf, "type", "vrf", "table", "100")
    lns.sysctl(f"net/ipv4/conf/{vrf}/accept_local", 1)  # what comes in by a port of it, comes in by the VRF itself
    lns.ip_all(
        f"link set {vrf} up",
        *(f"link set {name} master {vrf}" for name in (anchor, "core0")),
        f"address replace {GATEWAY[6]}/64 dev core0 nodad",  # enslaving has taken it away
        *(f"route replace {network} dev {anchor} vrf {vrf}" for network in (POOL, POOL6)),
        *(f"route replace {everywhere} via {CORE[family]} vrf {vrf}" for family, everywhere in EVERYWHERE.items()),
    )


def watched(plane: Any) -> list[int]:
    """Note the length of each packet that the back end reads from its device; not kernels' reports of groups."""
    seen: list[int] = []
    packet = plane.packet

    def noted(octets: bytes, *, now: float) -> None:
        if not of_groups(octets):
            seen.append(len(octets))
        packet(octets, now=now)

    plane.packet = noted
    return seen
