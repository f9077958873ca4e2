"""Packets for tests, sent at a pace or as fast as they go, and sinks that note what arrives."""

from __future__ import annotations

import contextlib
import json
import secrets
import select
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.inner import ones_complement
from tests.support.namespaces import Namespace
from tests.support.pump import BATCH, Loop

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("=qq")
_NUMBER = struct.Struct("!I")
PROBE = 3
"""IP_PMTUDISC_PROBE: DF is set whatever the kernel has learnt."""
DONT = 0
"""IP_PMTUDISC_DONT: DF is never set."""
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER = 10, 23
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_ERROR = struct.Struct("=IBBBxII")
_EMSGSIZE = 90


def soon(condition: Callable[[], object], seconds: float = 10.0) -> bool:
    """Wait until a condition holds; tells whether it does."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def ping(
    where: Namespace,
    target: str,
    *,
    count: int = 3,
    octets: int = 56,
    df: bool = False,
    source: str = "",
    within_s: float = 5.0,
) -> int:
    """Send Echo-Requests with so many octets of data, each when the one before is answered; return how many were.

    As the program does, without the time that a slow machine takes to start it.
    """
    identifier, answered = secrets.randbelow(1 << 16), 0
    with where.entered(), _echoes(target, df=df) as opened:
        opened.settimeout(within_s)
        if source:
            opened.bind((source, 0))
        opened.connect((target, 0))
        for number in range(count):
            data = secrets.token_bytes(octets)
            opened.send(_echo(8 if "." in target else 128, identifier, number, data))
            answered += _answered(opened, identifier, number, data)
    return answered


def _echoes(target: str, *, df: bool) -> socket.socket:
    if ":" in target:
        opened = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, PROBE if df else DONT)
    else:
        opened = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        opened.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, PROBE if df else DONT)
    return opened


def _echo(kind: int, identifier: int, number: int, data: bytes) -> bytes:
    """Build an ICMP Echo (RFC 792); of ICMPv6 the kernel works out the checksum."""
    head = struct.pack("!BBHHH", kind, 0, 0, identifier, number)
    checksum = ones_complement(head + data)
    return head[:2] + struct.pack("!H", checksum) + head[4:] + data


def _answered(opened: socket.socket, identifier: int, number: int, data: bytes) -> bool:
    """Wait for the answer to an Echo; false when none comes."""
    reply = struct.pack("!HH", identifier, number) + data
    try:
        while True:
            got = opened.recv(65535)
            if opened.family == socket.AF_INET:
                got = got[(got[0] & 15) * 4 :]
            if got[0] in {0, 129} and got[4:] == reply:
                return True
    except TimeoutError:
        return False


@dataclass(frozen=True, slots=True)
class Arrival:
    """A datagram: when the kernel got it (nanoseconds), its payload's octets, and the number in it."""

    at_ns: int
    octets: int
    number: int


