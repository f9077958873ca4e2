"""The emulated LAC: tunnels and calls in the LAC role of our own core, a subscriber behind each call.

Sans-IO as the core is: each method takes ``now`` and returns the datagrams to send.
"""

from __future__ import annotations

from typing import assert_never

from bras.config.model import LacConfig, LnsConfig
from bras.ids import CallKey, Entropy
from bras.l2tp import events as l2tp
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import By, Cause, Path, SendDatagram
from bras.l2tp.messages import CallRequest
from bras.l2tp.reception import Role
from bras.lab.plan import LacPlan, numbered
from bras.lab.subscriber import LabSubscriber, Stage
from bras.secret import Secret
from bras.timers import DeadlineQueue

HANG_UP = Cause(By.LOCAL, 1, 0, "hung up")
"""CDN result 1 is loss of carrier, StopCCN result 1 a general request (RFC 2661 section 4.4.2)."""
FINISH_WITHIN_S = 15.0
CALLS_AT_ONCE = 64
"""Calls placed before what has come in meanwhile is handled."""


class LabLac:
    """All tunnels and subscribers of a plan."""

    __slots__ = (
        "_begun", "_by_key", "_deadlines", "_entropy", "_finish_by", "_next_call_at", "_tunnels",
        "complaints", "endpoint", "plan", "subscribers", "tunnels_up",
    )  # fmt: skip

    def __init__(self, plan: LacPlan, paths: list[Path], entropy: Entropy) -> None:
        """Prepare; tunnels are spread over ``paths`` (one for each address of ours)."""
        self.plan = plan
        secrets = (Secret(plan.secret.encode()),) if plan.secret else ()
        group = LacConfig(name="lns", secrets=secrets, receive_window=plan.window)
        lns = LnsConfig(listen=(), hostname=numbered(plan.hostname, 1), idle_tunnel_s=0.0)
        self.endpoint = Endpoint(lns=lns, groups=(group,), entropy=entropy, role=Role.LAC)
        self.subscribers: list[LabSubscriber] = []
        self.tunnels_up = 0
        self.complaints: list[str] = []
        """What went wrong with tunnels, in words."""
        self._entropy = entropy
        self._tunnels: list[tuple[Path, LacConfig, int]] = [(path, group, 0) for path in paths]
        self._by_key: dict[CallKey, LabSubscriber] = {}
        self._deadlines: DeadlineQueue[int] = DeadlineQueue()
        self._next_call_at: float | None = None
        self._finish_by: float | None = None
        self._begun = 0.0

    # -- what the owner reads

    @property
    def deadline(self) -> float | None:
        """Return when ``handle_timeout`` is to be called."""
        deadlines = (self.endpoint.deadline, self._deadlines.next_deadline, self._next_call_at, self._finish_by)
        return min((at for at in deadlines if at is not None), default=None)

    @property
    def settled(self) -> bool:
        """Return whether every subscriber was called and is up with its echoes done, or ended."""
        return len(self.subscribers) == self.plan.sessions and all(one.settled for one in self.subscribers)

    @property
    def finished(self) -> bool:
        """Return whether everything has ended and was acknowledged."""
        return self._finish_by is not None and not self._open() and self.endpoint.closed

    def _open(self) -> bool:
        return any(one.stage is not Stage.ENDED for one in self.subscribers)

    # -- what the owner does

    def start(self, *, now: float) -> list[SendDatagram]:
        """Open the tunnels and begin to call."""
        sent: list[SendDatagram] = []
        opened = []
        for number in range(1, self.plan.tunnels + 1):
            path, group, _ = self._tunnels[(number - 1) % len(self._tunnels)]
            hostname = numbered(self.plan.hostname, number)
            tunnel_id, events = self.endpoint.open_tunnel(path, group, now=now, hostname=hostname)
            opened.append((path, group, tunnel_id))
            sent += self._take(events, now)
        self._tunnels = opened
        self._begun = now
        self._next_call_at = now
        return sent

    def receive(self, path: Path, data: bytes, *, now: float) -> list[SendDatagram]:
        """Take a datagram of the LNS."""
        return self._take(self.endpoint.receive(path, data, now=now), now)

    def handle_timeout(self, *, now: float) -> list[SendDatagram]:
        """Do what is due: retransmit, call, ping."""
        sent: list[SendDatagram] = []
        if self.endpoint.deadline is not None and self.endpoint.deadline <= now:
            sent += self._take(self.endpoint.handle_timeout(now=now), now)
        for number in self._deadlines.pop_expired(now):
            one = self.subscribers[number - 1]
            sent += self._put(one, one.handle_timeout(now=now), now)
        if self._next_call_at is not None and self._next_call_at <= now:
            sent += self._place_calls(now)
        if self._finish_by is not None and self._finish_by <= now:
            self._abandon()
        return sent

    def finish(self, *, now: float) -> list[SendDatagram]:
        """End politely: Terminate-Request and CDN for each session, then StopCCN for each tunnel."""
        if self._finish_by is not None:
            return []
        self._next_call_at = None
        self._finish_by = now + FINISH_WITHIN_S
        sent: list[SendDatagram] = []
        for one in self.subscribers:
            sent += self._put(one, one.hang_up(now=now), now)
        return sent + self._close_tunnels(now)

    def _abandon(self) -> None:
        self._finish_by = float("inf")
        if self._open() or not self.endpoint.closed:
            self.complaints.append(f"the LNS did not acknowledge the end within {FINISH_WITHIN_S:g} s")
        for one in self.subscribers:
            one.ended("the LNS did not answer")
        self.endpoint = Endpoint(lns=LnsConfig(listen=()), groups=(), entropy=self._entropy, role=Role.LAC)

    # -- calls

    def _place_calls(self, now: float) -> list[SendDatagram]:
        """Place as many calls as the rate has made due."""
        plan = self.plan
        due = plan.sessions if not plan.rate else int((now - self._begun) * plan.rate) + 1
        due = min(due, plan.sessions, len(self.subscribers) + CALLS_AT_ONCE)
        sent: list[SendDatagram] = []
        while len(self.subscribers) < due:
            sent += self._call(len(self.subscribers) + 1, now)
        placed = len(self.subscribers)
        if placed >= plan.sessions:
            self._next_call_at = None
        else:
            self._next_call_at = max(now, self._begun + placed / plan.rate) if plan.rate else now
        return sent

    def _call(self, number: int, now: float) -> list[SendDatagram]:
        one = LabSubscriber(number, self.plan, self._entropy, now=now)
        self.subscribers.append(one)
        _, _, tunnel_id = self._tunnels[(number - 1) % len(self._tunnels)]
        request = CallRequest(
            calling_number=numbered(self.plan.calling_number, number),
            called_number=numbered(self.plan.called_number, number),
            tx_connect_speed_bps=100_000_000,
        )
        try:
            proxied = one.dial(self._entropy, now=now)
            one.key, events = self.endpoint.open_call(tunnel_id, request, now=now, proxied=proxied)
        except LookupError:
            one.ended("its tunnel is not there")
            return []
        if one.key:
            self._by_key[one.key] = one
        else:
            one.ended("no session id is free")
        self._deadlines.set(number, one.deadline)
        return self._take(events, now)

    # -- events

    def _take(self, events: list[l2tp.Event], now: float) -> list[SendDatagram]:
        """Send what the endpoint sends, and after it what comes of its news: an ICCN, then LCP."""
        sent: list[SendDatagram] = []
        reactions: list[SendDatagram] = []
        for event in events:
            match event:
                case SendDatagram():
                    sent.append(event)
                case l2tp.FrameReceived():
                    one = self._by_key.get(event.key)
                    if one is not None:
                        reactions += self._put(one, one.receive(event.frame, now=now), now)
                case l2tp.CallUp():
                    reactions += self._connected(event.key, now)
                case l2tp.CallDown() | l2tp.CallRefused():
                    reactions += self._gone(CallKey(event.key), event.cause, now)
                case l2tp.TunnelUp():
                    self.tunnels_up += 1
                case l2tp.TunnelRefused() | l2tp.TunnelDown():
                    if self._finish_by is None:
                        self.complaints.append(f"tunnel: {words(event.cause)}")
                case l2tp.Dropped() | l2tp.DataDisordered() | l2tp.Retransmitted() | l2tp.RoundTripMeasured():
                    pass
                case (
                    l2tp.TunnelProbed()
                    | l2tp.TunnelMoved()
                    | l2tp.LockedOut()
                    | l2tp.LockoutEnded()
                    | l2tp.SpeedChanged()
                    | l2tp.ErrorsReported()
                    | l2tp.AccmReceived()
                    | l2tp.OpenPort()
                    | l2tp.ClosePort()
                ):
                    pass
                case _:
                    assert_never(event)
        return sent + reactions

    def _connected(self, key: CallKey, now: float) -> list[SendDatagram]:
        one = self._by_key[key]
        if one.stage is not Stage.CALLING:  # given up meanwhile
            return self._take(self.endpoint.close_call(key, HANG_UP, now=now), now)
        return self._put(one, one.connected(now=now), now)

    def _gone(self, key: CallKey, cause: Cause, now: float) -> list[SendDatagram]:
        one = self._by_key.pop(key, None)
        if one is not None:
            one.ended(words(cause))
            self._deadlines.set(one.number, None)
        return self._close_tunnels(now)

    def _put(self, one: LabSubscriber, frames: list[bytes], now: float) -> list[SendDatagram]:
        """Send a subscriber's frames, and end its call when its link has ended."""
        sent = []
        for frame in frames:
            datagram = self.endpoint.send_frame(one.key, frame)
            if datagram is not None:
                sent.append(datagram)
        self._deadlines.set(one.number, one.deadline)
        if one.stage is Stage.ENDED and one.key in self._by_key:
            sent += self._take(self.endpoint.close_call(one.key, HANG_UP, now=now), now)
        return sent

    def _close_tunnels(self, now: float) -> list[SendDatagram]:
        """Send StopCCN once the last session has ended."""
        if self._finish_by is None or self._open():
            return []
        return self._take(self.endpoint.close(HANG_UP, now=now), now)


def words(cause: Cause) -> str:
    """Say a cause in words."""
    who = {By.LOCAL: "by us", By.PEER: "by the LNS", By.TIMEOUT: "no answer"}[cause.by]
    code = f"result {cause.result}" + (f" error {cause.error}" if cause.error else "")
    return f"{who}, {code}" + (f", {cause.text}" if cause.text else "")
