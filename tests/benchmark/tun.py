"""Packets a second through the tun back end, each way, and CPU time of each: run it as root.

    sudo .venv/bin/python tests/benchmark/tun.py [--seconds 4] [--output build/benchmark/tun.json]

Three namespaces: lac - lns - core.  The data plane has one core to itself, the generator the
other, and offers more than can be forwarded.  Packets a second are those of the best and of
the median half second, for the machine may have other work; their inverse is the whole cost of
a packet, soft interrupts (routing, the veth's far side) included.  CPU time is the process's
own, user and system, which Linux may account without soft interrupts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import select
import signal
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from bras.config.model import DataplaneConfig
from bras.dataplane.base import Outlet
from bras.dataplane.rows import dotted
from bras.dataplane.tun import Tun
from bras.forwarding.entry import AddEntry, Leg, Route
from tests.support.namespaces import Namespace, Network

BASE = 0x0A400001
TUNNEL = 0x1234
BATCH = 64
SLICE_S = 0.5
SO_RCVBUFFORCE = 33
UDP_SEGMENT = 103
OFFERED_S = 400_000
"""Datagrams a second that are offered: above what can be forwarded, and no flood that drowns the receiver."""
UP_BURST = 40
"""Datagrams of as many random sessions that the LAC sends at once."""
DOWN_BURST = 8
"""Datagrams that the core sends at once to one random subscriber."""


@dataclass
class Result:
    """One row of the table."""

    direction: str
    octets: int
    """Size of the inner IP packet."""
    sessions: int
    best_s: int
    """Packets a second of the best half second."""
    median_s: int
    """Packets a second of the median half second."""
    cpu_us: float
    """Microseconds of CPU time a packet."""
    delivered: float
    """Share of the packets counted that came out at the far end."""


@dataclass
class Road:
    """The namespaces, and a data plane with its socket."""

    lac: Namespace
    lns: Namespace
    core: Namespace
    plane: Tun
    listener: socket.socket


def build(network: Network) -> Road:
    lac, lns, core = network.namespace("lac"), network.namespace("lns", forwarding=True), network.namespace("core")
    network.link(lac, "eth0", ["198.18.0.2/24"], lns, "lac0", ["198.18.0.1/24"], mtu=1500)
    network.link(lns, "core0", ["192.0.2.1/24"], core, "eth0", ["192.0.2.2/24"])
    core.ip("route", "add", "default", "via", "192.0.2.1")
    core.ip("route", "add", "blackhole", "203.0.113.0/24")
    lns.ip("route", "add", "203.0.113.0/24", "via", "192.0.2.2")
    with lns.entered():
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        listener.bind(("198.18.0.1", 1701))
        listener.setblocking(False)
        plane = Tun(DataplaneConfig(), [(BASE & 0xFFFF0000, 16)], [Outlet(listener, wildcard=False)])
        plane.open()
    return Road(lac, lns, core, plane, listener)


def add_sessions(plane: Tun, count: int) -> None:
    for slot in range(count):
        leg = Leg(TUNNEL << 16 | slot + 1, 0, "198.18.0.1", 1701, "198.18.0.2", 1701, 7, slot + 1, False, False)
        outcome = plane.program(AddEntry(Route(slot, 1, 0, (leg,), (BASE + slot,), 1460)))
        assert outcome.ok, outcome.reason


def generator(direction: str, octets: int, sessions: int, road: Road) -> None:
    """Send as fast as one core can, the kernel cutting each call's octets into datagrams; ended from outside."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    dice = random.Random(7)
    order = [dice.randrange(sessions) for _ in range(20_000)]
    with (road.lac if direction == "up" else road.core).entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if direction == "up":
        sender.bind(("198.18.0.2", 1701))
        sender.setsockopt(socket.SOL_UDP, UDP_SEGMENT, octets + 10)
        messages = [message(slot, octets) for slot in order]
        bursts = [b"".join(messages[at : at + UP_BURST]) for at in range(0, len(messages), UP_BURST)]
        target = ("198.18.0.1", 1701)
        paced(sender, [(burst, target) for burst in bursts], UP_BURST)
    sender.setsockopt(socket.SOL_UDP, UDP_SEGMENT, octets - 28)
    burst = bytes((octets - 28) * DOWN_BURST)
    paced(sender, [(burst, (dotted(BASE + slot), 9)) for slot in order], DOWN_BURST)


