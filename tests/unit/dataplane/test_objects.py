"""Files that are no objects; what the kernel does with real ones is in tests/dataplane/test_programs_kernel.py."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from bras.dataplane.libbpf import LibbpfError, take_log
from bras.dataplane.objects import Object


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LibbpfError, match="No such file") as caught:
        Object(tmp_path / "nothing.o")
    assert caught.value.errno == errno.ENOENT


def test_a_file_that_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "bad.o").write_bytes(b"this is not ELF")
    with pytest.raises(LibbpfError, match="no BPF object file") as caught:
        Object(tmp_path / "bad.o")
    assert "bad.o" in caught.value.log
    assert take_log() == ""
