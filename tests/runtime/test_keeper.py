"""The journal of a running daemon stays short without holding anybody up, and is whole when it is closed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bras.config.daemon import StateConfig
from bras.runtime import state
from bras.runtime.state import Keeper
from bras.store import journal
from bras.store.journal import Journal


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SMALLEST_TO_COMPACT_OCTETS", 4096)
    monkeypatch.setattr(state, "RETRY_S", 0.02)
    monkeypatch.setattr(state, "REWRITE_RETRY_S", 0.0)


def _read(directory: Path) -> dict[str, bytes]:
    opened = Journal(str(directory))
    opened.close()
    return opened.read()


def _write(keeper: Keeper, count: int) -> dict[str, bytes]:
    for number in range(count):
        keeper.write([("channel:1", b"%06d" % number), (f"session:{number % 10}", b"%06d" % number)])
    return keeper.journal.read()


def test_a_thread_keeps_it_short_while_it_is_written(tmp_path: Path) -> None:
    async def run() -> dict[str, bytes]:
        keeper = Keeper(StateConfig(str(tmp_path)))
        for _ in range(50):
            _write(keeper, 100)
            await asyncio.sleep(0.001)
        expected = _write(keeper, 100)
        await keeper.close(ended=False)
        assert keeper.figures()[0] == 0
        return expected

    expected = asyncio.run(run())
    assert (tmp_path / "journal").stat().st_size < 50_000, "200,000 octets were written"
    assert _read(tmp_path) == expected
    assert len(expected) == 11


def test_a_disk_that_refuses_is_caught_up_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write

    async def run() -> None:
        keeper = Keeper(StateConfig(str(tmp_path)))
        keeper.write([("session:1", b"1"), ("session:2", b"2")])
        with monkeypatch.context() as patched:

            def full(descriptor: int, octets: bytes) -> int:
                raise OSError(28, "No space left on device")

            patched.setattr(os, "write", full)
            keeper.write([("session:1", b""), ("session:3", b"3")])
            keeper.write([("session:4", b"4")])
            patched.setattr(os, "write", real)
        assert keeper.journal.is_behind
        while keeper.journal.is_behind:
            await asyncio.sleep(0.01)
        keeper.write([("session:5", b"5")])
        await keeper.close(ended=False)

    asyncio.run(asyncio.wait_for(run(), 10))
    assert _read(tmp_path) == {f"session:{number}": b"%d" % number for number in (2, 3, 4, 5)}


class Disk:
    """Remembers what a power cut would have left: the octets that the journal had when it was last synced."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = directory / "journal"
        self.durable = b""
        self.syncs = 0
        self.broken = False
        self._real = os.fsync
        monkeypatch.setattr(os, "fsync", self._fsync)

    def _fsync(self, descriptor: int) -> None:
        if self.broken:
            raise OSError(5, "Input/output error")
        self._real(descriptor)
        if self.path.exists() and os.fstat(descriptor).st_ino == self.path.stat().st_ino:
            self.durable = self.path.read_bytes()
            self.syncs += 1

    async def synced(self) -> None:
        """Wait for a sync that begins after now."""
        wanted = self.syncs + 2
        while self.syncs < wanted:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("checkpoint_s", [0.01, 3600.0])
def test_checkpoint_s_is_what_a_power_cut_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint_s: float
) -> None:
    """The file as it was when it was last synced is all that the next start needs."""
    disk, left = Disk(tmp_path, monkeypatch), list[bytes]()

    async def run() -> None:
        keeper = Keeper(StateConfig(str(tmp_path), checkpoint_s=checkpoint_s))
        keeper.start()
        for number in range(3):
            keeper.write([("session:1", b"%d" % number), (f"session:{number + 2}", b"x")])
            if checkpoint_s < 1:
                await disk.synced()
        keeper._closing = True  # the last moment before the cut
        keeper.write([("session:1", b"late"), ("session:9", b"late")])
        left.append(disk.durable)
        await keeper.close(ended=False)

    asyncio.run(asyncio.wait_for(run(), 20))
    (tmp_path / "journal").write_bytes(left[0])
    survived = {"session:1": b"2", "session:2": b"x", "session:3": b"x", "session:4": b"x"}
    assert _read(tmp_path) == (survived if checkpoint_s < 1 else {})


def test_a_disk_that_does_not_sync_gets_a_fresh_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel could not write it does not try again; another file has all of it."""
    disk = Disk(tmp_path, monkeypatch)

    async def run() -> None:
        keeper = Keeper(StateConfig(str(tmp_path), checkpoint_s=0.01))
        keeper.write([("session:1", b"1")])
        before = disk.path.stat().st_ino
        disk.broken = True
        keeper.start()
        while keeper.figures()[0] < 2:
            await asyncio.sleep(0.005)
        disk.broken = False
        while disk.path.stat().st_ino == before:
            await asyncio.sleep(0.005)
        await disk.synced()
        await keeper.close(ended=False)

    asyncio.run(asyncio.wait_for(run(), 20))
    assert disk.durable == disk.path.read_bytes()
    assert _read(tmp_path) == {"session:1": b"1"}


def test_what_is_owed_to_radius_outlives_an_end(tmp_path: Path) -> None:
    async def run() -> None:
        keeper = Keeper(StateConfig(str(tmp_path)))
        keeper.write([("lns", b"x"), ("record:7", b"stop"), ("session:1", b"1"), ("tunnel:1", b"1")])
        await keeper.close(ended=True)

    asyncio.run(run())
    assert _read(tmp_path) == {"lns": b"x", "record:7": b"stop"}
