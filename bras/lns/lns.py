"""The whole LNS as one deterministic machine: ``handle(input, now)`` returns the effects.

No clock, no dice, no socket: what happened comes in as an Input, what the world must do
goes out as Effects, in order.  The same inputs give the same effects, so a recorded
stream of inputs replays a fault.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from bras.accounting.ledger import Ledger
from bras.addressing.pools import Pools
from bras.config.model import Config
from bras.ids import Entropy, no_entropy
from bras.l2tp.endpoint import Endpoint
from bras.lns import (
    coa,
    defect,
    from_l2tp,
    from_ledger,
    from_radius,
    from_subscriber,
    operate,
    reconfigure,
    resume,
    state,
)
from bras.lns.arrears import Spooled
from bras.lns.commit import Commit
from bras.lns.core import Books, Core
from bras.lns.desk import Desk
from bras.lns.effects import Effect, ReadCounters
from bras.lns.inputs import (
    ClockRead,
    CoaReceived,
    CommandReceived,
    ConfigChanged,
    CountersRead,
    DatagramReceived,
    Fetched,
    Input,
    PacketsToNumber,
    PathMeasured,
    PortOpened,
    Programmed,
    RadiusReceived,
    SendFailed,
    SpoolCounted,
    SpoolFailed,
    Stored,
    TimerFired,
    TransportDown,
    TransportUp,
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
from bras.subscriber.events import Phase


class Lns:
    """One worker of the LNS."""

    __slots__ = ("commit", "core", "has_stores", "operations", "resumption")

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
            books=Books(IdentityEncoder(codec, config.radius), AccountingRecords(codec, config.radius.ipv6_counters)),
            ledger=Ledger(config.radius.spool),
            registry=Registry(),
            entropy=entropy,
            coa=Desk.of(config.radius, codec),
        )
        self.operations = Operations()
        self.has_stores = False
        """Whether there is a journal or a spool, for which a turn has an end."""

    def save(self) -> Saved:
        """Return the whole state as plain data, between two inputs; see ``bras.lns.state``."""
        return state.save(self.core, self.operations)

    @classmethod
    def restore(cls, saved: Saved, config: Config, codec: Codec, entropy: Entropy) -> Lns:
        """Return the Lns that ``save`` was called on; raises StateError."""
        core, operations = state.restore(saved, config, codec, entropy)
        lns = cls(config, codec, no_entropy, epoch=core.policy.epoch)
        lns.core, lns.operations = core, operations
        lns.has_stores = core.ledger.storing is not None
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
        ports: Container[int] = (),
        spool: Spooled | None = None,
    ) -> Lns:
        """Go on where a journal ends (an empty one: begin), and keep it on; see ``bras.lns.resume``.

        ``boot`` names this run of the machine's clock; ``read`` is the data plane's, which
        tells what has outlived the process; ``ports`` are bound again; ``spool`` is where
        what accounting owes is kept, if anywhere.
        The first input must be ClockRead.  Raises StateError.
        """
        lns = cls(config, codec, no_entropy, epoch=epoch)
        lns.core, lns.operations, lns.commit, lns.resumption = resume.resume(
            records, config, codec, entropy, epoch=epoch, boot=boot, read=read, ports=ports, spool=spool
        )
        lns.has_stores = True
        return lns

    @property
    def deadline(self) -> float | None:
        """Return the instant at which TimerFired should come; it may be early, never late."""
        core = self.core
        earliest = core.endpoint.deadline
        for at in (
            core.exchanges.deadline,
            core.ledger.due_at,
            core.registry.deadlines.next_deadline,
            core.registry.rounds.interims.next_deadline,
            self.operations.deadline,
            self.resumption.due_at if self.resumption is not None else None,
            0.0 if core.backlog.moved else None,
            core.coa.deadline if core.coa is not None else None,
        ):
            if at is not None and (earliest is None or at < earliest):
                earliest = at
        return earliest

    def handle(self, given: Input, now: float) -> list[Effect]:
        """Take one input; return what must be done, in order."""
        core = self.core
        backlog = core.backlog
        effects: list[Effect] = []
        core.effects = effects
        backlog.at_work = 0
        if type(given) is DatagramReceived:
            from_l2tp.take(core, core.endpoint.receive(given.path, given.data, now=now), now)
        elif type(given) is RadiusReceived:
            events = core.exchanges.receive(given.server, given.kind, given.socket, given.data, now=now)
            from_radius.take(core, events, now)
        elif type(given) is Programmed:
            self._programmed(given, now)
        elif type(given) is PortOpened:
            from_l2tp.port_opened(core, given, now)
        else:
            self._handle_rare(given, now)
        if backlog.subscriber or backlog.radius or backlog.l2tp or backlog.down:
            self._drain(now)
        desk = core.coa
        if desk is not None:
            while desk.news or desk.ready:
                coa.turn_ended(core, desk, now)
                self._drain(now)
        if self.operations.is_busy:
            operate.turn_ended(self.operations, core, now)
            self._drain(now)
        if core.to_read:
            effects.append(ReadCounters(tuple(core.to_read)))
            core.to_read.clear()
        return self._seal() if self.has_stores else effects

    def _seal(self) -> list[Effect]:
        """Return the effects of the turn: what stores have to keep comes first."""
        core = self.core
        if core.ledger.storing is not None:
            from_ledger.turn_ended(core)
        return core.effects if self.commit is None else self.commit.seal(core, self.operations.announced)

    def abandon(self, given: Input, now: float) -> list[Effect]:
        """Give up what an input was for, after its handling failed; see ``bras.lns.defect``.

        When this fails too, it was another one's defect: it is to be called again.
        """
        core = self.core
        defect.give_up(core, self.operations, given, now)
        self._drain(now)
        if isinstance(given, TimerFired):
            self._serve_interims(now)
        if isinstance(given, CountersRead):
            operate.counters_read(self.operations, core, now)
        return self._seal()

    def _programmed(self, given: Programmed, now: float) -> None:
        outcome = given.outcome
        subscriber = self.core.registry.by_number.get(outcome.generation)
        if subscriber is None:
            if outcome.counters is not None or not outcome.ok:
                self.core.registry.entry_gone(outcome.generation)
            return
        if self.core.coa is not None:
            self.core.coa.programmed(subscriber, outcome)
        if self.core.changes is not None:  # perhaps it has nothing left that must outlive us
            self.core.changes.subscribers[subscriber.number] = None
        from_subscriber.take(self.core, subscriber, subscriber.programmed(outcome, now=now), now)

    def _handle_rare(self, given: Input, now: float) -> None:
        core = self.core
        if isinstance(given, TimerFired):
            self._timer_fired(now)
        elif isinstance(given, CoaReceived):
            coa.received(core, given.origin, given.data, now)
        elif isinstance(given, PacketsToNumber):
            from_l2tp.number(core, given.frames)
        elif isinstance(given, CountersRead):
            self._counters_read(given, now)
        elif isinstance(given, (Stored, SpoolFailed, Fetched, SpoolCounted)):
            from_ledger.disk_spoke(core, given, now)
        elif isinstance(given, SendFailed):
            events = core.exchanges.unreachable(given.server, given.kind, given.socket, now=now)
            from_radius.take(core, events, now)
        elif isinstance(given, (TransportUp, TransportDown)):
            from_radius.transport_changed(core, given, now)
        elif isinstance(given, CommandReceived):
            operate.command(self.operations, core, given, now)
        elif isinstance(given, ConfigChanged):
            reconfigure.put_into_force(core, given, now)
        elif isinstance(given, PathMeasured):
            self._path_measured(given)
        elif isinstance(given, ClockRead):
            self._clock_read(given, now)

    def _clock_read(self, given: ClockRead, now: float) -> None:
        core = self.core
        core.books.wall_offset_s = core.ledger.wall_offset_s = given.offset_s
        if self.resumption is None:
            operate.clock_read(self.operations, core, now)
        elif self.resumption.due_at is None:
            self.resumption.keep_books(core, self.operations, now)
            if self.commit is not None:
                self.commit.is_open = True

    def _path_measured(self, given: PathMeasured) -> None:
        core = self.core
        core.policy.path_mtu[given.remote] = given.mtu
        if core.changes is not None:
            core.changes.records.append((f"path:{given.remote}", encode(given.mtu)))

    def _timer_fired(self, now: float) -> None:
        core = self.core
        if core.endpoint.deadline is not None and core.endpoint.deadline <= now:
            core.backlog.tunnels.extend(core.endpoint.expired(now=now))
            self._drain(now)
        if core.exchanges.deadline is not None and core.exchanges.deadline <= now:
            from_radius.take(core, core.exchanges.handle_timeout(now=now), now)
        if core.ledger.due_at is not None and core.ledger.due_at <= now:
            from_ledger.handle_timeout(core, now)
        core.backlog.due.extend(core.registry.deadlines.pop_expired(now))
        self._drain(now)
        self._serve_interims(now)
        if self.resumption is not None and not self.resumption.go_on(core, now):
            self.resumption = None
        if core.backlog.moved:
            from_l2tp.move_on(core, now)
        if core.coa is not None and core.coa.deadline is not None and core.coa.deadline <= now:
            coa.handle_timeout(core, core.coa, now)
            self._drain(now)
        if self.operations.deadline is not None and self.operations.deadline <= now:
            operate.handle_timeout(self.operations, core, now)

    def _counters_read(self, given: CountersRead, now: float) -> None:
        core = self.core
        core.backlog.counted.extend([(number, counters) for _slot, number, counters in given.counters])
        self._drain(now)
        operate.counters_read(self.operations, core, now)

    def _drain(self, now: float) -> None:
        """Act on what the inner machines told each other, until all is quiet."""
        core = self.core
        backlog = core.backlog
        while True:
            if backlog.subscriber:
                subscriber, events = backlog.subscriber.popleft()
                backlog.at_work = subscriber.number
                from_subscriber.take(core, subscriber, events, now)
            elif backlog.radius:
                from_radius.take(core, backlog.radius.popleft(), now)
            elif backlog.l2tp:
                from_l2tp.take_next(core, now)
            elif backlog.down:
                from_l2tp.call_down(core, backlog.down.popleft(), now)
            elif backlog.tunnels or backlog.due:
                self._serve_next(now)
            elif backlog.counted:
                self._serve_counted(now)
            else:
                return

    def _serve_next(self, now: float) -> None:
        """Serve the next of many that one input is for, each by itself: a defect in one must not cost the others."""
        core, backlog = self.core, self.core.backlog
        if backlog.tunnels:
            backlog.tunnel_at_work = backlog.tunnels.popleft()
            events = core.endpoint.serve(backlog.tunnel_at_work, now=now)
            backlog.tunnel_at_work = 0
            from_l2tp.served(core, events, now)
            return
        number = backlog.due.popleft()
        subscriber = core.registry.by_number.get(number)
        if subscriber is not None:
            backlog.at_work = number
            from_subscriber.take(core, subscriber, subscriber.handle_timeout(now=now), now)

    def _serve_counted(self, now: float) -> None:
        """Tell those of their counters who are next, as long as nothing follows that others have to hear of."""
        core, backlog, by_number = self.core, self.core.backlog, self.core.registry.by_number
        counted = backlog.counted
        while counted and not (backlog.subscriber or backlog.radius or backlog.l2tp or backlog.down):
            number, counters = counted.popleft()
            subscriber = by_number.get(number)
            if subscriber is not None:
                backlog.at_work = number
                from_subscriber.counted(core, subscriber, counters, now)

    def _serve_interims(self, now: float) -> None:
        """Have the counters read of those of which an Interim-Update is due."""
        core, backlog = self.core, self.core.backlog
        by_number, interims = core.registry.by_number, core.registry.rounds.interims
        due = interims.come_due(now)
        while due:
            number = backlog.at_work = due.popleft()
            subscriber = by_number.get(number)
            if subscriber is None:
                continue
            if subscriber.interim_due(now=now):
                core.to_read.append((subscriber.forwarding.slot, number))
            if subscriber.phase is Phase.UP:
                interims.follow(subscriber)
            else:
                interims.leave(subscriber)
