"""Where nothing is left, nothing is removed; all else is in tests/dataplane/test_anchor_kernel.py."""

from __future__ import annotations

from pathlib import Path

from bras.dataplane.detach import detach


def test_nothing_is_left(tmp_path: Path) -> None:
    assert detach("no-such-link", tmp_path / "nothing") == []
