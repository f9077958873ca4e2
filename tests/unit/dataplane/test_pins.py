"""Directories for pins, as far as they need no right; the rest is in tests/dataplane/test_programs_kernel.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.dataplane import pins
from bras.dataplane.base import DataPlaneError


def test_a_directory_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataPlaneError, match=r"is in no BPF file system: mount one there \(mount -t bpf bpf DIRECTORY\)"
    ):
        pins.prepare(tmp_path / "pins")
    assert not (tmp_path / "pins").exists()


def test_what_is_not_there_has_no_versions(tmp_path: Path) -> None:
    assert pins.versions(tmp_path / "nothing") == []
    assert pins.known(tmp_path / "nothing", "tc_up") == []


def test_versions_are_directories(tmp_path: Path) -> None:
    (tmp_path / "v1-2").mkdir()
    (tmp_path / "v1-2" / "tc_up").touch()
    (tmp_path / "v1-2" / "tc_down").touch()
    (tmp_path / "stray").touch()
    assert pins.versions(tmp_path) == [tmp_path / "v1-2"]
    assert pins.known(tmp_path, "tc_up") == [tmp_path / "v1-2" / "tc_up"]
    assert pins.remove(tmp_path / "v1-2") == ["tc_down", "tc_up"]
    with pytest.raises(DataPlaneError, match="v1-2 cannot be removed: No such file"):
        pins.remove(tmp_path / "v1-2")


def test_a_predecessors_program_keeps_a_name(tmp_path: Path) -> None:
    for name in ("tc_up_old", "tc_up_old1"):
        (tmp_path / name).touch()
    pins.forget_old(tmp_path, "tc_up")
    pins.forget_old(tmp_path, "tc_up")
    assert list(tmp_path.iterdir()) == []
