"""Rows of the spool as SQL: what each operation does to them, and how they are read.

The operations of a batch are sorted into phases, in the order in which a session goes through
them; those of one key stay in their order, those of different keys do not care.  A phase
writes up to 64 rows with one statement.  That is a third faster than one statement a row, and it
matters for another reason: SQLite works without Python's lock, and every statement must win
that back from a loop that is busy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from bras.accounting.rows import KEY_BITS, Depth, Drop, Made, Operation, Put, Row

_STOP, _INTERIM, _ANNOUNCED = 2, 3, (7, 8)
"""Acct-Status-Type (RFC 2866 section 5.1)."""
_SHIFT: Final = 1 << 63
"""SQLite's integers are signed; shifted by this the keys keep their order."""

TABLES: Final = (
    """CREATE TABLE account (
        key INTEGER PRIMARY KEY,
        status INTEGER NOT NULL,
        servers TEXT,
        owed INTEGER NOT NULL,
        oldest REAL,
        start BLOB NOT NULL, start_wall REAL NOT NULL, start_boot TEXT NOT NULL, start_at REAL NOT NULL,
        interim BLOB, interim_wall REAL, interim_boot TEXT, interim_at REAL,
        stop BLOB, stop_wall REAL, stop_boot TEXT, stop_at REAL
    ) STRICT""",
    "CREATE INDEX owed ON account (servers, key, owed, oldest) WHERE owed <> 0",
    "CREATE TABLE mark (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL) STRICT",
    "INSERT INTO mark VALUES (1, 0)",
    """CREATE VIEW session AS SELECT
        printf('%08X%08X', (key >> 32) + 0x80000000, key & 0xFFFFFFFF) AS id, servers,
        owed & 9 <> 0 AS start_owed, owed & 2 <> 0 AS interim_owed, owed & 4 <> 0 AS stop_owed,
        datetime(start_wall, 'unixepoch') AS started, datetime(oldest, 'unixepoch') AS owed_since
    FROM account""",
)
"""The first version.  ``owed``: 1 a Start, 2 an Interim-Update, 4 a Stop, 8 an Accounting-On or -Off; ``oldest``: when
the first of them was made.  The index holds what is owed, and all that a count needs.  The view is for people."""


class _Phase(NamedTuple):
    """Statements for so many rows."""

    width: int
    """Values of a row."""
    of: tuple[tuple[int, str], ...]
    """(rows, statement), the longest first."""


def _phase(head: str, row: str, tail: str) -> _Phase:
    return _Phase(row.count("?"), tuple((rows, head + ", ".join([row] * rows) + tail) for rows in (64, 8, 1)))


_BEGIN, _TOLD, _INTERIM_MADE, _INTERIM_TOLD, _END, _GONE = range(6)
_PHASES: Final = (
    _phase(
        "INSERT INTO account (key, status, servers, owed, oldest, start, start_wall, start_boot, start_at) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        " ON CONFLICT DO NOTHING",
    ),
    _phase(
        "UPDATE account SET owed = owed & ~1, oldest = coalesce(interim_wall, stop_wall) WHERE key IN (",
        "?",
        ") AND owed & 1",
    ),
    _phase(
        "WITH new (key, octets, wall, boot, at) AS (VALUES ",
        "(?, ?, ?, ?, ?)",
        ") UPDATE account SET interim = new.octets, interim_wall = new.wall, interim_boot = new.boot,"
        " interim_at = new.at, owed = owed | 2, oldest = iif(owed & 1, start_wall, new.wall) FROM new"
        " WHERE account.key = new.key AND stop IS NULL AND (interim IS NULL OR interim_at <= new.at)",
    ),
    _phase(
        "WITH told (key, at) AS (VALUES ",
        "(?, ?)",
        ") UPDATE account SET interim = NULL, interim_wall = NULL, interim_boot = NULL, interim_at = NULL,"
        " owed = owed & ~2, oldest = iif(owed & 1, start_wall, NULL) FROM told"
        " WHERE account.key = told.key AND owed & 2 AND interim_at <= told.at",
    ),
    _phase(
        "INSERT INTO account (key, status, servers, owed, oldest, start, start_wall, start_boot, start_at,"
        " stop, stop_wall, stop_boot, stop_at) VALUES ",
        "(?, 1, ?, 4, ?, x'', ?, ?, ?, ?, ?, ?, ?)",
        " ON CONFLICT (key) DO UPDATE SET owed = owed & 1 | 4, oldest = iif(owed & 1, start_wall, excluded.stop_wall),"
        " interim = NULL, interim_wall = NULL, interim_boot = NULL, interim_at = NULL, stop = excluded.stop,"
        " stop_wall = excluded.stop_wall, stop_boot = excluded.stop_boot, stop_at = excluded.stop_at"
        " WHERE stop IS NULL",
    ),
    _phase("DELETE FROM account WHERE key IN (", "?", ")"),
)


