"""The packet generator and the sink of the data plane's benchmark: ``frames.bpf.c`` in the kernel.

The kernel makes the frames itself (BPF_PROG_TEST_RUN with live frames, Linux 5.18) and hands them to the
veth pair as a driver would; everything that follows runs in soft interrupts of the same CPU, so that the
time of a frame is that of the whole chain.
"""

from __future__ import annotations

import platform
import socket
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bras.dataplane.libbpf import check, library
from bras.dataplane.maps import Map
from bras.dataplane.objects import LIVE_FRAMES, Object
from bras.ids import MAX_CALLS, call_key, new_tunnel_id, session_of, tunnel_of

HERE = Path(__file__).parent
TUNNELS = 100
"""Subscribers come by them in turn, as in the benchmark of set-ups."""
STEP = 40503
"""From a session id of a tunnel to the next one: they are spread as those are that the daemon gives by chance."""
FIRST = 0x0A400001
"""Address of the first subscriber, 10.64.0.1."""
LAC, LNS = "198.18.0.2", "198.18.0.1"
FAR, FAR_NETWORK = "100.64.0.1", "100.64.0.0/10"
"""The first of the hosts that subscribers speak to, and where all of them are."""
BATCH = 64
"""Frames that the kernel makes before the chain works on them, as many as a driver polls at once."""

_HEAD_OCTETS, _SPARE_OCTETS = 96, 64
_PLAN = struct.Struct(f"={_HEAD_OCTETS}sIIIIIIII{TUNNELS}I")
_CONTEXT = struct.Struct("=IIIIII")
"""``struct xdp_md``: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex."""
_DRIVER_MODE = 1 << 2
_LATE_S = 0.05
"""What the kernel has put off is done by then."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is sent: ``tunnelled`` and ``upstream`` from the LAC's side, ``downstream`` from the core's."""

    program: str
    octets: int
    """Of the inner IP packet."""
    sessions: int
    grown_octets: int
    """By which a frame is larger at the sink than it began."""


def _first_calls() -> tuple[int, ...]:
    """Return the key of the first call of each tunnel: ids by chance, as in the daemon, but the same each time."""
    entropy = Random(1701).randbytes
    tunnels: list[int] = []
    for _ in range(TUNNELS):
        tunnel = new_tunnel_id(0, tunnels, entropy)
        assert tunnel is not None
        tunnels.append(tunnel)
    return tuple(call_key(tunnel, int.from_bytes(entropy(2), "big") or 1) for tunnel in tunnels)


FIRST_CALLS = _first_calls()


def call_of(number: int) -> int:
    """Return the key of a subscriber's call; those of a tunnel follow one another, as the daemon gives them."""
    first = FIRST_CALLS[number % TUNNELS]
    return call_key(tunnel_of(first), (session_of(first) - 1 + number // TUNNELS * STEP) % MAX_CALLS + 1)


def compiled(directory: Path) -> Path:
    """Compile the programs; returns the object file."""
    target = directory / "frames.bpf.o"
    include = f"-I/usr/include/{platform.machine()}-linux-gnu"
    command = ["clang", "-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror", include]
    subprocess.run([*command, "-c", str(HERE / "frames.bpf.c"), "-o", str(target)], check=True)
    return target


class Frames:
    """The loaded programs; one kind of traffic at a time."""

    def __init__(self, file: Path) -> None:
        """Load them."""
        with Object(file) as loaded:
            loaded.load()
            self.programs = {name: loaded.program(name) for name in loaded.programs()}
            self._plans, self._arrived = Map(loaded.map_fd("plans")), Map(loaded.map_fd("arrived"))

    def attach(self, name: str, interface: int) -> None:
        """Run a program for each frame that an interface receives; in the interface's namespace."""
        check(library().bpf_xdp_attach(interface, self.programs[name].fd, _DRIVER_MODE, None), f"attach {name}")

    def send(self, traffic: Traffic, by: tuple[int, bytes, bytes], count: int, *, out: int = 0) -> tuple[float, float]:
        """Send ``count`` frames and wait for them; returns nanoseconds a frame and the share that arrived whole.

        ``by``: interface index, its address and that of the other end; the caller is in its namespace.
        ``out``: where the program ``through`` sends them.
        """
        interface, ours, theirs = by
        head = theirs + ours + b"\x08\x00" + packet(traffic)
        inner, far = head[-28:-8], int.from_bytes(socket.inet_aton(FAR), "big")
        arriving = len(head) + traffic.octets - 28 + traffic.grown_octets
        plan = _PLAN.pack(
            *(head.ljust(_HEAD_OCTETS, b"\0"), FIRST, far, traffic.sessions, words_sum(inner), arriving, out),
            *(TUNNELS, STEP, *FIRST_CALLS),
        )
        self._plans.update(bytes(4), plan)
        before = self.arrivals()
        frame = bytes(_SPARE_OCTETS) + head + bytes(traffic.octets - 28)
        context = _CONTEXT.pack(0, len(frame), 0, interface, 0, 0)
        run = self.programs[traffic.program].run(frame, context, repeat=count, flags=LIVE_FRAMES, batch=BATCH)
        until = time.monotonic() + _LATE_S
        while (arrived := self.arrivals() - before) < count and time.monotonic() < until:
            time.sleep(0.001)
        return float(run.duration_ns), arrived / count

    def arrivals(self) -> int:
        """Return how many frames have arrived whole."""
        return sum(struct.unpack("=QQ", value)[0] for value in self._arrived.per_cpu(bytes(4)))

    def close(self) -> None:
        """Let go of it."""
        for program in self.programs.values():
            program.close()
        self._plans.close()
        self._arrived.close()


def packet(traffic: Traffic) -> bytes:
    """Return the headers of a packet without inner addresses and inner checksum."""
    nobody = "0.0.0.0"
    inner = ipv4(traffic.octets, nobody, nobody) + struct.pack("!HHHH", 5000, 9, traffic.octets - 20, 0)
    if traffic.program != "tunnelled":
        return inner
    outer = ipv4(traffic.octets + 38, LAC, LNS)
    outer = outer[:10] + struct.pack("!H", 0xFFFF ^ words_sum(outer)) + outer[12:]
    ports = struct.pack("!HHHH", 1701, 1701, traffic.octets + 18, 0)
    return outer + ports + struct.pack("!HHHI", 2, 0, 0, 0xFF030021) + inner


def ipv4(octets: int, source: str, destination: str) -> bytes:
    """Return an IPv4 header with a checksum of zero."""
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    return struct.pack("!BBHHHBBH", 0x45, 0, octets, 0, 0, 64, socket.IPPROTO_UDP, 0) + ends


def words_sum(header: bytes) -> int:
    """Return the ones' complement sum of an even number of octets."""
    total: int = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
