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

from collections import deque
from enum import Enum
from typing import Final, TypedDict

from bras.l2tp.header import CONTROL, CONTROL_FLAGS, CONTROL_OCTETS
from bras.l2tp.hidden import Hiding
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


class Patience:
    """How long and how often a message is sent again (RFC 2661 section 5.8)."""

    __slots__ = ("cap_s", "cycle_s", "initial_s", "retransmissions")

    def __init__(self, initial_s: float, cap_s: float, retransmissions: int) -> None:
        """Wait ``initial_s``, then twice as long each time, at most ``cap_s``."""
        self.initial_s = initial_s
        self.cap_s = cap_s
        self.retransmissions = retransmissions
        self.cycle_s = sum(self.interval_s(number) for number in range(retransmissions + 1))
        """A full retransmission cycle: 31 s with RFC 2661's values."""

    def interval_s(self, retransmission: int) -> float:
        """Return the wait after this many retransmissions."""
        if retransmission == 0:
            return self.initial_s
        return min(self.initial_s * float(1 << min(retransmission, 30)), self.cap_s)


class Window:
    """Slow start and congestion avoidance (RFC 2661 Appendix A); sizes in messages."""

    __slots__ = ("_acknowledged", "_threshold", "peer", "size")

    def __init__(self, peer: int) -> None:
        """Begin in slow start towards a peer that offers a window of ``peer``."""
        self.peer = peer
        self.size = 1
        self._threshold = peer
        self._acknowledged = 0

    def offered(self, peer: int) -> None:
        """Take the peer's Receive Window Size AVP."""
        self.peer = peer
        self._threshold = peer
        self.size = min(self.size, peer)

    def acknowledged(self) -> None:
        """Open (``size`` is below ``peer``): by one a message in slow start, by one a window afterwards."""
        if self.size >= self._threshold:
            self._acknowledged += 1
            if self._acknowledged < self.size:
                return
            self._acknowledged = 0
        self.size += 1

    def timed_out(self) -> None:
        """Close to one message and remember half of what it was."""
        self._threshold = max(self.size >> 1, 1)
        self._acknowledged = 0
        self.size = 1

    def save(self) -> list[int]:
        """Return plain data."""
        return [self.peer, self.size, self._threshold, self._acknowledged]

    @classmethod
    def restore(cls, saved: list[int]) -> Window:
        """Go on from ``save``."""
        window = cls(saved[0])
        window.size, window._threshold, window._acknowledged = saved[1:]
        return window


class SavedSender(TypedDict):
    """The sending half of a channel as plain data."""

    messages: list[Saved]
    """Pairs as ``Sender.messages`` has them: tuples as saved, lists out of a file."""
    first: int
    in_flight: int
    sent: int
    window: list[int]
    retries: int
    retransmit_at: float | None
    retransmitted: int


class SavedChannel(TypedDict):
    """A channel as plain data."""

    state: str
    peer_tunnel_id: int
    expected: int
    early: list[Saved]
    """Pairs of an Ns and its message, likewise."""
    acknowledge: bool
    sender: SavedSender


class Sender:
    """The sending half: queue, window and retransmission timer."""

    __slots__ = ("deadline", "first", "in_flight", "messages", "retransmitted", "retries", "sent", "window")

    def __init__(self, peer_window: int) -> None:
        """Begin with Ns 0."""
        self.messages: deque[tuple[int, bytes]] = deque()
        """(peer's Session ID, AVPs) of what is not acknowledged, the oldest first."""
        self.first = 0
        """Ns of the oldest."""
        self.in_flight = 0
        """How many from the oldest on are under way."""
        self.sent = 0
        """How many from the oldest on were sent at least once."""
        self.window = Window(peer_window)
        self.retries = 0
        """Retransmissions of the oldest."""
        self.retransmitted = 0
        """Retransmissions in all."""
        self.deadline: float | None = None

    def acknowledge(self, nr: int, deadline: float) -> None:
        """Forget what the peer has; ``nr`` is not ``first``.  One outside of what was sent says nothing."""
        count = (nr - self.first) & _MASK
        if count > self.sent:
            return
        messages = self.messages
        for _ in range(count):
            messages.popleft()
        self.first = nr
        self.sent -= count
        self.retries = 0
        if self.window.size < self.window.peer:
            self.window.acknowledged()
        if self.in_flight > count:
            self.in_flight -= count
            self.deadline = deadline
        else:
            self.in_flight = 0
            self.deadline = None

    def forget_unsent(self) -> None:
        """Drop what was never sent."""
        while len(self.messages) > self.sent:
            self.messages.pop()

    def forget_all(self) -> None:
        """Drop everything; the Ns of what was sent stays used."""
        self.first = (self.first + self.sent) & _MASK
        self.messages.clear()
        self.in_flight = self.sent = self.retries = 0
        self.deadline = None

    def save(self) -> SavedSender:
        """Return plain data."""
        return {
            "messages": list(self.messages),
            "first": self.first,
            "in_flight": self.in_flight,
            "sent": self.sent,
            "window": self.window.save(),
            "retries": self.retries,
            "retransmit_at": self.deadline,
            "retransmitted": self.retransmitted,
        }

    @classmethod
    def restore(cls, saved: SavedSender) -> Sender:
        """Go on from ``save``."""
        sender = cls(1)
        sender.messages.extend((message[0], message[1]) for message in saved["messages"])
        sender.first = saved["first"]
        sender.in_flight = saved["in_flight"]
        sender.sent = saved["sent"]
        sender.window = Window.restore(saved["window"])
        sender.retries = saved["retries"]
        sender.deadline = saved["retransmit_at"]
        sender.retransmitted = saved["retransmitted"]
        return sender


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
    def cycle_s(self) -> float:
        """Return the length of a full retransmission cycle."""
        return self._patience.cycle_s

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
        """
        self.sender.forget_unsent()
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
        sender.sent = max(sender.sent, index)
        if sender.deadline is None:
            sender.deadline = now + self._patience.interval_s(sender.retries)
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
