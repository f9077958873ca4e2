"""All calls of one tunnel (RFC 2661 sections 5.2.1, 5.6, 7.4; RFC 5515).

Owns the session ids.  Answers go into the channel that each method is given; the owner
flushes it.  Only incoming calls are made and taken; a request for an outgoing one is
refused by CDN.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypedDict

from bras.config.model import LnsConfig
from bras.errors import DropReason, ProtocolViolation
from bras.ids import CallKey, Entropy, call_key, new_session_id
from bras.l2tp import messages, news, proxy
from bras.l2tp.call import Call, SavedCall
from bras.l2tp.channel import Channel
from bras.l2tp.constants import AvpType, CdnResult, ErrorCode, MessageType
from bras.l2tp.data import DataOptions
from bras.l2tp.events import By, CallDown, CallInfo, CallRefused, CallUp, Cause, Dropped, Event, Path, SpeedChanged
from bras.l2tp.messages import CallRequest, Message
from bras.l2tp.order import DataOrder
from bras.l2tp.proxy import Proxied
from bras.l2tp.refusals import NOT_RECORDED
from bras.l2tp.report import Accm
from bras.l2tp.states import CallAction, CallInput, CallState
from bras.plain import Saved

_ICRQ: Final = int(MessageType.ICRQ)
_ICRP: Final = int(MessageType.ICRP)
_ICCN: Final = int(MessageType.ICCN)
_CDN: Final = int(MessageType.CDN)
_OCRQ: Final = int(MessageType.OCRQ)
_ASSIGNED: Final = int(AvpType.ASSIGNED_SESSION_ID)
_SEND_ICRP: Final = CallAction.SEND_ICRP
_PREPARE_FOR_DATA: Final = CallAction.PREPARE_FOR_DATA
_SEND_ICCN: Final = CallAction.SEND_ICCN
_SEND_ICRQ: Final = CallAction.SEND_ICRQ
_NONE: Final = CallAction.NONE
_SEND_CDN: Final = CallAction.SEND_CDN
_WAIT_CONNECT: Final = CallState.WAIT_CONNECT
_WAIT_REPLY: Final = CallState.WAIT_REPLY
_ESTABLISHED: Final = CallState.ESTABLISHED
_ICCN_ACCEPTABLE: Final = CallInput.RECEIVE_ICCN_ACCEPTABLE
_ICCN_REFUSED: Final = CallInput.RECEIVE_ICCN_NOT_ACCEPTABLE
_ICRQ_ACCEPTABLE: Final = CallInput.RECEIVE_ICRQ_ACCEPTABLE
_ICRP_ACCEPTABLE: Final = CallInput.RECEIVE_ICRP_ACCEPTABLE
_CDN_RECEIVED: Final = CallInput.RECEIVE_CDN
_NO_REQUEST: Final = CallRequest()
_UNEXPECTED: Final = Cause(By.LOCAL, CdnResult.GENERAL_ERROR, ErrorCode.INVALID_SESSION_ID, "message out of sequence")
_NO_FACILITIES: Final = Cause(By.LOCAL, CdnResult.NO_FACILITIES_TEMPORARY, 0, "session limit reached")
# Result 4 says exactly this (RFC 2661 section 4.4.2), and makes LACs that know several
# LNSes try the next one; 2/4 would look like a fault of the call's request.
_NO_SUCH_SERVICE: Final = Cause(By.LOCAL, CdnResult.NO_FACILITIES_PERMANENT, 0, "incoming calls at the LNS only")
_NO_NUMBERS: Final = Cause(By.LOCAL, CdnResult.NO_FACILITIES_PERMANENT, 0, "sequencing of data is not offered")
_SETUP_TIMEOUT: Final = Cause(By.TIMEOUT, CdnResult.TIMED_OUT, 0, "call not connected in time")


@dataclass(slots=True)
class Association:
    """Who talks to whom in a tunnel; shared by the tunnel and its calls."""

    group: str
    path: Path
    tunnel_id: int
    """Our tunnel id."""
    peer_tunnel_id: int = 0
    peer_hostname: str = ""
    peer_vendor: str = ""
    lac_hostname: str = ""
    """Host Name of whichever end is the LAC."""
    authenticated: bool = field(default=False, kw_only=True)
    """Whether the peer has proven that it knows the tunnel's secret."""


class SavedCalls(TypedDict):
    """The calls of a tunnel as plain data."""

    calls: list[SavedCall]
    pending: list[Saved]
    """Pairs of a Session ID and an instant: tuples as saved, lists out of a file."""
    resting: list[Saved]
    """Likewise."""


