"""A provider with a real daemon on real sockets: a LAC, a RADIUS server, who answers pings; daemons come and go.

lac 198.18.0.2 ── 198.18.0.1: bras :192.0.2.1 ── 192.0.2.2: RADIUS, and who answers pings
"""

from __future__ import annotations

import http.client
import signal
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bras.l2tp.events import TunnelDown
from bras.wire import ipv4_of
from tests.support.lacs import Client, SimulatedLac
from tests.support.lns import CONFIG, Lns, changed
from tests.support.namespaces import Namespace, Network
from tests.support.wire import Wire
from tests.support.world import RADIUS_SECRET, SimulatedRadius

CALLED = ("198.18.0.1", 1701)
CORE = "192.0.2.2"
START, STOP, ON, OFF = 1, 2, 7, 8


@dataclass
class Site:
    """Namespaces, a LAC, a RADIUS server; daemons come and go."""

    lac_space: Namespace
    lns_space: Namespace
    core_space: Namespace
    wire: Wire
    place: Path
    daemons: ExitStack
    radius: SimulatedRadius = field(default_factory=SimulatedRadius)
    starts: int = 0

    def configuration(self, on_stop: str) -> dict[str, Any]:
        """Return a configuration with ``[state]``."""
        return changed(
            CONFIG,
            {
                "lac": [{"name": "any", "secret": "tunsecret", "pool": "default"}],
                "radius": {"server": [{"address": CORE, "secret": RADIUS_SECRET.decode(), "timeout_s": 1}]},
                "dataplane": {"counter_interval_s": 1},
                "state": {"directory": str(self.place / "state"), "on_stop": on_stop},
            },
        )

    def start(self, on_stop: str = "keep") -> Lns:
        """Start a daemon on the same state directory."""
        return self.run(self.configuration(on_stop))

    def run(self, configuration: dict[str, Any], through: Sequence[str] = ()) -> Lns:
        """Start a daemon, maybe through another command; it is killed at the end of the test if it still runs."""
        self.starts += 1
        place = self.place / f"start{self.starts}"
        lns = self.daemons.enter_context(Lns(self.lns_space, place, configuration, through))
        self.daemons.callback(lns.stop, signal.SIGKILL)
        return lns

    def statuses(self) -> list[int]:
        """Return Acct-Status-Type of all records."""
        return self.radius.statuses()

    def ids(self, status: int) -> set[bytes]:
        """Return Acct-Session-Id of the records of a status."""
        return {record[44] for record in self.radius.accounting if record[40][-1] == status}


@contextmanager
def provider(place: Path, *, serves: bool = True) -> Iterator[Site]:
    """Make the namespaces, and end whatever still runs in them; ``serves``: the RADIUS server is a simulated one."""
    with Network() as network:
        lac, lns, core = network.namespace("lac"), network.namespace("lns"), network.namespace("core")
        network.link(lac, "eth0", ["198.18.0.2/24"], lns, "lac0", ["198.18.0.1/24"])
        network.link(lns, "core0", ["192.0.2.1/24"], core, "eth0", [f"{CORE}/24"])
        lns.sysctl("net.ipv4.ip_forward", 1)
        core.ip("route", "add", "10.64.0.0/16", "via", "192.0.2.1")
        with Wire(lac) as wire, ExitStack() as daemons:
            site = Site(lac, lns, core, wire, place, daemons)
            for port in (1812, 1813) if serves else ():
                wire.serve(core, CORE, port, site.radius)
            yield site


def dial(site: Site, count: int) -> tuple[SimulatedLac, list[Client]]:
    """Open a tunnel with so many sessions."""
    lac = site.wire.lac("198.18.0.2", calls=CALLED)
    clients = [lac.dial(f"user{number}", "pass") for number in range(count)]
    site.wire.run(20.0, until=lambda: all(client.address for client in clients))
    site.wire.run(5.0, until=lambda: len(site.ids(START)) == count)
    return lac, clients


def _sum(octets: bytes) -> int:
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def echo(source: int, sequence: int) -> bytes:
    """Return an IPv4 packet with an ICMP Echo-Request to the core."""
    icmp = struct.pack("!BBHHH", 8, 0, 0, 7, sequence) + bytes(32)
    icmp = icmp[:2] + struct.pack("!H", _sum(icmp)) + icmp[4:]
    head = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(icmp), 0, 0, 64, 1, 0, source, ipv4_of(CORE))
    return head[:10] + struct.pack("!H", _sum(head)) + head[12:] + icmp


def ping(site: Site, lac: SimulatedLac, client: Client, sequence: int) -> None:
    """Let a subscriber ping the core through its call until it is answered."""
    target = struct.pack("!I", client.address)
    reply = struct.pack("!HH", 7, sequence)

    def answered() -> bool:
        lac.send(client, b"\xff\x03\x00\x21" + echo(client.address, sequence))
        datagrams = [one.data for one in site.wire.heard if not one.data[0] & 0x80]
        return any(target + b"\0\0" in data and reply in data for data in datagrams)

    site.wire.run(10.0, until=answered)


def up_rows(lns: Lns) -> list[tuple[str, str, str]]:
    """Return the sessions that are up: id, user, address."""
    return sorted((row["session"], row["user"], row["address"]) for row in lns.sessions() if row["state"] == "up")


def no_harm(site: Site, lac: SimulatedLac, clients: list[Client]) -> None:
    """Check that no tunnel and no session of these was ended."""
    assert not [down for down in lac.downs if isinstance(down, TunnelDown)]
    assert not [client.ended for client in clients if client.ended]


def metrics(site: Site) -> dict[str, float]:
    """Return the samples of our own metrics, by name and labels as on the page."""
    with site.lns_space.entered():
        connection = http.client.HTTPConnection("127.0.0.1", 9617, timeout=10)
        connection.request("GET", "/metrics")
        page = connection.getresponse().read().decode()
        connection.close()
    lines = (line.rpartition(" ") for line in page.splitlines() if line.startswith("bras_"))
    return {name: float(value) for name, _, value in lines}
