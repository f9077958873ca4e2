"""How a route is written; what the kernel does with routes is in tests/dataplane/test_hooks_kernel.py."""

from __future__ import annotations

from bras.dataplane.routes import text


def test_text() -> None:
    assert text((bytes([10, 64, 0, 0]), 16)) == "10.64.0.0/16"
    assert text((bytes([32, 1, 13, 184, *range(12)]), 128)) == "2001:db8:1:203:405:607:809:a0b/128"
