"""One pool: the order in which its addresses are given, and what it weighs."""

from __future__ import annotations

import sys
import tracemalloc

from bras.addressing.pool import IDLE_ENOUGH, Idle, Pool
from bras.config.model import PoolConfig


def pool_of(*ranges: tuple[int, int], hold_down_s: float = 60.0, reserved: tuple[int, ...] = ()) -> Pool:
    return Pool(PoolConfig(name="p", ranges=ranges, hold_down_s=hold_down_s), frozenset(reserved))


def test_fresh_addresses_go_in_order_through_all_ranges():
    pool = pool_of((10, 11), (20, 21))
    assert [pool.take_free(key, "", now=0.0) for key in range(5)] == [10, 11, 20, 21, 0]
    assert (pool.size, pool.used) == (4, 4)


def test_reserved_addresses_are_not_of_the_pool():
    pool = pool_of((10, 12), reserved=(11, 99))
    assert pool.size == 2
    assert [pool.take_free(key, "", now=0.0) for key in range(3)] == [10, 12, 0]


def test_a_pool_without_ranges_has_nothing_to_give():
    pool = pool_of()
    assert pool.take_free(1, "a", now=0.0) == pool.take_held(1, "a") == pool.take_back(1, "a") == pool.size == 0


def test_the_holder_and_only_the_holder_gives_back():
    pool = pool_of((10, 12))
    assert pool.take_free(7, "a", now=0.0) == 10
    assert (pool.holder(10), pool.holder(11)) == (7, None)
    assert not pool.put_back(10, 8, now=1.0)
    assert pool.put_back(10, 7, now=1.0)
    assert not pool.put_back(10, 7, now=1.0)
    assert pool.holder(10) is None


def test_an_address_in_hold_down_is_not_free_until_its_time():
    pool = pool_of((10, 10), hold_down_s=60.0)
    pool.take_free(1, "a", now=0.0)
    pool.put_back(10, 1, now=5.0)
    assert (pool.held(now=5.0), pool.held(now=64.9), pool.held(now=65.0)) == (1, 1, 0)
    assert pool.take_free(2, "b", now=64.9) == 0
    assert pool.take_free(2, "b", now=65.0) == 10


def test_the_address_that_came_back_first_goes_first():
    pool = pool_of((10, 12), hold_down_s=0.0)
    for key in range(3):
        pool.take_free(key, "", now=0.0)
    for address, key in ((11, 1), (10, 0), (12, 2)):
        pool.put_back(address, key, now=1.0)
    assert [pool.take_free(9, "", now=1.0) for _ in range(4)] == [11, 10, 12, 0]


def test_a_fresh_address_is_preferred_so_that_the_idle_one_waits_for_its_user():
    pool = pool_of((10, 12), hold_down_s=0.0)
    pool.take_free(1, "a", now=0.0)
    pool.put_back(10, 1, now=0.0)
    assert pool.take_free(2, "b", now=9.0) == 11
    assert pool.take_back(3, "a") == 10


def test_when_enough_are_idle_the_oldest_is_given_before_a_fresh_one():
    pool = pool_of((1, 4 * IDLE_ENOUGH), hold_down_s=10.0)
    for key in range(IDLE_ENOUGH):
        pool.take_free(key, "", now=0.0)
    for key in range(IDLE_ENOUGH):
        pool.put_back(key + 1, key, now=float(key >= 1))
    assert pool.take_free(0, "", now=9.0) == IDLE_ENOUGH + 1  # all in hold-down: a fresh one
    assert pool.take_free(0, "", now=10.0) == 1
    assert pool.take_free(0, "", now=10.0) == IDLE_ENOUGH + 2  # few enough again


def test_a_user_gets_its_last_address_back_even_in_hold_down():
    pool = pool_of((10, 19))
    assert pool.take_free(1, "a", now=0.0) == 10
    assert pool.take_back(2, "a") == 0  # still in use
    pool.put_back(10, 1, now=1.0)
    assert pool.take_back(2, "b") == 0
    assert pool.take_back(2, "a") == 10
    assert pool.holder(10) == 2


def test_with_two_addresses_the_user_gets_the_one_given_back_last():
    pool = pool_of((10, 19))
    for key in (1, 2):
        pool.take_free(key, "a", now=0.0)
    pool.put_back(11, 2, now=1.0)
    pool.put_back(10, 1, now=2.0)
    assert [pool.take_back(3, "a"), pool.take_back(4, "a")] == [10, 0]


