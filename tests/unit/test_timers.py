"""Deadlines come once, in order, and cost no memory when they are gone."""

from __future__ import annotations

from bras.timers import DeadlineQueue


def queue_of(**deadlines: float) -> DeadlineQueue[str]:
    queue: DeadlineQueue[str] = DeadlineQueue()
    for key, deadline in deadlines.items():
        queue.set(key, deadline)
    return queue


def test_an_empty_queue_has_no_deadline():
    queue = queue_of()
    assert queue.next_deadline is None
    assert queue.pop_expired(1e9) == []
    assert len(queue) == 0


def test_keys_come_earliest_first_and_only_once():
    queue = queue_of(c=3.0, a=1.0, b=2.0, later=9.0)
    assert queue.next_deadline == 1.0
    assert queue.pop_expired(0.9) == []
    assert queue.pop_expired(3.0) == ["a", "b", "c"]
    assert queue.pop_expired(3.0) == []
    assert len(queue) == 1


def test_a_postponed_key_waits_for_its_new_instant():
    queue = queue_of(a=1.0)
    queue.set("a", 5.0)
    assert queue.pop_expired(4.9) == []
    assert queue.next_deadline == 5.0
    assert queue.pop_expired(5.0) == ["a"]


def test_postponed_keys_keep_the_order_of_their_new_instants():
    queue = queue_of(a=1.0, b=2.0)
    queue.set("a", 3.0)
    assert queue.pop_expired(10.0) == ["b", "a"]


def test_a_key_moved_forward_comes_at_the_earlier_instant_and_not_again():
    queue = queue_of(a=5.0)
    queue.set("a", 2.0)
    assert queue.next_deadline == 2.0
    assert queue.pop_expired(2.0) == ["a"]
    assert queue.pop_expired(5.0) == []
    assert queue.next_deadline is None


def test_a_key_without_deadline_never_comes():
    queue = queue_of(a=1.0)
    queue.set("a", None)
    queue.set("unknown", None)
    assert len(queue) == 0
    assert queue.pop_expired(2.0) == []
    queue.set("a", 3.0)
    assert queue.pop_expired(3.0) == ["a"]


def test_a_key_taken_away_and_set_again_comes_at_the_new_instant():
    queue = queue_of(a=1.0)
    queue.set("a", None)
    queue.set("a", 2.0)
    assert queue.pop_expired(1.5) == []
    assert queue.pop_expired(2.0) == ["a"]


def test_next_deadline_is_never_late():
    queue = queue_of(a=4.0, b=6.0)
    queue.set("a", 8.0)
    assert queue.next_deadline is not None
    assert queue.next_deadline <= 6.0


def test_keys_that_go_early_leave_nothing_behind():
    """A session timeout of a day must not keep an entry for each session of that day."""
    queue: DeadlineQueue[int] = DeadlineQueue()
    for key in range(10_000):
        queue.set(key, 86400.0 + key)
        queue.set(key, None)
    assert queue.entries <= 128
    assert queue.next_deadline is None or queue.next_deadline >= 86400.0


def test_a_key_that_swings_between_near_and_far_keeps_few_entries():
    """Retransmit in a second, then wait for a day, ten thousand times."""
    queue: DeadlineQueue[int] = DeadlineQueue()
    for turn in range(10_000):
        queue.set(1, 86400.0 + turn)
        queue.set(1, float(turn))
        assert queue.pop_expired(float(turn)) == [1]
    assert queue.entries <= 128
