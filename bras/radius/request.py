"""A request on its way: what is asked, of whom it was asked already, and the attempt under way."""

from __future__ import annotations

from enum import Enum

from bras.plain import Saved
from bras.radius.codec import SharedSecret
from bras.radius.credentials import hide, reveal
from bras.radius.events import Kind
from bras.radius.slots import Sent, restore_sent, save_sent


class RequestState(Enum):
    """Where a request stands."""

    SENT = "sent"
    """A server was asked; its answer or the retransmission is awaited."""
    QUEUED = "queued"
    """All slots of its server are in use."""
    RESTING = "resting"
    """No server answered this accounting record; it is tried again when ``due_at`` has come."""


class Attempt:
    """The asking of one server."""

    __slots__ = ("delay_s", "interval_s", "packet", "secret", "service", "slots", "started_at", "tries")

    def __init__(self, service: int) -> None:
        """Begin with nothing sent; ``service`` is the number of the service asked."""
        self.service = service
        self.slots: list[int] = []
        """In use; an accounting record has one for each Acct-Delay-Time that was sent, all awaiting the answer."""
        self.packet = b""
        """As sent last."""
        self.secret: SharedSecret | None = None
        """With which it is signed."""
        self.tries = 0
        self.interval_s = 0.0
        """Seconds between the last transmission and the next."""
        self.started_at = 0.0
        """When it was sent to this server first."""
        self.delay_s = 0
        """The Acct-Delay-Time in ``packet``."""


NOWHERE = Attempt(-1)
"""The attempt of a request that is with no server; it is never written to."""


class Request:
    """An Access-Request or Accounting-Request on behalf of the owner."""

    __slots__ = (
        "attempt",
        "attributes",
        "authenticator",
        "created_at",
        "due_at",
        "group",
        "kind",
        "number",
        "password",
        "rounds",
        "state",
        "tried",
    )

    def __init__(self, key: int, kind: Kind, group: str | None, attributes: bytes, *, created_at: float) -> None:
        """Begin unasked."""
        self.kind = kind
        self.number = key << 1 | (kind is Kind.ACCT)
        """Its number among all requests: keys of the two kinds may be the same."""
        self.group = group
        self.attributes = attributes
        """Complete but for User-Password and Acct-Delay-Time, which are made anew for each transmission."""
        self.created_at = created_at
        self.authenticator = b""
        """Request Authenticator of an Access-Request: one for each identifier under which it is sent."""
        self.password: bytes | None = None
        """Of PAP, to be hidden with each server's secret."""
        self.state = RequestState.QUEUED
        self.due_at = 0.0
        """When something must be done about it if no answer comes."""
        self.tried = 0
        """Services asked in this round: a bit for each number."""
        self.rounds = 0
        """How often all servers were asked in vain."""
        self.attempt = NOWHERE

    @property
    def key(self) -> int:
        """Return the owner's key or record."""
        return self.number >> 1


def save_request(request: Request, sent: dict[int, Sent], secret: SharedSecret) -> Saved:
    """Return plain data: ``sent`` are the slots of its service, ``secret`` hides its password and older secrets."""
    attempt, password = request.attempt, request.password
    hidden = None if password is None else [len(password), hide(password, request.authenticator, secret)]
    return {
        "key": request.key,
        "kind": request.kind.value,
        "group": request.group,
        "attributes": request.attributes,
        "created_at": request.created_at,
        "authenticator": request.authenticator,
        "password": hidden,
        "state": request.state.value,
        "due_at": request.due_at,
        "tried": request.tried,
        "rounds": request.rounds,
        "attempt": [
            attempt.service,
            [[slot, save_sent(sent[slot], secret)] for slot in attempt.slots],
            attempt.packet,
            attempt.tries,
            attempt.interval_s,
            attempt.started_at,
            attempt.delay_s,
        ],
    }


def restore_request(saved: Saved, secret: SharedSecret, sent: dict[int, Sent]) -> Request:
    """Return the request of which ``saved`` is the plain data; its slots go into ``sent``."""
    kind = Kind(saved["kind"])
    request = Request(saved["key"], kind, saved["group"], saved["attributes"], created_at=saved["created_at"])
    request.authenticator = saved["authenticator"]
    if saved["password"] is not None:
        size, hidden = saved["password"]
        request.password = reveal(hidden, request.authenticator, secret)[:size]
    request.state = RequestState(saved["state"])
    request.due_at = saved["due_at"]
    request.tried = saved["tried"]
    request.rounds = saved["rounds"]
    service, slots, packet, tries, interval_s, started_at, delay_s = saved["attempt"]
    if service >= 0:
        attempt = request.attempt = Attempt(service)
        attempt.slots, attempt.packet, attempt.tries = [slot for slot, _ in slots], packet, tries
        attempt.interval_s, attempt.started_at, attempt.delay_s = interval_s, started_at, delay_s
        for slot, transmission in slots:
            authenticator, attempt.secret = restore_sent(transmission, secret)
            sent[slot] = (request.number, authenticator, attempt.secret)
    return request


def new_round(saved: Saved) -> Request:
    """Return a saved accounting record as one that rests: its servers are others now."""
    request = Request(saved["key"], Kind.ACCT, saved["group"], saved["attributes"], created_at=saved["created_at"])
    request.state = RequestState.RESTING
    request.due_at = saved["due_at"]
    return request
