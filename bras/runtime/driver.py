"""handle -> perform effects -> re-arm one timer: the whole runtime rule.

The driver owns the loop's side of everything: it drains sockets into inputs, lets the
machine handle them, performs the effects (``bras.runtime.steps``), and feeds what the data
plane answers back in the same wake, or in the one in which it answers.  State that effects
depend on is written to the journal before anything of the turn leaves the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from bras.config.model import Config
from bras.dataplane.base import DataPlane, DataPlaneError
from bras.l2tp.events import ClosePort, OpenPort, SendDatagram
from bras.lns.commands import Command
from bras.lns.effects import (
    Answer,
    Effect,
    Fact,
    FetchRecords,
    Forward,
    Journal,
    MeasurePath,
    ReadCounters,
    Report,
    Spool,
)
from bras.lns.inputs import (
    ClockRead,
    CommandReceived,
    ConfigChanged,
    CountersRead,
    Input,
    PacketsToNumber,
    PathMeasured,
    Programmed,
    TimerFired,
)
from bras.lns.lns import Lns
from bras.radius.coa_events import SendCoaReply
from bras.radius.codec import Codec
from bras.radius.events import SendRadius
from bras.runtime import clock
from bras.runtime.coa_ways import CoaWays
from bras.runtime.ports import Ports
from bras.runtime.radius_udp import Key
from bras.runtime.radius_ways import RadiusWays
from bras.runtime.rests import Rests
from bras.runtime.spooler import Spooler
from bras.runtime.steps import steps
from bras.runtime.udp import Listener, path_mtu
from bras.telemetry.loop_counts import LoopCounts

log = structlog.get_logger()

CLOCK_CHECK_S = 10.0
CLOCK_STEP_S = 0.5
"""A wall clock that moved by more than this against ``now`` was stepped."""
MOST_DEFECTS = 64
"""Subscribers and tunnels that one input can cost."""

Observe = Callable[[Fact], None]
Write = Callable[[list[tuple[str, bytes]]], None]


class _Stores(NamedTuple):
    """Where state is put that outlives the process."""

    write_journal: Write | None
    spooler: Spooler | None


class Driver:
    """Drives one Lns on an asyncio loop."""

    def __init__(
        self,
        lns: Lns,
        plane: DataPlane,
        listeners: list[Listener],
        observe: Observe,
        *,
        write_journal: Write | None = None,
        spooler: Spooler | None = None,
        counts: LoopCounts | None = None,
    ) -> None:
        """Drive ``lns`` from ``start`` on; the addresses for CoA are bound at once, or OSError tells why not."""
        self.lns = lns
        self.plane = plane
        self.radius = RadiusWays(self._watch_radius, self._unwatch, self._take_now)
        self._rests = Rests(self._read_radius, self.radius.udp.fileno, lambda: self.lns.core.exchanges.records)
        self.counts = counts or LoopCounts()
        self.ports = Ports(
            {listener.index: listener for listener in listeners},
            plane,
            receive_buffer_octets=lns.core.config.lns.receive_buffer_octets,
            watch=self._watch,
            unwatch=self._deafen,
            zero_checksums=any(group.udp6_zero_checksum for group in lns.core.config.lac),
        )
        self.coa = CoaWays(self._watch_coa, self._unwatch, self._take_now)
        """Where CoA- and Disconnect-Requests come to."""
        self.coa.bind(lns.core.config.radius.coa)
        self._observe = observe
        self._stores = _Stores(write_journal, spooler)
        self._timer: asyncio.TimerHandle | None = None
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        self._offset_s: float | None = None

    # -- life

    def start(self) -> None:
        """Begin to listen; must be called on the loop."""
        loop = asyncio.get_running_loop()
        for listener in self.ports.listeners.values():
            self._watch(listener)
        self.coa.hear(self.lns.core.config.radius.coa)
        for fileno in self.plane.filenos():
            loop.add_reader(fileno, self._plane_readable)
        self.radius.serve(self.lns.core.exchanges.servers)
        self._check_clock()
        if self._stores.spooler is not None:
            self._stores.spooler.start(
                self._take_now
            )  # now, for the machine reads the file itself when it has the clock

    def deafen(self) -> None:
        """Take no more datagrams and packets; may be called twice."""
        loop = asyncio.get_running_loop()
        for fileno in self.plane.filenos():
            loop.remove_reader(fileno)
        for listener in self.ports.listeners.values():
            self._deafen(listener)
        self.coa.deafen()

    def stop(self) -> None:
        """Stop to listen, close the sockets."""
        self.deafen()
        for listener in self.ports.listeners.values():
            listener.close()
        self.radius.close()
        self.coa.close()
        if self._timer is not None:
            self._timer.cancel()

    def ask(self, command: Command) -> asyncio.Future[Answer]:
        """Put a command to the machine; the future is its answer."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        identifier = id(future)  # nobody else's while it is kept here
        self._asked[identifier] = future
        self.take([CommandReceived(identifier, command)], clock.now())
        return future

    def configure(self, config: Config, codec: Codec) -> bool:
        """Put another configuration into force, as far as it needs no restart; false when a defect kept us from it.

        Routes to new addresses are there before anybody has one, servers before they are asked.  OSError, and nothing
        has changed, when an address cannot be bound.
        """
        now = clock.now()
        self.coa.follow(config.radius.coa)
        reason = self.plane.cover(prefix for pool in config.pool for prefix in pool.prefixes)
        if reason:
            log.warning("pool_not_routed", reason=reason)
        self.ports.allow(zero_checksums=any(group.udp6_zero_checksum for group in config.lac))
        effects: list[Effect] = []
        self._handle_all([ConfigChanged(config, codec)], effects, now)
        self.radius.serve(self.lns.core.exchanges.servers)
        self.take(self._perform(effects, now), now)
        return self.lns.core.config is config

    def _check_clock(self) -> None:
        """Tell the machine of the wall clock at the start, and whenever it was stepped."""
        offset_s = clock.wall_offset()
        if self._offset_s is None or abs(offset_s - self._offset_s) > CLOCK_STEP_S:
            self._offset_s = offset_s
            self.take([ClockRead(offset_s)], clock.now())
        asyncio.get_running_loop().call_later(CLOCK_CHECK_S, self._check_clock)

    # -- what wakes us

    def _readable(self, listener: Listener) -> None:
        now = clock.now()
        inputs = listener.drain(self.plane, now)
        if inputs:
            self.take(inputs, now)

    def _plane_readable(self) -> None:
        now = clock.now()
        try:
            self.plane.on_readable(now=now)
        except DataPlaneError:
            loop = asyncio.get_running_loop()
            for fileno in self.plane.filenos():
                loop.remove_reader(fileno)
            raise  # to the loop's exception handler, once: nothing more will come from there
        inputs: list[Input] = [Programmed(outcome) for outcome in self.plane.outcomes()]
        frames = self.plane.to_be_numbered()
        if frames:
            inputs.append(PacketsToNumber(frames))
        if inputs:
            self.take(inputs, now)

    def _watch_coa(self, fileno: int, index: int) -> None:
        asyncio.get_running_loop().add_reader(fileno, self._coa_readable, index)

    def _coa_readable(self, index: int) -> None:
        self.take(self.coa.drain(index), clock.now())

    def _watch(self, listener: Listener) -> None:
        asyncio.get_running_loop().add_reader(listener.socket.fileno(), self._readable, listener)

    def _deafen(self, listener: Listener) -> None:
        asyncio.get_running_loop().remove_reader(listener.socket.fileno())

    def _watch_radius(self, fileno: int, key: Key) -> None:
        self._rests.watch(fileno, key)

    def _unwatch(self, fileno: int) -> None:
        asyncio.get_running_loop().remove_reader(fileno)

    def _read_radius(self, key: Key) -> bool:
        inputs = self.radius.drain(key)
        self.take(inputs, clock.now())
        return bool(inputs)

    def _take_now(self, inputs: list[Input]) -> None:
        self.take(inputs, clock.now())

    def _timer_fired(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            self.counts.lateness.observe(max(0.0, asyncio.get_running_loop().time() - timer.when()))
        self.take([TimerFired()], clock.now())

    # -- the turn

    def take(self, inputs: list[Input], now: float) -> None:
        """Handle inputs and all that follows from them in this wake, then re-arm the timer."""
        while inputs:
            effects: list[Effect] = []
            self._handle_all(inputs, effects, now)
            inputs = self._perform(effects, now)
        self._arm(now)

    def _handle_all(self, inputs: list[Input], effects: list[Effect], now: float) -> None:
        """Handle inputs; ``effects`` gets what is to be done."""
        write = self._stores.write_journal
        if write is None:
            for given in inputs:
                effects += self._handle(given, now)
        else:
            self._commit(inputs, effects, write, now)

    def _commit(self, inputs: list[Input], effects: list[Effect], write: Write, now: float) -> None:
        """Handle inputs, and put what they change out of reach of any crash before anything else is done."""
        records: list[tuple[str, bytes]] = []
        for given in inputs:
            turn = self._handle(given, now)
            if turn and type(turn[0]) is Journal:
                records += turn[0].records
                del turn[0]
            effects += turn
        if records:
            write(records)

    def _handle(self, given: Input, now: float) -> list[Effect]:
        try:
            return self.lns.handle(given, now)
        except Exception:  # our own defect must cost its own subscriber or tunnel, nobody else
            self.counts.defects[()] += 1
            log.exception("defect", input=type(given).__name__)
        for _ in range(MOST_DEFECTS):
            try:
                return self.lns.abandon(given, now)
            except Exception:  # as above: even the clearing up, or the next one in the row, may meet a defect
                self.counts.defects[()] += 1
                log.exception("defect", input=type(given).__name__)
        return []

    def _perform(self, effects: list[Effect], now: float) -> list[Input]:
        """Do what the machine wants, step by step; return what comes of it."""
        inputs: list[Input] = []
        for operations, others in steps(effects):
            if operations:
                inputs += [Programmed(outcome) for outcome in self.plane.program_all(operations)]
            self._perform_step(others, inputs, now)
        return inputs

    def _perform_step(self, effects: Sequence[Effect], inputs: list[Input], now: float) -> None:
        """Do what the data plane need not do before anything else, in order."""
        listeners, observe = self.ports.listeners, self._observe
        for effect in effects:
            if type(effect) is SendDatagram:
                listener = listeners.get(effect.path.listener)
                if listener is None or not listener.send(effect.path, effect.data):
                    self.counts.send_failures[()] += 1
            elif type(effect) is Report:
                observe(effect.fact)
            elif type(effect) is SendRadius:
                failed = self.radius.send(effect)
                if failed is not None:
                    inputs.append(failed)
            elif type(effect) is SendCoaReply:
                self.coa.send(effect)
            elif type(effect) is Spool or type(effect) is FetchRecords:
                if self._stores.spooler is not None:
                    self._stores.spooler.perform(effect)
            elif type(effect) is Forward:
                self.plane.forward(effect.slot, effect.generation, effect.packet, now=now)
            else:
                self._perform_rare(effect, inputs)

    def _perform_rare(self, effect: Effect, inputs: list[Input]) -> None:
        if isinstance(effect, OpenPort):
            inputs.append(self.ports.open(effect))
        elif isinstance(effect, ClosePort):
            self.ports.close(effect.listener)
        elif isinstance(effect, ReadCounters):
            inputs.append(CountersRead(self.plane.read(effect.slots)))
        elif isinstance(effect, Answer):
            future = self._asked.pop(effect.identifier, None)
            if future is not None and not future.done():
                future.set_result(effect)
        elif isinstance(effect, MeasurePath):
            inputs.append(PathMeasured(effect.path.remote, path_mtu(effect.path)))

    def _arm(self, now: float) -> None:
        """Keep one timer, never later than the machine's deadline; an early one does no harm."""
        deadline = self.lns.deadline
        if deadline is None:
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, deadline - now)
        timer = self._timer
        if timer is not None:
            if timer.when() <= at:
                return
            timer.cancel()
        self._timer = loop.call_at(at, self._timer_fired)