def write(connection: sqlite3.Connection, operations: Sequence[Operation]) -> None:
    """Do what these say, in a transaction that the caller has begun."""
    flat: list[list[Any]] = [[] for _ in _PHASES]
    reached: dict[int, int] = {}
    for operation in operations:
        phase, values = _put(operation) if isinstance(operation, Put) else _drop(operation)
        key = operation.key
        if reached.get(key, -1) >= phase:
            _carry_out(connection, flat)
            reached.clear()
        reached[key] = phase
        flat[phase] += values
    _carry_out(connection, flat)


def _put(put: Put) -> tuple[int, tuple[Any, ...]]:
    key, made, status = put.key - _SHIFT, put.made, put.status
    if status == _INTERIM:
        return _INTERIM_MADE, (key, put.octets, *made)
    if status == _STOP:
        return _END, (key, put.group, made.wall_s, *made, put.octets, *made)
    return _BEGIN, (key, status, put.group, 8 if status in _ANNOUNCED else 1, made.wall_s, put.octets, *made)


def _drop(drop: Drop) -> tuple[int, tuple[Any, ...]]:
    key, status = drop.key - _SHIFT, drop.status
    if status == _INTERIM:
        return _INTERIM_TOLD, (key, drop.at)
    return _GONE if status == _STOP or status in _ANNOUNCED else _TOLD, (key,)


def _carry_out(connection: sqlite3.Connection, flat: list[list[Any]]) -> None:
    """Write the phases in their order, and empty them."""
    for phase, values in zip(_PHASES, flat, strict=True):
        begin = 0
        for rows, statement in phase.of:
            size = rows * phase.width
            while len(values) - begin >= size:
                connection.execute(statement, values[begin : begin + size])
                begin += size
        values.clear()


# -- reading

_FETCH = "SELECT * FROM account WHERE owed <> 0 AND servers IS ? AND key >= ? ORDER BY key LIMIT ?"
_OPEN = "SELECT * FROM account WHERE status = 1 AND stop IS NULL ORDER BY key"
_DEPTHS = """SELECT servers, sum(owed & 1), sum(owed >> 1 & 1), sum(owed >> 2 & 1), sum(owed >> 3 & 1), min(oldest)
    FROM account WHERE owed <> 0 GROUP BY servers"""


def fetch(connection: sqlite3.Connection, group: str | None, most: int, after: int) -> list[Row]:
    """Return the first rows of a group that owe something, in the order of their keys."""
    return [_row(*found) for found in connection.execute(_FETCH, (group, after + 1 - _SHIFT, most)).fetchall()]


def open_rows(connection: sqlite3.Connection) -> Iterator[Row]:
    """Yield the sessions without a Stop, in the order of their keys."""
    return (_row(*found) for found in connection.execute(_OPEN))


def depths(connection: sqlite3.Connection) -> tuple[Depth, ...]:
    """Return what each group is owed, of those that are owed anything."""
    return tuple(Depth(*found) for found in connection.execute(_DEPTHS).fetchall())


def greatest_key(connection: sqlite3.Connection) -> int:
    """Return the greatest key that there is, or the first of the last epoch that had one; 0 if none had."""
    found: int | None
    epoch: int
    found, epoch = connection.execute("SELECT (SELECT max(key) FROM account), epoch FROM mark").fetchone()
    return max(epoch << KEY_BITS, 0 if found is None else found + _SHIFT)


def _row(key: int, status: int, group: str | None, owed: int, _oldest: float, start: bytes, *rest: Any) -> Row:
    interim, stop = rest[3], rest[7]
    return Row(
        key + _SHIFT,
        status,
        group,
        start,
        Made(*rest[:3]),
        owed & 9 != 0,
        interim,
        None if interim is None else Made(*rest[4:7]),
        stop,
        None if stop is None else Made(*rest[8:11]),
    )
