"""Ways to a peer for data messages that are more than a constant header and a packet (RFC 2661 section 3.1).

Chosen when an Entry is made, so that no packet of any other session is asked what it wants.
"""

from __future__ import annotations

import struct

from bras.dataplane.base import Address, Way
from bras.forwarding.entry import Leg
from bras.ids import CallKey

_LENGTH = struct.Struct("!HH")
_FLAGS = 0x4002
"""L bit and version."""


class Measured:
    """Puts flags and length before the rest of each data message."""

    __slots__ = ("_send", "peer")

    def __init__(self, way: Way) -> None:
        """Send by ``way``."""
        self._send = way.send
        self.peer: Address = way.peer

    def send(self, data: bytes) -> object:
        """Send; ``data`` begins with the tunnel id."""
        return self._send(_LENGTH.pack(_FLAGS, _LENGTH.size + len(data)) + data)


class Handed:
    """Leaves frames to the core, which numbers them: packets and control frames share one sequence."""

    __slots__ = ("_frames", "_key", "peer")

    def __init__(self, way: Way, key: CallKey, frames: list[tuple[CallKey, bytes]]) -> None:
        """Add the frames of the call ``key`` to ``frames``."""
        self._frames = frames
        self._key = key
        self.peer: Address = way.peer

    def send(self, data: bytes) -> object:
        """Hand up; ``data`` is a PPP frame."""
        self._frames.append((self._key, data))
        return None


def way_of(leg: Leg, way: Way, frames: list[tuple[CallKey, bytes]]) -> Way:
    """Return the way that the messages of a leg go: ``way`` itself, as a rule."""
    if leg.numbered:
        return Handed(way, leg.key, frames)
    return Measured(way) if leg.length_bit else way
