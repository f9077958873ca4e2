"""Ids of programs that nobody has pinned; what hangs where is in tests/dataplane/test_follower_kernel.py."""

from __future__ import annotations

from pathlib import Path

from bras.dataplane.attachments import ids


def test_what_is_no_pin_has_no_id(tmp_path: Path) -> None:
    assert ids(tmp_path / "nothing", "tc_up") == frozenset()
    (tmp_path / "v1-1").mkdir()
    (tmp_path / "v1-1" / "tc_up").touch()
    assert ids(tmp_path, "tc_up", "xdp_port") == frozenset()
