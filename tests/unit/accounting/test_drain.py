"""What has piled up is told at its pace, after what is made now, and carefully while nobody answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.accounting import beginning
from bras.accounting.book import MOST_FETCHED, MOST_IN_HAND, MOST_WHILE_SILENT
from bras.accounting.drain import A_TURN, PROBE_S, PROBES
from bras.config.spool import SpoolConfig
from tests.support.clerk import Clerk


def in_arrears(tmp_path: Path, sessions: int, pace: float = 100.0) -> Clerk:
    """Return a clerk whose servers have been silent while that many sessions began."""
    clerk = Clerk(tmp_path, SpoolConfig(drain_per_s=pace))
    for key in range(1, MOST_WHILE_SILENT + 1):
        clerk.start(key)
    clerk.write()
    clerk.ignore()
    for key in range(1000, 1000 + sessions):
        clerk.start(key)
    clerk.write_all()
    assert len(clerk.under_way) == MOST_WHILE_SILENT
    clerk.answer()
    return clerk


def test_the_pace_is_kept(tmp_path: Path) -> None:
    clerk = in_arrears(tmp_path, 900)
    for second in range(1, 9):
        before = len(clerk.acknowledged)
        for _ in range(10):
            clerk.wait(0.1)
            clerk.answer()
        told = len(clerk.acknowledged) - before
        assert 80 <= told <= 120, f"second {second}"


def test_a_pace_of_less_than_one_a_step(tmp_path: Path) -> None:
    clerk = in_arrears(tmp_path, 10, pace=0.5)
    before = len(clerk.heard)
    clerk.wait(10.0)
    assert 4 <= len(clerk.heard) - before <= 6


def test_however_fast_a_step_is_short(tmp_path: Path) -> None:
    clerk = in_arrears(tmp_path, 300, pace=100_000.0)
    while clerk.ledger.total:
        before, at = len(clerk.heard), clerk.now
        clerk.wait(A_TURN / 100_000.0)
        assert clerk.now < at + 0.001
        assert len(clerk.heard) - before <= A_TURN
        clerk.answer()
        clerk.write()


def test_what_follows_has_its_own_turn(tmp_path: Path) -> None:
    """A Stop that was read with its Start is not told in that one's turn, which would be twice the pace."""
    clerk = Clerk(tmp_path, SpoolConfig(drain_per_s=100.0))
    for key in range(1, MOST_WHILE_SILENT + 1):
        clerk.start(key)
    clerk.write()
    clerk.ignore()
    for key in range(1000, 1300):
        clerk.start(key)
        clerk.stop(key)
    clerk.write_all()
    clerk.answer()
    for second in range(1, 6):
        before = len(clerk.acknowledged)
        for _ in range(10):
            clerk.wait(0.1)
            clerk.answer()
        assert 80 <= len(clerk.acknowledged) - before <= 120, f"second {second}"
    clerk.settle()
    assert clerk.ledger.total == 0
    assert not clerk.ledger.lines


def test_what_is_made_now_goes_before(tmp_path: Path) -> None:
    clerk = in_arrears(tmp_path, 500, pace=10.0)
    clerk.wait(1.0)
    clerk.start(5000)
    clerk.write()
    assert clerk.heard[-1] == b"5000:1"


def test_no_more_is_in_memory_than_is_being_told(tmp_path: Path) -> None:
    clerk = in_arrears(tmp_path, 2000, pace=1000.0)
    for _ in range(30):
        clerk.wait(0.1)
        assert len(clerk.ledger.lines) <= 2 * MOST_FETCHED
    assert len(clerk.heard) < 2 * MOST_FETCHED + MOST_WHILE_SILENT, "nobody acknowledges: that is enough"


def test_a_silent_group_of_which_nothing_is_under_way_is_tried_now_and_then(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path)
    for key in range(1, 40):
        clerk.start(key)
    clerk.wait(0)
    clerk.answer()
    for key in range(1, 40):
        clerk.interim(key, 1)
    clerk.ignore()
    clerk.write_all()
    assert not clerk.under_way
    before = len(clerk.heard)
    clerk.wait(PROBE_S - 1.0)
    assert len(clerk.heard) == before
    clerk.wait(2.0 + PROBE_S)
    assert before < len(clerk.heard) <= before + 2 * PROBES
    clerk.answer()
    clerk.settle(30.0)
    assert clerk.on_disk == []
    assert sorted(clerk.acknowledged[39:]) == sorted(b"%d:3:1" % key for key in range(1, 40)), "each once"


def test_rows_that_changed_while_they_were_read_are_read_again(tmp_path: Path) -> None:
    clerk = in_arrears(tmp_path, 3)
    clerk.take(clerk.ledger.handle_timeout(now=clerk.now))
    assert clerk.fetches, "asked, not answered"
    clerk.stop(1001)
    clerk.settle(5.0)
    assert [one for one in clerk.acknowledged if one.startswith(b"1001")] == [b"1001:1", b"1001:2"]
    assert clerk.on_disk == []


def test_rows_behind_an_announcement_do_not_fill_the_place_of_those_before_it(tmp_path: Path) -> None:
    """Of three lives nothing was told; of each more than is read in one go."""
    first = Clerk(tmp_path)
    for life in (0, 10_000, 20_000):
        first.announce(life)
        for key in range(life + 1, life + 1 + 2 * MOST_FETCHED):
            first.start(key)
            first.stop(key)
        first.write_all()
    assert first.file is not None
    first.file.close()
    second = Clerk(tmp_path, SpoolConfig(drain_per_s=10_000.0))
    assert second.file is not None
    beginning.begin(second.ledger, second.file.depths(), now=second.now)
    second.wait(0.01)  # it is read already when the announcement of this life is made
    second.announce(30_000)
    for key in range(30_001, 30_001 + MOST_IN_HAND + MOST_FETCHED):  # and more than memory has room for
        second.start(key)
    second.settle(30.0)
    assert second.ledger.total == 0
    keys = [int(octets.partition(b":")[0]) // 10_000 for octets in second.acknowledged]
    assert keys == sorted(keys), "each life before the next one"
    for life in range(4):
        at = second.acknowledged.index(b"%d:7" % (life * 10_000))
        assert keys.index(life) == at, "its announcement first"


@pytest.mark.parametrize("before", [1, MOST_FETCHED + 1])
@pytest.mark.parametrize("announces", [False, True])
def test_announcements_on_disk_keep_back_what_comes_after_them(tmp_path: Path, before: int, *, announces: bool) -> None:
    """Be they read in the first go, and be there an announcement of this life, which is known from the beginning."""
    first = Clerk(tmp_path)
    for key in range(before):
        first.stop(key)
    first.announce(1000)
    first.start(1001)
    first.write()
    assert first.file is not None
    first.file.close()
    second = Clerk(tmp_path)
    assert second.file is not None
    beginning.begin(second.ledger, second.file.depths(), now=second.now)
    if announces:
        second.announce(2000)
    second.start(1002)
    second.write()
    assert second.heard == []
    second.wait(0.5)
    second.start(1003)  # made while it is read
    second.write()
    assert b"1003:1" not in second.heard
    second.settle(30.0)
    assert [int(one.partition(b":")[0]) for one in second.acknowledged[:before]] == list(range(before))
    assert second.acknowledged[before] == b"1000:7"
    assert sorted(second.acknowledged[before + 1 : before + 4]) == [b"1001:1", b"1002:1", b"1003:1"]
    assert second.acknowledged[before + 4 :] == [b"2000:7"] * announces
    assert second.ledger.total == 0
