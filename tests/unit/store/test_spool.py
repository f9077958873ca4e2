"""The file of the spool: what it is, what becomes of a damaged one, what a disk that refuses leaves."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bras.accounting.rows import Operation, key_of
from bras.store import spool as module
from bras.store import spool_rows
from bras.store.spool import SpoolError, SpoolFile, is_damage
from tests.support.spool import START, STOP, Model, drop, put


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SpoolFile]:
    opened = SpoolFile(str(tmp_path))
    yield opened
    opened.close()


def _starts(first: int, after: int, epoch: int = 1) -> list[Operation]:
    return [put(number, START, float(number), epoch=epoch) for number in range(first, after)]


def _reader(tmp_path: Path) -> sqlite3.Connection:
    return sqlite3.connect(tmp_path / "spool.db", isolation_level=None, timeout=0)


def test_every_transaction_is_synced_into_a_log(file: SpoolFile, tmp_path: Path) -> None:
    connection = file._connection
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    assert connection.execute("PRAGMA user_version").fetchone() == (len(module.VERSIONS),)
    file.apply(_starts(0, 3))
    assert (tmp_path / "spool.db-wal").stat().st_size > 0


def test_only_we_may_read_it(tmp_path: Path) -> None:
    (tmp_path / "spool.db").touch(mode=0o644)
    file = SpoolFile(str(tmp_path))
    file.apply(_starts(0, 1))
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "spool.db": 0o600,
        "spool.db-wal": 0o600,
        "spool.db-shm": 0o600,
        "spool.db.reserve": 0o600,
    }
    file.close()


def test_it_goes_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "spool.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpoolError, match=r"spool\.db"):
        SpoolFile(str(tmp_path))
    with pytest.raises(SpoolError, match=str(tmp_path / "none")):
        SpoolFile(str(tmp_path / "none"))
    assert not (tmp_path / "elsewhere").exists()


def test_the_next_start_has_it_all(file: SpoolFile, tmp_path: Path) -> None:
    model = Model()
    done = [*_starts(0, 200), drop(5, START), put(6, STOP, 9.0), *(drop(number, STOP) for number in range(100, 200))]
    file.apply(done)
    model.apply(done)
    file.close()
    again = SpoolFile(str(tmp_path))
    assert again.fetch(None, 1000) == model.fetch(None, 1000, -1)
    assert list(again.open_rows()) == model.open_rows()
    again.close()


def test_pages_of_rows_follow_each_other(file: SpoolFile) -> None:
    file.apply(_starts(0, 50))
    found, after = [], -1
    while page := file.fetch(None, 7, after):
        found += page
        after = page[-1].key
    assert [row.key for row in found] == [key_of(1, number) for number in range(50)]
    assert file.fetch("another", 7) == ()


@pytest.mark.parametrize("epoch", [0x6500_0000, 0xFFFF_FFFF])
def test_the_greatest_epoch_outlives_its_rows(file: SpoolFile, tmp_path: Path, epoch: int) -> None:
    assert file.greatest_key() == 0
    file.apply(_starts(5, 8, epoch))
    assert file.greatest_key() == key_of(epoch, 7)
    file.apply([drop(number, STOP, epoch=epoch) for number in range(5, 8)])
    file.apply(_starts(1, 2, epoch - 1))
    file.close()
    again = SpoolFile(str(tmp_path))
    assert again.greatest_key() == key_of(epoch, 0)
    again.close()


def test_people_can_read_it(file: SpoolFile, tmp_path: Path) -> None:
    file.apply([put(7, START, 0.0, epoch=0xF000_0001, group="b"), put(7, STOP, 60.0, epoch=0xF000_0001)])
    reader = _reader(tmp_path)
    assert reader.execute("SELECT * FROM session").fetchall() == [
        ("F000000100000007", "b", 1, 0, 1, "2023-11-14 22:13:20", "2023-11-14 22:13:20")
    ]
    reader.close()


# -- a damaged file


def _damage(path: Path, at: int) -> None:
    with path.open("r+b") as opened:
        opened.seek(at)
        opened.write(b"\xaa" * 4096)


@pytest.mark.parametrize("at", [0, 4096, 5 * 4096])
def test_a_damaged_file_is_moved_aside(tmp_path: Path, at: int) -> None:
    for number in (1, 2):
        file = SpoolFile(str(tmp_path))
        file.apply(_starts(0, 500))
        file.close()
        _damage(tmp_path / "spool.db", at)
        octets = (tmp_path / "spool.db").read_bytes()
        (tmp_path / "spool.db-wal").write_bytes(b"its log")
        again = SpoolFile(str(tmp_path))
        aside = tmp_path / f"spool.db.damaged-{number}"
        assert again.damaged == [str(aside)]
        assert aside.read_bytes() == octets
        assert Path(f"{aside}-wal").read_bytes() == b"its log"
        assert again.fetch(None, 10) == ()
        again.apply(_starts(0, 1))
        again.close()


def test_what_has_no_meaning_is_damage_too(tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_bytes(os.urandom(10_000))
    file = SpoolFile(str(tmp_path))
    assert file.damaged == [str(tmp_path / "spool.db.damaged-1")]
    file.close()


def test_damage_that_is_met_later_is_told_from_a_disk_that_refuses(file: SpoolFile, tmp_path: Path) -> None:
    file.apply(_starts(0, 2000))
    file.empty_log()
    for page in range(20, 60):
        _damage(tmp_path / "spool.db", page * 4096)
    file.reopen()
    with pytest.raises(sqlite3.DatabaseError) as raised:
        file.fetch(None, 5000)
    assert is_damage(raised.value)
    file.begin_anew()
    file.apply(_starts(0, 3))
    assert len(file.fetch(None, 10)) == 3
    assert file.damaged == [str(tmp_path / "spool.db.damaged-1")]


# -- versions


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    SpoolFile(str(tmp_path)).close()
    reader = _reader(tmp_path)
    reader.execute("PRAGMA user_version = 99")
    reader.close()
    with pytest.raises(SpoolError, match="later version"):
        SpoolFile(str(tmp_path))
    assert not list(tmp_path.glob("*damaged*"))


def test_a_file_of_before_is_brought_up_to_date(
    file: SpoolFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.apply(_starts(0, 3))
    rows = file.fetch(None, 10)
    file.close()
    monkeypatch.setattr(module, "VERSIONS", (*module.VERSIONS, ("ALTER TABLE account ADD COLUMN later TEXT",)))
    again = SpoolFile(str(tmp_path))
    assert again._connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert again.fetch(None, 10) == rows
    again.close()


# -- a disk that refuses


def test_a_transaction_is_there_whole_or_not_at_all(file: SpoolFile) -> None:
    file.apply(_starts(0, 10))
    (pages,) = file._connection.execute("PRAGMA page_count").fetchone()
    file._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(sqlite3.OperationalError, match="full") as raised:
        file.apply([drop(1, START), *_starts(10, 1000)])
    assert not is_damage(raised.value)
    assert [row.key for row in file.fetch(None, 100)] == [key_of(1, number) for number in range(10)]
    file._connection.execute("PRAGMA max_page_count = 1000000")
    file.apply([drop(1, START), *_starts(10, 1000)])
    assert len(file.fetch(None, 2000)) == 999


def test_somebody_who_has_locked_it_is_waited_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_S", 0.01)
    file = SpoolFile(str(tmp_path))
    other = _reader(tmp_path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        file.apply(_starts(0, 1))
    other.close()
    file.apply(_starts(0, 1))
    file.close()


# -- its size


def test_a_backlog_that_is_gone_gives_its_space_back(file: SpoolFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLACK_PAGES", 20)
    monkeypatch.setattr(module, "PIECE_PAGES", 50)
    file.apply(_starts(0, 10_000))
    assert not file.shrink(), "nothing is free"
    largest = file.octets
    file.apply([drop(number, STOP) for number in range(10_000)])
    pieces = 0
    while file.shrink():
        pieces += 1
    file.empty_log()
    assert pieces > 3
    assert file.octets < largest / 5


def test_the_log_does_not_grow_for_ever(file: SpoolFile, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(0, 20_000, 500):
        file.apply(_starts(number, number + 500))
        file.apply([drop(one, STOP) for one in range(number, number + 500)])
    assert file.octets < 3 * module.WAL_PAGES * 4096
    file.empty_log()
    assert os.stat(file.path + "-wal").st_size == 0
    assert file.octets < 100 * 4096


def test_room_is_kept_and_given(file: SpoolFile, tmp_path: Path) -> None:
    reserve = tmp_path / "spool.db.reserve"
    assert reserve.stat().st_size == module.WAL_PAGES * 4096
    file.apply(_starts(0, 100))
    file.make_room()
    assert not reserve.exists()
    assert os.stat(file.path + "-wal").st_size == 0
    file.keep_room()
    assert reserve.exists()
    assert file.octets < reserve.stat().st_size, "it is not counted"


def test_the_tables_are_those_of_the_first_version() -> None:
    assert module.VERSIONS[0] is spool_rows.TABLES
