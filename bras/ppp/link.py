"""One PPP link, in either role: LCP, authentication, keep-alive (RFC 1661 section 3).

Theory of operation.  The phases are the RFC's::

    DEAD -> ESTABLISH -> AUTHENTICATE -> NETWORK        any of them -> TERMINATE -> ENDED
                ^______________|____________|           (the peer renegotiates LCP)

The server (the LNS) demands proof by the first method of its list that the client agrees
to, hands the credentials to its owner, and waits for ``accept`` or ``refuse``.  The client
(an emulated subscriber) proves itself.  A frame that does not fit the phase is dropped and
counted; each link ends with exactly one LinkDown, after which it sends nothing.
"""

from __future__ import annotations

from typing import Any, Final

from bras.errors import DropReason, WireError
from bras.ids import Entropy
from bras.ppp import frame as framing
from bras.ppp import packet, settling
from bras.ppp.authentication import Verdict
from bras.ppp.automaton import OPENED, REQ_SENT
from bras.ppp.constants import (
    CHAP,
    CODE_REJECT,
    CONFIGURE_REQUEST,
    EAP,
    ECHO_REPLY,
    ECHO_REQUEST,
    IDENTIFICATION,
    IPV4,
    IPV6,
    LCP,
    NO_MAGIC,
    PAP,
    PROTOCOL_REJECT,
    TERMINATE_REQUEST,
    TIME_REMAINING,
)
from bras.ppp.events import (
    ClientIdentified,
    CredentialsOffered,
    DeadlineMoved,
    Dropped,
    EchoMeasured,
    LinkDown,
    LinkEnd,
    LinkEvent,
    LinkRestarted,
    LinkUp,
    NetworkPacketReceived,
    ProtocolRejected,
    SendFrame,
)
from bras.ppp.keepalive import Keepalive
from bras.ppp.lcp import MOST_LOOPS, Lcp
from bras.ppp.negotiation import PATIENCE, Layer, Negotiation, Output
from bras.ppp.phases import LinkFacts, LinkState
from bras.ppp.proof import Proof
from bras.ppp.settings import ClientIdentity, LinkConfig

__all__ = ["ClientIdentity", "Link", "LinkConfig", "LinkFacts", "LinkState"]

_VERSION: Final = 1
_LOOPED: Final = "our own magic number came back"


