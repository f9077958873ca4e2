"""Room that is kept on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bras.store.reserve import SHARE, Reserve


def test_it_takes_the_room_that_it_is_of(tmp_path: Path) -> None:
    reserve = Reserve(str(tmp_path / "reserve"), 100_000)
    reserve.make()
    reserve.make()
    there = (tmp_path / "reserve").stat()
    assert (there.st_size, there.st_mode & 0o777) == (100_000, 0o600)
    assert there.st_blocks * 512 >= 100_000, "on the disk, not in its name only"
    reserve.release()
    reserve.release()
    assert not (tmp_path / "reserve").exists()


def test_one_of_before_is_kept(tmp_path: Path) -> None:
    (tmp_path / "reserve").write_bytes(bytes(5000))
    reserve = Reserve(str(tmp_path / "reserve"), 8000)
    reserve.make()
    assert (tmp_path / "reserve").stat().st_size == 8000


def test_it_takes_its_share_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fstatvfs

    def nearly_full(descriptor: int) -> os.statvfs_result:
        told = list(real(descriptor))
        told[1], told[4] = 4096, 10  # octets of a block, blocks for us
        return os.statvfs_result(told)

    monkeypatch.setattr(os, "fstatvfs", nearly_full)
    Reserve(str(tmp_path / "reserve"), 1 << 40).make()
    assert (tmp_path / "reserve").stat().st_size == 40960 // SHARE


def test_where_there_is_none_nobody_minds(tmp_path: Path) -> None:
    reserve = Reserve(str(tmp_path / "none" / "reserve"), 4096)
    reserve.make()
    reserve.release()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    Reserve(str(tmp_path / "link"), 4096).make()
    assert not (tmp_path / "elsewhere").exists()
