"""From the subscriber outward: its events become effects, requests and calls to its neighbours."""

from __future__ import annotations

from typing import Final

from bras.forwarding.entry import Counters
from bras.l2tp.events import By, Cause, SendDatagram
from bras.l2tp.report import Accm
from bras.lns import admission, billing, disconnect, notes, tunnel_books
from bras.lns.core import Core
from bras.lns.effects import Forward, Program, Report
from bras.ppp.events import (
    AddressWanted,
    CredentialsOffered,
    DeadlineMoved,
    Dropped,
    EchoMeasured,
    LcpOpened,
    LcpRefused,
    LinkRestarted,
    SendFrame,
)
from bras.subscriber.events import (
    AccmAgreed,
    AddressFree,
    CountersWanted,
    EntryChanged,
    Event,
    Gone,
    HangUp,
    PacketReceived,
    ProofDue,
    ProxyJudged,
    QuotaTold,
    RecordDue,
    Status,
    SubscriberEnded,
    SubscriberUp,
)
from bras.subscriber.subscriber import Subscriber

MOST_OPTIONS = 64
"""Octets that are kept of refused options."""
CDN_ADMINISTRATIVE = 3
"""Result Code "Call disconnected for administrative reasons" (RFC 2661 section 4.4.2)."""

_FACTS: Final = (SubscriberUp, SubscriberEnded, EchoMeasured, Dropped, ProxyJudged, QuotaTold)
_NOTED: Final = (LcpOpened, LcpRefused, LinkRestarted, ProofDue)


def take(core: Core, subscriber: Subscriber, events: list[Event], now: float) -> None:
    """Act on a subscriber's events, then follow its phase and deadline."""
    effects = core.effects
    for event in events:
        if type(event) is SendFrame:
            datagram: SendDatagram | None = core.endpoint.send_frame(subscriber.leg.key, event.frame)
            if datagram is not None:
                effects.append(datagram)
        elif isinstance(event, EntryChanged):
            effects.append(Program(event.operation))
        elif isinstance(event, _FACTS):
            effects.append(Report(event))
        elif isinstance(event, PacketReceived):
            effects.append(Forward(event.slot, event.generation, event.packet))
        elif isinstance(event, _NOTED):
            if core.tells:
                _note(core, subscriber.number, event)
        elif not isinstance(event, SendFrame):
            _take_wish(core, subscriber, event, now)
    timed = core.registry.touched(subscriber, now)
    if timed is not None:
        effects.append(Report(timed))


def counted(core: Core, subscriber: Subscriber, counters: Counters, now: float) -> None:
    """Hear what a subscriber has carried: mostly an Interim-Update follows or nothing, and no deadline comes nearer."""
    instants = subscriber.instants
    quota_at, suspected = instants.quota_at, instants.idle_suspected
    events = subscriber.counters_read(counters, now=now)
    if suspected or instants.quota_at is not quota_at or len(events) > 1:
        take(core, subscriber, events, now)
        return
    for event in events:
        if type(event) is not RecordDue or event.status is not Status.INTERIM:
            take(core, subscriber, events, now)
            return
        _record_due(core, subscriber, event, now)
    if core.registry.changed is not None:
        core.registry.changed[subscriber.number] = None


def _record_due(core: Core, subscriber: Subscriber, due: RecordDue, now: float) -> None:
    billing.record_due(core, subscriber, due, now=now)
    if core.tunnel_books.is_open:
        tunnel_books.session_told(core, subscriber, due, now)


def _note(core: Core, number: int, event: LcpOpened | LcpRefused | LinkRestarted | ProofDue) -> None:
    """Tell what becomes of a link, for the story."""
    match event:
        case LcpOpened():
            agreed = (event.method, event.mru, event.peer_mru, event.acfc, event.pfc, event.magic)
            notes.note(core, number, "lcp_open", *agreed)
        case LcpRefused():
            notes.note(core, number, "lcp_refused", event.by_peer, event.code, event.options[:MOST_OPTIONS])
        case LinkRestarted():
            notes.note(core, number, "lcp_again")
        case ProofDue():
            notes.note(core, number, "prove_again")


def _take_wish(
    core: Core,
    subscriber: Subscriber,
    event: CredentialsOffered
    | DeadlineMoved
    | AddressWanted
    | CountersWanted
    | RecordDue
    | AddressFree
    | AccmAgreed
    | HangUp
    | Gone,
    now: float,
) -> None:
    """Act on what a subscriber wants of its neighbours."""
    match event:
        case CredentialsOffered():
            admission.credentials_offered(core, subscriber, event, now=now)
        case AddressWanted():
            admission.address_wanted(core, subscriber, event.address, now=now)
        case CountersWanted():
            core.to_read.append((event.slot, event.generation))
        case RecordDue():
            _record_due(core, subscriber, event, now)
        case AddressFree():
            admission.settled(core, subscriber, now=now)
        case AccmAgreed():
            core.backlog.l2tp.append(core.endpoint.tell_accm(subscriber.leg.key, Accm(event.accm), now=now))
        case HangUp():
            cause = Cause(By.LOCAL, CDN_ADMINISTRATIVE, 0, event.text, disconnect=disconnect.told(subscriber))
            key = subscriber.leg.key
            core.backlog.l2tp.append(core.endpoint.close_call(key, cause, now=now))
        case Gone():
            core.registry.remove(subscriber)
            core.gauges.forget(subscriber.number)
        case DeadlineMoved():
            core.registry.deadlines.set(subscriber.number, subscriber.deadline)
