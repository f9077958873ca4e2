"""What every data plane is: the Protocol, and the way out of our sockets.

A back end forwards packets between the subscribers' calls and the routed network.  It is
told by ``Operation`` and answers with ``Outcome``; the datagrams of the L2TP sockets pass
through it first, and what it does not take goes to the core.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bras.errors import BrasError, DropReason, FallbackReason
from bras.forwarding.entry import Counters, Leg, Operation, Outcome
from bras.ids import CallKey

Address = tuple[str, int] | tuple[str, int, int, int]
"""A socket address as ``recvfrom`` gives it."""
Ancillary = Sequence[tuple[int, int, bytes]]

_IP_PKTINFO = 8
"""Linux's number, ``linux/in.h``; the socket module of Python 3.11 lacks it."""

DATA_PLANE_REASONS = (
    DropReason.NOT_PROGRAMMED,
    DropReason.SPOOFED_SOURCE,
    DropReason.POLICED_UP,
    DropReason.POLICED_DOWN,
    DropReason.TOO_BIG,
    DropReason.BAD_PACKET_HEADER,
    DropReason.NO_ROUTE,
    DropReason.SEND_FAILED,
)
"""Why a data plane drops; every one of them is counted from the start."""


class DataPlaneError(BrasError):
    """The data plane cannot begin, or not go on; the text tells the operator why and what helps."""


NO_FALLBACKS: Mapping[FallbackReason, int] = {}
"""Of a back end that has no faster path to fall back from."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a back end is and has, for people and metrics."""

    backend: str
    """`ebpf`, `tun` or `null`."""
    interface: str = ""
    """The interface that carries all subscribers."""
    entries: int = 0
    programs: tuple[str, ...] = ()
    """Programs in the kernel, by name."""
    interfaces: tuple[tuple[str, str], ...] = ()
    """(name, mode) of each LAC-facing or XDP interface; the mode is `tc`, `xdp-decap` or `xdp-full`."""
    hook: str = ""
    """Where TC programs hang: `tcx` or `clsact`; empty where there are none."""
    pins: str = ""
    """Directory of what outlives the process; empty where nothing does."""
    instead: str = ""
    """Why it is not the better back end that `auto` would rather have; empty if it is."""
    routes: str = ""
    """`kept` where XDP remembers what the kernel says of a route, or why it asks each time; empty without mode full."""


