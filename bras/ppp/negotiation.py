"""One option negotiation: the automaton at work, for LCP and for every NCP.

``Negotiation`` knows codes, identifiers, counters and the restart timer; what the options
mean is its ``OptionPolicy``'s affair.  It returns packets to send and what the layer above
must know, in order.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Protocol, TypeAlias

from bras.errors import DropReason, WireError
from bras.ppp import option, packet
from bras.ppp.automaton import (
    ACK_RCVD,
    ACK_SENT,
    CLOSE,
    CLOSED,
    CLOSING,
    DOWN,
    IRC,
    OPENED,
    RCA,
    RCN,
    RCR_BAD,
    RCR_GOOD,
    REQ_SENT,
    RTA,
    RTR,
    RUC,
    RXJ_CATASTROPHIC,
    RXJ_PERMITTED,
    RXR,
    SCA,
    SCJ,
    SCN,
    SCR,
    SER,
    STA,
    STARTING,
    STOPPING,
    STR,
    TABLE,
    TIMEOUT_LAST,
    TIMEOUT_MORE,
    TLD,
    TLF,
    TLU,
    UP,
    ZRC,
)
from bras.ppp.constants import (
    CODE_REJECT,
    CONFIGURE_ACK,
    CONFIGURE_NAK,
    CONFIGURE_REJECT,
    CONFIGURE_REQUEST,
    SMALLEST_MRU_OCTETS,
    TERMINATE_ACK,
    TERMINATE_REQUEST,
)
from bras.ppp.option import Option
from bras.ppp.settings import RestartConfig

HELD: Final = 0
"""Instead of a code, from ``OptionPolicy.judge``: the request cannot be judged yet."""
_MOST_REFUSALS: Final = 20
"""Refusals of our requests before we stop asking: a peer that never agrees, at network speed."""
_MOST_DOUBLINGS: Final = 16
PATIENCE: Final = 4
"""Timeouts that a client gets to begin LCP on its side: pppd sends its request again after three seconds.

One that had LCP open with its access concentrator may never (bngblaster issue 388).
"""
_HASTE_S: Final = 0.02
"""Seconds after which a peer's first request makes us doubt that ours was heard."""
_ANY_MRU_OCTETS: Final = SMALLEST_MRU_OCTETS - packet.HEADER_OCTETS
"""Data that fit the MRU of any peer: how much of an unknown packet, or of a reason to close, is sent."""


class Layer(Enum):
    """What became of the layer."""

    UP = "up"
    """This-Layer-Up: both sides have agreed."""
    DOWN = "down"
    """This-Layer-Down: the agreement is void."""
    FINISHED = "finished"
    """This-Layer-Finished: nothing more will be sent."""
    HURRIED = "hurried"
    """The deadline has come nearer than any timer is armed for."""
    HELD = "held"
    """The peer's request waits for the owner's word."""
    STUCK = "stuck"
    """The peer refuses what we cannot do without; the owner must close."""


Output: TypeAlias = bytes | Layer | DropReason
"""A packet to send, news of the layer, or why a packet was dropped."""


class OptionPolicy(Protocol):
    """What one protocol's options mean."""

    def restart(self) -> None:
        """Forget what the peer refused: the negotiation begins, or begins again."""

    def request(self) -> bytes:
        """Return the options of our next Configure-Request."""

    def judge(self, options: list[Option], may_nak: bool) -> tuple[int, bytes]:
        """Return the code of the answer (or ``HELD``) and its options; those of an Ack are the peer's."""

    def naked(self, options: list[Option]) -> bool:
        """Take the peer's hints; false when we cannot go on."""

    def rejected(self, options: list[Option]) -> bool:
        """Leave out what the peer rejects; false when we cannot go on."""


