"""One control connection, opened by either end (RFC 2661 sections 5.1, 5.5, 5.7, 7.2).

Section 7.2.1 is run from ``TUNNEL_TABLE``.  A tunnel that has ended is ``IDLE`` again
but stays for a full retransmission cycle, without its calls, so that StopCCN and its
acknowledgement reach the peer (section 5.7); then it is ``gone``.  What a SCCRQ must
fulfil is judged before there is a tunnel, by the endpoint.
"""

from __future__ import annotations

from typing import Final

from bras.config.model import LacConfig, LnsConfig
from bras.errors import DropReason
from bras.ids import CallKey, Entropy, no_entropy
from bras.l2tp import messages
from bras.l2tp.avp import Avps
from bras.l2tp.calls import Association, Calls
from bras.l2tp.channel import Channel, ChannelState
from bras.l2tp.constants import (
    DEFAULT_PEER_WINDOW,
    AvpType,
    MessageType,
    StopResult,
)
from bras.l2tp.data import DataOptions
from bras.l2tp.events import (
    By,
    Cause,
    Dropped,
    Event,
    Path,
    Retransmitted,
    RoundTripMeasured,
    SendDatagram,
    TunnelDown,
    TunnelRefused,
    TunnelUp,
)
from bras.l2tp.handshake import FSM_ERROR, Handshake
from bras.l2tp.hidden import reveal
from bras.l2tp.messages import CALL_MESSAGES, CallRequest, Message
from bras.l2tp.probe import Probe
from bras.l2tp.proxy import Proxied
from bras.l2tp.records import SavedTunnel, Timers
from bras.l2tp.report import Accm
from bras.l2tp.sender import Patience
from bras.l2tp.states import TUNNEL_TABLE, TunnelAction, TunnelInput, TunnelState

ESTABLISH_TIMEOUT_S = 60.0
"""Seconds from SCCRQ to established: two retransmission cycles, one for each message awaited."""
_ESTABLISHED: Final = TunnelState.ESTABLISHED
_IDLE: Final = TunnelState.IDLE
_LOST: Final = ChannelState.LOST
_STOPCCN: Final = MessageType.STOPCCN
_NO_ANSWER: Final = Cause(By.TIMEOUT, StopResult.GENERAL_REQUEST, 0, "no answer")
_NO_ECHO: Final = Cause(By.TIMEOUT, StopResult.GENERAL_REQUEST, 0, "no answer to Hello")
_TOO_SLOW: Final = Cause(By.TIMEOUT, StopResult.GENERAL_REQUEST, 0, "not established in time")
_NO_CALLS: Final = Cause(By.LOCAL, StopResult.GENERAL_REQUEST, 0, "no calls")
REPLACED: Final = Cause(By.PEER, StopResult.CHANNEL_EXISTS, 0, "the peer began anew")


