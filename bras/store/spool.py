"""The spool: what accounting owes, out of a power cut's reach.

One SQLite file beside the journal, with a write-ahead log that is synced with every
transaction (``synchronous=FULL``).  A file that is damaged is moved aside, with its log, and a
fresh one begun.  It is one thread's at a time; the lock of the journal keeps a second process
away, and whoever only reads (``sqlite3 -readonly spool.db 'SELECT * FROM session'``) disturbs nobody.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

from bras.accounting.rows import KEY_BITS, Depth, Operation, Put, Row
from bras.errors import BrasError
from bras.store import spool_rows
from bras.store.reserve import Reserve

VERSIONS: Final = (spool_rows.TABLES,)
"""What leads from each version of the tables to the next; a file says how many of them it has seen (user_version)."""
BUSY_S: Final = 1.0
"""Seconds that we wait for somebody who has locked the file."""
WAL_PAGES: Final = 1000
"""Pages of 4096 octets in the log after which they go into the file."""
LARGEST_TO_CHECK_OCTETS: Final = 256 << 20
"""Up to this the whole file is checked at a start (a second for each GB in the page cache)."""
SLACK_PAGES: Final = 1000
"""Free pages that the file keeps; more are given back as soon as they are half of it."""
PIECE_PAGES: Final = 2000
"""Pages given back in one go."""

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class SpoolError(BrasError):
    """The spool cannot be opened; the text says where and why."""


def is_damage(wrong: sqlite3.Error) -> bool:
    """Return whether the file's contents are to blame, and trying again is in vain."""
    return getattr(wrong, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


class SpoolFile:
    """The spool of a directory."""

    __slots__ = ("_connection", "_epoch", "_reserve", "damaged", "path")

    def __init__(self, directory: str) -> None:
        """Open it, or begin one; raises SpoolError."""
        self.path = os.path.join(directory, "spool.db")
        self.damaged: list[str] = []
        """What damaged files were moved to."""
        self._epoch = 0
        self._reserve = Reserve(self.path + ".reserve", WAL_PAGES * 4096)
        try:
            self._connection = self._opened(check=True)
        except (OSError, sqlite3.Error) as wrong:
            raise SpoolError(f"{self.path}: {wrong}") from wrong
        self._epoch = self.greatest_key() >> KEY_BITS
        self._reserve.make()

    def apply(self, operations: Sequence[Operation]) -> None:
        """Do what these say: it is on disk when this returns; else sqlite3.Error, and nothing of it is done."""
        connection = self._connection
        newest = max((operation.key for operation in operations if type(operation) is Put), default=0) >> KEY_BITS
        try:
            connection.execute("BEGIN IMMEDIATE")
            spool_rows.write(connection, operations)
            if newest > self._epoch:
                connection.execute("UPDATE mark SET epoch = ?", (newest,))
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):  # the first one says why
                    connection.execute("ROLLBACK")
            raise
        self._epoch = max(self._epoch, newest)

    def fetch(self, group: str | None, most: int, after: int = -1) -> tuple[Row, ...]:
        """Return the rows of a group that owe something and have a key above ``after``, the least keys first."""
        return tuple(spool_rows.fetch(self._connection, group, most, after))

    def open_rows(self) -> Iterator[Row]:
        """Yield the rows of sessions without a Stop; nothing else may be done meanwhile."""
        return spool_rows.open_rows(self._connection)

    def depths(self) -> tuple[Depth, ...]:
        """Return what each group of servers is owed."""
        return spool_rows.depths(self._connection)

    def greatest_key(self) -> int:
        """Return a key whose epoch no later one was put with, though its row may be gone; 0 if none ever was."""
        return spool_rows.greatest_key(self._connection)

    @property
    def octets(self) -> int:
        """Return what the file and its log take."""
        taken = 0
        for path in (self.path, self.path + "-wal"):
            with contextlib.suppress(FileNotFoundError):
                taken += os.stat(path).st_size
        return taken

    def shrink(self) -> bool:
        """Give some of the space back that a backlog has left; return whether there is more."""
        pages, free = self._pages()
        if free <= max(SLACK_PAGES, pages // 2):
            return False
        self._connection.execute(f"PRAGMA incremental_vacuum({PIECE_PAGES})").fetchall()
        pages, free = self._pages()
        return free > max(SLACK_PAGES, pages // 2)

    def empty_log(self) -> None:
        """Put what the log has into the file, and cut it."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def make_room(self) -> None:
        """Give a full disk what we can spare: the log, which goes into the file once that has room to grow."""
        self._reserve.release()
        self.empty_log()

    def keep_room(self) -> None:
        """Take again what ``make_room`` has given."""
        self._reserve.make()

    def reopen(self) -> None:
        """Open the file anew, as after an error of the disk: nothing that was read before is believed."""
        self.close()
        self._connection = self._opened()

    def begin_anew(self) -> None:
        """Move the file aside, which has turned out to be damaged, and begin a fresh one; OSError or sqlite3.Error."""
        self._move_aside()
        self.close()
        self._connection = self._opened()

    def close(self) -> None:
        """Close the file; what it holds is the next start's."""
        with contextlib.suppress(sqlite3.Error):  # all that was told as stored is in the log
            self._connection.close()

    # -- the file

    def _pages(self) -> tuple[int, int]:
        """Return how many pages the file has, and how many of them are free."""
        one = self._connection.execute
        return one("PRAGMA page_count").fetchone()[0], one("PRAGMA freelist_count").fetchone()[0]

    def _opened(self, *, check: bool = False) -> sqlite3.Connection:
        """Open the file, or a fresh one where it is damaged."""
        while True:
            self._create()
            connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                _prepare(connection)
                if check and self.octets <= LARGEST_TO_CHECK_OCTETS:
                    _check(connection)
                return connection
            except sqlite3.Error as wrong:
                if is_damage(wrong):
                    self._move_aside()  # before it is closed: then SQLite removes the log
                    connection.close()
                else:
                    connection.close()
                    raise

    def _create(self) -> None:
        """Make sure that there is a file which only we may read, and that its name outlives a power cut."""
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        os.chmod(self.path, 0o600)
        _sync(os.path.dirname(self.path))

    def _move_aside(self) -> None:
        """Give the file and its log a name under which nobody looks for them but people."""
        for number in itertools.count(1):
            aside = f"{self.path}.damaged-{number}"
            if not os.path.lexists(aside):
                break
        os.rename(self.path, aside)
        with contextlib.suppress(FileNotFoundError):
            os.rename(self.path + "-wal", aside + "-wal")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path + "-shm")
        self.damaged.append(aside)


def _prepare(connection: sqlite3.Connection) -> None:
    """Bring a file to our version, and set what no file remembers."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(VERSIONS):
        raise sqlite3.OperationalError(f"of a later version ({version}) than this program knows ({len(VERSIONS)})")
    if version == 0:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}").fetchone()
    connection.execute(f"PRAGMA journal_size_limit = {2 * WAL_PAGES * 4096}").fetchone()
    for number, statements in enumerate(VERSIONS[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    connection.execute("SELECT count(*) FROM mark").fetchone()


def _check(connection: sqlite3.Connection) -> None:
    """Raise the error of a damaged file if this one is."""
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        wrong = sqlite3.DatabaseError(found)
        wrong.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise wrong


def _sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
