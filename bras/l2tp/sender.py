"""The sending half of a channel: queue, windows, retransmission, round trip (RFC 2661 section 5.8, Appendix A)."""

from __future__ import annotations

from collections import deque
from typing import Final, TypedDict

from bras.plain import Saved

_HALF: Final = 0x8000
_MASK: Final = 0xFFFF
_MEASURE_INTERVAL_S: Final = 1.0
_SMOOTHING: Final = 8
STALL: Final = 2
"""A control channel stalls when its oldest message was sent again so often, and nothing was acknowledged."""


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

    __slots__ = ("_acknowledged", "peer", "size", "threshold")

    def __init__(self, peer: int) -> None:
        """Begin in slow start towards a peer that offers a window of ``peer``."""
        self.peer = peer
        self.size = 1
        self.threshold = peer
        """Up to this size it opens by one a message."""
        self._acknowledged = 0

    def offered(self, peer: int) -> None:
        """Take the peer's Receive Window Size AVP."""
        self.peer = peer
        self.threshold = peer
        self.size = min(self.size, peer)

    def acknowledged(self) -> None:
        """Open (``size`` is below ``peer``): by one a message in slow start, by one a window afterwards."""
        if self.size >= self.threshold:
            self._acknowledged += 1
            if self._acknowledged < self.size:
                return
            self._acknowledged = 0
        self.size += 1

    def timed_out(self) -> None:
        """Close to one message and remember half of what it was."""
        self.threshold = max(self.size >> 1, 1)
        self._acknowledged = 0
        self.size = 1

    def save(self) -> list[int]:
        """Return plain data."""
        return [self.peer, self.size, self.threshold, self._acknowledged]

    @classmethod
    def restore(cls, saved: list[int]) -> Window:
        """Go on from ``save``."""
        window = cls(saved[0])
        window.size, window.threshold, window._acknowledged = saved[1:]
        return window


class RoundTrip:
    """How long the peer takes to acknowledge a message, measured once a second at most.

    Only a message that was sent once is believed (Karn's rule): of one that was sent again
    nobody knows which transmission was acknowledged.
    """

    __slots__ = ("_sent_at", "fresh", "last_s", "rests_until", "samples", "smoothed_s", "timed")

    def __init__(self) -> None:
        """Begin without a measurement."""
        self.timed = -1
        """Ns of the message that is timed now; -1: none."""
        self.rests_until = 0.0
        """When it is time to measure again: ``sent`` need not be called before."""
        self.fresh = False
        """A measurement has just been taken; the owner tells of it, in the same turn, and takes this back."""
        self._sent_at = 0.0
        self.last_s: float | None = None
        self.smoothed_s: float | None = None
        """Each measurement moves it by an eighth, as TCP does."""
        self.samples = 0
        """Measurements so far."""

    def sent(self, ns: int, now: float) -> None:
        """Time the message with this Ns, which goes out for the first time, if it is time to measure."""
        if self.timed < 0 and now >= self.rests_until:
            self.timed = ns & _MASK
            self._sent_at = now
            self.rests_until = now + _MEASURE_INTERVAL_S

    def acknowledged(self, first: int, now: float) -> None:
        """Take the measurement if all before ``first`` is acknowledged, and the timed message with it."""
        if self.timed < 0 or (first - 1 - self.timed) & _MASK >= _HALF:
            return
        self.timed = -1
        self.last_s = took = max(0.0, now - self._sent_at)
        before = self.smoothed_s
        self.smoothed_s = took if before is None else before + (took - before) / _SMOOTHING
        self.samples += 1
        self.fresh = True

    def spoiled(self) -> None:
        """Give the measurement up: the message is sent again, or forgotten."""
        self.timed = -1

    def save(self) -> list[float | None]:
        """Return plain data."""
        return [self.timed, self._sent_at, self.rests_until, self.last_s, self.smoothed_s, self.samples]

    @classmethod
    def restore(cls, saved: list[float | None]) -> RoundTrip:
        """Go on from ``save``."""
        trip = cls()
        ns, sent_at, rests_until, trip.last_s, trip.smoothed_s, samples = saved
        trip.timed, trip._sent_at, trip.rests_until = int(ns or 0), sent_at or 0.0, rests_until or 0.0
        trip.samples = int(samples or 0)
        return trip


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
    round_trip: list[float | None]


class Sender:
    """The sending half: queue, window and retransmission timer."""

    __slots__ = (
        "deadline",
        "first",
        "in_flight",
        "messages",
        "retransmitted",
        "retries",
        "round_trip",
        "sent",
        "window",
    )

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
        self.round_trip = RoundTrip()
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
        self.round_trip.spoiled()
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
            "round_trip": self.round_trip.save(),
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
        sender.round_trip = RoundTrip.restore(saved["round_trip"])
        return sender
