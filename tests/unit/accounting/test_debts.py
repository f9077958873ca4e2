"""One record that is owed."""

from __future__ import annotations

from bras.accounting.debts import INTERIM, OFF, ON, PATIENCE, SETTLED, START, STOP, Owed
from bras.accounting.rows import Made
from bras.plain import decode, encode


def owed(status: int) -> Owed:
    return Owed(1 << 60, status, "b", b"octets", Made(1.5, "boot", 0.5))


def test_statuses_from_accounting_on_are_announcements() -> None:
    assert [owed(status).is_announcement for status in (START, STOP, INTERIM, ON, OFF)] == [False] * 3 + [True] * 2


def test_who_is_stuck_or_settled_keeps_nobody_waiting() -> None:
    record = owed(START)
    assert not record.is_stuck
    record.rounds = PATIENCE
    assert record.is_stuck
    record.rounds, record.ticket = 0, SETTLED
    assert record.is_stuck


def test_what_is_saved_comes_back() -> None:
    record = owed(STOP)
    record.number, record.ticket, record.rounds, record.since, record.follows = 3, 4, 2, 1.25, True
    saved = decode(encode(record.save()))
    again = Owed.restore(saved)
    assert decode(encode(again.save())) == saved
    assert again.made == record.made
