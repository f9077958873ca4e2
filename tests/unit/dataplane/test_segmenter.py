"""The names of the pair; the pair itself is in tests/dataplane/test_anchor_kernel.py."""

from __future__ import annotations

import pytest

from bras.dataplane.segmenter import names


@pytest.mark.parametrize(
    ("anchor", "pair"), [("bras0", ("bras0s", "bras0p")), ("a23456789012345", ("a2345678901234s", "a2345678901234p"))]
)
def test_names(anchor: str, pair: tuple[str, str]) -> None:
    assert names(anchor) == pair
