"""CoA- and Disconnect-Requests: whom they mean, what becomes of them, and when they are answered.

A request goes to all its sessions or to none.  It is checked against all of them before
any is touched; it is answered when the data plane has done it for all; if that refuses
one, all are put back as they were.  A data plane that refuses this too is told again by the
session itself, which at last ends: nobody knows what it has.  Requests for one session are done one
after the other, in the order in which they came: each has a place in the queue of each of
its sessions, and its turn is when it is the first in all of them.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from bras.lns import find, live, notes
from bras.lns.core import Core
from bras.lns.desk import Desk, Stage, Ticket
from bras.lns.effects import Report
from bras.radius import change
from bras.radius.change import Fault
from bras.radius.coa_events import CoaAsked, Event, Origin, SendCoaReply
from bras.radius.dynauth import Asked, DynamicRequest, ErrorCause
from bras.subscriber.subscriber import Subscriber

PATIENCE_S: Final = 30.0
"""A request that is not done after so long is refused."""
MOST_IN_LINE: Final = 16
"""Requests for one session, the one under way among them; one more is refused."""
MOST_MEANT: Final = 1000
"""Sessions that a request may mean: they are served in one turn, and others wait for it."""
MOST_TICKETS: Final = 4096
"""Requests for all sessions together."""


def received(core: Core, origin: Origin, data: bytes, now: float) -> None:
    """Take what came to us as a request."""
    desk = core.coa
    if desk is not None:
        wall_s = now + core.books.wall_offset_s
        _take(core, desk, desk.server.receive(origin, data, wall_s=wall_s, now=now), origin.local, now)


def _take(core: Core, desk: Desk, events: list[Event], local: str, now: float) -> None:
    for event in events:
        if isinstance(event, SendCoaReply):
            core.effects.append(event)
        elif isinstance(event, CoaAsked):
            found = _meant(core, event.request, local)
            if isinstance(found, Fault):
                _take(core, desk, desk.server.answer(event.ticket, found.cause, text=found.text, now=now), local, now)
            else:
                _line_up(core, desk, event, found, now)
        else:
            core.effects.append(Report(event))


def _meant(core: Core, request: DynamicRequest, local: str) -> list[Subscriber] | Fault:
    """Return the sessions that a request means, or why it is refused at once."""
    fault = change.service(request.changes)
    if fault is None and request.asked is Asked.DISCONNECT:
        fault = change.beside_the_end(request.changes)
    if fault is not None:
        return fault
    found = find.sessions(core, request, local, most=MOST_MEANT)
    if isinstance(found, ErrorCause):
        return Fault(found, "")
    if len(found) > MOST_MEANT:
        return Fault(ErrorCause.MULTIPLE_SESSION_SELECTION_UNSUPPORTED, f"more than {MOST_MEANT} sessions match")
    config = core.config.radius.coa
    if len(found) > 1 and config is not None and config.several == "refuse":
        return Fault(ErrorCause.MULTIPLE_SESSION_SELECTION_UNSUPPORTED, f"{len(found)} sessions match")
    return found


def _line_up(core: Core, desk: Desk, asked: CoaAsked, found: list[Subscriber], now: float) -> None:
    """Give a request its place in the queue of each of its sessions."""
    numbers = [one.number for one in found]
    ticket = Ticket(
        asked.ticket,
        asked.request,
        numbers,
        tuple(one.session_id for one in found),
        found[0].who.user,
        now + PATIENCE_S,
    )
    if len(desk.tickets) >= MOST_TICKETS or any(len(desk.queues.get(number, ())) >= MOST_IN_LINE for number in numbers):
        _answer(core, desk, ticket, ErrorCause.RESOURCES_UNAVAILABLE, "too many requests wait", now)
        return
    desk.tickets[ticket.number] = ticket
    desk.postpone(ticket, ticket.due_at)
    for number in numbers:
        desk.queues.setdefault(number, deque()).append(ticket.number)
    if desk.is_first(ticket):
        desk.ready.append(ticket.number)
    elif ticket.request.asked is Asked.DISCONNECT:
        for front in {desk.queues[number][0]: None for number in numbers}:
            _give_way(core, desk, desk.tickets[front], now)


def _give_way(core: Core, desk: Desk, ticket: Ticket, now: float) -> None:
    """Sessions whose end is asked for next need not get back what they had, however long that takes."""
    if ticket.stage is not Stage.RESTORING:
        return
    for number in list(ticket.left):
        queue = desk.queues[number]
        if len(queue) > 1 and desk.tickets[queue[1]].request.asked is Asked.DISCONNECT:
            desk.leave(ticket, number)
    if not ticket.left:
        _finish(core, desk, ticket, ErrorCause.RESOURCES_UNAVAILABLE, ticket.text, now)


def turn_ended(core: Core, desk: Desk, now: float) -> None:
    """See what has come of requests under way, and begin those whose turn it is."""
    while desk.news:
        number = next(iter(desk.news))
        del desk.news[number]
        refusal = desk.refused.pop(number, None)
        queue = desk.queues.get(number)
        if queue is not None:
            _look(core, desk, desk.tickets[queue[0]], number, refusal, now)
    if desk.ready:
        ticket = desk.tickets.get(desk.ready.popleft())
        if ticket is not None:
            _begin(core, desk, ticket, now)


def _look(core: Core, desk: Desk, ticket: Ticket, number: int, refusal: str | None, now: float) -> None:
    """See whether a session of a request is done now."""
    if ticket.stage is Stage.WAITING:
        return
    if refusal is not None and ticket.stage is Stage.CHANGING:
        _take_back(core, desk, ticket, refusal or "the data plane refused", now)
        return
    subscriber = core.registry.by_number.get(number)
    if subscriber is None or (subscriber.standing.end is not None and ticket.stage is not Stage.ENDING):
        ticket.left.pop(number, None)
        ticket.after.pop(number, None)
    elif subscriber.standing.settled if ticket.stage is Stage.ENDING else live.in_force(subscriber):
        ticket.left.pop(number, None)
    if ticket.left:
        return
    if ticket.stage is Stage.RESTORING:
        _finish(core, desk, ticket, ErrorCause.RESOURCES_UNAVAILABLE, ticket.text, now)
    elif ticket.stage is Stage.CHANGING and not ticket.after:
        _finish(core, desk, ticket, ErrorCause.SESSION_CONTEXT_NOT_FOUND, "it ended meanwhile", now)
    else:
        _finish(core, desk, ticket, None, "", now)


def _take_back(core: Core, desk: Desk, ticket: Ticket, text: str, now: float) -> None:
    """Give the sessions what they had, unless somebody has given them something else since."""
    ticket.stage, ticket.text = Stage.RESTORING, text
    ticket.left = dict.fromkeys(ticket.sessions)
    desk.news.update(ticket.left)
    for number, before in ticket.before.items():
        subscriber = core.registry.by_number.get(number)
        if subscriber is None or subscriber.standing.end is not None:
            continue
        if live.standing_of(subscriber) == ticket.after.get(number):
            core.backlog.at_work = number
            live.apply(core, subscriber, before, now, by=f"taken back: {ticket.text}")
    core.backlog.at_work = 0


def _begin(core: Core, desk: Desk, ticket: Ticket, now: float) -> None:
    """Do what a request wants; those of its sessions that ended while it waited are not meant any more."""
    found = (core.registry.by_number.get(number) for number in ticket.sessions)
    if ticket.request.asked is Asked.DISCONNECT:
        alive = [one for one in found if one is not None and not one.standing.settled]
    else:
        alive = [one for one in found if one is not None and one.standing.end is None]
    if not alive:
        _finish(core, desk, ticket, ErrorCause.SESSION_CONTEXT_NOT_FOUND, "it ended meanwhile", now)
    elif ticket.request.asked is Asked.DISCONNECT:
        _disconnect(core, desk, ticket, alive, now)
    else:
        _change(core, desk, ticket, alive, now)


def _change(core: Core, desk: Desk, ticket: Ticket, alive: list[Subscriber], now: float) -> None:
    """Work out what each session is to have; only if that can be for all, give it to them."""
    wanted = desk.reader.read(ticket.request.changes, alive[0].address if len(alive) == 1 else 0)
    if isinstance(wanted, Fault):
        _finish(core, desk, ticket, wanted.cause, wanted.text, now)
        return
    planned = live.changes_of(core, alive, wanted)
    if isinstance(planned, Fault):
        _finish(core, desk, ticket, planned.cause, planned.text, now)
        return
    ticket.after = planned
    ticket.stage = Stage.CHANGING
    for subscriber in alive:
        core.backlog.at_work = subscriber.number
        ticket.before[subscriber.number] = live.standing_of(subscriber)
        live.apply(core, subscriber, ticket.after[subscriber.number], now, by=ticket.request.client)
    core.backlog.at_work = 0
    _await(desk, ticket, alive)


def _disconnect(core: Core, desk: Desk, ticket: Ticket, alive: list[Subscriber], now: float) -> None:
    attributes = ticket.request.changes
    classes, text = change.classes_of(attributes), change.message_of(attributes)
    ticket.stage = Stage.ENDING
    for subscriber in alive:
        core.backlog.at_work = subscriber.number
        if classes and subscriber.profile is not None:  # they are for its Stop
            live.apply(core, subscriber, live.standing_of(subscriber)._replace(classes=classes), now)
        notes.note(core, subscriber.number, "coa", ticket.request.client, "disconnect", text)
        events = subscriber.end("disconnected_by_radius", text, now=now)
        core.backlog.subscriber.append((subscriber, events))
    core.backlog.at_work = 0
    _await(desk, ticket, alive)


def _await(desk: Desk, ticket: Ticket, alive: list[Subscriber]) -> None:
    """Wait for the data plane; what it need not do is seen at the end of the turn."""
    ticket.left = {one.number: None for one in alive}
    desk.news.update(ticket.left)


def _finish(core: Core, desk: Desk, ticket: Ticket, cause: ErrorCause | None, text: str, now: float) -> None:
    """Answer a request, and let those go on that waited for it."""
    desk.close(ticket)
    _answer(core, desk, ticket, cause, text, now)


def _answer(core: Core, desk: Desk, ticket: Ticket, cause: ErrorCause | None, text: str, now: float) -> None:
    events = desk.server.answer(ticket.number, cause, sessions=ticket.told, user=ticket.user, text=text, now=now)
    _take(core, desk, events, "", now)


def handle_timeout(core: Core, desk: Desk, now: float) -> None:
    """Refuse what has waited too long; see that what is taken back is taken back."""
    while expired := desk.deadlines.pop_expired(now, most=1):
        ticket = desk.tickets.get(expired[0])
        if ticket is not None:
            desk.postpone(ticket, now + PATIENCE_S)
            _overdue(core, desk, ticket, now)


def _overdue(core: Core, desk: Desk, ticket: Ticket, now: float) -> None:
    """A request is not done in time: it is answered now, whatever there is still to do."""
    text = ticket.text or f"not done after {PATIENCE_S:.0f} seconds"
    if ticket.stage is Stage.WAITING:
        _finish(core, desk, ticket, ErrorCause.RESOURCES_UNAVAILABLE, text, now)
        return
    if ticket.stage is Stage.ENDING:
        _finish(core, desk, ticket, ErrorCause.SESSION_CONTEXT_NOT_REMOVABLE, text, now)
        return
    _answer(core, desk, ticket, ErrorCause.RESOURCES_UNAVAILABLE, text, now)
    if ticket.stage is Stage.CHANGING:
        _take_back(core, desk, ticket, text, now)
        _give_way(core, desk, ticket, now)