class DataPlane(Protocol):
    """A back end.  ``now`` is monotonic seconds, read once a wake."""

    @property
    def drops(self) -> Mapping[DropReason, int]:
        """Packets dropped since the start, by reason."""

    @property
    def fallbacks(self) -> Mapping[FallbackReason, int]:
        """Packets since the start that took a slower path than the fastest, by reason."""

    def status(self) -> Status:
        """Return what it is and has."""

    def open(self) -> None:
        """Make what the back end needs of the kernel; raises DataPlaneError."""

    def close(self, *, keep: bool = False) -> None:
        """Give all of it back; nothing is left behind.  May be called twice.

        ``keep``: what can outlive the process goes on to forward, for the next start to take over.
        """

    def retain(self, entries: Iterable[tuple[int, int]]) -> None:
        """Remove every Entry but these (slot, generation): what a predecessor left and nobody knows any more.

        Before the first operation; the slots that get free can be used when it returns.
        """

    def cover(self, prefixes: Iterable[tuple[int, int]]) -> str:
        """Route (network, length) pairs of pools that are new; those of before stay.

        Returns why not, in words, or nothing; without it each address gets a route of its own.
        """

    def add_outlet(self, listener: int, outlet: Outlet) -> None:
        """Send the data of legs with this ``Leg.listener`` by ``outlet``, one that is new."""

    def remove_outlet(self, listener: int) -> None:
        """Send nothing by it any more: it is about to be closed; no Entry needs it."""

    def program(self, operation: Operation) -> Outcome:
        """Add, replace or remove an Entry; a stale generation is refused.

        A back end whose Entries outlive the process answers a removal that it has done with
        the same final counters again, until the slot is used anew: who asked may have died
        before it heard.
        """

    def program_all(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Carry out operations in their order, in one go; return the outcomes of those that are done.

        What takes longer (final counters wait until no packet is on its way) is told by ``outcomes`` later.  Nobody
        uses a slot before its removal was answered; one that is asked for again meanwhile is answered once or twice.
        """

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return, once, the outcomes of operations that took longer; there can be some after ``on_readable``."""

    def read(self, slots: Iterable[tuple[int, int]]) -> tuple[tuple[int, int, Counters], ...]:
        """Return (slot, generation, counters) of those (slot, generation) that forward.

        Not of one that goes: what it has carried is in the answer to its removal, and must not be billed twice.
        """

    def totals(self) -> Counters:
        """Return the counters summed over all Entries, past ones too."""

    def filenos(self) -> tuple[int, ...]:
        """Return the descriptors whose readability is ``on_readable``'s business; none before ``open``."""

    def on_readable(self, *, now: float) -> None:
        """Forward a bounded number of packets that wait; raises DataPlaneError when the device is gone."""

    def to_be_numbered(self) -> tuple[tuple[CallKey, bytes], ...]:
        """Return, once, the PPP frames for calls with ``Leg.numbered``: the core numbers and sends them.

        There can be some after ``on_readable``; they are counted as forwarded.
        """

    def forward(self, slot: int, generation: int, packet: bytes, *, now: float) -> None:
        """Forward a packet that a subscriber sent, as if it had come by ``datagram``; multicast of IPv4 too."""

    def datagram(self, data: bytes, address: Address, *, now: float) -> bool:
        """Take a datagram from an L2TP socket; ``address`` is the sender's, as ``recvfrom`` gives it.

        True: it was a subscriber's packet, and was forwarded or dropped and counted.  False:
        it is the core's (control, PPP control protocols, numbered data, another peer, multicast and IPv6
        link-local packets, anything unusual).
        """


class Way(Protocol):
    """The way from one of our sockets to one peer."""

    @property
    def peer(self) -> Address:
        """The peer, as ``recvfrom`` names it when it answers."""

    def send(self, data: bytes) -> object:
        """Send a datagram; raises OSError."""


class _Plain:
    """From a socket that is bound to its address."""

    __slots__ = ("_sendto", "peer")

    def __init__(self, listener: socket.socket, peer: Address) -> None:
        self._sendto = listener.sendto
        self.peer = peer

    def send(self, data: bytes) -> object:
        return self._sendto(data, self.peer)


class _Sourced:
    """From a socket that is bound to the wildcard: each datagram says from which address it leaves."""

    __slots__ = ("_ancillary", "_sendmsg", "peer")

    def __init__(self, listener: socket.socket, peer: Address, ancillary: Ancillary) -> None:
        self._sendmsg = listener.sendmsg
        self._ancillary = ancillary
        self.peer = peer

    def send(self, data: bytes) -> object:
        return self._sendmsg((data,), self._ancillary, 0, self.peer)


_MOST_WAYS = 65536


class Outlet:
    """A listening socket as a way out; ``Leg.listener`` names it."""

    __slots__ = ("_socket", "_ways", "_wildcard")

    def __init__(self, listener: socket.socket, *, wildcard: bool) -> None:
        """Send through ``listener``; ``wildcard``: it is bound to ``0.0.0.0`` or ``::``."""
        self._socket = listener
        self._wildcard = wildcard
        self._ways: dict[tuple[str, str, int], Way] = {}

    @property
    def address(self) -> str:
        """Our address as bound, as text; may be the wildcard."""
        return str(self._socket.getsockname()[0])

    @property
    def port(self) -> int:
        """Our UDP port as bound."""
        return int(self._socket.getsockname()[1])

    @property
    def is_wildcard(self) -> bool:
        """Whether it is bound to ``0.0.0.0`` or ``::``."""
        return self._wildcard

    def prepare(self, leg: Leg) -> Way:
        """Return the way to a leg's peer: the same one for all its calls."""
        key = (leg.local, leg.remote, leg.remote_port)
        way = self._ways.get(key)
        if way is None:
            if len(self._ways) >= _MOST_WAYS:
                self._ways.clear()
            way = self._ways[key] = self.way(*key)
        return way

    def way(self, local: str, remote: str, remote_port: int) -> Way:
        """Return the way from our address ``local`` to a peer; raises OSError if they are no addresses."""
        if self._socket.family == socket.AF_INET6:
            peer: Address = (remote, remote_port, 0, 0)
        else:
            peer = (remote, remote_port)
        if not self._wildcard:
            return _Plain(self._socket, peer)
        return _Sourced(self._socket, peer, source(self._socket.family, local))


def source(family: int, local: str) -> Ancillary:
    """Return the ancillary data that makes a datagram leave from ``local``; raises OSError if it is no address."""
    octets = socket.inet_pton(family, local)
    if family == socket.AF_INET6:
        return ((socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("=16sI", octets, 0)),)
    return ((socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("=i4s4s", 0, octets, bytes(4))),)
