"""What is on its way to the disk."""

from __future__ import annotations

from bras.accounting.debts import INTERIM, START, STOP, Owed
from bras.accounting.rows import Drop, Made, Put
from bras.accounting.storing import Storing
from bras.plain import decode, encode

MADE = Made(1.5, "boot", 0.5)


def test_operations_are_taken_once_and_in_order() -> None:
    storing = Storing()
    start, stop = Owed(1, START, "b", b"start", MADE), Owed(1, STOP, "b", b"stop", MADE)
    storing.put(start)
    storing.drop(start)
    storing.put(stop)
    assert storing.take() == (
        1, (Put(1, START, "b", b"start", MADE), Drop(1, START, 0.5), Put(1, STOP, "b", b"stop", MADE)),
    )  # fmt: skip
    assert storing.take() == (2, ())


def test_what_is_on_disk_is_taken_out_up_to_its_number() -> None:
    storing = Storing()
    first, second = Owed(1, START, "b", b"", MADE), Owed(2, START, "b", b"", MADE)
    storing.put(first)
    storing.take()
    storing.put(second)
    storing.put(Owed(3, INTERIM, "b", b"", MADE))
    assert storing.done(1) == [first]
    assert storing.done(1) == []
    assert storing.done(7) == [second], "of an Interim-Update nobody waits to hear"
    assert storing.stored == 2


def test_a_file_that_was_left_is_a_failure_that_is_over() -> None:
    storing = Storing()
    storing.begin_anew([], 5.0)
    assert (storing.failures, storing.failed_at) == (0, None)
    storing.begin_anew(["/s/spool.db.damaged-1"], 5.0)
    assert (storing.failures, storing.failed_at, storing.refused_at) == (1, 5.0, None)
    assert storing.reason == "damaged: /s/spool.db.damaged-1"


def test_what_is_saved_comes_back_and_is_the_same_record() -> None:
    storing = Storing()
    first, second = Owed(1, START, "b", b"", MADE), Owed(2, START, "b", b"", MADE)
    storing.put(first)
    storing.put(second)
    storing.take()
    storing.refused_at, storing.reason, storing.failures, storing.octets = 3.0, "full", 2, 4096
    storing.failed_at = 4.0
    saved = decode(encode(storing.save()))
    again = Storing.restore(saved, {(1, START): first})
    assert again.unstored[0] is first
    assert again.unstored[1].key == 2
    assert decode(encode(again.save())) == saved
