"""What needs no right: refusals.  What maps do is in tests/dataplane/test_libbpf_kernel.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.maps import Map


def test_what_is_no_map_is_refused() -> None:
    with open(os.devnull) as other, pytest.raises(LibbpfError, match="a BPF map: "):
        Map(other.fileno())


def test_nothing_is_pinned_outside_a_bpf_file_system(tmp_path: Path) -> None:
    with pytest.raises(LibbpfError, match=r"open .*/calls: "):
        Map.pinned(tmp_path / "calls")
