"""A forwarder whose device is a socket pair and whose LAC is a socket on the loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bras.config.model import DataplaneConfig
from bras.dataplane.base import Outlet
from bras.dataplane.tun import Tun
from bras.forwarding.entry import AddEntry, Counters, Leg, Operation, Route

POOL = (0x0A400000, 16)
ADDRESS = 0x0A400002


class Wired(Tun):
    """The tun back end with any descriptor for its device."""

    def wire(self, descriptor: int) -> None:
        """Use ``descriptor``, which takes and gives one packet a call."""
        self._device = descriptor


@dataclass
class Bench:
    """A wired data plane and the far ends of it."""

    plane: Wired
    device: socket.socket
    lac: socket.socket

    def route(self, slot: int = 1, generation: int = 1, **changes: Any) -> Route:
        """Return a Route to our LAC; each slot has its call and, unless told, its address."""
        remote, port = self.lac.getsockname()
        framing = {name: changes.pop(name, False) for name in ("acfc", "pfc", "numbered", "length_bit")}
        leg = Leg(
            key=changes.pop("key", 0x1234_0000 + slot),
            listener=changes.pop("listener", 0),
            local="127.0.0.1",
            local_port=1701,
            remote=changes.pop("remote", remote),
            remote_port=port,
            peer_tunnel_id=0x4321,
            peer_session_id=slot,
            **framing,
        )
        values = {"vrf": 0, "legs": (leg,), "addresses": (ADDRESS + slot - 1,), "mtu": 1400} | changes
        return Route(slot, generation, **values)

    def add(self, slot: int = 1, **changes: Any) -> Route:
        """Add an Entry, which must be possible."""
        route = self.route(slot, **changes)
        outcome = self.plane.program(AddEntry(route))
        assert outcome.ok, outcome.reason
        return route

    def program(self, operation: Operation) -> str:
        """Program; return the reason of a refusal."""
        outcome = self.plane.program(operation)
        assert outcome.ok == (not outcome.reason)
        return outcome.reason

    def counters(self, slot: int = 1) -> Counters:
        """Return a slot's counters."""
        ((_, _, counters),) = self.plane.read([(slot, 1)])
        return counters

    def up(self, packet: bytes, slot: int = 1, now: float = 0.0, ppp: bytes = b"\xff\x03\x00\x21") -> bool:
        """Send a packet upstream, in the usual form unless ``ppp`` is another header."""
        data = b"\x00\x02\x12\x34" + slot.to_bytes(2, "big") + ppp + packet
        return self.plane.datagram(data, self.lac.getsockname(), now=now)

    def taken(self, receiver: socket.socket) -> list[bytes]:
        """Return all that waits at a far end."""
        packets = []
        try:
            while True:
                packets.append(receiver.recv(65535))
        except BlockingIOError:
            return packets


@contextmanager
def bench() -> Iterator[Bench]:
    """Make one; its sockets are closed in the end."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    lac = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with near, far, listener, lac:
        for end in (listener, lac):
            end.bind(("127.0.0.1", 0))
        for end in (near, far, listener, lac):
            end.setblocking(False)
        plane = Wired(DataplaneConfig(), [POOL], [Outlet(listener, wildcard=False)])
        plane.wire(near.fileno())
        yield Bench(plane, far, lac)
