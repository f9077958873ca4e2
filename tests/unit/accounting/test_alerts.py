"""Thresholds are told when they are passed, up and down; silence can cost sessions."""

from __future__ import annotations

from pathlib import Path

from bras.accounting.alerts import ages_s
from bras.accounting.debts import ON
from bras.accounting.events import SpoolAlert, Unaccounted
from bras.accounting.ledger import CHECK_S
from bras.accounting.rows import Depth
from bras.config.spool import SpoolConfig
from tests.support.clerk import Clerk


def test_many_records_are_told_when_they_are_and_when_they_are_no_more() -> None:
    clerk = Clerk(config=SpoolConfig(warn_records=3))
    for key in (1, 2, 3):
        clerk.start(key)
    clerk.wait(CHECK_S)
    clerk.wait(CHECK_S)
    assert clerk.facts == [SpoolAlert("records", None, True, 3.0)]
    clerk.answer()
    clerk.wait(CHECK_S)
    assert clerk.facts[1:] == [SpoolAlert("records", None, False, 0.0)]
    clerk.wait(100.0)
    assert clerk.ledger.due_at is None, "nothing is owed: nobody wakes up for it"


def test_old_records_are_told_by_group() -> None:
    clerk = Clerk(config=SpoolConfig(warn_age_s=60.0))
    clerk.start(1, "b")
    clerk.wait(100.0)
    (alert,) = clerk.facts
    assert isinstance(alert, SpoolAlert)
    assert (alert.kind, alert.group, alert.begun) == ("age", "b", True)
    assert 60.0 <= alert.figure <= 60.0 + CHECK_S


def test_old_records_that_only_the_disk_has(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path, SpoolConfig(warn_age_s=60.0))
    clerk.start(1)
    clerk.wait(0)
    clerk.answer()
    clerk.interim(1)
    clerk.ignore()
    clerk.write_all()
    assert clerk.file is not None
    clerk.ledger.counted(clerk.file.depths(), clerk.file.octets)
    clerk.wait(20.0)
    assert clerk.facts == []
    clerk.wait(60.0)
    assert [type(fact) for fact in clerk.facts] == [SpoolAlert]


def test_ages_are_those_of_the_oldest_of_each_group(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path)
    assert ages_s(clerk.ledger, clerk.now) == {}
    clerk.start(1, "b")
    clerk.now += 10.0
    clerk.start(2, "b")
    clerk.start(3)
    clerk.now += 5.0
    clerk.announce(4, ON, "c")
    clerk.now += 1.0
    assert ages_s(clerk.ledger, clerk.now) == {"b": 16.0, None: 6.0, "c": 1.0}
    clerk.ledger.counted([Depth("c", 0, 0, 1, 0, clerk.now + clerk.ledger.wall_offset_s - 99.0)], 4096)
    clerk.ledger.books["c"].disk.left()
    assert ages_s(clerk.ledger, clerk.now) == {"b": 16.0, None: 6.0, "c": 99.0}
    assert ages_s(clerk.ledger, clerk.now - 50.0)["b"] == 0.0, "of a clock that was set back"


def test_zero_warns_never() -> None:
    clerk = Clerk(config=SpoolConfig(warn_age_s=0.0, warn_records=0))
    clerk.start(1)
    clerk.wait(100_000.0)
    assert clerk.facts == []


def test_the_bound_is_told() -> None:
    clerk = Clerk(config=SpoolConfig(max_records=2))
    clerk.start(1)
    clerk.start(2)
    clerk.wait(CHECK_S)
    assert clerk.facts == [SpoolAlert("bound", None, True, 2.0)]
    clerk.answer()
    clerk.wait(CHECK_S)
    assert clerk.facts[1:] == [SpoolAlert("bound", None, False, 0.0)]


def _silent(clerk: Clerk, seconds: float) -> set[int]:
    """Let nobody answer for so long; return whose sessions are to end."""
    end = clerk.now + seconds
    while clerk.now < end:
        clerk.ignore()
        clerk.wait(10.0)
    return {fact.key for fact in clerk.facts if isinstance(fact, Unaccounted)}


def test_silence_costs_nobody_by_default() -> None:
    clerk = Clerk()
    clerk.start(1)
    assert _silent(clerk, 3600.0) == set()


def test_silence_costs_those_who_have_been_owed_a_record_for_so_long(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path, SpoolConfig(on_silence="disconnect", silence_s=100.0, warn_age_s=0))
    for key in (1, 2, 3, 4):
        clerk.start(key)
    clerk.start(5, "another")
    clerk.write()
    clerk.answer()
    clerk.start(6)
    clerk.write()
    clerk.interim(1)
    clerk.interim(2)
    clerk.stop(3)
    assert _silent(clerk, 90.0) == set()
    clerk.stop(2)
    clerk.start(7)
    assert _silent(clerk, 50.0) == {1, 6}, "not 4, of which all is told; 2 and 3 have ended; 7 has time"
    assert _silent(clerk, 100.0) >= {1, 6, 7}


def test_an_answer_ends_the_silence() -> None:
    clerk = Clerk(config=SpoolConfig(on_silence="disconnect", silence_s=100.0))
    clerk.start(1)
    clerk.start(2)
    assert _silent(clerk, 90.0) == set()
    clerk.answer_one(clerk.ticket(b"2:1"))
    assert _silent(clerk, 60.0) == set()
    assert _silent(clerk, 60.0) == {1}


def test_a_later_interim_does_not_make_the_debt_younger() -> None:
    clerk = Clerk(config=SpoolConfig(on_silence="disconnect", silence_s=100.0, warn_age_s=100.0))
    clerk.start(1)
    clerk.answer()
    for mark in range(1, 6):
        clerk.interim(1, mark)
        assert clerk.now < 1100.0 or _silent(clerk, 1.0) == {1}
        clerk.ignore()
        clerk.wait(30.0)
    assert any(isinstance(fact, SpoolAlert) for fact in clerk.facts)
