"""What operators ask, and what the LNS does by itself: counters, Accounting-On and -Off, shutdown.

A shutdown goes in steps, each bounded, so that no turn is long: new calls are refused;
the sessions are ended, some hundred a turn; when all are settled, or the grace is over,
the tunnels are closed (StopCCN), Accounting-Off is sent, and the Shutdown is answered
when the accounting records are acknowledged or the last grace is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from bras.l2tp.events import By, Cause
from bras.lns import billing, probe, show, tunnel_books
from bras.lns.commands import Disconnect, Park, PickSessions, Plain, Probe, ShowSession, ShowSessions, Shutdown
from bras.lns.core import Core
from bras.lns.effects import Answer, ReadCounters
from bras.lns.inputs import CommandReceived
from bras.plain import encode
from bras.radius.accounting import ACCOUNTING_OFF, ACCOUNTING_ON
from bras.subscriber.events import TerminateCause
from bras.subscriber.subscriber import Subscriber

SESSIONS_A_TURN = 200
PPP_GRACE_S = 1.5
"""Seconds that clients get to acknowledge their Terminate-Requests at a shutdown."""
RECORD_GRACE_S = 2.5
"""Seconds that RADIUS gets after that to acknowledge the last records."""
INTERNAL_ERROR: Plain = {"error": "internal error: see the log"}
STOPCCN_SHUTTING_DOWN = 6
"""Result Code "Requester is being shut down" (RFC 2661 section 4.4.2)."""


class Stage(Enum):
    """How far a shutdown has got."""

    RUNNING = "running"
    ENDING_SESSIONS = "ending_sessions"
    SAYING_GOODBYE = "saying_goodbye"
    CLOSING_TUNNELS = "closing_tunnels"
    STOPPED = "stopped"


@dataclass(slots=True)
class Operations:
    """What is under way beside the calls."""

    stage: Stage = Stage.RUNNING
    stage_ends_at: float | None = None
    shutdown_identifiers: list[int] = field(default_factory=list)
    disconnecting: dict[int, tuple[set[int], int]] = field(default_factory=dict)
    """Commands that wait until these subscribers (numbers) are gone, and how many there were."""
    showing: list[tuple[int, show.Listed]] = field(default_factory=list)
    """Questions that wait for fresh counters."""
    poll_at: float | None = None
    """Those whose counters are read in rounds are looked at next."""
    alive_at: float = 0.0
    """The next sign of life is due in the journal, where there is one."""
    parking: list[int] = field(default_factory=list)
    """Park commands that wait for the counters."""
    is_busy: bool = False
    """Something waits for the end of each turn: a Disconnect, or a shutdown's stage."""
    announced: bool = False
    """Accounting-On was sent."""

    @property
    def deadline(self) -> float | None:
        """Return the nearer of the next poll and the end of a shutdown's stage."""
        if self.poll_at is None or (self.stage_ends_at is not None and self.stage_ends_at < self.poll_at):
            return self.stage_ends_at
        return self.poll_at


def clock_read(operations: Operations, core: Core, now: float) -> None:
    """The wall clock is known: the first time, accounting begins; later, it was set."""
    if core.registry.rounds.dated and operations.poll_at is not None:
        operations.poll_at = now
    if operations.poll_at is None:
        interval_s, everyone = core.config.dataplane.counter_interval_s, core.registry.by_number.values()
        watched = [one for one in everyone if core.changes is not None or one.forwarding.round_at is not None]
        core.registry.rounds.spread(watched, interval_s, now)
        operations.poll_at = operations.alive_at = now + (interval_s / len(watched) if watched else interval_s)
    if not operations.announced and operations.stage is Stage.RUNNING:
        operations.announced = True
        billing.announce(core, ACCOUNTING_ON, 0, now)


