"""Reliable delivery of control messages (RFC 2661 section 5.8, Appendix A).

Rules of this file:

- Ns and Nr are settled here once; nobody else looks at them.
- What is unacknowledged stays in one queue, the oldest first.  A timeout sends again from
  the oldest on, as the congestion window opens: that serves peers that keep messages which
  came too early and peers that throw them away alike.
- An acknowledgement is never withheld: each message that is not a ZLB, be it new, a
  duplicate or early, is answered by the next ``flush``, with a message if one goes out
  anyway, else with a ZLB.
- The peer need never send a ZLB while it has messages of its own to send: any Nr counts.

The owner calls ``receive``, acts on the datagrams that it returns, in order, queues its
answers with ``send``, and sends what ``flush`` returns.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, TypedDict

from bras.l2tp.header import CONTROL, CONTROL_FLAGS, CONTROL_OCTETS
from bras.l2tp.hidden import Hiding
from bras.l2tp.sender import Patience, SavedSender, Sender
from bras.plain import Saved

_HALF: Final = 0x8000
_MASK: Final = 0xFFFF
_PACK: Final = CONTROL.pack
_NOTHING: Final[list[bytes]] = []


class ChannelState(Enum):
    """Whether the peer can be reached."""

    RUNNING = "running"
    FINISHING = "finishing"
    """The last message (StopCCN) is queued; nothing follows it."""
    LOST = "lost"
    """A message was retransmitted as often as allowed and never acknowledged."""


_RUNNING: Final = ChannelState.RUNNING
_FINISHING: Final = ChannelState.FINISHING


class SavedChannel(TypedDict):
    """A channel as plain data."""

    state: str
    peer_tunnel_id: int
    expected: int
    early: list[Saved]
    """Pairs of an Ns and its message, likewise."""
    acknowledge: bool
    sender: SavedSender


class Channel:
    """Both directions of one control connection."""

    __slots__ = (
        "_acknowledge", "_early", "_expected", "_patience", "_receive_window", "hiding", "peer_tunnel_id", "sender",
        "state",
    )  # fmt: skip

    def __init__(self, patience: Patience, receive_window: int, peer_window: int, expected: int = 0) -> None:
        """Begin with Ns 0; ``expected`` is the peer's first Ns.  Windows are in messages."""
        self.state = _RUNNING
        self.peer_tunnel_id = 0
        """Tunnel ID for the header; 0 until the peer has assigned it."""
        self.hiding: Hiding | None = None
        """What hides AVPs, where they are to be hidden."""
        self._patience = patience
        self._receive_window = receive_window
        self._expected = expected
        self._early: dict[int, bytes] = {}
        self._acknowledge = False
        self.sender = Sender(peer_window)

    @property
    def deadline(self) -> float | None:
        """Return the instant of the next retransmission."""
        return self.sender.deadline

    @property
    def quiet(self) -> bool:
        """Return whether everything that was sent is acknowledged."""
        return not self.sender.messages

    @property
    def unheard(self) -> bytes:
        """Return the AVPs of the oldest message that is not acknowledged; nothing when all are."""
        return self.sender.messages[0][1] if self.sender.messages else b""

    @property
    def window(self) -> int:
        """Return how many messages may be under way now."""
        return self.sender.window.size

    @property
    def in_flight(self) -> int:
        """Return how many messages are under way."""
        return self.sender.in_flight

    @property
    def retransmitted(self) -> int:
        """Return how many times a message was sent again."""
        return self.sender.retransmitted

    @property
    def expected(self) -> int:
        """Return the Ns of the message that is expected next."""
        return self._expected

    @property
    def held(self) -> int:
        """Return how many messages came too early and wait for their turn."""
        return len(self._early)

    @property
    def cycle_s(self) -> float:
        """Return the length of a full retransmission cycle."""
        return self._patience.cycle_s

    def follow(self, patience: Patience, receive_window: int) -> None:
        """Go on with other intervals and another window; a retransmission that is due stays due."""
        self._patience = patience
        self._receive_window = max(receive_window, self._receive_window)  # the peer was told the one of before

    def offered(self, window: int) -> None:
        """Take the peer's Receive Window Size."""
        self.sender.window.offered(window)

    def receive(self, ns: int, nr: int, datagram: bytes | None, *, now: float) -> list[bytes] | None:
        """Take a control message (``None``: a ZLB); return what is now due, in order.

        ``None`` is returned for a message outside of our receive window.
        """
        sender = self.sender
        if nr != sender.first:
            sender.acknowledge(nr, now + self._patience.initial_s)
            if sender.round_trip.timed >= 0:
                sender.round_trip.acknowledged(sender.first, now)
        if datagram is None:
            return _NOTHING
        self._acknowledge = True
        ahead = (ns - self._expected) & _MASK
        if ahead == 0:
            self._expected = (ns + 1) & _MASK
            return [datagram] if not self._early else self._in_order(datagram)
        if ahead >= _HALF:
            return _NOTHING  # a duplicate
        if ahead >= self._receive_window:
            return None
        self._early[ns] = datagram
        return _NOTHING

    def _in_order(self, datagram: bytes) -> list[bytes]:
        due = [datagram]
        following = self._early.pop(self._expected, None)
        while following is not None:
            due.append(following)
            self._expected = (self._expected + 1) & _MASK
            following = self._early.pop(self._expected, None)
        return due

    def send(self, session_id: int, avps: bytes) -> None:
        """Queue a message for the peer's ``session_id``; ``flush`` sends it."""
        if self.state is _RUNNING:
            if self.hiding is not None:
                avps = self.hiding.hide(avps)
            self.sender.messages.append((session_id, avps))

    def finish(self, avps: bytes) -> None:
        """Queue the last message in place of all that was not sent yet.

        It does not wait for the congestion window: a StopCCN that never leaves helps nobody.
        Nor is it hidden from a peer that may be stopped for its wrong secret.
        """
        self.sender.forget_unsent()
        if self.hiding is not None and not self.hiding.agreed:
            self.hiding = None
        self.send(0, avps)
        self.state = _FINISHING

    def abandon(self) -> None:
        """Send nothing any more but acknowledgements: the peer has stopped the connection."""
        self.sender.forget_all()
        self.state = _FINISHING

    def flush(self, *, now: float) -> list[bytes]:
        """Return the datagrams to send: what the windows allow, else a ZLB if one is owed."""
        sender = self.sender
        index = sender.in_flight
        if len(sender.messages) > index:
            window = sender.window
            limit = window.size if self.state is _RUNNING else window.peer
            if index < limit:
                return self._transmit(index, limit, now)
        if not self._acknowledge:
            return _NOTHING
        self._acknowledge = False
        ns = (sender.first + sender.sent) & _MASK
        return [_PACK(CONTROL_FLAGS, CONTROL_OCTETS, self.peer_tunnel_id, 0, ns, self._expected)]

    def _transmit(self, index: int, limit: int, now: float) -> list[bytes]:
        sender = self.sender
        messages = sender.messages
        limit = min(limit, len(messages))
        datagrams: list[bytes] = []
        if sender.sent > index:
            sender.retransmitted += (sender.sent if sender.sent < limit else limit) - index
        while index < limit:
            session_id, avps = messages[index]
            ns = (sender.first + index) & _MASK
            length = CONTROL_OCTETS + len(avps)
            datagrams.append(_PACK(CONTROL_FLAGS, length, self.peer_tunnel_id, session_id, ns, self._expected) + avps)
            index += 1
        self._acknowledge = False
        sender.in_flight = index
        if index > sender.sent:
            if now >= sender.round_trip.rests_until:
                sender.round_trip.sent(sender.first + sender.sent, now)
            sender.sent = index
        if sender.deadline is None:
            sender.deadline = now + self._patience.interval_s(sender.retries)
        return datagrams

    def copies(self, count: int) -> list[bytes]:
        """Return the ``count`` oldest messages to be sent elsewhere, too, beside what ``flush`` sends."""
        sender = self.sender
        sender.sent = max(sender.sent, count)
        datagrams: list[bytes] = []
        for index in range(count):
            session_id, avps = sender.messages[index]
            ns, length = (sender.first + index) & _MASK, CONTROL_OCTETS + len(avps)
            datagrams.append(_PACK(CONTROL_FLAGS, length, self.peer_tunnel_id, session_id, ns, self._expected) + avps)
        return datagrams

    def handle_timeout(self, *, now: float) -> None:
        """Prepare to send again from the oldest message on, or give up: see ``state``."""
        sender = self.sender
        if sender.deadline is None or now < sender.deadline:
            return
        sender.deadline = None
        sender.in_flight = 0
        if sender.retries >= self._patience.retransmissions:
            sender.forget_all()
            self.state = ChannelState.LOST
            return
        sender.retries += 1
        sender.round_trip.spoiled()
        sender.window.timed_out()

    def save(self) -> SavedChannel:
        """Return plain data."""
        return {
            "state": self.state.value,
            "peer_tunnel_id": self.peer_tunnel_id,
            "expected": self._expected,
            "early": list(self._early.items()),
            "acknowledge": self._acknowledge,
            "sender": self.sender.save(),
        }

    @classmethod
    def restore(cls, saved: SavedChannel, patience: Patience, receive_window: int) -> Channel:
        """Go on from ``save``."""
        channel = cls(patience, receive_window, 1, saved["expected"])
        channel.state = ChannelState(saved["state"])
        channel.peer_tunnel_id = saved["peer_tunnel_id"]
        channel._early = dict(saved["early"])
        channel._acknowledge = saved["acknowledge"]
        channel.sender = Sender.restore(saved["sender"])
        return channel
