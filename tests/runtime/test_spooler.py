"""The thread of the spool beside a loop: what it stores, and what it tells when."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bras.accounting.rows import Operation
from bras.lns.effects import FetchRecords, Spool
from bras.lns.inputs import Fetched, Input, SpoolCounted, SpoolFailed, Stored
from bras.runtime import spooler as module
from bras.runtime.spooler import Spooler
from bras.store.spool import SpoolFile
from tests.support.spool import START, put

LONGEST_S = 20.0


class Ear:
    """Hears what the machine would."""

    def __init__(self) -> None:
        self.heard: list[Input] = []
        self._more = asyncio.Event()

    def take(self, told: list[Input]) -> None:
        self.heard += told
        self._more.set()

    async def until(self, wanted: Callable[[], bool]) -> None:
        async with asyncio.timeout(LONGEST_S):
            while not wanted():
                self._more.clear()
                await self._more.wait()

    def stored(self) -> int:
        return max((one.up_to for one in self.heard if isinstance(one, Stored)), default=0)

    def of(self, kind: type[Input]) -> list[Input]:
        return [one for one in self.heard if isinstance(one, kind)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    monkeypatch.setattr(module, "COUNT_S", 0.02)
    monkeypatch.setattr(module, "CLOSE_WITHIN_S", 0.3)


def _run(directory: Path, play: Callable[[Spooler, Ear], Awaitable[None]]) -> Ear:
    async def run() -> Ear:
        spooler, ear = Spooler(SpoolFile(str(directory))), Ear()
        spooler.start(ear.take)
        await play(spooler, ear)
        await spooler.close()
        return ear

    return asyncio.run(run())


def _starts(first: int, after: int) -> tuple[Operation, ...]:
    return tuple(put(number, START, float(number)) for number in range(first, after))


def _keys(directory: Path) -> list[int]:
    file = SpoolFile(str(directory))
    found = [row.key & 0xFFFFFF for row in file.fetch(None, 99_999)]
    file.close()
    return found


def test_stored_comes_when_another_process_can_read_it(tmp_path: Path) -> None:
    async def play(spooler: Spooler, ear: Ear) -> None:
        for number in range(1, 6):
            spooler.perform(Spool(number, _starts(number, number + 1)))
            await ear.until(lambda: ear.stored() == number)  # noqa: B023 (it returns first)
            assert len(_keys(tmp_path)) == number

    _run(tmp_path, play)


def test_what_gathers_goes_together(tmp_path: Path) -> None:
    async def play(spooler: Spooler, ear: Ear) -> None:
        for number in range(1, 1001):
            spooler.perform(Spool(number, _starts(number, number + 1)))
        await ear.until(lambda: ear.stored() == 1000)
        assert len(ear.of(Stored)) < 100

    _run(tmp_path, play)


def test_what_is_fetched_is_told_on_the_loop(tmp_path: Path) -> None:
    threads: list[threading.Thread] = []

    async def play(spooler: Spooler, ear: Ear) -> None:
        spooler.perform(Spool(1, _starts(0, 30)))
        spooler.perform(FetchRecords(None, 10, 4 + (1 << 32)))
        await ear.until(lambda: bool(ear.of(Fetched)))
        threads.append(threading.current_thread())
        (told,) = ear.of(Fetched)
        assert isinstance(told, Fetched)
        assert [row.key & 0xFF for row in told.rows] == list(range(5, 15))

    _run(tmp_path, play)
    assert threads == [threading.main_thread()]


def test_counts_come_while_something_changes_and_no_longer(tmp_path: Path) -> None:
    async def play(spooler: Spooler, ear: Ear) -> None:
        for number in range(1, 6):
            spooler.perform(Spool(number, _starts(number, number + 1)))
            await ear.until(lambda: any(_records(one) == number for one in ear.of(SpoolCounted)))  # noqa: B023 (it returns first)
        spooler.perform(FetchRecords(None, 1, -1))
        await ear.until(lambda: bool(ear.of(Fetched)))

    ear = _run(tmp_path, play)
    assert len(ear.of(SpoolCounted)) <= 6


def _records(one: Input) -> int:
    assert isinstance(one, SpoolCounted)
    return sum(depth.records for depth in one.depths)


def test_the_end_waits_for_what_was_asked(tmp_path: Path) -> None:
    async def play(spooler: Spooler, ear: Ear) -> None:
        for number in range(1, 501):
            spooler.perform(Spool(number, _starts(number, number + 1)))

    ear = _run(tmp_path, play)
    assert ear.stored() == 500
    assert len(_keys(tmp_path)) == 500
    assert not (tmp_path / "spool.db-wal").exists(), "and the file is closed"


def test_one_that_was_never_started_can_be_closed(tmp_path: Path) -> None:
    asyncio.run(Spooler(SpoolFile(str(tmp_path))).close())
    assert not (tmp_path / "spool.db-wal").exists()


def test_a_disk_that_refuses_is_told_of_and_caught_up_with(tmp_path: Path) -> None:
    async def play(spooler: Spooler, ear: Ear) -> None:
        file = spooler.work.file
        spooler.perform(Spool(1, _starts(0, 100)))
        await ear.until(lambda: ear.stored() == 1)
        file._connection.execute("PRAGMA max_page_count = 20")
        spooler.perform(Spool(2, _starts(100, 1000)))
        await ear.until(lambda: bool(ear.of(SpoolFailed)))
        spooler.perform(Spool(3, _starts(1000, 1100)))
        spooler.perform(FetchRecords(None, 1, -1))
        assert ear.stored() == 1
        file._connection.execute("PRAGMA max_page_count = 100000")
        await ear.until(lambda: ear.stored() == 3 and bool(ear.of(Fetched)))

    with capture_logs() as logs:
        ear = _run(tmp_path, play)
    assert [line["event"] for line in logs] == ["spool_at_risk", "spool_safe"]
    assert len(ear.of(SpoolFailed)) == 1
    assert _keys(tmp_path) == list(range(1100))


def test_a_disk_that_refuses_to_the_end_is_not_waited_for(tmp_path: Path) -> None:
    async def play(spooler: Spooler, ear: Ear) -> None:
        spooler.work.file._connection.execute("PRAGMA max_page_count = 1")
        spooler.perform(Spool(1, _starts(0, 100)))
        await ear.until(lambda: bool(ear.of(SpoolFailed)))

    with capture_logs() as logs:
        _run(tmp_path, play)
    assert [line["event"] for line in logs] == ["spool_at_risk", "spool_behind"]
    assert logs[-1]["operations"] == 100


def test_a_damaged_file_of_before_is_told_of_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_bytes(os.urandom(9000))

    async def play(spooler: Spooler, ear: Ear) -> None:
        spooler.perform(Spool(1, _starts(0, 1)))

    with capture_logs() as logs:
        _run(tmp_path, play)
    assert logs == [{"event": "spool_damaged", "moved_to": str(tmp_path / "spool.db.damaged-1"), "log_level": "error"}]


def test_a_thread_that_dies_of_a_defect_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    died: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", died.append)

    async def play(spooler: Spooler, ear: Ear) -> None:
        spooler.perform(Spool(1, (None,)))  # type: ignore[arg-type]  # what no type would let through
        await ear.until(lambda: bool(ear.of(SpoolFailed)))

    _run(tmp_path, play)
    assert [one.exc_type for one in died] == [AttributeError]


FULL_DISK = """
import asyncio, subprocess, sys
from pathlib import Path
from bras.lns.effects import Spool
from bras.lns.inputs import SpoolFailed
from bras.runtime import spooler
from bras.store.spool import SpoolFile
from tests.runtime.test_spooler import Ear
from tests.support.spool import START, STOP, drop, put
spooler.RETRY_S = 0.02
place = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], check=True)