class Sink(Loop):
    """Notes what a UDP socket receives."""

    def __init__(self, receiver: socket.socket, *, number_at: int = 0) -> None:
        """``number_at``: where in a payload its number is (``numbered``)."""
        receiver.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        receiver.setblocking(False)
        self._receiver, self._number_at = receiver, number_at
        self.arrivals: list[Arrival] = []
        super().__init__(receiver.fileno())

    def _readable(self, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(BATCH):
                data, ancillary, _, _ = self._receiver.recvmsg(65535, 256)
                seconds, nanoseconds = _TIMESPEC.unpack(next(d for level, _, d in ancillary if level == 1))
                number = _NUMBER.unpack_from(data, self._number_at)[0] if len(data) >= self._number_at + 4 else -1
                self.arrivals.append(Arrival(seconds * 10**9 + nanoseconds, len(data), number))

    def numbers(self) -> list[int]:
        return [arrival.number for arrival in self.arrivals]

    def wait(self, count: int, seconds: float = 20.0) -> None:
        """Wait until so many have come; raises AssertionError."""
        if not soon(lambda: len(self.arrivals) >= count, seconds):
            raise AssertionError(f"{len(self.arrivals)} of {count} datagrams in {seconds} s")


def numbered(number: int, octets: int) -> bytes:
    """Return a payload of so many octets (4 or more) with a number in it."""
    return _NUMBER.pack(number) + bytes(octets - _NUMBER.size)


def paced(send: Callable[[int], object], *, per_second: float, seconds: float) -> int:
    """Call ``send`` with 0, 1, 2... at a constant rate; what a stall has delayed follows at once.  Returns how many."""
    began, count = time.monotonic(), round(per_second * seconds)
    for number in range(count):
        wait = began + number / per_second - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        send(number)
    return count


@dataclass
class Sized:
    """A UDP socket whose packets have sizes of our choice, and which hears when one was too big."""

    socket: socket.socket
    family: int
    too_big: dict[int, int] = field(default_factory=dict)

    def send(self, octets: int, number: int) -> None:
        """Send an IP packet of so many octets."""
        headers = 28 if self.family == 4 else 48
        self.socket.send(numbered(number, octets - headers) if octets - headers >= 4 else bytes(octets - headers))

    def refused(self, seconds: float = 10.0) -> int:
        """Wait for an answer "too big", and return the MTU that it tells."""
        poller, end = select.poll(), time.monotonic() + seconds
        poller.register(self.socket, select.POLLERR)
        while True:
            assert poller.poll(max(0.0, end - time.monotonic()) * 1000), "nobody says that it is too big"
            try:
                _, ancillary, _, _ = self.socket.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
                break
            except BlockingIOError:  # the kernel puts the last one into the queue, and says so only afterwards
                self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        number, _, _, _, info, _ = _ERROR.unpack_from(ancillary[0][2])
        assert number == _EMSGSIZE, f"error {number}"
        self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # it is told here, too
        return int(info)


def never_cut(sender: socket.socket) -> None:
    """Set DF in all that a UDP socket sends, whatever the kernel has learnt of the path's MTU."""
    if sender.family == socket.AF_INET6:
        sender.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, PROBE)
    else:
        sender.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, PROBE)


@contextmanager
def sized(where: Namespace, target: str, port: int, *, df: bool, source: str = "") -> Iterator[Sized]:
    """Open such a socket; ``df``: the packets must not be cut on their way, and the kernel does not cut them first."""
    family = 6 if ":" in target else 4
    with where.entered(), socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM) as made:
        level, option, errors = (
            (socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _IPV6_RECVERR)
            if family == 6
            else (socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_RECVERR)
        )
        made.setsockopt(level, option, PROBE if df else DONT)
        made.setsockopt(level, errors, 1)
        if source:
            made.bind((source, 0))
        made.connect((target, port))
        yield Sized(made, family)


def carried(sender: socket.socket, receiver: socket.socket, payload: bytes) -> bytes:
    """Send by one TCP socket what the other one receives, and return that."""
    got, sent = bytearray(), 0
    sender.setblocking(False)
    receiver.settimeout(30)
    while len(got) < len(payload):
        if sent < len(payload):
            with contextlib.suppress(BlockingIOError):
                sent += sender.send(payload[sent : sent + (1 << 18)])
        got += receiver.recv(1 << 20)
    return bytes(got)


@contextmanager
def connected(client: Namespace, server: Namespace, address: str, port: int = 8080) -> Iterator[Any]:
    """Connect by TCP; yields the client's and the server's socket."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with server.entered():
        listener = socket.create_server((address, port), family=family)
    with listener:
        with client.entered():
            ours = socket.create_connection((address, port), timeout=20)
        with ours, listener.accept()[0] as theirs:
            yield ours, theirs


def iperf(client: Namespace, server: Namespace, address: str, *options: str, timeout: float = 60.0) -> dict[str, Any]:
    """Run iperf3 between two namespaces to its end; returns what its client reports of the end."""
    with server.start(
        "iperf3", "-s", "-1", "-B", address, "--forceflush", stdout=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        for line in serving.stdout:
            if "listening on" in line:
                break
        done = client.run("iperf3", "-c", address, "--json", *options, check=False, timeout=timeout)
        serving.kill()
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0, report.get("error", done.stdout)
    return dict(report["end"])


def shares(arrivals: Iterable[Arrival], headers: int) -> tuple[int, float]:
    """Return the IP octets that arrived, and the seconds between the first and the last."""
    noted = list(arrivals)
    return sum(one.octets + headers for one in noted), (noted[-1].at_ns - noted[0].at_ns) / 1e9
