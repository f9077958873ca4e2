"""The whole LNS as one deterministic machine: ``handle(input, now)`` returns the effects.

No clock, no dice, no socket: what happened comes in as an Input, what the world must do
goes out as Effects, in order.  The same inputs give the same effects, so a recorded
stream of inputs replays a fault.
"""

from __future__ import annotations

from collections.abc import Mapping

from bras.addressing.pools import Pools
from bras.config.model import Config
from bras.ids import CallKey, Entropy, call_key
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import By, Cause
from bras.lns import from_l2tp, from_radius, from_subscriber, operate, resume, state
from bras.lns.commit import Commit
from bras.lns.core import Books, Core
from bras.lns.effects import Effect
from bras.lns.inputs import (
    ClockRead,
    CommandReceived,
    CountersRead,
    DatagramReceived,
    Input,
    PathMeasured,
    Programmed,
    RadiusReceived,
    SendFailed,
    TimerFired,
)
from bras.lns.operate import Operations
from bras.lns.policy import Policy
from bras.lns.registry import Registry
from bras.lns.resume import Read, Resumption
from bras.plain import Saved, encode
from bras.radius.accounting import AccountingRecords
from bras.radius.attributes import IdentityEncoder
from bras.radius.codec import Codec
from bras.radius.exchange import Exchanges

CDN_GENERAL_ERROR = 2
"""Result Code "Call disconnected for the reasons indicated in error code" (RFC 2661 section 4.4.2)."""


