"""Which calls of a tunnel have data that wait for earlier data, and until when (RFC 2661 section 5.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bras.errors import DropReason
from bras.ids import call_key
from bras.l2tp.call import Call
from bras.l2tp.data import DataOptions
from bras.l2tp.events import DataDisordered, Dropped, Event, FrameReceived, Path
from bras.l2tp.sequence import Order

_MOST_WAITING: Final = 256
"""Calls of a tunnel in which frames may wait at once, so that a tunnel cannot fill the memory."""


class DataOrder:
    """Puts the numbered data of a tunnel's calls in order; most tunnels have none."""

    __slots__ = ("_group", "_tunnel_id", "options", "waiting")

    def __init__(self, group: str, tunnel_id: int, options: DataOptions) -> None:
        """Begin without calls; ``options`` are those of new ones."""
        self.options = options
        self._group = group
        self._tunnel_id = tunnel_id
        self.waiting: dict[int, float] = {}
        """Until when frames of a call wait, by our session id."""

    def receive(self, call: Call, ns: int, frame: bytes, path: Path, *, now: float) -> tuple[list[Event], bool]:
        """Take a frame with its Ns, or -1 without, where numbers count; return also whether ``waiting`` has changed."""
        waiting, session_id = self.waiting, call.session_id
        hold = session_id in waiting or len(waiting) < _MOST_WAITING
        order = call.arrives(ns, frame, hold=hold, now=now)
        return self._events(session_id, order, path), self.follow(call)

    def follow(self, call: Call) -> bool:
        """Note until when frames of a call wait; return whether that is new."""
        due = None if call.data_channel is None else call.data_channel.deadline
        if due is None:
            self.waiting.pop(call.session_id, None)
            return False
        if self.waiting.get(call.session_id) == due:
            return False
        self.waiting[call.session_id] = due
        return True

    def forget(self, session_id: int) -> None:
        """Let go what a call that has ended was waiting for."""
        self.waiting.pop(session_id, None)

    def handle_timeout(self, calls: Mapping[int, Call], path: Path, *, now: float) -> list[Event]:
        """Give on what was held long enough."""
        events: list[Event] = []
        for session_id in [one for one, due in self.waiting.items() if due <= now]:
            call = calls[session_id]
            if call.data_channel is not None:
                events += self._events(session_id, call.data_channel.handle_timeout(now=now), path)
            self.follow(call)
        return events

    def _events(self, session_id: int, order: Order, path: Path) -> list[Event]:
        key = call_key(self._tunnel_id, session_id)
        events: list[Event] = []
        if order.lost or order.reordered:
            events.append(DataDisordered(key, self._group, order.lost, order.reordered))
        if order.dropped is not None:
            events.append(Dropped(order.dropped, path))
        for frame in order.frames:
            events.append(FrameReceived(key, frame) if frame else Dropped(DropReason.BAD_HEADER, path))
        return events
