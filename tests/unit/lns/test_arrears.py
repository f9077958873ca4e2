"""What earlier starts have left to be told: the epoch, a journal of the version before, a spool that was damaged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bras.accounting.rows import KEY_BITS, Depth, Row, key_of
from bras.lns.arrears import first_epoch
from bras.lns.lns import Lns
from bras.radius.events import Kind
from tests.support.lacs import SimulatedLac
from tests.support.spooling import DISK_S, Spooling
from tests.support.world import SimulatedRadius, config, walk

VERSION2 = Path(__file__).parents[2] / "vectors/version2.journal"
"""Written by bras at the end of its fifth issue, seed 1, at 1051 s of its clock, accounting unanswered since 1006 s.

user1 is up and its Start was told; user2's Start was told and its Stop is owed; user3 is up and its Start is owed.
"""
WRITTEN_AT = 1051.0
START, STOP, ON = 1, 2, 7
NAS_REBOOT, LOST_CARRIER = 11, 2


@dataclass
class Empty:
    """A spool in which nothing stands but the greatest key that there ever was."""

    greatest: int = 0

    def open_rows(self) -> Iterator[Row]:
        return iter(())

    def depths(self) -> tuple[Depth, ...]:
        return ()

    def greatest_key(self) -> int:
        return self.greatest

    def fetch(self, group: str | None, most: int, after: int = -1) -> tuple[Row, ...]:
        return ()


class Books(SimulatedRadius):
    """Keeps copies of records as (user, status, cause); an epoch of Accounting-On has no user."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[tuple[bytes, int, int]] = []

    def receive(self, data: bytes, kind: Kind = Kind.AUTH) -> bytes | None:
        if data[0] == 4:
            record = walk(data[20:])
            self.records.append((record.get(1, b""), record[40][-1], record.get(49, b"\0")[-1]))
        return super().receive(data, kind)


class Later(Spooling):
    """Begins after the journal that it finds was written."""

    first_boot = "boot1"
    first_disk_s = DISK_S

    def _new_lns(self) -> Lns:
        if not self.lives:
            self.now, self.boot, self.disk_s = WRITTEN_AT + 10.0, self.first_boot, self.first_disk_s
            self.lives = 20  # an epoch later than that of the journal
        return super()._new_lns()


class Rebooted(Later):
    first_boot = "boot2"


class Slow(Later):
    first_disk_s = 1000.0


@pytest.mark.parametrize(
    ("journal", "spool", "epoch"),
    [(0, 0, 100), (99, 0, 100), (100, 0, 101), (150, 120, 151), (100, 200, 201), (0, 300, 301)],
)
def test_an_epoch_is_never_one_of_before(journal: int, spool: int, epoch: int) -> None:
    """Whatever the wall clock says: it says 100."""
    assert first_epoch(100, journal, Empty(spool << KEY_BITS | 77)) == epoch
    if spool <= journal:
        assert first_epoch(100, journal, None) == epoch


def of_version_2(tmp_path: Path, kind: type[Later]) -> tuple[Later, Books]:
    shutil.copyfile(VERSION2, tmp_path / "journal")
    books = Books()
    world = kind(tmp_path, config(), radius=books)
    return world, books


def test_a_journal_of_version_2_goes_on_in_the_same_boot(tmp_path: Path) -> None:
    """What it owes is told; who is up has a row from now on; the old names are gone."""
    world, books = of_version_2(tmp_path, Later)
    world.run(2.0)
    assert {row.key & 0xFFFF: row.start_owed for row in world.on_disk.open_rows()} == {1: False, 3: False}
    assert books.records[:2] == [(b"user2", STOP, 1), (b"user3", START, 0)]
    kinds = {key for key in world.file.read() if key.startswith("record:")}
    assert not kinds, "told, and noted no more"
    world.run(600.0, until=lambda: not world.lns.core.registry.by_number and not world.lns.core.ledger.total)
    assert sorted(books.records[2:]) == [(b"user1", STOP, LOST_CARRIER), (b"user3", STOP, LOST_CARRIER)]
    assert not list(world.on_disk.open_rows())


def test_a_journal_of_version_2_is_put_on_disk_before_anything_is_told(tmp_path: Path) -> None:
    world, books = of_version_2(tmp_path, Slow)
    world.run(5.0)
    assert books.records == []
    notes = {key for key in world.file.read() if key.startswith("record:")}
    ids = (key_of(0x68E00001, 2), STOP), (key_of(0x68E00001, 3), START)
    assert notes == {f"record:{key}:{status}" for key, status in ids}, "under their new names"
    world._die()
    world.disk_s = DISK_S
    world.revive()
    world.run(2.0)
    assert books.records == [(b"user2", STOP, 1), (b"user3", START, 0)]


def test_a_journal_of_version_2_after_a_reboot(tmp_path: Path) -> None:
    """Its spool is empty, and decides nothing: every Start gets its Stop, then there is an Accounting-On."""
    world, books = of_version_2(tmp_path, Rebooted)
    world.run(30.0)
    assert books.records == [
        (b"user1", STOP, NAS_REBOOT),
        (b"user2", STOP, 1),
        (b"user3", START, 0),
        (b"user3", STOP, NAS_REBOOT),
        (b"", ON, 0),
    ]
    assert not list(world.on_disk.open_rows())
    assert world.lns.core.ledger.total == 0


# -- a spool that is damaged


def with_a_damaged_spool(tmp_path: Path) -> tuple[Spooling, SimulatedLac, Books]:
    """Return a world that died, its spool of one session that is up, and of one that has ended, unacknowledged."""
    books = Books()
    world = Spooling(tmp_path, config(), radius=books)
    lac = SimulatedLac(world)
    lac.open()
    stays, goes = (lac.dial(user, "pass") for user in ("stays", "goes"))
    world.run(5.0)
    assert stays.address
    books.silent = True
    lac.hang_up(goes)
    world.run(5.0)
    world.sync()
    world._die()
    (tmp_path / "spool.db").write_bytes(b"no database" * 1000)
    for beside in ("spool.db-wal", "spool.db-shm"):
        (tmp_path / beside).unlink(missing_ok=True)
    books.silent = False
    books.records.clear()
    return world, lac, books


def test_a_damaged_spool_over_a_restart(tmp_path: Path) -> None:
    """It is moved aside; who is up has a row in the new one, and its Stop when it ends."""
    world, lac, books = with_a_damaged_spool(tmp_path)
    world.revive()
    assert len(world.on_disk.damaged) == 1
    world.run(30.0)
    assert [row.start_owed for row in world.on_disk.open_rows()] == [False]
    for client in list(lac.clients.values()):
        lac.hang_up(client)
    world.run(30.0)
    assert (b"stays", STOP, 1) in books.records
    assert not list(world.on_disk.open_rows())


def test_a_damaged_spool_over_a_reboot(tmp_path: Path) -> None:
    """The journal decides in its place: who was up has its Stop, then there is an Accounting-On."""
    world, _, books = with_a_damaged_spool(tmp_path)
    world.revive(boot="boot2")
    world.run(60.0)
    assert books.records == [(b"stays", STOP, NAS_REBOOT), (b"", ON, 0)]
    assert world.lns.core.ledger.total == 0
    assert not list(world.on_disk.open_rows())