class Negotiation:
    """The automaton of RFC 1661 section 4 with its packets, counters and timer."""

    __slots__ = (
        "_config",
        "_identifier",
        "_naks_sent",
        "_outstanding",
        "_policy",
        "_refusals",
        "_restarts",
        "_serial",
        "deadline",
        "patience",
        "state",
    )

    def __init__(self, config: RestartConfig, policy: OptionPolicy, patience: int = 0) -> None:
        """Begin in Initial.

        ``patience``: after so many timeouts the peer's side counts as agreed, if it has
        acknowledged ours and asks for nothing; 0: never.
        """
        self._config = config
        self._policy = policy
        self.state: int = 0
        self.deadline: float | None = None
        self._identifier = 0  # of the request that awaits an answer
        self._serial = 0  # identifier of the last packet that is no such request
        self._restarts = 0  # the Restart counter
        self._outstanding: bytes | None = None  # data of the request that awaits an answer
        self._naks_sent = 0
        self._refusals = 0
        self.patience = patience

    @property
    def answers_echo(self) -> bool:
        """Return whether an Echo-Request is answered now (event RXR)."""
        cell = TABLE[RXR][self.state]
        return cell is not None and SER in cell[0]

    # -- what the owner does

    def open(self, *, now: float) -> list[Output]:
        """The lower layer is up and we want this one."""
        if self.state > STARTING:
            return []
        self.state = STARTING  # cell Open/Initial, whose tls needs nothing: our lower layer is always there
        self._policy.restart()
        return self._step(UP, now=now)

    def lower_down(self, *, now: float) -> list[Output]:
        """The lower layer is down."""
        self._outstanding = None
        self._naks_sent = 0
        return self._step(DOWN, now=now)

    def close(self, text: bytes, *, now: float) -> list[Output]:
        """We do not want this layer any more; the peer is told ``text``."""
        self._new_request(text[:_ANY_MRU_OCTETS])
        return self._step(CLOSE, now=now)

    def fail(self, text: bytes, *, now: float) -> list[Output]:
        """The peer rejected what this layer cannot do without (event RXJ-)."""
        self._new_request(text[:_ANY_MRU_OCTETS])
        return self._step(RXJ_CATASTROPHIC, now=now)

    def next_serial(self) -> int:
        """Return a fresh identifier for a packet that is no Configure- or Terminate-Request."""
        self._serial = self._serial + 1 & 0xFF
        return self._serial

    def handle_timeout(self, *, now: float) -> list[Output]:
        """The restart timer expired."""
        if self.deadline is None or now < self.deadline:
            return []
        if self.state == ACK_RCVD and self.patience:
            self.patience -= 1
            if not self.patience:
                return self._step(RCR_GOOD, now=now)  # as if it had asked for what it last had; nobody to answer
        return self._step(TIMEOUT_MORE if self._restarts > 0 else TIMEOUT_LAST, now=now)

    def adopt(self) -> None:
        """Another has negotiated in our name: the layer is open."""
        self.state = OPENED

    # -- what the peer does

    def receive(self, code: int, identifier: int, data: bytes, *, now: float) -> list[Output]:
        """Take a packet with one of the seven codes; any other is rejected."""
        if self.state <= STARTING:
            return [DropReason.NOT_OPEN]
        if code == CONFIGURE_REQUEST:
            outputs = self._request_received(identifier, data, now)
            if self._outstanding is not None:
                self._hurry(outputs, now)
            return outputs
        if code == CONFIGURE_ACK:
            return self._ack_received(identifier, data, now)
        if code in (CONFIGURE_NAK, CONFIGURE_REJECT):
            return self._refusal_received(code, identifier, data, now)
        if code == TERMINATE_REQUEST:
            return self._step(RTR, identifier, now=now)
        if code == TERMINATE_ACK:
            return self._step(RTA, now=now)
        if code == CODE_REJECT:
            return self._code_rejected(data, now)
        rejected = packet.build(code, identifier, data)[:_ANY_MRU_OCTETS]
        return self._step(RUC, 0, packet.build(CODE_REJECT, self.next_serial(), rejected), now=now)

    def _request_received(self, identifier: int, data: bytes, now: float) -> list[Output]:
        self.patience = 0  # it does ask for something, whatever we think of it
        if self.state in (CLOSED, CLOSING, STOPPING):
            return self._step(RCR_GOOD, identifier, now=now)  # whatever it asks, we are closing
        try:
            options = option.parse(data)
        except WireError:
            return [DropReason.BAD_OPTION]
        code, answer = self._policy.judge(options, self._naks_sent < self._config.max_failure)
        if code == CONFIGURE_ACK:
            return self._step(RCR_GOOD, identifier, packet.build(CONFIGURE_ACK, identifier, data), now=now)
        if code == HELD:
            return [Layer.HELD]
        if code == CONFIGURE_NAK:
            self._naks_sent += 1
        return self._step(RCR_BAD, identifier, packet.build(code, identifier, answer), now=now)

    def _hurry(self, outputs: list[Output], now: float) -> None:
        """Send our request again soon, if the peer speaks and has answered nothing: ours came before it was there.

        A real pppd misses the first one and would have to wait for the restart timer.  Requests
        that crossed each other are left alone: where the peer's came ``waited`` seconds after
        ours was sent, the way there and back takes no longer than that if it was late, and less
        than twice that if they crossed, so its answer would be here by then.
        """
        config, deadline = self._config, self.deadline
        if deadline is None or self._restarts != config.max_configure - 1:
            return
        waited = now - (deadline - min(config.restart_timer_s, config.restart_cap_s))
        again_at = now + max(2.0 * waited, 0.1)
        if waited >= _HASTE_S and again_at < deadline and self.state in (REQ_SENT, ACK_SENT):
            self.deadline = again_at
            outputs.append(Layer.HURRIED)

    def _ack_received(self, identifier: int, data: bytes, now: float) -> list[Output]:
        if identifier != self._identifier or data != self._outstanding:
            return [DropReason.UNEXPECTED_PACKET]  # late or duplicated (RFC 1661 section 5.2)
        if self.state >= REQ_SENT:
            self._outstanding = None
            if self.state == REQ_SENT and self.deadline is not None:  # the peer has its time, however hurried we were
                self.deadline = max(self.deadline, now + self._config.restart_timer_s)
        return self._step(RCA, identifier, now=now)

    def _refusal_received(self, code: int, identifier: int, data: bytes, now: float) -> list[Output]:
        if identifier != self._identifier or self._outstanding is None:
            return [DropReason.UNEXPECTED_PACKET]
        try:
            options = option.parse(data)
        except WireError:
            return [DropReason.BAD_OPTION]
        if self.state >= REQ_SENT:
            self._outstanding = None
            self._refusals += 1
            policy = self._policy
            goes_on = policy.naked(options) if code == CONFIGURE_NAK else policy.rejected(options)
            if not goes_on or self._refusals > _MOST_REFUSALS:
                return [Layer.STUCK]
        return self._step(RCN, identifier, now=now)

    def _code_rejected(self, data: bytes, now: float) -> list[Output]:
        if not data:
            return [DropReason.BAD_PACKET]
        if CONFIGURE_REQUEST <= data[0] <= CODE_REJECT:
            return self.fail(b"", now=now)
        return self._step(RXJ_PERMITTED, now=now)

    # -- the automaton

    def _step(self, event: int, identifier: int = 0, answer: bytes = b"", *, now: float) -> list[Output]:
        """Run one cell of the table; ``answer`` is what sca, scn and scj send."""
        cell = TABLE[event][self.state]
        if cell is None:
            return []
        actions, self.state = cell
        outputs: list[Output] = []
        for action in actions:
            if action == SCA:  # the commonest first
                if answer:
                    outputs.append(answer)
                self._naks_sent = 0
            elif action == IRC:
                self._restarts = self._config.max_terminate if self.state < REQ_SENT else self._config.max_configure
            elif action == SCR:
                outputs.append(self._configure_request(now))
            elif action == TLU:
                self._refusals = 0
                outputs.append(Layer.UP)
            elif action in (SCN, SCJ):
                outputs.append(answer)
            elif action == STR:
                outputs.append(self._terminate_request(now))
            elif action == STA:
                outputs.append(packet.build(TERMINATE_ACK, identifier))
            else:
                self._seldom(action, outputs, now)
        if self.state < CLOSING or self.state == OPENED:
            self.deadline = None
        return outputs

    def _seldom(self, action: int, outputs: list[Output], now: float) -> None:
        """Carry out zrc, tld and tlf; tls needs nothing."""
        if action == ZRC:
            self._restarts = 0
            self.deadline = now + self._config.restart_timer_s
        elif action == TLD:
            self._policy.restart()
            outputs.append(Layer.DOWN)
        elif action == TLF:
            outputs.append(Layer.FINISHED)

    def _new_request(self, data: bytes) -> None:
        """Choose a new identifier: contents change (RFC 1661 section 5.1)."""
        self._identifier = self._identifier + 1 & 0xFF
        self._outstanding = data

    def _configure_request(self, now: float) -> bytes:
        """Send, or send again, our request; the same identifier as long as nobody answered it."""
        if self._outstanding is None:
            self._new_request(self._policy.request())
        self._arm(self._config.max_configure, now)
        return packet.build(CONFIGURE_REQUEST, self._identifier, self._outstanding or b"")

    def _terminate_request(self, now: float) -> bytes:
        self._arm(self._config.max_terminate, now)
        return packet.build(TERMINATE_REQUEST, self._identifier, self._outstanding or b"")

    def _arm(self, most: int, now: float) -> None:
        """Count a transmission and start the timer: it doubles with each, up to the cap."""
        config = self._config
        interval_s = config.restart_timer_s
        if self._restarts < most:
            interval_s *= 1 << min(most - self._restarts, _MOST_DOUBLINGS)
        self._restarts -= 1
        self.deadline = now + min(interval_s, config.restart_cap_s)

    # -- state as data

    def save(self) -> list[Any]:
        """Return the state as plain data; the policy saves itself."""
        return [
            self.state,
            self.deadline,
            self._identifier,
            self._serial,
            self._restarts,
            self._outstanding,
            self._naks_sent,
            self._refusals,
            self.patience,
        ]

    @classmethod
    def restore(cls, data: list[Any], config: RestartConfig, policy: OptionPolicy) -> Negotiation:
        """Return the negotiation that ``save`` described."""
        self = cls(config, policy)
        (
            self.state,
            self.deadline,
            self._identifier,
            self._serial,
            self._restarts,
            self._outstanding,
            self._naks_sent,
            self._refusals,
            self.patience,
        ) = data
        return self
