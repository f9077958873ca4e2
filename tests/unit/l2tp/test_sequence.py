"""Numbers that we send, and the order of what comes (RFC 2661 section 5.4)."""

from __future__ import annotations

import pytest

from bras.errors import DropReason
from bras.l2tp.sequence import MOST_HELD, RESERVED, RESTART_RUN, Arrivals, Disorder, Numbering, Order

HOLD_S = 0.5
LATE = Order(dropped=DropReason.OUT_OF_ORDER_DATA)
DOUBLED = Order(dropped=DropReason.DUPLICATE_DATA)


def frame(ns: int) -> bytes:
    return b"%d" % ns


def passed(*numbers: int, lost: int = 0, reordered: int = 0) -> Order:
    return Order(tuple(map(frame, numbers)), lost, reordered)


class Receiver:
    """Feeds numbers; each frame says which one it is."""

    def __init__(self, hold_s: float = 0.0, expected: int | None = 0) -> None:
        self.arrivals = Arrivals(expected)
        self.hold_s = hold_s

    def take(self, ns: int, now: float = 0.0) -> Order:
        return self.arrivals.receive(ns, frame(ns), self.hold_s, now=now)


# -- what we send


def test_numbers_wrap_around() -> None:
    numbering = Numbering(0xFFFE)
    assert [numbering.take() for _ in range(4)] == [0xFFFE, 0xFFFF, 0, 1]


@pytest.mark.parametrize("first", [0, 0xFFF0])
def test_numbers_are_reserved_before_they_are_sent_and_seldom(first: int) -> None:
    numbering = Numbering(first)
    reserved = 0
    for index in range(3 * RESERVED):
        reserved += numbering.reserve()
        ns = numbering.take()
        assert ns == (first + index) & 0xFFFF
        ahead = (numbering.reserved - ns) & 0xFFFF
        assert 0 < ahead <= RESERVED, "a process that begins with what is reserved repeats nothing"
    assert reserved == 3


# -- what comes, nothing held


def test_what_is_in_order_passes() -> None:
    receiver = Receiver()
    assert [receiver.take(ns) for ns in range(3)] == [passed(0), passed(1), passed(2)]


def test_a_gap_is_passed_at_once_and_what_comes_late_is_dropped() -> None:
    receiver = Receiver()
    assert receiver.take(0) == passed(0)
    assert receiver.take(3) == passed(3, lost=2)
    assert receiver.take(2) == LATE
    assert receiver.take(2) == DOUBLED, "it has come before, if too late"
    assert receiver.take(3) == DOUBLED
    assert receiver.take(1) == LATE
    assert receiver.take(4) == passed(4)


def test_what_is_long_past_is_late_and_half_of_the_numbers_are_to_come() -> None:
    receiver = Receiver()
    assert receiver.take(0x7FFF) == passed(0x7FFF, lost=0x7FFF)
    assert receiver.take(0) == LATE
    assert receiver.take(0x8000 - 65) == LATE
    receiver = Receiver(expected=0)
    assert receiver.take(0x8000) == LATE


def test_wrap_around() -> None:
    receiver = Receiver(expected=0xFFFF)
    assert receiver.take(0xFFFF) == passed(0xFFFF)
    assert receiver.take(0) == passed(0)
    assert receiver.take(0xFFFF) == DOUBLED
    assert receiver.take(2) == passed(2, lost=1)
    assert receiver.take(1) == LATE


def test_after_a_crash_whatever_comes_first_is_taken() -> None:
    receiver = Receiver(expected=None)
    assert receiver.take(40_000) == passed(40_000)
    assert receiver.take(39_999) == LATE
    assert receiver.take(40_001) == passed(40_001)


def test_a_peer_that_begins_anew_is_heard_again() -> None:
    receiver = Receiver(expected=500)
    for ns in range(RESTART_RUN - 1):
        assert receiver.take(ns).frames == ()
    assert receiver.take(RESTART_RUN - 1) == passed(RESTART_RUN - 1)
    assert receiver.take(RESTART_RUN) == passed(RESTART_RUN)


