"""The bound of what may be owed; what happens there is in test_ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.accounting import bounds
from tests.support.clerk import Clerk


def test_the_bound_counts_records() -> None:
    clerk = Clerk()
    clerk.start(1)
    clerk.stop(1)
    assert bounds.is_reached(clerk.ledger, 2)
    assert not bounds.is_reached(clerk.ledger, 3)


@pytest.mark.interpreted  # a constant is no variable in what is compiled
@pytest.mark.parametrize("refuses", [False, True])
def test_memory_has_a_bound_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, refuses: bool) -> None:
    monkeypatch.setattr(bounds, "RAM_SESSIONS", 2)
    clerk = Clerk(tmp_path)
    clerk.disk_refuses = refuses
    for key in (1, 2):
        clerk.start(key)
    clerk.write()
    assert bounds.is_reached(clerk.ledger, 100) is refuses


@pytest.mark.interpreted  # a constant is no variable in what is compiled
def test_without_a_disk_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "RAM_SESSIONS", 1)
    clerk = Clerk()
    clerk.start(1)
    assert clerk.ledger.refuses_calls
