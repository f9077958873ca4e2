"""Which record is told when: transcripts of a ledger with a disk, without one, and with one that refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.accounting.book import MOST_IN_HAND, MOST_WHILE_SILENT
from bras.accounting.debts import OFF, ON, START, STOP
from bras.accounting.events import Forgotten
from bras.config.spool import SpoolConfig
from tests.support.clerk import Clerk


@pytest.fixture(params=[False, True], ids=["kept", "restored"])
def clerk(request: pytest.FixtureRequest, tmp_path: Path) -> Clerk:
    """Return a clerk with a disk; once one whose ledger is saved and restored after every input."""
    clerk = Clerk(tmp_path, notes=True)
    clerk.restores = request.param
    return clerk


@pytest.fixture(params=[False, True], ids=["kept", "restored"])
def forgetful(request: pytest.FixtureRequest) -> Clerk:
    """Return a clerk without a disk, likewise."""
    clerk = Clerk()
    clerk.restores = request.param
    return clerk


# -- output commit


def test_nothing_is_told_before_it_is_on_disk(clerk: Clerk) -> None:
    clerk.start(1)
    assert clerk.heard == []
    assert set(clerk.notes) == {(1, START)}, "the journal has it until then"
    clerk.write()
    assert clerk.heard == [b"1:1"]
    assert not clerk.notes
    clerk.answer()
    clerk.write()
    assert clerk.on_disk == []
    clerk.stop(1)
    assert clerk.heard == [b"1:1"]
    clerk.write()
    assert clerk.heard == [b"1:1", b"1:2"]
    clerk.answer()
    clerk.write()
    assert clerk.file is not None
    assert not list(clerk.file.open_rows())
    assert clerk.ledger.total == 0


def test_a_session_that_owes_nothing_is_not_in_memory(clerk: Clerk) -> None:
    for key in range(1, 100):
        clerk.start(key)
    clerk.write()
    clerk.answer()
    book = clerk.ledger.books[None]
    assert not clerk.ledger.lines
    assert not clerk.ledger.told
    assert len(book.behind) == book.in_hand == book.told == 0


def test_the_row_of_an_open_session_stays_when_its_start_is_acknowledged(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.wait(0)
    clerk.answer()
    clerk.write()
    assert clerk.file is not None
    assert [(row.key, row.start_owed) for row in clerk.file.open_rows()] == [(1, False)]


def test_without_a_disk_a_record_is_told_at_once(forgetful: Clerk) -> None:
    forgetful.start(1)
    forgetful.stop(1)
    assert forgetful.heard == [b"1:1"], "one after the other all the same"
    forgetful.answer()
    assert forgetful.heard == [b"1:1", b"1:2"]
    forgetful.answer()
    assert not forgetful.ledger.lines


# -- the disk refuses


def test_a_disk_that_refuses_keeps_nothing_from_being_told_once_and_in_order(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.disk_refuses = True
    clerk.write()
    assert clerk.heard == [b"1:1"]
    assert clerk.ledger.is_at_risk
    clerk.stop(1)
    clerk.start(2)
    assert clerk.heard == [b"1:1", b"2:1"]
    clerk.answer()
    assert clerk.heard == [b"1:1", b"2:1", b"1:2"]
    clerk.answer()
    kept = {(1, START), (1, STOP), (2, START)}
    assert set(clerk.notes) == kept, "whoever is killed now would find the first open, and make it another Stop"
    clerk.write()
    storing = clerk.ledger.storing
    assert storing is not None
    assert (storing.refused_at, storing.reason, storing.failures) == (1000.0, "disk full", 2)
    clerk.now += 70.0
    clerk.disk_refuses = False
    clerk.write()
    assert not clerk.ledger.is_at_risk
    assert (storing.refused_at, storing.reason, storing.failed_at) == (None, "disk full", 1000.0), "what it said last"
    assert clerk.heard == [b"1:1", b"2:1", b"1:2"], "nothing is told again"
    assert not clerk.notes
    assert clerk.on_disk == []
    assert clerk.file is not None
    assert [row.key for row in clerk.file.open_rows()] == [2]


def test_what_was_told_from_memory_is_on_disk_when_that_takes_it(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.disk_refuses = True
    clerk.write()
    assert set(clerk.notes) == {(1, START)}, "the journal has it while the disk has not"
    clerk.disk_refuses = False
    clerk.write()
    assert clerk.on_disk == [1]
    assert not clerk.notes
    assert clerk.heard == [b"1:1"]


def test_what_was_left_to_a_disk_that_then_refuses_is_told_from_memory(clerk: Clerk) -> None:
    for key in range(1, MOST_IN_HAND + 4):
        clerk.start(key)
    clerk.stop(MOST_IN_HAND + 2)
    clerk.disk_refuses = True
    clerk.write()
    clerk.answer()
    clerk.answer()
    assert len(clerk.acknowledged) == MOST_IN_HAND + 4
    assert clerk.acknowledged.index(b"%d:1" % (MOST_IN_HAND + 2)) < clerk.acknowledged.index(
        b"%d:2" % (MOST_IN_HAND + 2)
    )


# -- order of a session


def test_a_stop_waits_for_its_start(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.stop(1)
    clerk.write()
    assert clerk.heard == [b"1:1"]
    clerk.ignore()
    assert clerk.heard == [b"1:1"], "its servers are silent: that costs no patience"
    clerk.answer()
    assert clerk.heard == [b"1:1", b"1:2"]


def test_a_start_that_is_never_answered_keeps_its_stop_waiting_for_three_rounds(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.stop(1)
    clerk.write()
    for round_ in range(3):
        clerk.now += 30.0
        clerk.start(10 + round_)
        clerk.write()
        clerk.answer_one(clerk.ticket(b"%d:1" % (10 + round_)))
        assert b"1:2" not in clerk.heard
        clerk.now += 1.0
        clerk.ignore(b"1:1")
    assert clerk.heard[-1] == b"1:2"
    clerk.answer_one(clerk.ticket(b"1:2"))
    clerk.write()
    assert clerk.on_disk == [1], "the Start is owed still, and its Stop with it: a restart has both"
    clerk.answer()
    clerk.write()
    assert clerk.on_disk == []
    assert clerk.acknowledged.count(b"1:2") == 1
    assert clerk.ledger.total == 0


def test_rounds_in_an_outage_cost_no_patience(forgetful: Clerk) -> None:
    forgetful.start(1)
    forgetful.stop(1)
    for _ in range(10):
        forgetful.now += 30.0
        forgetful.ignore()
    assert forgetful.heard == [b"1:1"]


# -- interims


def test_an_interim_touches_no_disk_while_it_is_answered(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.write()
    clerk.answer()
    clerk.write()
    clerk.interim(1, 1)
    assert clerk.heard[-1] == b"1:3:1"
    assert not clerk.notes
    clerk.answer()
    assert not clerk.spooled
    assert not clerk.ledger.lines


def test_an_interim_waits_for_the_start_and_a_newer_one_takes_its_place(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.write()
    clerk.interim(1, 1)
    clerk.interim(1, 2)
    assert clerk.heard == [b"1:1"]
    clerk.answer()
    assert clerk.heard == [b"1:1", b"1:3:2"]
    assert clerk.ledger.books[None].counts.coalesced == 1


def test_a_stop_makes_interims_superfluous(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.write()
    clerk.interim(1, 1)
    clerk.stop(1)
    clerk.write()
    clerk.settle()
    assert clerk.acknowledged == [b"1:1", b"1:2"]
    assert clerk.ledger.books[None].counts.interims == 0


def test_what_a_server_may_be_reading_is_not_overtaken(clerk: Clerk) -> None:
    """A server with several threads could put an Interim-Update down after the Stop that came a moment later."""
    clerk.start(1)
    clerk.write()
    clerk.answer()
    clerk.interim(1, 1)
    clerk.interim(1, 2)
    clerk.interim(1, 3)
    clerk.stop(1)
    clerk.write()
    assert [tell.octets for tell in clerk.under_way.values()] == [b"1:3:1"]
    clerk.settle()
    assert clerk.acknowledged == [b"1:1", b"1:3:1", b"1:2"]
    assert clerk.ledger.total == 0
    assert not clerk.ledger.lines


@pytest.mark.parametrize("others", [False, True])
def test_but_it_is_once_its_round_was_in_vain(clerk: Clerk, others: bool) -> None:
    clerk.start(1)
    clerk.start(2)
    clerk.write()
    clerk.answer(1 if others else 2)
    clerk.interim(1, 1)
    clerk.stop(1)
    clerk.write()
    if others:
        clerk.now += 1.0
        clerk.answer_one(clerk.ticket(b"2:1"))
    clerk.ignore(b"1:3:1")
    assert [tell.octets for tell in clerk.under_way.values()] == [b"1:2"]
    assert clerk.ledger.books[None].counts.coalesced == 1
    clerk.settle()
    assert clerk.ledger.total == 0
    assert not clerk.ledger.lines


def test_of_a_group_that_is_silent_nothing_is_being_read(forgetful: Clerk) -> None:
    forgetful.start(1)
    forgetful.answer()
    forgetful.interim(1, 1)
    forgetful.ignore()
    forgetful.interim(1, 2)
    assert [tell.octets for tell in forgetful.under_way.values()] == [b"1:3:2"], "the one before is withdrawn"
    forgetful.stop(1)
    assert [tell.octets for tell in forgetful.under_way.values()] == [b"1:2"]


def test_an_interim_in_hand_that_takes_the_place_of_one_on_disk_leaves_that_to_the_next(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.write()
    clerk.answer()
    clerk.interim(1, 1)
    clerk.ignore()
    clerk.write()
    clerk.start(2)
    clerk.write()
    clerk.answer()
    clerk.interim(1, 2)
    clerk.interim(1, 3)
    clerk.ignore(b"1:3:2")
    clerk.settle()
    assert clerk.acknowledged[-1] == b"1:3:3"
    assert clerk.on_disk == []
    assert clerk.ledger.total == 0


def test_an_interim_that_no_server_took_waits_on_disk(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.write()
    clerk.answer()
    clerk.interim(1, 1)
    clerk.ignore()
    clerk.write()
    assert not clerk.under_way
    assert not clerk.ledger.lines
    assert clerk.on_disk == [1]
    clerk.now += 300.0
    clerk.interim(1, 2)
    clerk.write()
    assert not clerk.under_way, "the group is silent: it goes to the disk at once"
    clerk.settle()
    assert clerk.acknowledged == [b"1:1", b"1:3:2"]
    assert clerk.on_disk == []
    assert clerk.ledger.total == 0


def test_without_a_disk_an_interim_waits_in_memory_and_the_newest_is_told(forgetful: Clerk) -> None:
    forgetful.start(1)
    forgetful.answer()
    forgetful.interim(1, 1)
    forgetful.ignore()
    forgetful.interim(1, 2)
    forgetful.stop(1)
    forgetful.answer()
    assert forgetful.acknowledged == [b"1:1", b"1:2"]


def test_a_live_interim_takes_the_place_of_one_on_disk(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.start(2)
    clerk.write()
    clerk.answer()
    clerk.interim(1, 1)
    clerk.ignore()
    clerk.write()
    clerk.stop(2)
    clerk.write()
    clerk.answer()
    clerk.interim(1, 2)
    assert [tell.octets for tell in clerk.under_way.values()] == [b"1:3:2"]
    clerk.answer()
    clerk.settle(5.0)
    assert b"1:3:1" not in clerk.acknowledged
    assert clerk.on_disk == []
    assert clerk.ledger.total == 0


# -- announcements


def test_an_announcement_waits_for_what_was_owed_before_and_keeps_back_what_comes_after(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.write()
    clerk.answer()
    clerk.stop(1)
    clerk.announce(2)
    clerk.start(3)
    clerk.start(4, "other")
    clerk.write()
    assert clerk.heard == [b"1:1", b"1:2", b"4:1"], "of its group alone"
    clerk.answer()
    assert clerk.heard[-1] == b"2:7"
    clerk.answer()
    clerk.wait(0)
    assert clerk.heard[-1] == b"3:1"
    clerk.answer()
    clerk.write()
    assert clerk.on_disk == []


def test_an_announcement_with_nothing_before_it_is_told_at_once(forgetful: Clerk) -> None:
    forgetful.announce(1)
    forgetful.start(2)
    assert forgetful.heard == [b"1:7"]
    forgetful.answer()
    forgetful.wait(0)
    assert forgetful.heard == [b"1:7", b"2:1"]


def test_announcements_are_told_one_after_the_other(forgetful: Clerk) -> None:
    forgetful.announce(5, OFF)
    forgetful.announce(6, ON)
    assert forgetful.heard == [b"5:8"]
    forgetful.answer()
    assert forgetful.heard == [b"5:8", b"6:7"]


def test_an_announcement_that_is_never_answered_keeps_its_group_waiting_for_three_rounds(forgetful: Clerk) -> None:
    forgetful.start(1)
    forgetful.announce(2)
    forgetful.start(3)
    forgetful.answer()
    assert forgetful.heard == [b"1:1", b"2:7"]
    for number in range(3):
        forgetful.now += 30.0
        forgetful.interim(1, number + 1)
        forgetful.answer_one(forgetful.ticket(b"1:3:%d" % (number + 1)))
        forgetful.now += 1.0
        forgetful.ignore(b"2:7")
    forgetful.wait(0)
    assert forgetful.heard[-1] == b"3:1"


def test_a_stop_that_is_never_answered_keeps_an_announcement_waiting_for_three_rounds(forgetful: Clerk) -> None:
    forgetful.stop(1)
    forgetful.stop(2)
    forgetful.announce(3)
    for number in range(3):
        forgetful.now += 30.0
        forgetful.interim(0, number + 1)
        forgetful.answer_one(forgetful.ticket(b"0:3:%d" % (number + 1)))
        forgetful.now += 1.0
        forgetful.ignore(b"1:2", b"2:2")
    assert forgetful.heard[-1] == b"3:7"


# -- bounds


def test_more_than_the_window_is_left_to_the_disk_and_told_from_there(clerk: Clerk) -> None:
    most = MOST_IN_HAND + 700
    for key in range(1, most + 1):
        clerk.start(key)
    clerk.write()
    assert len(clerk.under_way) == MOST_IN_HAND
    assert len(clerk.ledger.lines) == MOST_IN_HAND
    clerk.stop(most)
    clerk.settle(10.0)
    assert sorted(clerk.acknowledged) == sorted([b"%d:1" % key for key in range(1, most + 1)] + [b"%d:2" % most])
    assert clerk.acknowledged.index(b"%d:1" % most) < clerk.acknowledged.index(b"%d:2" % most)
    assert clerk.on_disk == []
    assert clerk.ledger.total == 0
    assert not clerk.ledger.lines


def test_refuse_calls_at_the_bound(forgetful: Clerk) -> None:
    forgetful.ledger.follow(SpoolConfig(max_records=3))
    for key in range(1, 4):
        assert not forgetful.ledger.refuses_calls
        forgetful.start(key)
    assert forgetful.ledger.refuses_calls
    forgetful.stop(1)
    assert forgetful.ledger.total == 4, "who is up is recorded all the same"
    forgetful.answer()
    assert not forgetful.ledger.refuses_calls


def test_forget_oldest_at_the_bound(forgetful: Clerk) -> None:
    forgetful.ledger.follow(SpoolConfig(max_records=3, at_bound="forget-oldest"))
    for key in range(1, 6):
        forgetful.start(key)
    assert not forgetful.ledger.refuses_calls
    assert forgetful.facts == [Forgotten(None, f"{key:016X}", START) for key in (1, 2)]
    assert [tell.octets for tell in forgetful.under_way.values()] == [b"3:1", b"4:1", b"5:1"]
    assert forgetful.ledger.books[None].counts.forgotten == 2


def test_forget_oldest_asks_the_disk_for_it(clerk: Clerk) -> None:
    clerk.ledger.follow(SpoolConfig(max_records=MOST_WHILE_SILENT + 20, at_bound="forget-oldest"))
    for key in range(100, 100 + MOST_WHILE_SILENT):
        clerk.start(key)
    clerk.write()
    clerk.ignore()
    for key in range(1, 41):
        clerk.start(key)
        clerk.wait(0.01)
    for key in range(300, 320):
        clerk.start(key)
        clerk.wait(0.01)
    assert clerk.ledger.total <= MOST_WHILE_SILENT + 21
    gone = {fact.session for fact in clerk.facts if isinstance(fact, Forgotten)}
    assert gone >= {f"{key:016X}" for key in range(1, 30)}
    clerk.settle()
    assert clerk.on_disk == []


def test_refuse_calls_at_risk(clerk: Clerk) -> None:
    clerk.start(1)
    clerk.disk_refuses = True
    clerk.write()
    assert not clerk.ledger.refuses_calls
    clerk.ledger.follow(SpoolConfig(refuse_calls_at_risk=True))
    assert clerk.ledger.refuses_calls
    clerk.disk_refuses = False
    clerk.write()
    assert not clerk.ledger.refuses_calls


# -- a day's outage


def test_memory_stays_bounded_while_a_server_is_away_and_sessions_come_and_go(clerk: Clerk) -> None:
    for key in range(1, 101):
        clerk.start(key)
    clerk.wait(1.0)
    clerk.answer()
    largest = 0
    for key in range(101, 3101):
        clerk.start(key)
        clerk.interim(1 + key % 100, key)
        if key > 200:
            clerk.stop(key - 100)
        if key % 50 == 0:
            clerk.wait(13.0)
            clerk.ignore()
        largest = max(largest, len(clerk.ledger.lines))
    assert largest <= 200, "what was under way when the outage began, and some that find out when it ends"
    assert len(clerk.ledger.told) <= 200
    assert len(clerk.ledger.books[None].behind) <= 200, "of those that live"
    before = len(clerk.acknowledged)
    clerk.settle(120.0)
    assert len(clerk.acknowledged) == len(set(clerk.acknowledged)), "each once"
    told = clerk.acknowledged[before:]
    assert {one for one in told if one.endswith(b":1")} == {b"%d:1" % key for key in range(101, 3101)}
    assert {one for one in told if one.endswith(b":2")} == {b"%d:2" % key for key in range(101, 3001)}
    for key in range(101, 3001):
        assert told.index(b"%d:1" % key) < told.index(b"%d:2" % key)
    assert clerk.on_disk == []
    assert clerk.ledger.total == 0


def test_statuses_are_those_of_the_rfc() -> None:
    """RFC 2866 section 5.1."""
    assert (START, STOP, ON, OFF) == (1, 2, 7, 8)
