"""What the spool costs: `python tests/benchmark/spool.py`.

Rows in one file, build/benchmark/spool.json, each a way in which records come to the disk, with
operations a second, microseconds of CPU an operation (all threads, the loop's too) and the longest
time that the loop was held up.  A session is four operations: Start made, Start acknowledged,
Stop made, Stop acknowledged.

- ``plain``: SQLite as it comes, one statement and one commit an operation: what batching brings.
- ``live``: sessions come and go as fast as the spool stores them, some operations a wake.
- ``busy``: the same, while the loop has work of its own, beside the same loop without a spool (``alone_per_s``).
- ``drain``: a backlog after an outage, fetched page by page, each row dropped when it is told.

Nothing is asserted about time; rows that are missing or left over exit with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from bras.accounting.rows import Drop, Made, Operation, Put, key_of  # noqa: E402 (the checkout is on the path only now)
from bras.lns.effects import FetchRecords, Spool  # noqa: E402 (as above)
from bras.lns.inputs import Fetched, Input, Stored  # noqa: E402 (as above)
from bras.runtime.spooler import Spooler  # noqa: E402 (as above)
from bras.store import spool_rows  # noqa: E402 (as above)
from bras.store.spool import SpoolFile  # noqa: E402 (as above)
from tests.benchmark.machine import machine  # noqa: E402 (as above)

START, STOP = 1, 2
START_OCTETS, STOP_OCTETS = bytes(330), bytes(420)
"""As long as those of a session through a tunnel are."""
MADE = Made(1_700_000_000.0, "0a7c2b7e-7d62-4b5c-9d2a-1f1f8f3b8a51", 1234.5)
PAGE = 500
A_WAKE = 20
"""Operations that a wake of the loop has together."""
BUSY_S = 0.002
"""Seconds of the busy loop's own work in each wake."""
AHEAD = 2000
"""Operations that may wait for the disk."""
Row = dict[str, object]


def session(number: int) -> tuple[Operation, ...]:
    """Return what one session has done to the spool."""
    key = key_of(1, number)
    return (
        Put(key, START, None, START_OCTETS, MADE),
        Drop(key, START),
        Put(key, STOP, None, STOP_OCTETS, MADE),
        Drop(key, STOP),
    )


def mixed(sessions: int) -> Iterator[Operation]:
    """Yield the operations of sessions that overlap: each is some hundred sessions behind the one before."""
    for turn in range(sessions + 600):
        for step, behind in enumerate((0, 50, 500, 550)):
            if 0 <= turn - behind < sessions:
                yield session(turn - behind)[step]


