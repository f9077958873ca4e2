"""Keys and depths of the spool."""

from __future__ import annotations

from bras.accounting.rows import Depth, key_of


def test_a_later_session_has_a_greater_key() -> None:
    assert key_of(7, 1) < key_of(7, 2) < key_of(7, 0xFFFFFFFF) < key_of(8, 0)


def test_the_key_has_both_parts() -> None:
    assert divmod(key_of(0x6500_0000, 42), 1 << 32) == (0x6500_0000, 42)


def test_a_depth_counts_every_kind() -> None:
    assert Depth("b", 1, 2, 4, 8, 1000.0).records == 15
