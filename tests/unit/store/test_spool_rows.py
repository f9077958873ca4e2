"""What each operation does to the rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from bras.accounting.rows import Depth, Operation, Row, key_of
from bras.store import spool_rows
from tests.support.spool import INTERIM, OFF, ON, START, STOP, drop, made, put

KEY = key_of(1, 7)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    for statement in spool_rows.TABLES:
        opened.execute(statement)
    yield opened
    opened.close()


def _row(connection: sqlite3.Connection, *operations: Operation) -> Row | None:
    spool_rows.write(connection, operations)
    return next(iter(spool_rows.fetch(connection, None, 1, -1)), None)


def test_a_start_begins_a_row_once(connection: sqlite3.Connection) -> None:
    first = put(7, START, 1.0)
    row = _row(connection, first, put(7, START, 2.0))
    assert row == Row(KEY, START, None, first.octets, made(1.0), True, None, None, None, None)


def test_an_acknowledged_start_stays_in_its_row_and_is_not_owed_again(connection: sqlite3.Connection) -> None:
    assert _row(connection, put(7, START, 1.0), drop(7, START), put(7, START, 1.0)) is None
    (row,) = spool_rows.open_rows(connection)
    assert not row.start_owed
    assert row.start == put(7, START, 1.0).octets


def test_of_interims_the_newest_stays(connection: sqlite3.Connection) -> None:
    new = put(7, INTERIM, 3.0)
    row = _row(connection, put(7, START, 1.0), new, put(7, INTERIM, 2.0), drop(7, INTERIM, 2.5))
    assert row is not None
    assert (row.interim, row.interim_made) == (new.octets, made(3.0))
    row = _row(connection, drop(7, INTERIM, 3.0))
    assert row is not None
    assert (row.start_owed, row.interim, row.interim_made) == (True, None, None)


def test_an_interim_without_a_row_is_nothing(connection: sqlite3.Connection) -> None:
    assert _row(connection, put(7, INTERIM, 3.0)) is None
    assert list(spool_rows.open_rows(connection)) == []


def test_a_stop_takes_the_place_of_the_interim_and_stays_what_it_is(connection: sqlite3.Connection) -> None:
    stop = put(7, STOP, 3.0)
    row = _row(connection, put(7, START, 1.0), put(7, INTERIM, 2.0), stop, put(7, INTERIM, 4.0), put(7, STOP, 5.0))
    assert row is not None
    assert (row.start_owed, row.interim, row.stop, row.stop_made) == (True, None, stop.octets, made(3.0))
    assert list(spool_rows.open_rows(connection)) == []
    assert _row(connection, drop(7, STOP)) is None


def test_a_stop_without_a_row_makes_one(connection: sqlite3.Connection) -> None:
    stop = put(7, STOP, 3.0)
    assert _row(connection, stop) == Row(
        KEY, START, None, b"", made(3.0), False, None, None, stop.octets, made(3.0)
    )  # fmt: skip


@pytest.mark.parametrize("status", [ON, OFF])
def test_what_the_server_is_told_of_us_stands_in_its_order(connection: sqlite3.Connection, status: int) -> None:
    spool_rows.write(connection, [put(9, START, 3.0), put(7, START, 1.0), put(8, status, 2.0)])
    found = spool_rows.fetch(connection, None, 10, -1)
    assert [(row.key & 0xFF, row.status) for row in found] == [(7, START), (8, status), (9, START)]
    assert [row.key & 0xFF for row in spool_rows.open_rows(connection)] == [7, 9]
    spool_rows.write(connection, [drop(8, status)])
    assert [row.key & 0xFF for row in spool_rows.fetch(connection, None, 10, -1)] == [7, 9]


def test_depths_tell_what_each_group_is_owed_and_since_when(connection: sqlite3.Connection) -> None:
    spool_rows.write(
        connection,
        [
            put(1, START, 1.0, group="a"), put(2, START, 2.0, group="a"), put(2, INTERIM, 3.0, group="a"),
            put(3, START, 0.5), drop(3, START), put(3, STOP, 4.0), put(4, ON, 5.0),
            put(5, START, 0.1, group="b"), drop(5, START),
        ],
    )  # fmt: skip
    assert set(spool_rows.depths(connection)) == {
        Depth("a", 2, 1, 0, 0, made(1.0).wall_s),
        Depth(None, 0, 0, 1, 1, made(4.0).wall_s),
    }


@pytest.mark.parametrize("count", [1, 7, 8, 63, 64, 65, 200])
def test_every_size_of_a_batch_is_written_whole(connection: sqlite3.Connection, count: int) -> None:
    spool_rows.write(connection, [put(number, START, 1.0) for number in range(count)])
    assert len(spool_rows.fetch(connection, None, 1000, -1)) == count


def test_a_count_reads_the_index_alone(connection: sqlite3.Connection) -> None:
    (plan,) = connection.execute("EXPLAIN QUERY PLAN " + spool_rows._DEPTHS).fetchall()
    assert "COVERING INDEX owed" in plan[3]
    (plan,) = connection.execute("EXPLAIN QUERY PLAN " + spool_rows._FETCH, (None, 0, 1)).fetchall()
    assert "USING INDEX owed (servers=? AND key>?)" in plan[3], "and no sorting"