class Lns:
    """One worker of the LNS."""

    __slots__ = ("commit", "core", "operations", "resumption")

    def __init__(self, config: Config, codec: Codec, entropy: Entropy, *, epoch: int) -> None:
        """Stand ready; ``epoch`` is 32 bits that no earlier start has had (seconds of the wall clock)."""
        self.commit: Commit | None = None
        """Given: each turn's effects begin with what it has changed."""
        self.resumption: Resumption | None = None
        """What there is still to be done of a journal."""
        self.core = Core(
            config=config,
            endpoint=Endpoint(lns=config.lns, groups=config.lac, entropy=entropy),
            exchanges=Exchanges(config.radius, codec, entropy),
            pools=Pools(config.pool, reserved=state.reserved_addresses(config)),
            policy=Policy(config, epoch),
            books=Books(IdentityEncoder(codec, config.radius), AccountingRecords(codec)),
            registry=Registry(),
            entropy=entropy,
        )
        self.operations = Operations()

    def save(self) -> Saved:
        """Return the whole state as plain data, between two inputs; see ``bras.lns.state``."""
        return state.save(self.core, self.operations)

    @classmethod
    def restore(cls, saved: Saved, config: Config, codec: Codec, entropy: Entropy) -> Lns:
        """Return the Lns that ``save`` was called on; raises StateError."""
        lns = cls.__new__(cls)
        lns.core, lns.operations = state.restore(saved, config, codec, entropy)
        lns.commit = lns.resumption = None
        return lns

    @classmethod
    def resume(
        cls,
        records: Mapping[str, bytes],
        config: Config,
        codec: Codec,
        entropy: Entropy,
        *,
        epoch: int,
        boot: str,
        read: Read,
    ) -> Lns:
        """Go on where a journal ends (an empty one: begin), and keep it on; see ``bras.lns.resume``.

        ``boot`` names this run of the machine's clock; ``read`` is the data plane's, which
        tells what has outlived the process.  The first input must be ClockRead.  Raises StateError.
        """
        lns = cls.__new__(cls)
        lns.core, lns.operations, lns.commit, lns.resumption = resume.resume(
            records, config, codec, entropy, epoch=epoch, boot=boot, read=read
        )
        return lns

    @property
    def deadline(self) -> float | None:
        """Return the instant at which TimerFired should come; it may be early, never late."""
        core = self.core
        deadlines = (
            core.endpoint.deadline,
            core.exchanges.deadline,
            core.registry.deadlines.next_deadline,
            self.operations.deadline,
            self.resumption.due_at if self.resumption is not None else None,
        )
        return min((at for at in deadlines if at is not None), default=None)

    def handle(self, given: Input, now: float) -> list[Effect]:
        """Take one input; return what must be done, in order."""
        core = self.core
        effects: list[Effect] = []
        core.effects = effects
        if type(given) is DatagramReceived:
            from_l2tp.take(core, core.endpoint.receive(given.path, given.data, now=now), now)
        elif type(given) is RadiusReceived:
            events = core.exchanges.receive(given.server, given.kind, given.socket, given.data, now=now)
            from_radius.take(core, events, now)
        elif type(given) is Programmed:
            self._programmed(given, now)
        else:
            self._handle_rare(given, now)
        backlog = core.backlog
        if backlog.subscriber or backlog.radius or backlog.l2tp:
            self._drain(now)
        if self.operations.is_busy:
            operate.turn_ended(self.operations, core, now)
            self._drain(now)
        return effects if self.commit is None else self.commit.seal(core, self.operations.announced)

    def abandon(self, given: Input, now: float) -> list[Effect]:
        """Give up what an input was for, after its handling failed: the defect is ours, and one call bears it."""
        core = self.core
        effects: list[Effect] = []
        core.effects = effects
        if isinstance(given, DatagramReceived):
            self._abandon_datagram(given.data, now)
        elif isinstance(given, Programmed):
            self._abandon(given.outcome.generation, now)
        self._drain(now)
        return effects if self.commit is None else self.commit.seal(core, self.operations.announced)

    def _abandon_datagram(self, data: bytes, now: float) -> None:
        """End the call that the data are for, or the tunnel that the control message is for."""
        at = 4 if data[0] & 0x40 else 2
        tunnel_id, session_id = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
        endpoint = self.core.endpoint
        if data[0] & 0x80:
            cause = Cause(By.LOCAL, CDN_GENERAL_ERROR, 0, "internal error")
            from_l2tp.take(self.core, endpoint.close_tunnel(tunnel_id, cause, now=now), now)
        else:
            self._abandon_call(call_key(tunnel_id, session_id), now)

    def _abandon_call(self, key: CallKey, now: float) -> None:
        cause = Cause(By.LOCAL, CDN_GENERAL_ERROR, 0, "internal error")
        from_l2tp.take(self.core, self.core.endpoint.close_call(key, cause, now=now), now)

    def _abandon(self, number: int, now: float) -> None:
        subscriber = self.core.registry.by_number.get(number)
        if subscriber is not None:
            self._abandon_call(subscriber.leg.key, now)

    def _programmed(self, given: Programmed, now: float) -> None:
        subscriber = self.core.registry.by_number.get(given.outcome.generation)
        if subscriber is not None:
            from_subscriber.take(self.core, subscriber, subscriber.programmed(given.outcome, now=now), now)

    def _handle_rare(self, given: Input, now: float) -> None:
        core = self.core
        if isinstance(given, TimerFired):
            self._timer_fired(now)
        elif isinstance(given, CountersRead):
            self._counters_read(given, now)
        elif isinstance(given, SendFailed):
            events = core.exchanges.unreachable(given.server, given.kind, given.socket, now=now)
            from_radius.take(core, events, now)
        elif isinstance(given, CommandReceived):
            operate.command(self.operations, core, given, now)
        elif isinstance(given, PathMeasured):
            core.policy.path_mtu[given.remote] = given.mtu
            if core.changes is not None:
                core.changes.records.append((f"path:{given.remote}", encode(given.mtu)))
        elif isinstance(given, ClockRead):
            core.books.wall_offset_s = given.offset_s
            if self.resumption is None:
                operate.clock_read(self.operations, core, now)
            elif self.resumption.due_at is None:
                self.resumption.keep_books(core, self.operations, now)

    def _timer_fired(self, now: float) -> None:
        core = self.core
        if core.endpoint.deadline is not None and core.endpoint.deadline <= now:
            from_l2tp.take(core, core.endpoint.handle_timeout(now=now), now)
        if core.exchanges.deadline is not None and core.exchanges.deadline <= now:
            from_radius.take(core, core.exchanges.handle_timeout(now=now), now)
        for number in core.registry.deadlines.pop_expired(now):
            subscriber = core.registry.by_number.get(number)
            if subscriber is not None:
                from_subscriber.take(core, subscriber, subscriber.handle_timeout(now=now), now)
        if self.resumption is not None and not self.resumption.go_on(core, now):
            self.resumption = None
        if self.operations.deadline is not None and self.operations.deadline <= now:
            operate.handle_timeout(self.operations, core, now)

    def _counters_read(self, given: CountersRead, now: float) -> None:
        core = self.core
        for _slot, generation, counters in given.counters:
            subscriber = core.registry.by_number.get(generation)
            if subscriber is not None:
                from_subscriber.take(core, subscriber, subscriber.counters_read(counters, now=now), now)
        operate.counters_read(self.operations, core, now)

    def _drain(self, now: float) -> None:
        """Act on what the inner machines told each other, until all is quiet."""
        core = self.core
        backlog = core.backlog
        while True:
            if backlog.subscriber:
                subscriber, events = backlog.subscriber.popleft()
                from_subscriber.take(core, subscriber, events, now)
            elif backlog.radius:
                from_radius.take(core, backlog.radius.popleft(), now)
            elif backlog.l2tp:
                from_l2tp.take(core, backlog.l2tp.popleft(), now)
            else:
                return
