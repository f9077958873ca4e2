"""Which accounting records are owed, and how safe they are: answers of ``show spool``, and what metrics say of it."""

from __future__ import annotations

from typing import Final

from bras.accounting.alerts import ages_s
from bras.accounting.book import Book
from bras.accounting.debts import ON
from bras.accounting.ledger import Ledger
from bras.lns.commands import Plain
from bras.lns.core import Core

Row = dict[str, Plain]
KINDS: Final = ("start", "interim", "stop", "announcement")


def shown(core: Core, now: float) -> Row:
    """Return the body of ``ShowSpool``."""
    ages = ages_s(core.ledger, now)
    return {
        "spool": _whole(core.ledger, now),
        "groups": [_group(book, ages.get(book.group), now) for book in _books(core)],
    }


def census(core: Core, now: float) -> Row:
    """Return what ``TakeCensus`` says of it."""
    ledger, books = core.ledger, _books(core)
    ages, storing = ages_s(ledger, now), ledger.storing
    file: list[Plain] = []
    if storing is not None:
        file = [{"stored": storing.stored, "failures": storing.failures, "octets": storing.octets}]
    return {
        "spool_records": [
            {"group": book.group or "", "kind": kind, "count": count}
            for book in books
            for kind, count in zip(KINDS, _owed(book), strict=True)
        ],
        "spool_groups": [
            {
                "group": book.group or "",
                "oldest_s": ages.get(book.group, 0.0),
                "coalesced": book.counts.coalesced,
                "forgotten": book.counts.forgotten,
            }
            for book in books
        ],
        "spool_file": file,
        "spool": {"owed": ledger.total, "at_risk": ledger.is_at_risk, "at_bound": ledger.is_at_bound},
    }


def _books(core: Core) -> list[Book]:
    """Return the books of all groups that take accounting or are owed any, those of the configuration first."""
    books = core.ledger.books
    groups = dict.fromkeys(server.group for server in core.config.radius.server if server.acct_port)
    return [books.get(group) or Book(group) for group in groups | dict.fromkeys(books)]


def _owed(book: Book) -> tuple[int, int, int, int]:
    counts = book.counts
    return counts.starts, counts.interims, counts.stops, counts.announcements


def _group(book: Book, oldest_s: float | None, now: float) -> Row:
    counts = book.counts
    return {
        "group": book.group,
        "owed": counts.total,
        "starts": counts.starts,
        "interims": counts.interims,
        "stops": counts.stops,
        "announcements": counts.announcements,
        "in_hand": book.in_hand,
        "told": book.told,
        "oldest_s": oldest_s,
        "silent_s": now - book.silent_since if book.silent_since is not None else None,
        "waits_for": _waits_for(book),
        "acknowledged": counts.told,
        "coalesced": counts.coalesced,
        "forgotten": counts.forgotten,
    }


def _waits_for(book: Book) -> str | None:
    """Return what keeps newer records of a group waiting."""
    if book.barrier is None:
        return None
    held_by = next((owed for owed in book.announcements if owed.key == book.barrier), None)
    if held_by is None:
        return "earlier_records"
    return "accounting_on" if held_by.status == ON else "accounting_off"


def _whole(ledger: Ledger, now: float) -> Row:
    storing = ledger.storing
    refused_at = storing.refused_at if storing is not None else None
    failed_at = storing.failed_at if storing is not None else None
    return {
        "state": _state(ledger),
        "reason": "; ".join(_reasons(ledger)),
        "since_s": now - refused_at if refused_at is not None else None,
        "owed": ledger.total,
        "max_records": ledger.config.max_records,
        "refuses_calls": ledger.refuses_calls,
        "octets": storing.octets if storing is not None else 0,
        "stored": storing.stored if storing is not None else 0,
        "failures": storing.failures if storing is not None else 0,
        "last_failure": storing.reason if storing is not None else "",
        "last_failure_s": now - failed_at if failed_at is not None else None,
    }


def _state(ledger: Ledger) -> str:
    if ledger.is_at_bound:
        return "at bound"
    if ledger.storing is None:
        return "none"
    return "at risk" if ledger.is_at_risk else "safe"


def _reasons(ledger: Ledger) -> list[str]:
    """Return in words what is not well."""
    reasons = []
    if ledger.is_at_bound:
        given_up = ledger.config.at_bound == "forget-oldest"
        reasons.append(f"no more can be owed, {'the oldest are given up' if given_up else 'new calls are refused'}")
    if ledger.storing is None:
        reasons.append("there is no [state]: what is owed is in memory only")
    elif ledger.is_at_risk:
        reasons.append(f"the disk refuses ({ledger.storing.reason}): records are told from memory")
    return reasons
