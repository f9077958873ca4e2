"""Single records: who goes before whom, and from when their delay counts."""

from __future__ import annotations

from bras.accounting import beginning
from bras.accounting.debts import STOP, Owed
from bras.accounting.rows import Made
from tests.support.clerk import WALL_OFFSET_S, Clerk


def test_the_delay_of_a_record_counts_by_our_clock_in_one_boot() -> None:
    clerk = Clerk()
    clerk.start(1)
    clerk.ledger.wall_offset_s -= 7200.0
    clerk.answer()
    clerk.stop(1)
    (tell,) = clerk.under_way.values()
    assert tell.created_at == 1000.0


def test_and_by_the_wall_clock_over_a_reboot() -> None:
    clerk = Clerk()
    beginning.recall(
        clerk.ledger, Owed(1, STOP, None, b"1:2", Made(WALL_OFFSET_S + 400.0, "boot0", 99.0)), now=clerk.now
    )
    clerk.wait(0)
    (tell,) = clerk.under_way.values()
    assert tell.created_at == 400.0


def test_a_record_of_another_group_keeps_nobody_waiting() -> None:
    clerk = Clerk()
    clerk.start(1, "gone")
    clerk.stop(1, "there")
    assert clerk.heard == [b"1:1", b"1:2"]
