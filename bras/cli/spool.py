"""``bras show spool``: how safe is what accounting owes, in words above the table of the groups."""

from __future__ import annotations

from typing import Any

from bras.cli.human import ago, octets

Row = dict[str, Any]


def sections(body: Row) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what is true of the whole spool, in sections of names and values."""
    whole = body["spool"]
    facts = [
        ("state", whole["state"]),
        ("since", ago(whole["since_s"])),
        ("reason", whole["reason"]),
        ("records owed", f"{whole['owed']:,} of {whole['max_records']:,}"),
        ("new calls", "refused" if whole["refuses_calls"] else ""),
    ]
    if whole["octets"]:
        facts += [("on disk", octets(whole["octets"])), ("stored in all", f"{whole['stored']:,} records")]
    if whole["last_failure_s"] is not None:
        facts += [("failures", f"{whole['failures']:,}"), ("last failure", _last(whole))]
    return [("accounting records", facts)]


def _last(whole: Row) -> str:
    return f"{ago(whole['last_failure_s'])}: {whole['last_failure']}"


def group(row: Row) -> str:
    """Return the name of a group of servers; those without one are a group, too."""
    return str(row["group"] or "-")


def waits_for(row: Row) -> str:
    """Return for what newer records of a group wait, in words."""
    words = {"accounting_on": "Accounting-On", "accounting_off": "Accounting-Off"}
    found = row["waits_for"]
    return words.get(found, str(found or "").replace("_", " "))