def paced(sender: socket.socket, sends: list[tuple[bytes, tuple[str, int]]], each: int) -> None:
    """Send at the offered rate for ever, ``each`` datagrams a call."""
    gap = each / OFFERED_S
    due = time.monotonic()
    while True:
        for burst, target in sends:
            while time.monotonic() < due:
                pass
            due += gap
            sender.sendto(burst, target)


def message(slot: int, octets: int) -> bytes:
    head = struct.pack("!BBHHHBBHI4s", 0x45, 0, octets, 0, 0, 64, 17, 0, BASE + slot, bytes((203, 0, 113, 1)))
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + struct.pack("!H", 0xFFFF - (total & 0xFFFF) - (total >> 16)) + head[12:]
    data = struct.pack("!HHH", 2, TUNNEL, slot + 1) + b"\xff\x03\x00\x21" + head
    return data + struct.pack("!HHHH", 5000, 9, octets - 20, 0) + bytes(octets - 28)


def pump(road: Road, seconds: float) -> None:
    """Do what the daemon does with its descriptors, for some seconds."""
    plane, listener = road.plane, road.listener
    (device,) = plane.filenos()
    poll = select.epoll()
    poll.register(device, select.EPOLLIN)
    poll.register(listener, select.EPOLLIN)
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        for descriptor, _ in poll.poll(0.1):
            if descriptor == device:
                plane.on_readable(now=now)
            else:
                receive(plane, listener, now)
    poll.close()


def receive(plane: Tun, listener: socket.socket, now: float) -> None:
    try:
        for _ in range(BATCH):
            plane.datagram(*listener.recvfrom(2048), now=now)
    except BlockingIOError:
        return


def arrived(namespace: Namespace) -> int:
    (link,) = namespace.json("-statistics", "link", "show", "eth0")
    return int(link["stats64"]["rx"]["packets"])


def measure(direction: str, octets: int, sessions: int, seconds: float) -> Result:
    with Network() as network:
        road = build(network)
        add_sessions(road.plane, sessions)
        far = road.core if direction == "up" else road.lac
        with road.lac.entered():
            sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # takes what comes, reads nothing
        sink.bind(("198.18.0.2", 1701 if direction == "down" else 0))
        child = os.fork()
        if child == 0:
            generator(direction, octets, sessions, road)
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        try:
            pump(road, SLICE_S)
            at_far, used = arrived(far), time.process_time()
            rates, count = slices(road, direction, seconds)
            used, at_far = time.process_time() - used, arrived(far) - at_far
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            road.plane.close()
            road.listener.close()
            sink.close()
    figures = round(max(rates)), round(median(rates)), round(used / count * 1e6, 2), round(at_far / count, 4)
    return Result(direction, octets, sessions, *figures)


def slices(road: Road, direction: str, seconds: float) -> tuple[list[float], int]:
    """Forward for some seconds; return the packets a second of each slice, and the packets of all."""
    rates, count = [], 0
    for _ in range(max(round(seconds / SLICE_S), 1)):
        before, began = packets(road.plane, direction), time.monotonic()
        pump(road, SLICE_S)
        done = packets(road.plane, direction) - before
        rates.append(done / (time.monotonic() - began))
        count += done
    return rates, count


def packets(plane: Tun, direction: str) -> int:
    totals = plane.totals()
    return totals.up_packets4 if direction == "up" else totals.down_packets4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--output", type=Path, default=Path("build/benchmark/tun.json"))
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    results = []
    print("direction  octets  sessions  best/s   median/s  us CPU a packet  delivered")
    for direction in ("up", "down"):
        for octets in (64, 1400):
            for sessions in (1, 10_000):
                os.sched_setaffinity(0, {cores[0], cores[-1]})
                row = measure(direction, octets, sessions, options.seconds)
                results.append(row)
                print(
                    f"{row.direction:<9}  {row.octets:>6}  {row.sessions:>8}  {row.best_s:>7,}  {row.median_s:>8,}"
                    f"  {row.cpu_us:>15.2f}  {row.delivered:>9.2%}",
                    flush=True,
                )
    machine = {"python": platform.python_version(), "kernel": platform.release(), "cores": os.cpu_count()}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(
        json.dumps({"machine": machine, "rows": [asdict(row) for row in results]}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