def command(operations: Operations, core: Core, given: CommandReceived, now: float) -> None:
    """Take an operator's wish."""
    wish = given.command
    if isinstance(wish, Disconnect):
        _disconnect(operations, core, given.identifier, wish.selector, now)
    elif isinstance(wish, Shutdown):
        operations.shutdown_identifiers.append(given.identifier)
        if operations.stage is Stage.RUNNING:
            core.closing = operations.is_busy = True
            _enter(operations, Stage.ENDING_SESSIONS, now)
    elif isinstance(wish, Park):
        operations.parking.append(given.identifier)
        core.effects.append(ReadCounters(_slots(core, core.registry.by_number)))
    elif isinstance(wish, Probe):
        core.effects.append(probe.probe(core, given.identifier, wish, now))
    elif isinstance(wish, (ShowSessions, ShowSession, PickSessions)):
        _show_when_read(operations, core, given.identifier, wish)
    else:
        core.effects.append(show.answer(core, given.identifier, wish, now))


def _show_when_read(operations: Operations, core: Core, identifier: int, wish: show.Listed) -> None:
    """Read the counters of what will be shown, so that the answer is of this moment."""
    numbers = [subscriber.number for subscriber in show.matching(core, wish)]
    operations.showing.append((identifier, wish))
    core.effects.append(ReadCounters(_slots(core, numbers)))


def counters_read(operations: Operations, core: Core, now: float) -> None:
    """Answer the questions that waited for counters."""
    while operations.showing:
        identifier, wish = operations.showing[0]
        answer = show.answer(core, identifier, wish, now)
        core.effects.append(answer)
        del operations.showing[0]
    while operations.parking:
        body: Plain = {"sessions": len(core.registry.by_number)}
        core.effects.append(Answer(operations.parking.pop(), ok=True, body=body))


def give_up(operations: Operations, core: Core) -> None:
    """A defect of ours keeps a question from its answer: say so rather than nothing."""
    if operations.showing:
        identifier, _wish = operations.showing.pop(0)
        core.effects.append(Answer(identifier, ok=False, body=INTERNAL_ERROR))


def _disconnect(operations: Operations, core: Core, identifier: int, selector: str, now: float) -> None:
    chosen = show.select(core, selector)
    if not chosen:
        body: Plain = {"error": f"no session matches {selector!r}"}
        core.effects.append(Answer(identifier, ok=False, body=body))
        return
    operations.is_busy = True
    operations.disconnecting[identifier] = ({subscriber.number for subscriber in chosen}, len(chosen))
    for subscriber in chosen:
        _end(core, subscriber, "disconnected_by_operator", now)


def _end(core: Core, subscriber: Subscriber, reason: str, now: float) -> None:
    core.backlog.at_work = subscriber.number
    core.backlog.subscriber.append((subscriber, subscriber.end(reason, "", now=now)))


def turn_ended(operations: Operations, core: Core, now: float) -> None:
    """See whether what somebody waits for has come."""
    _answer_disconnects(operations, core)
    if operations.stage is not Stage.RUNNING:
        _check_progress(operations, core, now)
    operations.is_busy = bool(operations.disconnecting) or operations.stage is not Stage.RUNNING


def _answer_disconnects(operations: Operations, core: Core) -> None:
    by_number = core.registry.by_number
    for identifier, (numbers, count) in list(operations.disconnecting.items()):
        if not any(number in by_number for number in numbers):
            del operations.disconnecting[identifier]
            core.effects.append(Answer(identifier, ok=True, body={"disconnected": count}))


def handle_timeout(operations: Operations, core: Core, now: float) -> None:
    """Read counters when their time has come; go on with a shutdown."""
    if operations.poll_at is not None and operations.poll_at <= now:
        _poll(operations, core, now)
    if operations.stage_ends_at is not None and operations.stage_ends_at <= now:
        _go_on(operations, core, now)


