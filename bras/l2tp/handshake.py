"""How two ends of a tunnel introduce themselves (RFC 2661 sections 5.1, 5.1.1, 6.1 to 6.3).

Builds SCCRQ, SCCRP and SCCCN, judges those of the peer, and knows what they said.  What
follows from a verdict is for ``TUNNEL_TABLE``.
"""

from __future__ import annotations

from typing import Final

from bras.config.model import LacConfig
from bras.ids import Entropy
from bras.l2tp import avp, messages
from bras.l2tp.admission import NO_SECRET, unsupported_version
from bras.l2tp.calls import Association
from bras.l2tp.challenge import Authentication
from bras.l2tp.channel import Channel
from bras.l2tp.constants import DEFAULT_PEER_WINDOW, AvpType, MessageType, StopResult
from bras.l2tp.events import By, Cause, Refusal
from bras.l2tp.hidden import Hiding
from bras.l2tp.messages import Message
from bras.l2tp.states import TunnelInput, TunnelState
from bras.plain import Saved
from bras.secret import Secret

VENDOR_NAME = "bras"
FSM_ERROR: Final = Cause(By.LOCAL, StopResult.FSM_ERROR, 0, "message out of sequence")
_NOT_AUTHORIZED: Final = Cause(
    By.LOCAL, StopResult.NOT_AUTHORIZED, 0, "tunnel authentication failed", refusal=Refusal.WRONG_SECRET
)
WRONG_RESPONSE: Final = Cause(
    By.LOCAL, StopResult.NOT_AUTHORIZED, 0, "tunnel authentication failed", refusal=Refusal.WRONG_SECRET
)
"""The same, for a wrong response in SCCCN: one of its own, for it can lead to a lock-out."""
_SCCRP: Final = MessageType.SCCRP
_SCCCN: Final = MessageType.SCCCN
_SCCRQ: Final = MessageType.SCCRQ

Verdict = tuple[TunnelInput | None, Cause]
"""What a message is to the state table (``None``: nothing), and why the tunnel ends if it does."""


class Handshake:
    """What one tunnel's ends tell each other before it is established."""

    __slots__ = ("_association", "_group", "_hostname", "authentication")

    def __init__(self, association: Association, group: LacConfig, hostname: str, entropy: Entropy) -> None:
        """Begin; ``hostname`` is ours in the LNS role."""
        self._association = association
        self._group = group
        self._hostname = hostname
        self.authentication = Authentication(group.secrets, entropy)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Return the secrets with which the peer may have hidden AVPs, the likeliest first."""
        return self.authentication.ordered

    def hiding(self, entropy: Entropy) -> Hiding | None:
        """Return what hides AVPs, if the group wants that."""
        return Hiding(self.authentication, entropy) if self._group.hide_avps else None

    def follow(self, group: LacConfig, hostname: str) -> None:
        """Go on under another configuration; see ``Authentication.follow``."""
        self._group = group
        self._hostname = hostname
        self.authentication.follow(group.secrets)

    def request(self, tie_breaker: bytes) -> bytes:
        """Build our SCCRQ; ``tie_breaker`` is 8 octets by chance (RFC 2661 section 4.4.3)."""
        body = self._start(_SCCRQ, self._association.lac_hostname, None)
        return body + avp.octets(AvpType.TIE_BREAKER, tie_breaker)

    def reply(self, request: Message) -> bytes:
        """Build our SCCRP for an acceptable SCCRQ."""
        return self._start(_SCCRP, self._hostname, request.octets.get(AvpType.CHALLENGE))

    def connected(self, reply: Message) -> bytes:
        """Build our SCCCN for an acceptable SCCRP."""
        return messages.scccn() + self.authentication.answer_avp(_SCCCN, reply.octets.get(AvpType.CHALLENGE))

    def _start(self, kind: int, hostname: str, challenge: bytes | None) -> bytes:
        body = messages.start(kind, hostname, VENDOR_NAME, self._association.tunnel_id, self._group.receive_window)
        return body + self.authentication.challenge_avp() + self.authentication.answer_avp(kind, challenge)

    def learn(self, message: Message, channel: Channel) -> None:
        """Take in what an acceptable SCCRQ or SCCRP says of the peer."""
        association = self._association
        association.peer_tunnel_id = message.numbers[AvpType.ASSIGNED_TUNNEL_ID]
        association.peer_hostname = message.text(AvpType.HOST_NAME)
        association.peer_vendor = message.text(AvpType.VENDOR_NAME)
        channel.peer_tunnel_id = association.peer_tunnel_id
        channel.offered(message.numbers.get(AvpType.RECEIVE_WINDOW_SIZE, DEFAULT_PEER_WINDOW))

    def judge(self, message: Message, state: TunnelState, channel: Channel) -> Verdict:
        """Say what a message that is neither about a call nor a StopCCN is to a tunnel in ``state``."""
        problem = message.problem()
        cause = None if problem is None else Cause.of(problem)
        if message.type == _SCCRP:
            if state is TunnelState.WAIT_CTL_REPLY:  # also a StopCCN is for the id that it assigns
                channel.peer_tunnel_id = message.numbers.get(AvpType.ASSIGNED_TUNNEL_ID, 0)
            cause = cause or self._judge_reply(message, state)
            if cause is None:
                return TunnelInput.RECEIVE_SCCRP_ACCEPTABLE, FSM_ERROR
            return TunnelInput.RECEIVE_SCCRP_NOT_ACCEPTABLE, cause
        if message.type == _SCCCN:
            cause = cause or self._judge_connected(message, state)
            if cause is None:
                return TunnelInput.RECEIVE_SCCCN_ACCEPTABLE, FSM_ERROR
            return TunnelInput.RECEIVE_SCCCN_NOT_ACCEPTABLE, cause
        if message.type == _SCCRQ:
            return TunnelInput.RECEIVE_SCCRQ, FSM_ERROR
        if cause is not None:
            return TunnelInput.CLOSE, cause
        return None, FSM_ERROR  # Hello, or an unknown message that need not be understood

    def resume(self, authentication: Saved, *, lac: bool) -> None:
        """Go on from what ``authentication`` has saved; ``lac`` is our role."""
        self.authentication.resume(_SCCRP if lac else _SCCCN, authentication)

    def _judge_reply(self, message: Message, state: TunnelState) -> Cause | None:
        if state is not TunnelState.WAIT_CTL_REPLY:
            return FSM_ERROR
        refusal = unsupported_version(message)
        if refusal is not None:
            return refusal
        if not self.authentication.accepts(_SCCRP, message.octets.get(AvpType.CHALLENGE_RESPONSE, b"")):
            return _NOT_AUTHORIZED
        if AvpType.CHALLENGE in message.octets and not self._group.secrets:
            return NO_SECRET
        return None

    def _judge_connected(self, message: Message, state: TunnelState) -> Cause | None:
        if state is not TunnelState.WAIT_CTL_CONN:
            return FSM_ERROR
        if self.authentication.accepts(_SCCCN, message.octets.get(AvpType.CHALLENGE_RESPONSE, b"")):
            return None
        return WRONG_RESPONSE
