"""A directory without maps; real predecessors are in tests/dataplane/test_programs_kernel.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.predecessor import Predecessor, predecessors


def test_a_directory_without_maps_is_no_predecessor(tmp_path: Path) -> None:
    (tmp_path / "v1-1").mkdir()
    (tmp_path / "v1-2").mkdir()
    with pytest.raises(LibbpfError, match=r"open .*layout"):
        Predecessor(tmp_path / "v1-1")
    found, remarks = predecessors(tmp_path, tmp_path / "v1-2")
    assert found == []
    (remark,) = remarks
    assert "v1-1 makes no sense (" in remark
    assert [entry.name for entry in tmp_path.iterdir()] == ["v1-2"]
