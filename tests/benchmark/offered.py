"""The highest rate at which an LNS in user space loses next to nothing: senders, and the search.

The LNS has one core to itself, the sender the other one.  The rate is found by halving; then the LNS
forwards at it for a while, in slices of half a second: the machine may have other work.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NoReturn, Protocol

from tests.support.namespaces import Namespace

SLICE_S, PROBE_S = 0.5, 0.3
LOSS = 0.005
MOST_S = 500_000
"""Datagrams a second that are offered at most."""
STEPS = 7
"""Halvings: the rate is found to within a 128th of the most."""
UP_BURST = 40
"""Datagrams of as many random sessions that the LAC sends at once."""
DOWN_BURST = 8
"""Datagrams that the core sends at once to one random subscriber."""
_SOL_UDP, _UDP_SEGMENT = 17, 103
_BEHIND_S = 0.01

Send = tuple[socket.socket, bytes, tuple[str, int] | None]
"""Socket, octets that the kernel cuts into datagrams, address if the socket is not connected."""


class Sender:
    """A process that sends at a rate which can be changed, on a core of its own."""

    def __init__(self, made: Callable[[], Sequence[Send]], each: int, segment_octets: int, core: int) -> None:
        """``made`` tells what to send, over and over, in the new process; ``each``: datagrams of a Send."""
        self._shared = mmap.mmap(-1, 16)
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.sched_setaffinity(0, {core})
                self._send(made(), each, [(_SOL_UDP, _UDP_SEGMENT, struct.pack("=H", segment_octets))])
            finally:
                os._exit(1)

    @property
    def sent(self) -> int:
        """Datagrams so far."""
        return int.from_bytes(self._shared[8:16], "little")

    def offer(self, per_s: float) -> None:
        """Set the rate; 0: none."""
        self._shared[:8] = struct.pack("=d", per_s)

    def _send(self, sends: Sequence[Send], each: int, ancillary: list[tuple[int, int, bytes]]) -> NoReturn:
        due, sent = time.monotonic(), 0
        while True:
            for sock, octets, target in sends:
                while not (rate := struct.unpack("=d", self._shared[:8])[0]):
                    time.sleep(0.001)
                    due = time.monotonic()
                while (now := time.monotonic()) < due:
                    pass
                due = max(due, now - _BEHIND_S) + each / rate
                sock.sendmsg((octets,), ancillary, 0, *(() if target is None else (target,)))
                sent += each
                self._shared[8:16] = sent.to_bytes(8, "little")

    def stop(self) -> None:
        """End it."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self._shared.close()


class Subject(Protocol):
    """An LNS in user space, with sessions, between a LAC and the core."""

    def sender(self, direction: str, octets: int) -> Sender:
        """Start what sends inner packets of this size, each burst for random sessions."""

    def pump(self, seconds: float) -> None:
        """Let it work."""

    def arrived(self, direction: str) -> int:
        """Return how many packets have come out of it."""

    def cpu_s(self) -> float:
        """Return the CPU time that its process has used."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the search has found."""

    best_s: float
    """Packets a second of the best half second that lost next to nothing."""
    median_s: float
    cpu_us: float
    """Microseconds of CPU time a packet, user and system of the process."""
    delivered: float


@dataclass(frozen=True, slots=True)
class _Slice:
    rate_s: float
    sent: int
    arrived: int

    @property
    def lossless(self) -> bool:
        return self.arrived >= self.sent * (1 - LOSS)


def search(subject: Subject, direction: str, octets: int, seconds: float) -> Found:
    """Find the rate for one kind of traffic."""
    sender = subject.sender(direction, octets)
    try:
        lower, upper = 0.0, float(MOST_S)
        for _ in range(STEPS):
            rate = (lower + upper) / 2
            if _holds(subject, sender, direction, rate):
                lower = rate
            else:
                upper = rate
        if not lower:
            raise SystemExit(f"nothing of what was sent {direction} has come out")
        sender.offer(lower)
        subject.pump(PROBE_S)
        used = subject.cpu_s()
        slices = [_slice(subject, sender, direction, SLICE_S) for _ in range(max(round(seconds / SLICE_S), 1))]
        used = subject.cpu_s() - used
    finally:
        sender.stop()
    good = [each.rate_s for each in slices if each.lossless] or [min(each.rate_s for each in slices)]
    arrived, sent = sum(each.arrived for each in slices), sum(each.sent for each in slices)
    return Found(max(good), median(good), used / max(arrived, 1) * 1e6, arrived / max(sent, 1))


def _holds(subject: Subject, sender: Sender, direction: str, rate_s: float) -> bool:
    """Tell whether it forwards at this rate; a second try, for somebody else may have had the core."""
    for _ in range(2):
        sender.offer(0)
        subject.pump(0.05)
        sender.offer(rate_s)
        subject.pump(0.05)
        if _slice(subject, sender, direction, PROBE_S).lossless:
            return True
    return False


def _slice(subject: Subject, sender: Sender, direction: str, seconds: float) -> _Slice:
    sent, arrived, began = sender.sent, subject.arrived(direction), time.monotonic()
    subject.pump(seconds)
    arrived, took = subject.arrived(direction) - arrived, time.monotonic() - began
    return _Slice(arrived / took, sender.sent - sent, arrived)


def received(namespace: Namespace) -> int:
    """Return how many packets its eth0 has received."""
    with namespace.entered():
        lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
    (line,) = (line for line in lines if line.lstrip().startswith("eth0:"))
    return int(line.partition(":")[2].split()[1])


def bursts(messages: Sequence[bytes], count: int = 20_000) -> list[bytes]:
    """Return datagrams of random sessions, as many at once as the LAC sends at once."""
    dice = random.Random(7)
    chosen = [messages[dice.randrange(len(messages))] for _ in range(count)]
    return [b"".join(chosen[at : at + UP_BURST]) for at in range(0, count, UP_BURST)]


def targets(addresses: Sequence[str], count: int = 20_000) -> list[str]:
    """Return random subscribers."""
    dice = random.Random(7)
    return [addresses[dice.randrange(len(addresses))] for _ in range(count)]
