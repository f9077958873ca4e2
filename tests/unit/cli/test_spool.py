"""What stands above the table of ``show spool``."""

from __future__ import annotations

from bras.cli.spool import group, sections, waits_for
from tests.unit.cli.rows import SPOOL

WELL = {
    "state": "safe",
    "reason": "",
    "since_s": None,
    "owed": 0,
    "max_records": 1000,
    "refuses_calls": False,
    "octets": 0,
    "stored": 0,
    "failures": 0,
    "last_failure": "",
    "last_failure_s": None,
}


def test_a_disk_that_refuses() -> None:
    ((title, facts),) = sections(SPOOL)
    assert title == "accounting records"
    assert dict(facts) == {
        "state": "at risk",
        "since": "1m 01s ago",
        "reason": "the disk refuses (database or disk is full): records are told from memory",
        "records owed": "4,321 of 1,000,000",
        "new calls": "refused",
        "on disk": "12.3 MB",
        "stored in all": "98,765 records",
        "failures": "12",
        "last failure": "1s ago: database or disk is full",
    }


def test_nothing_is_said_of_what_is_well() -> None:
    ((_, facts),) = sections({"spool": WELL})
    assert {name for name, value in facts if value} == {"state", "records owed"}


def test_names_and_waiting() -> None:
    first, second = SPOOL["groups"]
    assert (group(first), group(second)) == ("-", "billing")
    assert (waits_for(first), waits_for(second)) == ("", "Accounting-On")
    assert waits_for({"waits_for": "accounting_off"}) == "Accounting-Off"
    assert waits_for({"waits_for": "earlier_records"}) == "earlier records"