class Held:
    """How long the loop was held: a callback each millisecond sees how late it is."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._again()

    def _again(self) -> None:
        self._due = self._loop.time() + 0.001
        self._handle = self._loop.call_at(self._due, self._seen)

    def _seen(self) -> None:
        self.longest_s = max(self.longest_s, self._loop.time() - self._due)
        self._again()

    def stop(self) -> float:
        assert self._handle is not None
        self._handle.cancel()
        return self.longest_s


class Machine:
    """Stands for the machine: hands over operations, hears what is stored."""

    def __init__(self, spooler: Spooler) -> None:
        self.spooler = spooler
        self.asked = self.stored = self.number = 0
        self.upto: dict[int, int] = {}
        self.fetched: list[Fetched] = []
        self.more = asyncio.Event()
        spooler.start(self.take)

    def take(self, told: list[Input]) -> None:
        for one in told:
            if isinstance(one, Stored):
                self.stored = self.upto[one.up_to]
            elif isinstance(one, Fetched):
                self.fetched.append(one)
        self.more.set()

    def spool(self, operations: tuple[Operation, ...]) -> None:
        self.number += 1
        self.asked += len(operations)
        self.upto[self.number] = self.asked
        self.spooler.perform(Spool(self.number, operations))

    async def until(self, wanted: Callable[[], bool]) -> None:
        while not wanted():
            self.more.clear()
            await self.more.wait()


async def live(one: Machine, sessions: int, busy_s: float = 0.0) -> int:
    """Let sessions come and go; ``busy_s``: seconds of work that the loop does between two wakes."""
    wake: list[Operation] = []
    for operation in mixed(sessions):
        wake.append(operation)
        if len(wake) == A_WAKE:
            one.spool(tuple(wake))
            wake.clear()
            await asyncio.sleep(0)
            _work(busy_s)
            await one.until(lambda: one.asked - one.stored < AHEAD)
    one.spool(tuple(wake))
    await one.until(lambda: one.stored == one.asked)
    return one.asked


async def alone(sessions: int, busy_s: float) -> float:
    """Return how many operations a second the loop of ``live`` would make if nobody stored them."""
    begun, operations = time.monotonic(), 0
    for operations, _ in enumerate(mixed(sessions), 1):
        if operations % A_WAKE == 0:
            await asyncio.sleep(0)
            _work(busy_s)
    return operations / (time.monotonic() - begun)


async def quiet(seconds: float) -> float:
    """Return for how many milliseconds this machine holds up a loop beside which nothing is done."""
    held, end = Held(), time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(0)
    return held.stop() * 1e3


def _work(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


async def drain(one: Machine, rows: int) -> int:
    """Fetch a backlog, and drop it."""
    after, told = -1, 0
    while told < rows:
        one.spooler.perform(FetchRecords(None, PAGE, after))
        await one.until(lambda: bool(one.fetched))
        page = one.fetched.pop().rows
        for begin in range(0, len(page), A_WAKE):
            one.spool(tuple(Drop(row.key, STOP) for row in page[begin : begin + A_WAKE]))
            await asyncio.sleep(0)
        told, after = told + len(page), page[-1].key
        await one.until(lambda: one.asked - one.stored < AHEAD)
    await one.until(lambda: one.stored == one.asked)
    return rows


def run(directory: Path, what: str, play: Callable[[Machine], Awaitable[int]]) -> Row:
    """Measure one way."""

    async def played() -> Row:
        machine_ = Machine(Spooler(SpoolFile(str(directory))))
        held = Held()
        cpu, wall = time.process_time(), time.monotonic()
        operations = await play(machine_)
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        row: Row = {"what": what, "operations": operations, "operations_per_s": operations / wall}
        row |= {"us": cpu / operations * 1e6, "held_ms": held.stop() * 1e3}
        await machine_.spooler.close()
        return row

    return asyncio.run(played())


def plain(directory: Path, sessions: int) -> Row:
    """Measure SQLite with a commit for each operation, by the spool's own statements."""
    file = SpoolFile(str(directory))
    connection: sqlite3.Connection = file._connection
    done, cpu, wall = 0, time.process_time(), time.monotonic()
    for operation in mixed(sessions):
        connection.execute("BEGIN IMMEDIATE")
        spool_rows.write(connection, (operation,))
        connection.execute("COMMIT")
        done += 1
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    file.close()
    held = wall / done * 1e3
    return {
        "what": "plain",
        "operations": done,
        "operations_per_s": done / wall,
        "us": cpu / done * 1e6,
        "held_ms": held,
    }


def busy(directory: Path, sessions: int) -> Row:
    """Measure the spool beside a loop that has work of its own, whose CPU and hold say nothing of the spool."""
    row = run(directory, "busy", lambda one: live(one, sessions, BUSY_S))
    return row | {"us": None, "held_ms": None, "alone_per_s": asyncio.run(alone(sessions, BUSY_S))}


def backlog(directory: Path, rows: int) -> None:
    """Fill the spool with Stops that nobody has acknowledged."""
    file = SpoolFile(str(directory))
    for begin in range(0, rows, 1000):
        begun = [session(number) for number in range(begin, min(begin + 1000, rows))]
        file.apply([operation for one in begun for operation in one[:3]])
    file.close()


def left_over(directory: Path) -> int:
    file = SpoolFile(str(directory))
    found = len(file.fetch(None, 10)) + len(list(file.open_rows()))
    file.close()
    return found


def measure(place: Path, options: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    for number, make in enumerate(
        (
            lambda at: plain(at, options.plain),
            lambda at: run(at, "live", lambda one: live(one, options.sessions)),
            lambda at: busy(at, options.busy),
            lambda at: run(at, "drain", lambda one: drain(one, options.backlog)),
        )
    ):
        at = place / str(number)
        at.mkdir()
        if number == 3:
            backlog(at, options.backlog)
        rows.append(make(at))
        rows[-1]["left_over"] = left_over(at)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=50_000)
    parser.add_argument("--backlog", type=int, default=50_000, help="rows that are drained")
    parser.add_argument("--plain", type=int, default=1000, help="sessions with a commit for each operation")
    parser.add_argument("--busy", type=int, default=5000, help="sessions beside a busy loop")
    parser.add_argument("--directory", type=Path, default=ROOT / "build/benchmark", help="on the disk that is meant")
    parser.add_argument("--output", type=Path, default=ROOT / "build/benchmark/spool.json")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="spool", dir=options.directory))
    try:
        quiet_ms = asyncio.run(quiet(2.0))
        rows = measure(place, options)
    finally:
        shutil.rmtree(place)
    result = {"machine": machine(), "quiet_ms": quiet_ms, "rows": rows}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 1 if any(row["left_over"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
