"""What the ledger is told at a start."""

from __future__ import annotations

from pathlib import Path

from bras.accounting import beginning
from bras.accounting.debts import START, STOP, Owed
from bras.accounting.rows import Made
from tests.support.clerk import WALL_OFFSET_S, Clerk


def test_a_record_that_the_journal_had_is_put_on_disk_again_and_told_from_there(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path, notes=True)
    made = Made(WALL_OFFSET_S + 400.0, "boot1", 400.0)
    beginning.recall(clerk.ledger, Owed(1, START, None, b"1:1", made), now=clerk.now)
    beginning.recall(clerk.ledger, Owed(1, STOP, None, b"1:2", made), now=clerk.now)
    clerk.notes = {(1, START): None, (1, STOP): None}  # type: ignore[dict-item]  # as the last life left it
    clerk.take([])
    clerk.write()
    assert not clerk.notes
    clerk.settle(2.0)
    assert clerk.acknowledged == [b"1:1", b"1:2"]
    assert clerk.on_disk == []
    assert clerk.ledger.total == 0


def test_a_session_that_goes_on_is_known_to_owe_what_its_row_owes(tmp_path: Path) -> None:
    first = Clerk(tmp_path)
    first.start(1)
    first.start(2)
    first.write()
    first.answer_one(first.ticket(b"2:1"))
    first.write()
    assert first.file is not None
    first.file.close()
    second = Clerk(tmp_path)
    assert second.file is not None
    beginning.begin(second.ledger, second.file.depths(), now=second.now)
    for row in second.file.open_rows():
        beginning.owes_still(second.ledger, row, now=second.now)
    second.stop(1)
    second.stop(2)
    second.write()
    assert second.heard == [b"2:2"], "nothing is owed before this one"
    second.settle(2.0)
    assert sorted(second.acknowledged) == [b"1:1", b"1:2", b"2:2"]
    assert second.acknowledged.index(b"1:1") < second.acknowledged.index(b"1:2")
    assert second.on_disk == []
    assert second.ledger.total == 0


def test_a_session_without_a_row_gets_one(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path)
    beginning.adopt(clerk.ledger, 5, "b", b"5:1", Made(WALL_OFFSET_S, "boot1", 0.0))
    clerk.take([])
    clerk.write()
    assert clerk.file is not None
    assert [(row.key, row.start_owed) for row in clerk.file.open_rows()] == [(5, False)]
    assert clerk.heard == []


def test_a_stop_of_the_journal_waits_for_a_start_that_the_disk_alone_has(tmp_path: Path) -> None:
    """Though the disk refuses, and it would be told from memory; what the row has beside is superfluous."""
    first = Clerk(tmp_path)
    first.start(1)
    first.write()
    first.ignore()
    first.interim(1, 1)
    first.write()
    assert first.file is not None
    first.file.close()
    second = Clerk(tmp_path, notes=True)
    assert second.file is not None
    beginning.begin(second.ledger, second.file.depths(), now=second.now)
    (row,) = second.file.open_rows()
    beginning.owes_still(second.ledger, row, now=second.now)
    stop = Owed(1, STOP, None, b"1:2", Made(WALL_OFFSET_S + 400.0, "boot1", 400.0))
    beginning.recall(second.ledger, stop, now=second.now)
    second.notes = {(1, STOP): None}  # type: ignore[dict-item]  # as the last life left it
    second.disk_refuses = True
    second.take([])
    second.write()
    assert second.heard == []
    second.disk_refuses = False
    second.settle(2.0)
    assert second.acknowledged == [b"1:1", b"1:2"]
    assert second.ledger.total == 0
