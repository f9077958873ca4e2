"""What samples are there before anything has happened.

A series that begins with 1 has an increase that nobody sees; and how many there are is not to
depend on how much has happened.  Where nobody can know all values beforehand, those that
matter are here, and the others come when they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bras.errors import DropReason
from bras.radius.events import Kind
from bras.subscriber.events import AuthOutcome
from bras.telemetry.tally import Labels

_ALL = tuple(DropReason)


def _from_to(first: DropReason, last: DropReason) -> tuple[DropReason, ...]:
    return _ALL[_ALL.index(first) : _ALL.index(last) + 1]


OF_DATAGRAMS = _from_to(DropReason.SHORT_DATAGRAM, DropReason.ANSWER_WITHHELD)
"""Why the L2TP machine drops."""
OF_FRAMES = _from_to(DropReason.BAD_FRAME, DropReason.LOOPBACK)
"""Why the PPP machines drop."""
OF_REPLIES = _from_to(DropReason.RADIUS_SHORT, DropReason.RADIUS_LATE)
"""Why replies of RADIUS servers are not believed."""
CODES = {Kind.AUTH: ("access_accept", "access_reject", "access_challenge"), Kind.ACCT: ("accounting_response",)}
METHODS = ("mschapv2", "mschapv1", "chap", "pap")
USUAL = (AuthOutcome.ACCEPTED, AuthOutcome.REJECTED, AuthOutcome.UNANSWERED)


def authentications(groups: Iterable[str]) -> dict[Labels, int]:
    """Return the usual outcomes by group, method, outcome."""
    return {(name, method, outcome.value): 0 for name in groups for method in METHODS for outcome in USUAL}


def replies(servers: Iterable[str]) -> dict[Labels, int]:
    """Return the codes that are expected by server, kind, code."""
    return {(name, kind.value, code): 0 for name in servers for kind, codes in CODES.items() for code in codes}


def replies_dropped(services: Iterable[tuple[str, str]]) -> dict[Labels, int]:
    """Return the reasons by server, kind, reason."""
    return {(*service, reason.value): 0 for service in services for reason in OF_REPLIES}


def pairs(servers: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each server with each of its kinds."""
    return ((server, kind.value) for server in servers for kind in Kind)
