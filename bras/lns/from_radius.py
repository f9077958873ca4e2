"""From RADIUS inward: decisions reach their subscribers, the rest are effects and facts."""

from __future__ import annotations

from typing import Final

from bras.lns import admission, from_ledger
from bras.lns.core import Core
from bras.lns.effects import Report
from bras.lns.inputs import TransportDown, TransportUp
from bras.radius.events import (
    Accepted,
    AccountingAcknowledged,
    AccountingUnanswered,
    Answered,
    Event,
    Kind,
    Rejected,
    SendRadius,
    ServerAlive,
    Unanswered,
)

_VERDICTS: Final = (Accepted, Rejected, Unanswered)


def transport_changed(core: Core, given: TransportUp | TransportDown, now: float) -> None:
    """Hear that a connection towards a server over TLS is up or down."""
    exchanges, server, kind, socket = core.exchanges, given.server, given.kind, given.socket
    if isinstance(given, TransportUp):
        events = exchanges.connected(server, kind, socket, now=now)
    else:
        events = exchanges.disconnected(server, kind, socket, given.reason, now=now)
    take(core, events, now)


def take(core: Core, events: list[Event], now: float) -> None:
    """Act on what the RADIUS client tells."""
    effects = core.effects
    for event in events:
        if type(event) is SendRadius:
            effects.append(event)
        elif type(event) is Answered:
            effects.append(Report(event))
        elif type(event) is AccountingAcknowledged:
            from_ledger.acknowledged(core, event, now)
        elif isinstance(event, _VERDICTS):
            admission.answered(core, event, now=now)
        elif not isinstance(event, (SendRadius, AccountingAcknowledged)):
            effects.append(Report(event))
            if isinstance(event, AccountingUnanswered):
                from_ledger.take(core, core.ledger.unanswered(event.record, now=now), now)
            elif isinstance(event, ServerAlive) and event.kind is Kind.ACCT:
                _alive(core, event.server, now)


def _alive(core: Core, name: str, now: float) -> None:
    """Hear that a server is asked again: let some find out whether it answers."""
    for server in core.config.radius.server:
        if (server.name or server.address) == name:
            core.ledger.answers(server.group, now=now)
    core.backlog.radius.append(core.exchanges.rouse(now=now))