def test_an_address_given_to_another_is_forgotten_by_its_last_user():
    pool = pool_of((10, 10), hold_down_s=0.0)
    pool.take_free(1, "a", now=0.0)
    pool.put_back(10, 1, now=0.0)
    assert pool.take_free(2, "b", now=0.0) == 10
    pool.put_back(10, 2, now=1.0)
    assert pool.take_back(3, "a") == 0
    assert pool.take_back(3, "b") == 10


def test_a_wish_is_met_when_the_address_is_free():
    pool = pool_of((10, 19), hold_down_s=60.0)
    assert pool.take_wanted(15, 1, "a", now=0.0)
    assert not pool.take_wanted(15, 2, "b", now=0.0)
    pool.put_back(15, 1, now=0.0)
    assert not pool.take_wanted(15, 2, "b", now=59.0)
    assert not pool.take_wanted(15, 2, "", now=59.0)
    assert pool.take_wanted(15, 2, "a", now=59.0)
    pool.put_back(15, 2, now=60.0)
    assert pool.take_wanted(15, 3, "b", now=120.0)


def test_the_cursor_steps_over_what_was_taken_out_of_turn():
    pool = pool_of((10, 13))
    pool.put_to_use(11, 1, "a")
    assert pool.take_free(2, "", now=0.0) == 10
    pool.put_back(11, 1, now=0.0)
    assert pool.take_free(3, "", now=0.0) == 12


def test_what_is_held_down_longest_goes_when_nothing_else_is_left():
    pool = pool_of((10, 11))
    for key in range(2):
        pool.take_free(key, "", now=0.0)
    pool.put_back(11, 1, now=1.0)
    pool.put_back(10, 0, now=2.0)
    assert pool.take_free(5, "", now=3.0) == 0
    assert [pool.take_held(5, ""), pool.take_held(5, ""), pool.take_held(5, "")] == [11, 10, 0]


def test_idle_addresses_of_a_saved_state_do_not_take_a_used_one_away():
    pool = pool_of((10, 11))
    pool.put_to_use(10, 1, "a")
    pool.put_idle(10, "b", now=0.0)
    assert (pool.holder(10), pool.take_back(2, "b")) == (1, 0)


def test_sixteen_million_addresses_are_made_at_once_and_weigh_nothing():
    tracemalloc.start()
    pool = pool_of((0x0A000001, 0x0AFFFFFE))
    assert pool.size == (1 << 24) - 2
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_a_million_calls_in_turn_leave_few_idle_addresses_behind():
    """Memory follows the subscribers of the busiest hour, not the size of the pool."""
    pool = pool_of((0x0A000001, 0x0AFFFFFE), hold_down_s=0.5)
    for call in range(3 * IDLE_ENOUGH):
        now = call / 1000
        pool.put_back(pool.take_free(call, str(call), now=now), call, now=now)
    assert len(pool.save()["idle"]) <= IDLE_ENOUGH + 1000


def test_idle_forgets_whom_an_address_belonged_to_when_it_goes():
    idle = Idle()
    idle.put(10, "a", now=1.0)
    idle.put(11, "", now=2.0)
    assert (len(idle), 10 in idle, idle.user_of(10), idle.user_of(11), idle.of("")) == (2, True, "a", "", 0)
    assert idle.rows() == [[10, 1.0, "a"], [11, 2.0, ""]]
    assert (idle.returned_at(10), idle.returned_at(12)) == (1.0, None)
    assert [idle.remove(10), idle.remove(10), idle.remove(11)] == [True, False, True]
    assert (idle.of("a"), idle.oldest(sys.float_info.max), idle.count_since(0.0)) == (0, 0, 0)


def test_a_saved_cursor_is_taken_only_by_a_pool_of_the_same_addresses():
    pool = pool_of((10, 19))
    for key in range(3):
        pool.take_free(key, "", now=0.0)
    same, other = pool_of((10, 19)), pool_of((10, 18))
    same.restore_cursor(pool.save())
    other.restore_cursor(pool.save())
    assert (same.take_free(1, "", now=0.0), other.take_free(1, "", now=0.0)) == (13, 10)