def test_late_frames_between_others_are_no_new_beginning() -> None:
    receiver = Receiver(expected=500)
    for ns in range(4 * RESTART_RUN):
        assert receiver.take(ns).frames == ()
        assert receiver.take(500 + ns) == passed(500 + ns)
    receiver = Receiver(expected=500)
    for ns in range(0, 8 * RESTART_RUN, 2):
        assert receiver.take(ns).frames == ()


# -- what comes, early ones held


def test_what_comes_early_waits_for_what_is_missing() -> None:
    receiver = Receiver(HOLD_S)
    assert receiver.take(0) == passed(0)
    assert receiver.take(2) == Order()
    assert receiver.take(3) == Order()
    assert receiver.take(2) == DOUBLED
    assert receiver.take(1) == passed(1, 2, 3, reordered=2)
    assert receiver.take(2) == DOUBLED
    assert receiver.take(4) == passed(4)
    assert receiver.arrivals.deadline is None


def test_it_waits_no_longer_than_it_may() -> None:
    receiver = Receiver(HOLD_S)
    receiver.take(0)
    assert receiver.take(2, now=1.0) == Order()
    assert receiver.take(4, now=1.2) == Order()
    assert receiver.arrivals.deadline == 1.5
    assert receiver.arrivals.handle_timeout(now=1.4) == Order()
    assert receiver.arrivals.handle_timeout(now=1.5) == passed(2, lost=1, reordered=1)
    assert receiver.arrivals.deadline == 1.7
    assert receiver.take(1, now=1.6) == LATE
    assert receiver.take(3, now=1.6) == passed(3, 4, reordered=1)


def test_what_waits_longest_takes_along_what_comes_before_it() -> None:
    receiver = Receiver(HOLD_S)
    assert receiver.take(5, now=0.0) == Order()
    assert receiver.take(2, now=0.3) == Order()
    assert receiver.take(6, now=0.4) == Order()
    assert receiver.arrivals.handle_timeout(now=0.5) == passed(2, 5, 6, lost=4, reordered=3)


@pytest.mark.parametrize("first", [1, 0xFFFF - 10])
def test_the_queue_is_bounded(first: int) -> None:
    receiver = Receiver(HOLD_S, expected=(first - 1) & 0xFFFF)
    for index in range(MOST_HELD):
        assert receiver.take((first + index) & 0xFFFF) == Order()
    order = receiver.take((first + MOST_HELD) & 0xFFFF)
    assert order.frames == tuple(frame((first + index) & 0xFFFF) for index in range(MOST_HELD + 1))
    assert (order.lost, order.reordered) == (1, MOST_HELD + 1)
    assert receiver.arrivals.deadline is None


def test_a_new_beginning_gives_on_what_was_held() -> None:
    receiver = Receiver(HOLD_S, expected=500)
    assert receiver.take(502) == Order()
    for ns in range(RESTART_RUN - 1):
        receiver.take(ns)
    assert receiver.take(RESTART_RUN - 1) == passed(502, RESTART_RUN - 1, reordered=1)
    assert receiver.arrivals.deadline is None


def test_a_restored_one_goes_on_in_the_midst() -> None:
    receiver, other = Receiver(HOLD_S), Receiver(HOLD_S)
    for ns in (0, 3, 2, 70, 0):
        receiver.take(ns, now=ns / 100)
    other.arrivals = Arrivals.restore(receiver.arrivals.save())
    assert other.arrivals.deadline == receiver.arrivals.deadline == 0.53
    for ns in (1, 1, 3, 4, 69):
        assert other.take(ns, now=0.4) == receiver.take(ns, now=0.4)
    assert other.arrivals.save() == receiver.arrivals.save()


def test_disorder_is_counted_by_kind() -> None:
    disorder = Disorder()
    for order in (
        passed(1, lost=4),
        LATE,
        LATE,
        DOUBLED,
        passed(2, 3, reordered=1),
        Order(dropped=DropReason.UNNUMBERED_DATA),
    ):
        disorder.count(order)
    assert disorder.save() == [4, 2, 1, 1, 1]
    assert Disorder(*disorder.save()).save() == disorder.save()