class Link:
    """One link; the owner sends its frames, reads its events and keeps its deadline."""

    __slots__ = (
        "_end", "_headers", "_lcp", "_options", "_text", "config", "echo_at", "keepalive", "proof", "state",
    )  # fmt: skip

    def __init__(self, config: LinkConfig, entropy: Entropy) -> None:
        """Begin dead; ``open`` sends the first frame."""
        self.config = config
        self.state = LinkState.DEAD
        self._options = Lcp(config, entropy)
        self._lcp = Negotiation(config.restart, self._options, PATIENCE if config.client is None else 0)
        self.keepalive = Keepalive()
        self.proof = Proof(config, entropy)
        self.echo_at: float | None = None  # of keep-alive; the restart timer is LCP's
        self._headers = framing.UNCOMPRESSED
        self._end: LinkEnd | None = None  # why it is ending, once it is
        self._text = ""

    # -- what the owner reads

    @property
    def deadline(self) -> float | None:
        """Return the instant at which ``handle_timeout`` should be called."""
        deadline = self._lcp.deadline
        if deadline is not None:
            return deadline
        deadline, other = self.proof.deadline, self.echo_at
        return other if deadline is None or (other is not None and other < deadline) else deadline

    @property
    def facts(self) -> LinkFacts:
        """Return what was negotiated."""
        return settling.facts(self._options, self.keepalive.round_trip_s)

    def frame(self, protocol: int, octets: bytes) -> bytes:
        """Put a packet into a frame, as negotiated."""
        return (self._headers.get(protocol) or framing.header(protocol, acfc=False, pfc=False)) + octets

    # -- what the owner does

    def open(self, *, now: float) -> list[LinkEvent]:
        """The call is up: send the first Configure-Request."""
        if self.state is not LinkState.DEAD:
            return []
        self.state = LinkState.ESTABLISH
        return self._perform(self._lcp.open(now=now), now)

    def accept(self, message: bytes, ms_chap2_success: bytes, *, now: float) -> list[LinkEvent]:
        """Accept the credentials that were offered; ``ms_chap2_success`` is ``S=…`` for MS-CHAPv2."""
        octets = self.proof.decide(True, message, ms_chap2_success)
        if octets is None:
            return []
        if self.state is LinkState.NETWORK:  # it was challenged again, and nothing has changed
            self.proof.rest(now=now)
            return self._send_proof(octets)
        return [*self._send_proof(octets), *self._link_up(now)]

    def refuse(self, message: bytes, ms_chap_error: bytes, *, now: float) -> list[LinkEvent]:
        """Refuse the credentials that were offered: the client is told why, then LCP ends."""
        octets = self.proof.decide(False, message, ms_chap_error)
        return [] if octets is None else [*self._send_proof(octets), *self._close(LinkEnd.AUTH_REFUSED, message, now)]

    def repeat_answer(self) -> list[LinkEvent]:
        """Tell the client again that it is in: one that has not heard it waits for it (RFC 1994 section 4.2)."""
        return self._send_proof(self.proof.repeat())

    def close(self, text: bytes, *, now: float) -> list[LinkEvent]:
        """End the link; the peer is told ``text``."""
        return self._close(LinkEnd.LOCAL_CLOSE, text, now)

    def handle_timeout(self, *, now: float) -> list[LinkEvent]:
        """Do what is due."""
        if self._lcp.deadline is not None:
            return self._perform(self._lcp.handle_timeout(now=now), now)
        proof = self.proof
        if proof.deadline is not None and now >= proof.deadline:
            octets = proof.handle_timeout(now=now)
            if octets is None:
                return self._close(LinkEnd.AUTH_TIMEOUT, b"authentication timed out", now)
            return self._send_proof(octets)
        return [] if self.echo_at is None or now < self.echo_at else self._keepalive_timeout(now)

    # -- what the peer does

    def receive(self, frame: bytes, *, now: float) -> list[LinkEvent]:
        """Take a frame: with or without FF 03, the protocol in one octet or two."""
        state = self.state
        if state is LinkState.DEAD or state is LinkState.ENDED:
            return [Dropped(DropReason.NOT_OPEN)]
        try:
            protocol, offset = framing.parse(frame)
        except WireError:
            return [Dropped(DropReason.BAD_FRAME)]
        self.keepalive.heard_at = now
        try:
            if protocol == LCP:
                return self._lcp_received(*packet.parse(frame, offset), now)
            if protocol in self.config.network_protocols:
                if state is LinkState.NETWORK:
                    return [NetworkPacketReceived(protocol, frame[offset:])]
                return [Dropped(DropReason.NOT_OPEN)]  # RFC 1661 section 3.5: silently
            if protocol in (PAP, CHAP):
                return self._auth_received(protocol, *packet.parse(frame, offset), now)
        except WireError:
            return [Dropped(DropReason.BAD_PACKET)]
        return self._unknown_protocol(protocol, frame[offset:])

    def _unknown_protocol(self, protocol: int, octets: bytes) -> list[LinkEvent]:
        """Reject it once LCP and authentication are done (RFC 1661 sections 3.5 and 5.7); EAP once LCP is."""
        answered = self.state is LinkState.NETWORK or (protocol == EAP and self.state is LinkState.AUTHENTICATE)
        if protocol == IPV4 and answered:
            return [NetworkPacketReceived(protocol, octets)]  # one that did not come by way of the data plane
        if protocol == IPV6 or not answered:
            return [Dropped(DropReason.NOT_OPEN)]
        reject = self._options.protocol_reject(self._lcp.next_serial(), protocol, octets)
        return [SendFrame(framing.LCP_HEADER + reject), Dropped(DropReason.UNKNOWN_PROTOCOL)]

    # -- LCP

    def _lcp_received(self, code: int, identifier: int, data: bytes, now: float) -> list[LinkEvent]:
        if PROTOCOL_REJECT <= code <= TIME_REMAINING:
            return self._maintenance_received(code, identifier, data, now)
        if code == CODE_REJECT:
            return self._code_rejected(identifier, data, now)
        outputs = self._lcp.receive(code, identifier, data, now=now)
        events = self._perform(outputs, now)
        settling.tell_refusals(events, code, data, outputs)
        if code == TERMINATE_REQUEST:
            # At once: the Terminate-Ack is on its way before the CDN that the owner sends now, and
            # a pause (RFC 1661 section 3.7) would only hold address and port for a client that has gone.
            events = [event for event in events if type(event) is SendFrame]
            events.append(self._ended(LinkEnd.PEER_TERMINATED, packet.text(data)))
        elif self._options.loops >= MOST_LOOPS:
            return [self._ended(LinkEnd.LOOPBACK, _LOOPED)]
        return events

    def _perform(self, outputs: list[Output], now: float) -> list[LinkEvent]:
        """Put what LCP says into frames and events, in order."""
        events: list[LinkEvent] = []
        for output in outputs:
            if isinstance(output, bytes):
                events.append(SendFrame(framing.LCP_HEADER + output))
            elif isinstance(output, DropReason):
                events.append(Dropped(output))
            elif output is Layer.HURRIED:
                events.append(DeadlineMoved())
            elif output is Layer.UP:
                events += self._lcp_up(now)
            elif output is Layer.DOWN:
                self._lcp_down(events)
            elif output is Layer.STUCK:
                exhausted = self._options.methods_exhausted
                end = LinkEnd.NO_COMMON_AUTH if exhausted else LinkEnd.NEGOTIATION_FAILED
                events += self._close(end, b"no common authentication" if exhausted else b"no agreement", now)
            elif output is Layer.FINISHED:
                events.append(self._ended(LinkEnd.NEGOTIATION_FAILED, "LCP found no agreement"))
        return events

    def _lcp_up(self, now: float) -> list[LinkEvent]:
        """LCP is open: authenticate, or be up if nobody asks for it."""
        options = self._options
        self._headers = framing.headers(options.acfc, options.pfc)
        opened = settling.opened(options)
        if not opened.method:
            return [opened, *self._link_up(now)]
        self.state = LinkState.AUTHENTICATE
        return [opened, *self._send_proof(self.proof.begin(opened.method, now=now))]

    def _lcp_down(self, events: list[LinkEvent]) -> None:
        """LCP left Opened: the peer negotiates again, or it is the end."""
        self.proof.forget()
        self.echo_at = None
        self._headers = framing.UNCOMPRESSED
        if self._lcp.state >= REQ_SENT:
            self.state = LinkState.ESTABLISH
            events.append(LinkRestarted())
        else:
            self.state = LinkState.TERMINATE

    def _maintenance_received(self, code: int, identifier: int, data: bytes, now: float) -> list[LinkEvent]:
        """Take a packet that only an open LCP understands (RFC 1661 sections 5.7 to 5.9, RFC 1570)."""
        if not self._lcp.answers_echo:
            return [Dropped(DropReason.NOT_OPEN)]
        if code == PROTOCOL_REJECT:
            return self._protocol_rejected(data, now)
        if len(data) < len(NO_MAGIC):
            return [Dropped(DropReason.BAD_PACKET)]
        if code == ECHO_REQUEST:
            return self._echo_requested(identifier, data)
        if code == ECHO_REPLY:
            # One that bears our magic number comes from a peer that copies it: a loop would
            # have brought back our request, which nobody answers.
            answers = self.keepalive.replied(identifier, now=now)
            return [EchoMeasured(self.keepalive.round_trip_s) if answers else Dropped(DropReason.UNEXPECTED_PACKET)]
        return [ClientIdentified(packet.text(data[len(NO_MAGIC) :]))] if code == IDENTIFICATION else []

    def _echo_requested(self, identifier: int, data: bytes) -> list[LinkEvent]:
        reply = self._options.echo_reply(identifier, data)
        if reply is not None:
            return [SendFrame(framing.LCP_HEADER + reply)]
        looped = self._options.loops >= MOST_LOOPS
        return [self._ended(LinkEnd.LOOPBACK, _LOOPED) if looped else Dropped(DropReason.LOOPBACK)]

    def _protocol_rejected(self, data: bytes, now: float) -> list[LinkEvent]:
        protocol = int.from_bytes(data[:2], "big")
        if protocol in self.config.network_protocols:
            return [ProtocolRejected(protocol)]
        if protocol in (LCP, self.proof.protocol):
            return self._fail(f"Protocol-Reject of {protocol:04x}", now)
        return [Dropped(DropReason.UNEXPECTED_PACKET)]

    def _code_rejected(self, identifier: int, data: bytes, now: float) -> list[LinkEvent]:
        if data and data[0] == ECHO_REQUEST:
            self.keepalive.refused = True  # it lives, but cannot be asked
            if self.state is LinkState.NETWORK:
                self.echo_at = None
        if data and CONFIGURE_REQUEST <= data[0] <= CODE_REJECT:
            return self._fail(f"Code-Reject of code {data[0]}", now)
        return self._perform(self._lcp.receive(CODE_REJECT, identifier, data, now=now), now)

    # -- authentication

    def _auth_received(self, protocol: int, code: int, identifier: int, data: bytes, now: float) -> list[LinkEvent]:
        outcome = self.proof.receive(protocol, code, identifier, data, now=now)
        if isinstance(outcome, bytes):
            return self._send_proof(outcome)
        if isinstance(outcome, DropReason):
            return self._misunderstood(outcome, protocol, code, now)
        if isinstance(outcome, Verdict):
            if not outcome.accepted:
                return self._close(LinkEnd.AUTH_REFUSED, outcome.message, now)
            return self._link_up(now) if self.state is LinkState.AUTHENTICATE else []
        return [CredentialsOffered(outcome, self.proof.again)]

    def _misunderstood(self, reason: DropReason, protocol: int, code: int, now: float) -> list[LinkEvent]:
        """Drop a packet; one of CHAP from a client that agreed to PAP (Netgear DM602) is taken at its word."""
        if not self.proof.turns_to_chap(protocol, code):
            return [Dropped(reason)]
        self._options.adopt(self._options.magic, "chap")
        return [Dropped(reason), *self._send_proof(self.proof.begin("chap", now=now))]

    def _send_proof(self, octets: bytes) -> list[LinkEvent]:
        """Send a packet, or nothing."""
        return [SendFrame(self.frame(method.protocol, octets))] if octets and (method := self.proof.method) else []

    # -- up and down

    def _link_up(self, now: float) -> list[LinkEvent]:
        options = self._options
        self.state = LinkState.NETWORK
        self.keepalive.heard_at = now
        self.echo_at = self.keepalive.due_at(self.config.echo_interval_s)
        self.proof.rest(now=now)
        mru = min(options.peer_mru, self.config.mru)
        return [LinkUp(mru, options.acfc, options.pfc, options.peer_accm)]

    def _keepalive_timeout(self, now: float) -> list[LinkEvent]:
        config, keepalive = self.config, self.keepalive
        due_at = keepalive.due_at(config.echo_interval_s)
        if due_at is None or now < due_at:
            self.echo_at = due_at
            return []
        if keepalive.silent(config.echo_failures, config.echo_interval_s, now=now):
            events = self._close(LinkEnd.ECHO_TIMEOUT, b"no answer to Echo-Requests", now)
            return [*events, self._ended(LinkEnd.ECHO_TIMEOUT, "")]  # nobody is there to wait for
        identifier = self._lcp.next_serial()
        keepalive.sent(identifier, now=now)
        self.echo_at = keepalive.due_at(config.echo_interval_s)
        return [SendFrame(framing.LCP_HEADER + packet.build(ECHO_REQUEST, identifier, self._options.magic))]

    def _fail(self, text: str, now: float) -> list[LinkEvent]:
        """End it because the peer rejects what no link can be without."""
        self._end_as(LinkEnd.PROTOCOL_REJECTED, text)
        return self._perform(self._lcp.fail(text.encode(), now=now), now)

    def _close(self, end: LinkEnd, text: bytes, now: float) -> list[LinkEvent]:
        """Begin the end: Terminate-Request, if there is anyone to send it to."""
        if self.state is LinkState.TERMINATE or self.state is LinkState.ENDED:
            return []
        self._end_as(end, packet.text(text))
        if self.state is LinkState.DEAD:
            return [self._ended(end, self._text)]
        self.state = LinkState.TERMINATE
        return self._perform(self._lcp.close(text, now=now), now)

    def _end_as(self, end: LinkEnd, text: str) -> None:
        """Remember why, unless there is a reason already."""
        if self._end is None:
            self._end = end
            self._text = text

    def _ended(self, end: LinkEnd, text: str) -> LinkDown:
        """End it now, for the first reason that there was."""
        self._end_as(end, text)
        self.state = LinkState.ENDED
        self._lcp.deadline = self.echo_at = self.proof.deadline = None
        return LinkDown(self._end or end, self._text)

    # -- state as data

    def save(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "version": _VERSION,
            "state": self.state.value,
            "deadline": self.echo_at,
            "end": self._end.value if self._end is not None else None,
            "keepalive": self.keepalive.save(),
            "lcp": self._lcp.save(),
            "options": self._options.save(),
            "proof": self.proof.save(),
            "text": self._text,
        }

    @classmethod
    def restore(cls, data: dict[str, Any], config: LinkConfig, entropy: Entropy) -> Link:
        """Return the link that ``save`` described."""
        self = cls(config, entropy)
        self.state = LinkState(data["state"])
        self._options = options = Lcp.restore(data["options"], config, entropy)
        self._lcp = Negotiation.restore(data["lcp"], config.restart, options)
        self.keepalive = Keepalive.restore(data["keepalive"])
        self.proof = Proof.restore(data["proof"], options.agreed_method, config, entropy)
        self.echo_at = data["deadline"]
        is_open = self._lcp.state == OPENED
        self._headers = framing.headers(is_open and options.acfc, is_open and options.pfc)
        self._end = LinkEnd(data["end"]) if data["end"] is not None else None
        self._text = data["text"]
        return self
