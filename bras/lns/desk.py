"""The requests of dynamic authorisation that are under way: plain tables, for ``bras.lns.coa``."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from bras.config.coa import CoaConfig
from bras.config.radius import RadiusConfig
from bras.config.understood import ignored
from bras.forwarding.entry import Outcome
from bras.plain import Saved
from bras.radius.change import ChangeReader
from bras.radius.coa import CoaServer
from bras.radius.codec import Codec
from bras.radius.dynauth import Asked, DynamicRequest
from bras.radius.profile import Profile
from bras.subscriber.parts import EntryState
from bras.subscriber.subscriber import Subscriber
from bras.timers import DeadlineQueue

NOBODY: Final = CoaConfig(())
"""Nobody may ask."""


class Change(NamedTuple):
    """What a session has, or is to have."""

    profile: Profile
    classes: tuple[bytes, ...]
    """Class attributes."""
    state: bytes = b""
    """State, for when the client must prove itself again."""


class Stage(Enum):
    """How far a request has come."""

    WAITING = "waiting"
    """For its turn."""
    CHANGING = "changing"
    """The data plane has been told."""
    RESTORING = "restoring"
    """The data plane refused, or said nothing: it is told what was before."""
    ENDING = "ending"
    """The sessions are about to be gone."""


@dataclass(slots=True)
class Ticket:
    """A request that means sessions of ours."""

    number: int
    request: DynamicRequest
    sessions: list[int]
    """Numbers of those that it means."""
    told: tuple[str, ...]
    """Their Acct-Session-Ids."""
    user: str
    """User name of the first."""
    due_at: float
    """When it is refused, if it is not done; then, when the data plane is told again what was before."""
    stage: Stage = Stage.WAITING
    left: dict[int, None] = field(default_factory=dict)
    """Of ``sessions`` those that are not done yet."""
    before: dict[int, Change] = field(default_factory=dict)
    """What they had."""
    after: dict[int, Change] = field(default_factory=dict)
    """What they have been given."""
    text: str = ""
    """What the data plane said when it refused."""

    def save(self) -> Saved:
        """Return plain data."""
        return [
            self.number,
            _save_request(self.request),
            self.sessions,
            list(self.told),
            self.user,
            self.due_at,
            self.stage.value,
            list(self.left),
            _save_changes(self.before),
            _save_changes(self.after),
            self.text,
        ]

    @classmethod
    def restore(cls, saved: Saved) -> Ticket:
        """Return the ticket that ``save`` was called on."""
        number, request, sessions, told, user, due_at, stage, left, before, after, text = saved
        return cls(
            number,
            _restore_request(request),
            sessions,
            tuple(told),
            user,
            due_at,
            Stage(stage),
            dict.fromkeys(left),
            _restore_changes(before),
            _restore_changes(after),
            text,
        )


def _save_request(request: DynamicRequest) -> Saved:
    client, asked, *attributes = request
    return [client, asked.value, *([list(one) for one in part] for part in attributes)]


def _restore_request(saved: Saved) -> DynamicRequest:
    client, asked, nas, session, changes = saved
    parts = (tuple((code, value) for code, value in part) for part in (nas, session, changes))
    return DynamicRequest(client, Asked(asked), *parts)


def _save_changes(changes: dict[int, Change]) -> Saved:
    return [[number, change.profile.save(), list(change.classes), change.state] for number, change in changes.items()]


def _restore_changes(saved: Saved) -> dict[int, Change]:
    return {
        number: Change(Profile.restore(profile), tuple(classes), state) for number, profile, classes, state in saved
    }


def _reader(config: RadiusConfig, codec: Codec) -> ChangeReader:
    return ChangeReader(codec, ignored(config.unsupported))


class Desk:
    """Where requests wait for their turn, and for what they have set going."""

    __slots__ = ("deadlines", "news", "queues", "reader", "ready", "refused", "server", "tickets")

    def __init__(self, server: CoaServer, reader: ChangeReader) -> None:
        """Begin with nothing asked."""
        self.server = server
        self.reader = reader
        self.tickets: dict[int, Ticket] = {}
        """In the order in which they came."""
        self.deadlines: DeadlineQueue[int] = DeadlineQueue()
        """Of tickets: their ``due_at``."""
        self.queues: dict[int, deque[int]] = {}
        """Tickets of each session (by number) that is meant by any, the first is under way."""
        self.news: dict[int, None] = {}
        """Sessions of ``queues`` to which something happened in this turn, at whose end they are looked at."""
        self.refused: dict[int, str] = {}
        """Those whose change the data plane has refused in this turn, and what it said."""
        self.ready: deque[int] = deque()
        """Tickets whose turn has come."""

    @classmethod
    def of(cls, config: RadiusConfig, codec: Codec) -> Desk | None:
        """Return a desk, if the configuration wants one."""
        return None if config.coa is None else cls(CoaServer(config.coa), _reader(config, codec))

    @classmethod
    def follow(cls, desk: Desk | None, config: RadiusConfig, codec: Codec) -> Desk | None:
        """Return the desk under another configuration: what is under way goes on, though nobody may ask any more."""
        if desk is None or (config.coa is None and not desk.tickets):
            return cls.of(config, codec)
        desk.server.follow(config.coa or NOBODY)
        desk.reader = _reader(config, codec)
        return desk

    def programmed(self, subscriber: Subscriber, outcome: Outcome) -> None:
        """The data plane answers, and the subscriber is about to hear it: remember whom to look at."""
        if subscriber.number in self.queues:
            self.news[subscriber.number] = None
            if not outcome.ok and subscriber.forwarding.state is EntryState.CHANGING:
                self.refused[subscriber.number] = outcome.reason

    def ended(self, number: int) -> None:
        """Nothing of a session is forwarded any more, and its Stop is made."""
        if number in self.queues:
            self.news[number] = None

    @property
    def deadline(self) -> float | None:
        """Return when something is to be done about a request that is not done."""
        return self.deadlines.next_deadline

    def postpone(self, ticket: Ticket, due_at: float) -> None:
        """See to a request at another time."""
        ticket.due_at = due_at
        self.deadlines.set(ticket.number, due_at)

    def close(self, ticket: Ticket) -> None:
        """Forget a request; those whose turn it is then are ready."""
        del self.tickets[ticket.number]
        self.deadlines.set(ticket.number, None)
        next_ones: dict[int, None] = {}
        for number in ticket.sessions:
            queue = self.queues[number]
            queue.remove(ticket.number)
            if queue:
                next_ones[queue[0]] = None
            else:
                del self.queues[number]
        self.ready.extend(one for one in next_ones if one not in self.ready and self.is_first(self.tickets[one]))

    def leave(self, ticket: Ticket, number: int) -> None:
        """Have a request mean a session no longer; the next one for it may be ready then."""
        ticket.sessions.remove(number)
        ticket.left.pop(number, None)
        queue = self.queues[number]
        queue.remove(ticket.number)
        if not queue:
            del self.queues[number]
        elif queue[0] not in self.ready and self.is_first(self.tickets[queue[0]]):
            self.ready.append(queue[0])

    def is_first(self, ticket: Ticket) -> bool:
        """Return whether it is a request's turn: it is the first in the queues of all its sessions."""
        return all(self.queues[number][0] == ticket.number for number in ticket.sessions)

    def save(self) -> Saved:
        """Return plain data, between two turns."""
        return {
            "server": self.server.save(),
            "tickets": [ticket.save() for ticket in self.tickets.values()],
            "queues": [[number, list(queue)] for number, queue in self.queues.items()],
        }

    @classmethod
    def restore(cls, saved: Saved | None, config: RadiusConfig, codec: Codec) -> Desk | None:
        """Return the desk that ``save`` was called on, where it is still wanted."""
        if saved is None or (config.coa is None and not saved["tickets"]):
            return cls.of(config, codec)
        desk = cls(CoaServer.restore(saved["server"], config.coa or NOBODY), _reader(config, codec))
        desk.tickets = {ticket.number: ticket for ticket in map(Ticket.restore, saved["tickets"])}
        for ticket in desk.tickets.values():
            desk.deadlines.set(ticket.number, ticket.due_at)
        desk.queues = {number: deque(queue) for number, queue in saved["queues"]}
        return desk