def _poll(operations: Operations, core: Core, now: float) -> None:
    """Read the counters of those whose turn it is, and leave a sign of life where a journal is kept."""
    interval_s, rounds = core.config.dataplane.counter_interval_s, core.registry.rounds
    found = rounds.due(core.registry.by_number, interval_s, now)
    slots = tuple((one.forwarding.slot, one.number) for one in found if one.forwarding.present is not None)
    if slots:
        core.effects.append(ReadCounters(slots))
    if core.changes is not None and now >= operations.alive_at:
        operations.alive_at = now + interval_s
        core.changes.records.append(("alive", encode(now)))
    _end_dated(core, now)
    ends_at = rounds.dated.next_deadline
    instants = (
        now + interval_s,
        rounds.due_at(interval_s),
        operations.alive_at if core.changes is not None else None,
        None if ends_at is None else ends_at - core.books.wall_offset_s,
    )
    operations.poll_at = min(at for at in instants if at is not None)


def _end_dated(core: Core, now: float) -> None:
    """End those whose hour has come by the wall clock, whatever that was set to meanwhile."""
    for number in core.registry.rounds.dated.pop_expired(now + core.books.wall_offset_s, most=SESSIONS_A_TURN):
        subscriber = core.registry.by_number.get(number)
        if subscriber is not None:
            _end(core, subscriber, "session_terminate_time", now)


def _slots(core: Core, numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return (slot, generation) of those that have an Entry."""
    found = (core.registry.by_number.get(number) for number in numbers)
    return tuple(
        (subscriber.forwarding.slot, subscriber.number)
        for subscriber in found
        if subscriber is not None and subscriber.forwarding.present is not None
    )


def _enter(operations: Operations, stage: Stage, ends_at: float) -> None:
    operations.stage = stage
    operations.stage_ends_at = ends_at


def _go_on(operations: Operations, core: Core, now: float) -> None:
    """Do a shutdown's next step."""
    if operations.stage is Stage.ENDING_SESSIONS:
        alive = [sub for sub in core.registry.by_number.values() if sub.standing.end is None]
        for subscriber in alive[:SESSIONS_A_TURN]:
            _end(core, subscriber, "shutdown", now)
        if len(alive) <= SESSIONS_A_TURN:
            _enter(operations, Stage.SAYING_GOODBYE, now + PPP_GRACE_S)
        else:
            _enter(operations, Stage.ENDING_SESSIONS, now)
    elif operations.stage is Stage.SAYING_GOODBYE:
        _close_tunnels(operations, core, now)
    elif operations.stage is Stage.CLOSING_TUNNELS:
        _finish(operations, core)


def _close_tunnels(operations: Operations, core: Core, now: float) -> None:
    cause = Cause(By.LOCAL, STOPCCN_SHUTTING_DOWN, 0, "shutting down")
    core.backlog.l2tp.append(core.endpoint.close(cause, now=now))
    tunnel_books.close_all(core, "shutdown", now)
    operations.announced = False
    billing.announce(core, ACCOUNTING_OFF, TerminateCause.ADMIN_REBOOT.value, now)
    _enter(operations, Stage.CLOSING_TUNNELS, now + RECORD_GRACE_S)


def _check_progress(operations: Operations, core: Core, now: float) -> None:
    """Do not wait for a grace that nobody needs any more."""
    if core.registry.by_number:  # the data plane may take a while to tell the final counters
        return
    if operations.stage is Stage.SAYING_GOODBYE:
        _close_tunnels(operations, core, now)
    elif operations.stage is Stage.CLOSING_TUNNELS and core.endpoint.closed and not core.ledger.total:
        _finish(operations, core)


def _finish(operations: Operations, core: Core) -> None:
    _enter(operations, Stage.STOPPED, 0.0)
    operations.stage_ends_at = None
    unacknowledged = core.ledger.total
    for identifier in operations.shutdown_identifiers:
        core.effects.append(Answer(identifier, ok=True, body={"unacknowledged_records": unacknowledged}))
    operations.shutdown_identifiers = []