class Tunnel:
    """A control connection with its channel and its calls."""

    __slots__ = (
        "association",
        "calls",
        "channel",
        "config",
        "group",
        "handshake",
        "path",
        "probe",
        "replaces",
        "request",
        "state",
        "timers",
    )

    def __init__(
        self, association: Association, group: LacConfig, config: LnsConfig, entropy: Entropy, *, lac: bool, now: float
    ) -> None:
        """Begin in idle; ``lac`` is our role."""
        self.association = association
        self.path = association.path
        self.group = group
        self.config = config
        self.state = _IDLE
        self.handshake = Handshake(association, group, group.local_hostname or config.hostname, entropy)
        self.channel = Channel(_patience(group), group.receive_window, DEFAULT_PEER_WINDOW)
        self.channel.hiding = self.handshake.hiding(entropy)
        self.calls = Calls(association, DataOptions.of(group), lac=lac, config=config, entropy=entropy)
        self.timers = Timers(now, now)
        self.request = b""
        """The SCCRQ that began it: the peer's datagram, or the AVPs of ours; empty when it has ended."""
        self.replaces = 0
        """Our id of an older tunnel that this one takes the place of once it is established."""
        self.probe: Probe | None = None
        """The latest of whether the peer has moved to another port."""

    def follow(self, group: LacConfig, config: LnsConfig, entropy: Entropy, *, now: float) -> None:
        """Go on under another configuration; what the ends have agreed on stays."""
        self.group, self.config = group, config
        self.handshake.follow(group, group.local_hostname or config.hostname)
        self.channel.follow(_patience(group), group.receive_window)
        self.channel.hiding = self.handshake.hiding(entropy)
        self.calls.follow(DataOptions.of(group), config, now=now)

    @property
    def deadline(self) -> float | None:
        """Return the earliest instant at which ``handle_timeout`` has something to do."""
        timers = self.timers
        earliest = self.channel.sender.deadline
        if self.state is not _ESTABLISHED:
            due = timers.gone_at if self.state is _IDLE else timers.created_at + ESTABLISH_TIMEOUT_S
            return due if earliest is None or (due is not None and due < earliest) else earliest
        if earliest is None and self.group.hello_interval_s:
            earliest = timers.heard_at + self.group.hello_interval_s
        due = self.calls.deadline
        if due is not None and (earliest is None or due < earliest):
            earliest = due
        if timers.idle_since_at is not None and self.config.idle_tunnel_s:
            due = timers.idle_since_at + self.config.idle_tunnel_s
            if earliest is None or due < earliest:
                earliest = due
        return earliest

    @property
    def settled(self) -> bool:
        """Return whether it has ended, and its peer, if there ever was one, knows."""
        return self.state is _IDLE and (self._unproven or self.channel.quiet)

    @property
    def _unproven(self) -> bool:
        """Return whether nobody has shown that the SCCRQ was from where it says: no SCCCN has come."""
        return self.timers.up_at is None and not self.calls.lac

    def gone(self, now: float) -> bool:
        """Return whether it may be forgotten."""
        gone_at = self.timers.gone_at
        return gone_at is not None and gone_at <= now

    def open(self, hostname: str, tie_breaker: bytes, *, now: float) -> list[Event]:
        """Originate the control connection, in the LAC role; ``tie_breaker`` is 8 octets by chance."""
        self.association.lac_hostname = hostname
        self.request = self.handshake.request(tie_breaker)
        return self._flush(self._step(TunnelInput.OPEN, FSM_ERROR, None, now), now)

    def accept(self, message: Message, ns: int, datagram: bytes, *, now: float) -> list[Event]:
        """Answer an acceptable SCCRQ."""
        self.request = datagram
        hiding = self.channel.hiding
        self.channel = Channel(_patience(self.group), self.group.receive_window, DEFAULT_PEER_WINDOW, ns)
        self.channel.hiding = hiding
        self.channel.receive(ns, 0, datagram, now=now)
        self.handshake.learn(message, self.channel)
        self.association.lac_hostname = self.association.peer_hostname
        return self._flush(self._step(TunnelInput.RECEIVE_SCCRQ_ACCEPTABLE, FSM_ERROR, message, now), now)

    def receive(self, ns: int, nr: int, datagram: bytes | None, *, limit: int, now: float) -> list[Event]:
        """Take a control message (``None``: a ZLB); at most ``limit`` calls are allowed."""
        self.timers.heard_at = now
        channel = self.channel
        ending = self.state is _IDLE and not channel.quiet
        due = channel.receive(ns, nr, datagram, now=now)
        events: list[Event] = []
        if due is None:
            events.append(Dropped(DropReason.OUTSIDE_WINDOW, self.path))
        elif len(due) == 1:
            events = self._take(messages.parse(due[0]), limit, now)
        else:
            for one in due:
                events += self._take(messages.parse(one), limit, now)
            if datagram is not None and self._unproven:
                channel.sender.in_flight = 0  # it comes again, so our answer has not arrived: say it again
                channel.sender.round_trip.spoiled()
        trip = channel.sender.round_trip
        if trip.fresh and trip.last_s is not None:
            trip.fresh = False
            events.append(RoundTripMeasured(self.association.group, trip.last_s))
        if ending and channel.quiet:
            self.timers.gone_at = now + channel.cycle_s  # from the final message exchange on (section 5.8)
        return self._flush(events, now)

    def _take(self, message: Message, limit: int, now: float) -> list[Event]:
        if self.state is _IDLE:
            return []  # it has ended: acknowledged, and no more
        if message.hidden is not None:
            reveal(message, self.handshake.secrets)
        if message.type in CALL_MESSAGES:
            if self.state is _ESTABLISHED:
                return self.calls.receive(message, self.channel, limit=limit, now=now)
            return self._step(TunnelInput.CLOSE, FSM_ERROR, None, now)
        if message.type == _STOPCCN:
            return self._step(TunnelInput.RECEIVE_STOPCCN, message.cause(), None, now)
        happening, cause = self.handshake.judge(message, self.state, self.channel)
        if happening is not None:
            return self._step(happening, cause, message, now)
        return [] if message.type == MessageType.HELLO else [Dropped(DropReason.UNKNOWN_MESSAGE, self.path)]

    def _step(self, happening: TunnelInput, cause: Cause, message: Message | None, now: float) -> list[Event]:
        cell = TUNNEL_TABLE.get((self.state, happening))
        if cell is None:
            return []
        action, following = cell
        before = self.state
        self.state = following
        if action is TunnelAction.SEND_SCCRQ:
            self.channel.send(0, self.request)
            return []
        if action is TunnelAction.SEND_SCCRP and message is not None:
            self.channel.send(0, self.handshake.reply(message))
            return []
        if action is TunnelAction.SEND_SCCCN and message is not None:
            self.handshake.learn(message, self.channel)
            self.channel.send(0, self.handshake.connected(message))
            return self._established(now)
        if action is TunnelAction.OPEN_CALLS:
            return self._established(now)
        if action is TunnelAction.SEND_STOPCCN:
            self.channel.finish(messages.stopccn(self.association.tunnel_id, cause))
            return self._ended(before, cause, now + self.channel.cycle_s)
        if action is TunnelAction.CLEAN_UP:
            self.channel.abandon()
            return self._ended(before, cause, now + self.channel.cycle_s)
        return []

    def _established(self, now: float) -> list[Event]:
        self.timers.up_at = now
        self.channel.sender.in_flight = 0  # of a SCCRP that is still not acknowledged: from now on by timer
        a = self.association
        a.authenticated = bool(self.handshake.authentication.challenge)  # else it would not have come so far
        self.calls.tunnel_opened(self.channel, now=now)
        return [TunnelUp(a.tunnel_id, a.peer_tunnel_id, a.group, a.lac_hostname, a.path)]

    def _ended(self, before: TunnelState, cause: Cause, gone_at: float) -> list[Event]:
        self.timers.gone_at = gone_at
        self.request = b""
        self.probe = None
        a = self.association
        events = self.calls.end(cause.of_calls())
        if before is _ESTABLISHED:
            events.append(TunnelDown(a.tunnel_id, a.group, a.lac_hostname, a.path, cause))
        else:
            events.append(TunnelRefused(a.group, a.lac_hostname, a.path, cause, a.tunnel_id))
        return events

    def _flush(self, events: list[Event], now: float) -> list[Event]:
        timers = self.timers
        if self.calls.table or self.state is not _ESTABLISHED:
            timers.idle_since_at = None
        elif timers.idle_since_at is None:
            timers.idle_since_at = now
        channel = self.channel
        before = channel.sender.retransmitted
        path = self.path
        for datagram in channel.flush(now=now):
            events.append(SendDatagram(path, datagram))
        if timers.up_at is None and not self.calls.lac:  # unproven
            channel.sender.deadline = None  # to an unproven address nothing is sent unasked
        if channel.sender.retransmitted != before:
            tunnel_id, group = self.association.tunnel_id, self.association.group
            events.append(Retransmitted(tunnel_id, group, channel.sender.retries))
            events += [Retransmitted(tunnel_id, group)] * (channel.sender.retransmitted - before - 1)
        return events

    def open_call(
        self, serial_number: int, request: CallRequest, proxied: Proxied | None, *, now: float
    ) -> tuple[CallKey | None, list[Event]]:
        """Begin an incoming call in the LAC role; it waits for the tunnel if need be."""
        channel = self.channel if self.state is _ESTABLISHED else None
        key = self.calls.open(serial_number, request, proxied, channel, now=now)
        return key, self._flush([], now)

    def tell_accm(self, session_id: int, accm: Accm, *, now: float) -> list[Event]:
        """Tell the LAC a call's ACCM by SLI."""
        self.calls.tell_accm(session_id, accm, self.channel)
        return self._flush([], now)

    def close_call(self, session_id: int, cause: Cause, *, now: float) -> list[Event]:
        """End a call by CDN."""
        return self._flush(self.calls.close(session_id, cause, self.channel, now=now), now)

    def close(self, cause: Cause, *, now: float) -> list[Event]:
        """End the tunnel and all its calls by StopCCN."""
        return self._flush(self._step(TunnelInput.CLOSE, cause, None, now), now)

    @property
    def tie_breaker(self) -> bytes:
        """Return the Tie Breaker of our SCCRQ; empty: there was none."""
        avps = Avps()
        avps.read(self.request, 0, len(self.request))
        return avps.octets.get(AvpType.TIE_BREAKER, b"")

    def try_port(self, path: Path, *, now: float) -> list[Event]:
        """Say Hello to find out whether the peer has moved to ``path``, unless one waits for its answer already."""
        sender, probe = self.channel.sender, self.probe
        ns = (sender.first + len(sender.messages)) & 0xFFFF
        if probe is not None and probe.waits(sender):
            ns = probe.ns
        else:
            self.channel.send(0, messages.hello())
        self.probe = probe = Probe(path, ns, now)
        events = self._flush([], now)
        return events + probe.ask(self.channel) if sender.retries else events  # the old way is silent for a while

    def lose_tie(self, cause: Cause, *, now: float) -> list[Event]:
        """Discard the tunnel silently: the peer opens one, too, and ours does not win (section 4.4.3)."""
        return self._step(TunnelInput.LOSE_TIE, cause, None, now)

    def vanish(self, cause: Cause, *, now: float) -> list[Event]:
        """End the tunnel without a word: the peer has given its id to another one."""
        before = self.state
        self.state = _IDLE
        self.channel.abandon()
        if before is not _IDLE:
            return self._ended(before, cause, now)
        self.timers.gone_at = now
        return []

    def handle_timeout(self, *, now: float) -> list[Event]:
        """Retransmit, say Hello, or end what took too long."""
        channel = self.channel
        retries, unheard = channel.sender.retries, channel.unheard
        channel.handle_timeout(now=now)
        if channel.state is _LOST:
            return self.vanish(_NO_ECHO if unheard == messages.hello() else _NO_ANSWER, now=now)
        if self.state is _ESTABLISHED:
            events = self._flush(self._handle_established(now), now)
            if self.probe is not None and channel.sender.retries > retries:
                events += self.probe.ask(channel)
            return events
        events = []
        if self.state is not _IDLE and now >= self.timers.created_at + ESTABLISH_TIMEOUT_S:
            if self._unproven:
                return self.vanish(_TOO_SLOW, now=now)
            events = self._step(TunnelInput.CLOSE, _TOO_SLOW, None, now)
        return self._flush(events, now)

    def _handle_established(self, now: float) -> list[Event]:
        timers = self.timers
        events = self.calls.handle_timeout(self.channel, now=now)
        idle_s = self.config.idle_tunnel_s
        if idle_s and timers.idle_since_at is not None and now >= timers.idle_since_at + idle_s:
            return events + self._step(TunnelInput.CLOSE, _NO_CALLS, None, now)
        hello_s = self.group.hello_interval_s
        if hello_s and self.channel.quiet and now >= timers.heard_at + hello_s:
            self.channel.send(0, messages.hello())
        return events

    def save(self) -> SavedTunnel:
        """Return plain data; no secret is in it."""
        a = self.association
        t = self.timers
        return {
            "group": a.group,
            "path": [a.path.listener, a.path.local, a.path.local_port, a.path.remote, a.path.remote_port],
            "tunnel_id": a.tunnel_id,
            "peer": [a.peer_hostname, a.peer_vendor, a.lac_hostname],
            "state": int(self.state),
            "lac": self.calls.lac,
            "channel": self.channel.save(),
            "calls": self.calls.save(),
            "timers": [t.created_at, t.heard_at, t.up_at, t.idle_since_at, t.gone_at],
            "authentication": self.handshake.authentication.save(),
            "request": self.request,
            "replaces": self.replaces,
            "probe": None if self.probe is None else self.probe.save(),
        }

    @classmethod
    def restore(cls, saved: SavedTunnel, group: LacConfig, config: LnsConfig, entropy: Entropy) -> Tunnel:
        """Go on from ``save``."""
        path = Path(*saved["path"])  # type: ignore[arg-type]  # field by field as saved
        peer_tunnel_id = saved["channel"]["peer_tunnel_id"]
        association = Association(group.name, path, saved["tunnel_id"], peer_tunnel_id, *saved["peer"])
        tunnel = cls(association, group, config, no_entropy, lac=saved["lac"], now=0.0)
        tunnel.state = TunnelState(saved["state"])
        tunnel.handshake.resume(saved["authentication"], lac=saved["lac"])
        established = tunnel.state is _ESTABLISHED
        association.authenticated = established and bool(tunnel.handshake.authentication.challenge)
        tunnel.channel = Channel.restore(saved["channel"], _patience(group), group.receive_window)
        tunnel.channel.hiding = tunnel.handshake.hiding(entropy)
        tunnel.calls.resume(saved["calls"], entropy)
        tunnel.timers = Timers(*saved["timers"])  # type: ignore[arg-type]  # field by field as saved
        tunnel.request = saved["request"]
        tunnel.replaces = saved["replaces"]
        tunnel.probe = None if saved["probe"] is None else Probe.restore(saved["probe"])
        return tunnel


def _patience(group: LacConfig) -> Patience:
    return Patience(group.retransmit_initial_s, group.retransmit_cap_s, group.max_retransmissions)
