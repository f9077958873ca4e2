"""Whether a peer whose messages come from another port has moved there: its NAT gave it a new one.

Anybody can send what seems to come from the peer's address, and who shares that address with
it (behind the same NAT) even hears what is sent to another port there.  So a Hello goes the
old way first.  Only when that was not acknowledged in time, when it is sent again, the other
port is asked as well; and the peer has moved when that very port acknowledges the Hello.  As
long as the old way is alive nothing is sent to another port, and nothing moves.
"""

from __future__ import annotations

from typing import Final

from bras.l2tp.channel import Channel
from bras.l2tp.events import Event, Path, SendDatagram
from bras.l2tp.sender import Sender
from bras.plain import Saved

INTERVAL_S: Final = 10.0
"""Seconds between the beginnings of two probes of a tunnel."""
_MASK: Final = 0xFFFF


class Probe:
    """The question whether the peer has moved to ``path``."""

    __slots__ = ("asked", "began_at", "ns", "path")

    def __init__(self, path: Path, ns: int, now: float) -> None:
        """Begin; ``ns`` is that of the Hello."""
        self.path = path
        self.ns = ns
        self.began_at = now
        self.asked = False
        """Whether the Hello was sent to the other port."""

    def waits(self, sender: Sender) -> bool:
        """Return whether nobody has acknowledged the Hello."""
        return ((self.ns - sender.first) & _MASK) < len(sender.messages)

    def rests(self, now: float) -> bool:
        """Return whether it is too early for another one."""
        return now < self.began_at + INTERVAL_S

    def ask(self, channel: Channel) -> list[Event]:
        """Send to the other port, too: the Hello, and what goes before it and is not acknowledged either."""
        sender = channel.sender
        count = ((self.ns - sender.first) & _MASK) + 1
        if count > len(sender.messages) or count > sender.window.peer:
            return []
        self.asked = True
        return [SendDatagram(self.path, datagram) for datagram in channel.copies(count)]

    def proven(self, path: Path, nr: int, sender: Sender) -> bool:
        """Return whether a control message with ``nr`` from ``path`` acknowledges the Hello that was sent there."""
        if not self.asked or path != self.path:
            return False
        return ((self.ns - sender.first) & _MASK) < ((nr - sender.first) & _MASK) <= sender.sent

    def save(self) -> Saved:
        """Return plain data."""
        path = self.path
        ends = [path.listener, path.local, path.local_port, path.remote, path.remote_port]
        return [ends, self.ns, self.began_at, self.asked]

    @classmethod
    def restore(cls, saved: Saved) -> Probe:
        """Go on from ``save``."""
        path, ns, began_at, asked = saved
        probe = cls(Path(*path), ns, began_at)
        probe.asked = asked
        return probe
