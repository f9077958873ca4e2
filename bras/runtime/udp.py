"""The L2TP sockets: one for each listening address, drained in bounded bites.

Answers leave from the address that was called.  A socket bound to one address does that
by itself; one bound to the wildcard reads the destination of each datagram (IP_PKTINFO,
RFC 3542 section 6.2) and names it as the source of the answer.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from struct import Struct

from bras.config.model import Listen
from bras.dataplane.base import Address, DataPlane, Outlet, source
from bras.l2tp.events import Path
from bras.lns.inputs import DatagramReceived, Input

DATAGRAM_OCTETS = 4096
"""More than any control message or PPP frame that we negotiate; a longer datagram arrives cut and is dropped."""
DATAGRAMS_A_WAKE = 64
MOST_PATHS = 16384
"""Paths remembered at most, so that a flood from forged addresses fills no memory."""

_CONTROL, _SEQUENCE, _PRIORITY = 0x80, 0x08, 0x01
"""T, S and P in the first octet of the header; what is numbered keeps its place."""
_SEQUENCE_PRIORITY = _SEQUENCE | _PRIORITY
_CONTROL_SEQUENCE_PRIORITY = _CONTROL | _SEQUENCE | _PRIORITY
_IP_PKTINFO = 8
_IP_MTU = 14
_IPV6_MTU = 24
_SO_RCVBUFFORCE = 33
_SO_MEMINFO = 55
_UDP_NO_CHECK6_RX = 102
"""Take datagrams without checksum over IPv6 (linux/udp.h)."""
_MEMINFO = Struct("=9I")
"""SK_MEMINFO_RMEM_ALLOC to SK_MEMINFO_DROPS (linux/sock_diag.h)."""
_DEFAULT_MTU = 1500


class Listener:
    """One listening socket."""

    __slots__ = ("_is_ipv6", "_paths", "_ways", "index", "listen", "outlet", "socket", "wildcard")

    def __init__(self, index: int, listen: Listen, receive_buffer_octets: int) -> None:
        """Bind; OSError with the address when that is not possible."""
        self.index = index
        self.listen = listen
        self.wildcard = listen.address in ("0.0.0.0", "::")
        self.socket = bind(listen, self.wildcard)
        self._is_ipv6 = self.socket.family == socket.AF_INET6  # each look at the socket's makes an enum anew
        _enlarge(self.socket, receive_buffer_octets)
        self.outlet = Outlet(self.socket, wildcard=self.wildcard)
        self._paths: dict[tuple[Address, str], Path] = {}
        self._ways: dict[str, list[tuple[int, int, bytes]]] = {}

    @property
    def address(self) -> str:
        """Return "address:port" as bound."""
        host, port = self.socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def dropped(self) -> int:
        """Return how many datagrams the kernel has dropped before us: no room, or a flood is held back."""
        figures = _MEMINFO.unpack(self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))
        return int(figures[-1])

    @property
    def port(self) -> int:
        """Return the port as bound."""
        return int(self.socket.getsockname()[1])

    def take_zero_checksums(self) -> None:
        """Take datagrams without UDP checksum over IPv6 too, as RFC 6935 allows for tunnels; over IPv4 all may come so.

        Those that have one are checked as before.  What is sent from here has one, always: the kernel's switch for
        that is the whole socket's, which LACs of other groups call as well.
        """
        if self._is_ipv6:
            self.socket.setsockopt(socket.IPPROTO_UDP, _UDP_NO_CHECK6_RX, 1)

    def close(self) -> None:
        """Stop to listen."""
        self.socket.close()

    def path(self, local: str, address: Address) -> Path:
        """Return the way of a datagram, the same object each time as far as memory allows."""
        path = self._paths.get((address, local))
        if path is None:
            if len(self._paths) >= MOST_PATHS:
                self._paths.clear()
            path = Path(self.index, local, self.port, address[0], address[1])
            self._paths[address, local] = path
        return path

    def drain(self, plane: DataPlane, now: float) -> list[Input]:
        """Read what waits, at most a bite; return what the data plane does not take."""
        return self._drain_wildcard(plane, now) if self.wildcard else self._drain_bound(plane, now)

    def _drain_bound(self, plane: DataPlane, now: float) -> list[Input]:
        inputs: list[Input] = []
        receive, local, paths = self.socket.recvfrom, self.listen.address, self._paths
        for _ in range(DATAGRAMS_A_WAKE):
            try:
                data, address = receive(DATAGRAM_OCTETS)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error of an earlier send; the machine's own timers handle silence
            if data and data[0] < 0x80:
                if plane.datagram(data, address, now=now):
                    continue
                if data[0] & _SEQUENCE_PRIORITY == _PRIORITY:
                    prefer(inputs, DatagramReceived(self.path(local, address), data))
                    continue
            path = paths.get((address, local)) or self.path(local, address)
            inputs.append(DatagramReceived(path, data))
        return inputs

    def _drain_wildcard(self, plane: DataPlane, now: float) -> list[Input]:
        inputs: list[Input] = []
        for _ in range(DATAGRAMS_A_WAKE):
            try:
                data, ancillary, _flags, address = self.socket.recvmsg(DATAGRAM_OCTETS, 128)
            except BlockingIOError:
                break
            except OSError:
                continue
            if data and data[0] < 0x80 and plane.datagram(data, address, now=now):
                continue
            local = destination(ancillary)
            if local is not None:
                given = DatagramReceived(self.path(local, address), data)
                if data and data[0] & _CONTROL_SEQUENCE_PRIORITY == _PRIORITY:
                    prefer(inputs, given)
                else:
                    inputs.append(given)
        return inputs

    def send(self, path: Path, data: bytes) -> bool:
        """Send along a path; false when the kernel did not take it."""
        if self._is_ipv6:
            address: Address = (path.remote, path.remote_port, 0, 0)
        else:
            address = (path.remote, path.remote_port)
        try:
            if self.wildcard:
                self.socket.sendmsg((data,), self._ancillary(path.local), 0, address)
            else:
                self.socket.sendto(data, address)
        except OSError:
            return False
        return True

    def _ancillary(self, local: str) -> list[tuple[int, int, bytes]]:
        ancillary = self._ways.get(local)
        if ancillary is None:
            ancillary = self._ways[local] = list(source(self.socket.family, local))
        return ancillary


def prefer(inputs: list[Input], given: DatagramReceived) -> None:
    """Put a data message with a P bit before the other data that a wake has found (RFC 2661 section 3.1).

    Behind those that have one too, and behind what control there is: the call may have come up by it.
    """
    at = len(inputs)
    while at and isinstance(before := inputs[at - 1], DatagramReceived) and not _stays_before(before.data):
        at -= 1
    inputs.insert(at, given)


def _stays_before(data: bytes) -> bool:
    first = data[0] if data else 0
    return first >= _CONTROL or first & _SEQUENCE_PRIORITY == _PRIORITY


def bind(listen: Listen, wildcard: bool, beside: Sequence[socket.socket] = ()) -> socket.socket:
    """Make a non-blocking UDP socket on the address; OSError names it.

    ``beside``: sockets of ours that soon are no more, and until then may share the port.
    """
    family = socket.AF_INET6 if ":" in listen.address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if wildcard and family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        elif wildcard:
            bound.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        with sharing(socket.SO_REUSEADDR, [bound, *beside] if beside else ()):
            bound.bind((listen.address, listen.port))
    except OSError as wrong:
        bound.close()
        raise named(wrong, "UDP", listen) from wrong
    except OverflowError:
        bound.close()
        raise
    return bound


@contextlib.contextmanager
def sharing(option: int, sockets: Sequence[socket.socket]) -> Iterator[None]:
    """Let sockets be bound where another one of them is: 0.0.0.0 beside an address of this machine."""
    for one in sockets:
        one.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        yield
    finally:
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, option, 0)


def named(wrong: OSError, protocol: str, listen: Listen) -> OSError:
    """Return an error that says which address could not be bound: the kernel's own does not."""
    address = f"[{listen.address}]" if ":" in listen.address else listen.address
    return OSError(wrong.errno, wrong.strerror or str(wrong), f"{protocol} {address}:{listen.port}")


def _enlarge(bound: socket.socket, octets: int) -> None:
    """Ask for a large receive buffer: past rmem_max where the process may, up to it elsewhere."""
    try:
        bound.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, octets)
    except PermissionError:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)


def destination(ancillary: list[tuple[int, int, bytes]]) -> str | None:
    """Return the address that a datagram was sent to."""
    for level, kind, octets in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO and len(octets) >= 12:
            return socket.inet_ntop(socket.AF_INET, octets[8:12])
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO and len(octets) >= 16:
            return socket.inet_ntop(socket.AF_INET6, octets[:16])
    return None


def path_mtu(path: Path) -> int:
    """Return the octets of an IP packet that the kernel's route to the peer carries."""
    family = socket.AF_INET6 if ":" in path.remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.bind((path.local, 0))
        probe.connect((path.remote, path.remote_port))
        if family == socket.AF_INET6:
            return probe.getsockopt(socket.IPPROTO_IPV6, _IPV6_MTU)
        return probe.getsockopt(socket.IPPROTO_IP, _IP_MTU)
    return _DEFAULT_MTU