async def run():
    one, ear = spooler.Spooler(SpoolFile(str(place))), Ear()
    one.start(ear.take)
    number = 0
    while not ear.of(SpoolFailed):
        number += 1
        one.perform(Spool(number, tuple(put(number * 100 + each, START, 1.0) for each in range(100))))
        await ear.until(lambda: ear.stored() == number or ear.of(SpoolFailed))
    assert ear.stored() == number - 1 > 5, (ear.stored(), number)
    for more in range(number + 1, number + 11):
        one.perform(Spool(more, tuple(put(more * 100 + each, START, 1.0) for each in range(100))))
    gone = number + 11
    one.perform(Spool(gone, tuple(drop(each, STOP) for each in range(100, number * 100))))
    await ear.until(lambda: ear.stored() == gone)
    assert len(ear.of(SpoolFailed)) == 1
    await one.close()
    file = SpoolFile(str(place))
    assert not file.damaged
    keys = [row.key & 0xFFFFFF for row in file.fetch(None, 99999)]
    assert keys == list(range(number * 100, gone * 100)), (number, len(keys))
    file.close()
    print("rows", len(keys))

asyncio.run(run())
"""


@pytest.mark.root
def test_a_disk_of_a_megabyte_that_is_full(tmp_path: Path) -> None:
    """It is full of what is owed; when that is told, the rest finds room, without anybody's help."""
    command = ["unshare", "--mount", sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("rows 1"), done.stdout
    assert list(tmp_path.iterdir()) == [], "it was mounted for the test's own eyes"
