"""What is said before the kernel is asked; the rest is in tests/dataplane/test_programs_kernel.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.dataplane import programs
from bras.dataplane.base import DataPlaneError


def test_an_object_that_was_not_built(tmp_path: Path) -> None:
    with pytest.raises(DataPlaneError, match=r"bras\.bpf\.o was not built: run make, or install a wheel"):
        programs.load(tmp_path, 64, xdp=False, path=tmp_path / "bras.bpf.o")


def test_the_object_is_in_the_package() -> None:
    assert programs.OBJECT.parent.joinpath("bras.h").is_file()


def test_what_is_no_pin_is_no_program(tmp_path: Path) -> None:
    assert programs.pinned(tmp_path / "nothing", ["tc_up"]) == {}
    (tmp_path / "v1-1").mkdir()
    (tmp_path / "v1-1" / "tc_up").touch()
    assert programs.pinned(tmp_path, ["tc_up", "xdp_port"]) == {}