class Calls:
    """The calls of a tunnel by our session id."""

    __slots__ = (
        "_association", "_by_peer", "_entropy", "_most_half_open", "_pending", "_resting", "_setup_timeout_s",
        "lac", "order", "table", "touched",
    )  # fmt: skip

    def __init__(
        self, association: Association, options: DataOptions, *, lac: bool, config: LnsConfig, entropy: Entropy
    ) -> None:
        """Begin without calls; ``options`` are those of new ones, ``lac`` is our role."""
        self.lac = lac
        self.order = DataOrder(association.group, association.tunnel_id, options)
        """Of data that come numbered."""
        self.table: dict[int, Call] = {}
        self.touched: dict[int, None] | None = None
        """Keys of calls that changed, where a journal is kept."""
        self._association = association
        self._setup_timeout_s = config.setup_timeout_s
        self._most_half_open = config.max_half_open_calls
        self._entropy = entropy
        self._by_peer: dict[int, int] = {}
        self._pending: dict[int, float] = {}  # in the order of the deadlines: all wait equally long
        self._resting: dict[int, float] = {}  # ids just given up: late frames must not reach a new call

    @property
    def deadline(self) -> float | None:
        """Return when the first call that is not yet established times out, or a frame was held long enough."""
        due = next(iter(self._pending.values())) if self._pending else None
        if self.order.waiting:
            held = min(self.order.waiting.values())
            return held if due is None or held < due else due
        return due

    def follow(self, options: DataOptions, config: LnsConfig, *, now: float) -> None:
        """Go on under another configuration; ``options`` are those of calls that are new from now on."""
        self.order.options, self._setup_timeout_s = options, config.setup_timeout_s
        self._most_half_open = config.max_half_open_calls
        latest = now + config.setup_timeout_s
        self._pending = {session_id: min(due, latest) for session_id, due in self._pending.items()}

    def pending_until(self, session_id: int) -> float | None:
        """Return by when a call must be established; ``None`` when it is."""
        return self._pending.get(session_id)

    def receive(self, message: Message, channel: Channel, *, limit: int, now: float) -> list[Event]:
        """Act on a call message; an ICRQ that would make more than ``limit`` calls is refused."""
        kind = message.type
        problem = message.problem()
        if kind == _ICRQ:
            return self._requested(message, problem, channel, limit, now)
        call = self._find(message)
        if call is None:
            return self._receive_unknown(message, channel, now)
        if kind == _ICCN:
            return self._connected(call, message, problem, channel, now)
        if kind == _CDN:
            return self._step(call, _CDN_RECEIVED, message.cause(), channel, now)
        if kind == _ICRP:
            return self._replied(call, message, problem, channel, now)
        if kind in news.SPEEDS:
            return self._receive_speeds(message, channel)
        if problem is not None:
            return self._step(call, CallInput.CLOSE, _fault(problem), channel, now)
        if kind in news.REPORTS:
            return news.take_report(call, message, self._touch(call))
        return [Dropped(DropReason.UNEXPECTED_MESSAGE, self._association.path)]

    def _find(self, message: Message) -> Call | None:
        call = self.table.get(message.session_id)
        if call is None and message.session_id == 0 and message.type == _CDN:
            # Sent before it knew our id (RFC 2661 section 4.4.4, Assigned Session ID).
            call = self.table.get(self._by_peer.get(message.numbers.get(_ASSIGNED, 0), 0))
        return call

    def _requested(
        self, message: Message, problem: ProtocolViolation | None, channel: Channel, limit: int, now: float
    ) -> list[Event]:
        peer_session_id = message.numbers.get(_ASSIGNED, 0)
        call = self.table.get(message.session_id or self._by_peer.get(peer_session_id, 0))
        if call is not None:
            return self._step(call, CallInput.RECEIVE_ICRQ, _UNEXPECTED, channel, now)
        if problem is not None:
            return self._refuse(peer_session_id, _fault(problem), channel, now)
        if self.lac:
            return self._refuse(peer_session_id, _NO_SUCH_SERVICE, channel, now)
        room = len(self.table) < limit and len(self._pending) < self._most_half_open
        session_id = self._new_session_id(now) if room else None
        if session_id is None:
            return self._refuse(peer_session_id, NOT_RECORDED if limit < 0 else _NO_FACILITIES, channel, now)
        call = Call(False, session_id, 0, _NO_REQUEST)
        call.asked(message)
        self.table[session_id] = call
        self._by_peer[peer_session_id] = session_id
        self._pending[session_id] = now + self._setup_timeout_s
        return self._step(call, _ICRQ_ACCEPTABLE, _UNEXPECTED, channel, now)

    def _connected(
        self, call: Call, message: Message, problem: ProtocolViolation | None, channel: Channel, now: float
    ) -> list[Event]:
        if problem is not None:
            return self._step(call, _ICCN_REFUSED, _fault(problem), channel, now)
        if call.state is _WAIT_CONNECT:
            call.connected(message)
            call.proxied = proxy.proxied(message.numbers, message.octets, self._association.authenticated)
            if self.order.options.deny and call.request.sequencing_required:
                return self._step(call, _ICCN_REFUSED, _NO_NUMBERS, channel, now)
        return self._step(call, _ICCN_ACCEPTABLE, _UNEXPECTED, channel, now)

    def _replied(
        self, call: Call, message: Message, problem: ProtocolViolation | None, channel: Channel, now: float
    ) -> list[Event]:
        peer_session_id = message.numbers.get(_ASSIGNED, 0)
        if call.state is _WAIT_REPLY and peer_session_id:
            call.peer_session_id = peer_session_id
            self._by_peer[peer_session_id] = call.session_id
        if problem is None:
            return self._step(call, _ICRP_ACCEPTABLE, _UNEXPECTED, channel, now)
        return self._step(call, CallInput.RECEIVE_ICRP_NOT_ACCEPTABLE, _fault(problem), channel, now)

    def _receive_unknown(self, message: Message, channel: Channel, now: float) -> list[Event]:
        # The rows of the tables for calls in idle.
        if message.type in news.SPEEDS:
            return self._receive_speeds(message, channel)
        peer_session_id = message.numbers.get(_ASSIGNED, 0)
        if message.type == _CDN:
            return []  # ours and theirs have crossed
        if message.type == _OCRQ:
            return self._refuse(peer_session_id, _NO_SUCH_SERVICE, channel, now)
        if message.type == _ICRP and not self.lac:
            return self._refuse(peer_session_id, _UNEXPECTED, channel, now)
        return [Dropped(DropReason.UNKNOWN_CALL, self._association.path)]

    def _receive_speeds(self, message: Message, channel: Channel) -> list[Event]:
        association, asked = self._association, message.type == MessageType.CSURQ
        if asked is not self.lac:
            return [Dropped(DropReason.UNEXPECTED_MESSAGE, association.path)]
        if asked:
            return news.answer_speeds(message, self.table, channel, association.path)
        events = news.take_speeds(message, self.table, association.tunnel_id, association.path)
        if self.touched is not None:
            self.touched.update((event.key, None) for event in events if isinstance(event, SpeedChanged))
        return events

    def tell_accm(self, session_id: int, accm: Accm, channel: Channel) -> None:
        """Send and keep the ACCM of an established call (RFC 2661 section 6.14)."""
        call = self.table.get(session_id)
        if call is not None and call.state is _ESTABLISHED:
            call.report().accm = accm
            self._touch(call)
            channel.send(call.peer_session_id, messages.sli(accm))

    def _touch(self, call: Call) -> CallKey:
        key = call_key(self._association.tunnel_id, call.session_id)
        if self.touched is not None:
            self.touched[key] = None
        return key

    def _refuse(self, peer_session_id: int, cause: Cause, channel: Channel, now: float) -> list[Event]:
        association = self._association
        refused = CallRefused(association.group, association.path, cause, lac_hostname=association.lac_hostname)
        if peer_session_id == 0:
            return [Dropped(DropReason.BAD_AVP, association.path), refused]  # the LAC can be told nothing
        session_id = self._new_session_id(now) or 1  # a CDN must name one (RFC 2661 section 6.12)
        self._resting[session_id] = now + channel.cycle_s
        channel.send(peer_session_id, messages.cdn(session_id, cause))
        return [refused]

    def _new_session_id(self, now: float) -> int | None:
        resting = self._resting
        while resting:
            oldest = next(iter(resting))
            if resting[oldest] > now:
                break
            del resting[oldest]
        session_id = new_session_id(self.table, self._entropy)
        for _ in range(8):
            if session_id is None or session_id not in resting:
                break
            session_id = new_session_id(self.table, self._entropy)
        return session_id  # when nearly all ids are in use or resting: rather a young one than none

    def _step(self, call: Call, happening: CallInput, cause: Cause, channel: Channel, now: float) -> list[Event]:
        if self.touched is not None:
            self.touched[self._association.tunnel_id << 16 | call.session_id] = None
        before = call.state
        action = call.step(happening)
        if action == _SEND_ICRP:
            channel.send(call.peer_session_id, messages.icrp(call.session_id))
            return []
        if action == _PREPARE_FOR_DATA:
            if call.request.speed_updates:
                news.ask_speeds(call, channel)
            return self._established(call)
        if action == _SEND_ICCN:
            told = proxy.avps(call.proxied) if call.proxied is not None else b""
            channel.send(call.peer_session_id, messages.iccn(call.request) + told)
            return self._established(call)
        if action == _SEND_ICRQ:
            channel.send(0, messages.icrq(call.session_id, call.serial_number, call.request))
            return []
        if action == _NONE:
            return []
        if action == _SEND_CDN:
            channel.send(call.peer_session_id, messages.cdn(call.session_id, cause))
        self._forget(call)
        self._resting[call.session_id] = now + channel.cycle_s
        return [self._ended(call, before, cause)]

    def _established(self, call: Call) -> list[Event]:
        association = self._association
        self._pending.pop(call.session_id, None)
        call.prepare_for_data(association.peer_tunnel_id, self.order.options)
        up = CallUp(call_key(association.tunnel_id, call.session_id), self.info(call))
        call.proxied = None
        return [up]

    def info(self, call: Call) -> CallInfo:
        """Return what the LAC said of a call."""
        association = self._association
        return call.info(association.group, association.path, association.lac_hostname, association.peer_tunnel_id)

    def _forget(self, call: Call) -> None:
        self.table.pop(call.session_id, None)
        self._pending.pop(call.session_id, None)
        self.order.forget(call.session_id)
        if self._by_peer.get(call.peer_session_id) == call.session_id:
            del self._by_peer[call.peer_session_id]

    def _ended(self, call: Call, before: CallState, cause: Cause) -> Event:
        association = self._association
        key = call_key(association.tunnel_id, call.session_id)
        if before is _ESTABLISHED:
            return CallDown(key, cause)
        return CallRefused(association.group, association.path, cause, key, association.lac_hostname)

    def open(
        self, serial_number: int, request: CallRequest, proxied: Proxied | None, channel: Channel | None, *, now: float
    ) -> CallKey | None:
        """Begin a call in the LAC role: its ICRQ goes into ``channel``, or waits for ``tunnel_opened``.

        ``None`` is returned when no session id is free.
        """
        session_id = self._new_session_id(now)
        if session_id is None:
            return None
        call = Call(True, session_id, serial_number, request)
        call.proxied = proxied
        call.step(CallInput.OPEN)
        self.table[session_id] = call
        self._pending[session_id] = now + self._setup_timeout_s
        if channel is not None:
            self._step(call, CallInput.TUNNEL_OPEN, _UNEXPECTED, channel, now)
        return call_key(self._association.tunnel_id, session_id)

    def tunnel_opened(self, channel: Channel, *, now: float) -> None:
        """Send the ICRQ of each call that waits for the tunnel (RFC 2661 section 7.4.1)."""
        for session_id in self._pending:
            self._step(self.table[session_id], CallInput.TUNNEL_OPEN, _UNEXPECTED, channel, now)

    def close(self, session_id: int, cause: Cause, channel: Channel, *, now: float) -> list[Event]:
        """End a call by CDN; nothing happens when it is not there."""
        call = self.table.get(session_id)
        return [] if call is None else self._step(call, CallInput.CLOSE, cause, channel, now)

    def end(self, cause: Cause) -> list[Event]:
        """End all calls without a word: the tunnel is gone (RFC 2661 section 6.4)."""
        events = [self._ended(call, call.state, cause) for call in self.table.values()]
        if self.touched is not None:
            self.touched.update(dict.fromkeys(self._association.tunnel_id << 16 | number for number in self.table))
        for call in self.table.values():
            call.state = CallState.IDLE
            self.order.forget(call.session_id)
        self.table = {}
        self._by_peer = {}
        self._pending = {}
        self._resting = {}
        return events

    def handle_timeout(self, channel: Channel, *, now: float) -> list[Event]:
        """End calls that took too long to be established; give on what was held long enough."""
        events = self.order.handle_timeout(self.table, self._association.path, now=now)
        while self._pending:
            session_id, deadline = next(iter(self._pending.items()))
            if deadline > now:
                break
            events += self.close(session_id, _SETUP_TIMEOUT, channel, now=now)
        return events

    def save(self) -> SavedCalls:
        """Return plain data."""
        return {
            "calls": [call.save() for call in self.table.values()],
            "pending": list(self._pending.items()),
            "resting": list(self._resting.items()),
        }

    def resume(self, saved: SavedCalls, entropy: Entropy) -> None:
        """Go on from ``save``."""
        self._entropy = entropy
        for one in saved["calls"]:
            call = Call.restore(one, self._association.peer_tunnel_id)
            self.table[call.session_id] = call
            if call.peer_session_id:
                self._by_peer[call.peer_session_id] = call.session_id
            self.order.follow(call)
        self._pending = dict(saved["pending"])
        self._resting = dict(saved["resting"])


def _fault(problem: ProtocolViolation) -> Cause:
    return Cause.of(problem)
