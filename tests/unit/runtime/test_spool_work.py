"""What the spool's thread does with what it is asked, and with a disk that refuses."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bras.accounting.rows import Operation, key_of
from bras.lns.effects import FetchRecords, Spool
from bras.lns.inputs import Fetched, SpoolCounted, SpoolFailed, Stored
from bras.runtime import spool_work as module
from bras.runtime.spool_work import SpoolWork, settled
from bras.store.spool import SpoolFile
from tests.support.spool import GROUPS, INTERIM, START, STOP, Model, drop, lives, put


class Disk:
    """A file that can be made too small: a real ``SQLITE_FULL``."""

    def __init__(self, directory: Path) -> None:
        self.file = SpoolFile(str(directory))
        self.work = SpoolWork(self.file)

    def refuse(self) -> None:
        (pages,) = self.file._connection.execute("PRAGMA page_count").fetchone()
        self.file._connection.execute(f"PRAGMA max_page_count = {pages}")

    def relent(self) -> None:
        self.file._connection.execute("PRAGMA max_page_count = 1000000")

    def rows(self) -> list[int]:
        return [row.key & 0xFFFF for row in self.file.fetch(None, 99_999)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    yield made
    made.file.close()


def _starts(first: int, after: int) -> tuple[Operation, ...]:
    return tuple(put(number, START, float(number)) for number in range(first, after))


def _fill(disk: Disk, rows: int = 100) -> None:
    """Put rows that are owed, until the next ones need a further page."""
    disk.work.do([Spool(1, _starts(0, rows))])
    disk.refuse()


def test_all_that_is_asked_at_once_is_one_transaction(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    disk.file._connection.set_trace_callback(lambda text: begun.append(text) if text.startswith("BEGIN") else None)
    asked = [Spool(number, _starts(number, number + 1)) for number in range(1, 200)]
    assert disk.work.do(asked) == [Stored(199)]
    assert len(begun) == 1
    begun.clear()
    monkeypatch.setattr(module, "LARGEST_BATCH", 50)
    assert disk.work.do([Spool(number, _starts(number, number + 1)) for number in range(200, 301)]) == [
        Stored(249),
        Stored(299),
        Stored(300),
    ]
    assert len(begun) == 3
    assert disk.work.do([]) == []


def test_a_fetch_sees_what_was_asked_before_it_and_nothing_of_after(disk: Disk) -> None:
    one, two = put(1, START, 1.0), put(2, START, 2.0)
    first, told, last = disk.work.do([Spool(4, (one,)), FetchRecords(None, 9, -1), Spool(5, (two,))])
    assert (first, last) == (Stored(4), Stored(5))
    assert isinstance(told, Fetched)
    assert [row.start for row in told.rows] == [one.octets]
    (told,) = disk.work.do([FetchRecords(None, 9, one.key)])
    assert isinstance(told, Fetched)
    assert [row.start for row in told.rows] == [two.octets]


def test_a_disk_that_refuses_is_told_of_once_and_nothing_is_lost(disk: Disk) -> None:
    _fill(disk)
    (told,) = disk.work.do([Spool(2, _starts(100, 600))])
    assert isinstance(told, SpoolFailed)
    assert "full" in told.reason
    assert disk.work.is_behind
    assert disk.work.do([Spool(3, _starts(600, 700))]) == []
    assert disk.work.retry() == []
    assert disk.work.waiting > 500
    disk.relent()
    assert disk.work.do([Spool(4, _starts(700, 800))]) == [], "it is tried again when it is time"
    assert disk.work.retry() == [Stored(4)]
    assert (disk.work.is_behind, disk.work.waiting) == (False, 0)
    assert disk.rows() == list(range(800))
    disk.refuse()
    (again,) = disk.work.do([Spool(5, _starts(800, 2000))])
    assert isinstance(again, SpoolFailed), "the next time is told of again"


def test_who_has_come_and_gone_meanwhile_needs_no_room(disk: Disk) -> None:
    _fill(disk)
    disk.work.do([Spool(2, _starts(100, 600))])
    disk.work.do([Spool(3, tuple(put(number, STOP, 900.0) for number in range(100, 600)))])
    disk.work.do([Spool(4, tuple(drop(number, STOP) for number in range(100, 600)))])
    assert disk.work.retry() == [Stored(4)], "the disk is as full as before"
    assert disk.rows() == list(range(100))


def test_ends_make_room_for_what_waits(disk: Disk) -> None:
    _fill(disk, 1000)
    disk.work.do([Spool(2, _starts(1000, 1500))])
    disk.work.do([Spool(3, tuple(drop(number, STOP) for number in range(600)))])
    assert disk.work.retry() == [Stored(3)], "the disk is as full as before"
    assert disk.rows() == list(range(600, 1500))


def test_who_fetches_waits_for_the_disk_too(disk: Disk) -> None:
    """It is to see what was asked before; half of that would look as if the rest were gone."""
    _fill(disk, 10)
    assert [type(one) for one in disk.work.do([Spool(2, _starts(10, 600)), FetchRecords(None, 700, -1)])] == [
        SpoolFailed
    ]
    assert disk.work.do([FetchRecords("a", 5, -1), Spool(3, (drop(3, STOP),))]) == []
    disk.relent()
    stored, first, second = disk.work.retry()
    assert stored == Stored(3)
    assert isinstance(first, Fetched)
    assert [row.key & 0xFFFF for row in first.rows] == [number for number in range(600) if number != 3]
    assert second == Fetched("a", ())
    assert disk.work.retry() == [Stored(3)], "once"


def test_what_cannot_be_read_is_not_taken_for_nothing(disk: Disk) -> None:
    disk.work.do([Spool(1, _starts(0, 3))])
    disk.file.close()
    (told,) = disk.work.do([FetchRecords(None, 9, -1)])
    assert isinstance(told, SpoolFailed)
    stored, fetched = disk.work.retry()
    assert stored == Stored(1)
    assert isinstance(fetched, Fetched)
    assert len(fetched.rows) == 3


def test_damage_that_a_fetch_meets(disk: Disk) -> None:
    _spoil(disk)
    with capture_logs() as logs:
        told = disk.work.do([FetchRecords(None, 5000, -1)])
    assert [type(one) for one in told] == [SpoolFailed, Stored, Fetched]
    assert told[-1] == Fetched(None, ())
    assert [line["event"] for line in logs] == ["spool_damaged"]


def _spoil(disk: Disk) -> None:
    disk.work.do([Spool(1, _starts(0, 2000))])
    disk.file.empty_log()
    with open(disk.file.path, "r+b") as opened:
        opened.seek(20 * 4096)
        opened.write(b"\xaa" * 4096 * 60)
    disk.file.reopen()


def test_another_error_has_the_file_opened_anew(disk: Disk, tmp_path: Path) -> None:
    disk.work.do([Spool(1, _starts(0, 3))])
    disk.file._connection.execute("PRAGMA query_only = 1")
    (told,) = disk.work.do([Spool(2, _starts(3, 6))])
    assert isinstance(told, SpoolFailed)
    assert "readonly" in told.reason
    assert disk.work.retry() == [Stored(2)]
    assert disk.rows() == [0, 1, 2, 3, 4, 5]
    assert list(tmp_path.glob("*damaged*")) == []


def test_a_file_that_turns_out_to_be_damaged_is_left_for_a_fresh_one(disk: Disk) -> None:
    _spoil(disk)
    with capture_logs() as logs:
        told = disk.work.do([Spool(2, (*(put(number, STOP, 9.0) for number in range(2000)), put(7777, START, 9.0)))])
    assert [type(one) for one in told] == [SpoolFailed, Stored]
    assert [line["event"] for line in logs] == ["spool_damaged"]
    assert disk.rows() == [*range(2000), 7777], "Stops whose Starts are lost are owed all the same"


def test_a_count_tells_of_each_group_and_gives_space_back(disk: Disk) -> None:
    assert disk.work.changed
    disk.work.do([Spool(1, (*_starts(0, 3), put(9, START, 1.0, group="b")))])
    (told,) = disk.work.count()
    assert isinstance(told, SpoolCounted)
    assert {depth.group: depth.records for depth in told.depths} == {None: 3, "b": 1}
    assert told.octets == disk.file.octets > 0
    assert not disk.work.changed
    disk.work.do([Spool(2, (drop(0, START),))])
    assert disk.work.changed
    disk.file.close()
    assert disk.work.count() == []
    assert disk.work.changed


def test_what_is_settled_leaves_the_same_rows() -> None:
    """Of sessions that are not over; whose end is asked for is gone, whatever came before."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    operations = list(lives(random.Random(seed), 300))
    whole, less = Model(), Model()
    whole.apply(operations)
    fewer = settled(operations)
    less.apply(fewer)
    assert less.rows == whole.rows
    assert len(fewer) < len(operations) * 0.8
    assert settled(fewer) == fewer
    assert {group for group in GROUPS if whole.fetch(group, 1, -1)} == set(GROUPS)


def test_what_comes_after_an_end_stays() -> None:
    after = put(1, START, 5.0)
    before = [put(1, START, 1.0), put(1, INTERIM, 2.0), drop(1, STOP)]
    assert settled([*before, put(2, START, 1.0), after]) == [drop(1, STOP), put(2, START, 1.0), after]
    assert after.key == key_of(1, 1)
