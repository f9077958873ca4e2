"""What the server of dynamic authorisation takes, tells and wants; see ``bras.radius.coa``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bras.errors import DropReason
from bras.radius.dynauth import Asked, DynamicRequest, ErrorCause


class Origin(NamedTuple):
    """Where a request came from, which is where its answer goes."""

    socket: int
    """Index of the socket that it came to; what a negative one means is its transport's business."""
    local: str
    """The address of ours that was asked."""
    remote: str
    remote_port: int
    client: str = ""
    """Name of the client where the transport has proven it; else it is found by address."""


@dataclass(frozen=True, slots=True)
class SendCoaReply:
    """Send an answer back to where its request came from, from the address that was asked."""

    origin: Origin
    data: bytes


@dataclass(frozen=True, slots=True)
class CoaAsked:
    """A new request, believed: its answer is ``CoaServer.answer`` with this ticket."""

    ticket: int
    request: DynamicRequest


@dataclass(frozen=True, slots=True)
class CoaDropped:
    """Fact: a request was dropped and counted."""

    client: str
    """Empty when nobody of the configuration sent it."""
    remote: str
    """Address that it came from."""
    reason: DropReason


@dataclass(frozen=True, slots=True)
class CoaRepeated:
    """Fact: a request came again."""

    client: str
    answered: bool
    """It got the answer of the first; else that is still to come."""


@dataclass(frozen=True, slots=True)
class CoaAnswered:
    """Fact: a request was answered."""

    client: str
    asked: Asked
    cause: ErrorCause | None
    """Of a NAK."""
    seconds: float
    """Since it came."""
    sessions: tuple[str, ...]
    """Acct-Session-Ids of those that were meant, the first ones."""
    count: int
    """How many were meant."""
    user: str
    """User name of the first of them."""
    text: str
    """What of the request was wrong; empty when nothing was."""


Event = SendCoaReply | CoaAsked | CoaDropped | CoaRepeated | CoaAnswered
