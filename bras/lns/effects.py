"""Everything that the machine can want of the world, in the order in which it must be done."""

from __future__ import annotations

from dataclasses import dataclass

from bras.accounting import events as ledger
from bras.accounting import rows
from bras.forwarding.entry import Operation
from bras.l2tp import events as l2tp
from bras.l2tp.events import ClosePort, OpenPort, Path, SendDatagram
from bras.lns.commands import Plain
from bras.lns.policy import InterimRaised
from bras.lns.stages import SetupTimed
from bras.lns.told import Noted, SessionBegun
from bras.ppp import events as ppp
from bras.radius import events as radius
from bras.radius.coa_events import CoaAnswered, CoaDropped, CoaRepeated, SendCoaReply
from bras.radius.events import SendRadius
from bras.subscriber.events import Authenticated, ProxyJudged, QuotaTold, SubscriberEnded, SubscriberUp
from bras.value import hasten

Fact = (
    l2tp.TunnelUp
    | l2tp.TunnelProbed
    | l2tp.TunnelMoved
    | l2tp.TunnelDown
    | l2tp.TunnelRefused
    | l2tp.CallUp
    | l2tp.CallDown
    | l2tp.CallRefused
    | l2tp.ErrorsReported
    | l2tp.AccmReceived
    | l2tp.SpeedChanged
    | l2tp.Dropped
    | l2tp.DataDisordered
    | l2tp.LockedOut
    | l2tp.LockoutEnded
    | l2tp.Retransmitted
    | l2tp.RoundTripMeasured
    | ppp.Dropped
    | ppp.EchoMeasured
    | radius.Answered
    | radius.Resent
    | radius.ServerDead
    | radius.ServerAlive
    | radius.ConnectionUp
    | radius.ConnectionDown
    | radius.ReplyDropped
    | radius.AccountingUnanswered
    | ledger.Forgotten
    | ledger.SpoolAlert
    | CoaAnswered
    | CoaDropped
    | CoaRepeated
    | Authenticated
    | ProxyJudged
    | SubscriberUp
    | SubscriberEnded
    | QuotaTold
    | InterimRaised
    | SetupTimed
    | SessionBegun
    | Noted
)
"""What telemetry turns into log lines and samples."""


@dataclass(frozen=True, slots=True)
class Program:
    """Tell the data plane; it answers with ``Programmed``."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class Forward:
    """Have the data plane forward a subscriber's packet that came numbered, and is in order now."""

    slot: int
    generation: int
    packet: bytes


@dataclass(frozen=True, slots=True)
class ReadCounters:
    """Read the counters of these (slot, generation); answered with ``CountersRead``."""

    slots: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class MeasurePath:
    """Find out what the path carries; answered with ``PathMeasured``."""

    path: Path


@dataclass(frozen=True, slots=True)
class Journal:
    """State that must be out of ``kill -9``'s reach before this turn's sends; the first effect of its turn."""

    records: tuple[tuple[str, bytes], ...]
    """Whose state, as "channel:5" or "session:27", and the state, encoded; empty when it is no more.

    They belong together: a reader must have all of them or none.
    """


@dataclass(frozen=True, slots=True)
class Spool:
    """What is owed to the accounting servers from now on, or no more; it is on disk when ``Stored`` says so."""

    number: int
    """Greater than that of any Spool before."""
    operations: tuple[rows.Operation, ...]
    """Those of one key in the order in which they are to be done."""


@dataclass(frozen=True, slots=True)
class FetchRecords:
    """Read again what the spool holds for a group of servers; answered with ``Fetched``, after all Spools before it."""

    group: str | None
    most: int
    """Rows; those with the least keys, which were begun first."""
    after: int
    """Only rows whose key is greater."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a Command came to."""

    identifier: int
    ok: bool
    body: Plain
    """The answer, or ``{"error": words}`` when not ``ok``."""


@dataclass(frozen=True, slots=True)
class Report:
    """A fact for telemetry."""

    fact: Fact


Effect = (
    SendDatagram
    | OpenPort
    | ClosePort
    | SendRadius
    | SendCoaReply
    | Program
    | Forward
    | ReadCounters
    | MeasurePath
    | Journal
    | Spool
    | FetchRecords
    | Answer
    | Report
)

hasten(Forward, Journal, Spool)
