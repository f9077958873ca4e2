"""All pools together: chains, claims, who holds what, and what is kept over a restart."""

from __future__ import annotations

import random

import pytest

from bras.addressing.pools import RESERVED, Lease, Pools, UnknownPool
from bras.config.model import PoolConfig
from bras.wire import ipv4_of

A = PoolConfig(name="a", ranges=((10, 11),), next="b", hold_down_s=60.0)
B = PoolConfig(name="b", ranges=((20, 21),), hold_down_s=60.0)


def take_all(pools: Pools, pool: str, count: int, now: float = 0.0) -> list[int]:
    leases = [pools.take(pool, key, f"user{key}", now=now) for key in range(count)]
    return [lease.address if lease else 0 for lease in leases]


def test_a_lease_names_address_vrf_and_the_pool_that_gave_it():
    pools = Pools((A, B))
    assert pools.take("a", 1, "u", now=0.0) == Lease(0, 10, "a")
    assert pools.take("b", 2, "v", now=0.0) == Lease(0, 20, "b")


def test_an_unknown_pool_is_told_apart_from_an_exhausted_one():
    pools = Pools((A,))
    assert "a" in pools
    assert "nowhere" not in pools
    with pytest.raises(UnknownPool):
        pools.take("nowhere", 1, "u", now=0.0)


def test_an_exhausted_pool_goes_on_with_the_next_and_counts_it():
    pools = Pools((A, B))
    assert take_all(pools, "a", 5) == [10, 11, 20, 21, 0]
    assert [(row["pool"], row["exhausted"]) for row in pools.rows(now=0.0)] == [("a", 3), ("b", 1)]


def test_a_chain_that_bites_its_tail_ends():
    looped = PoolConfig(name="b", ranges=((20, 20),), next="a")
    pools = Pools((A, looped))
    assert take_all(pools, "a", 4) == [10, 11, 20, 0]
    assert Pools((A,)).take("a", 1, "u", now=0.0) == Lease(0, 10, "a")  # next names no pool


def test_hold_down_sends_others_to_the_next_pool_before_it_is_broken():
    pools = Pools((A, B))
    take_all(pools, "a", 2)
    pools.release(0, 10, 0, now=1.0)
    assert pools.take("a", 7, "new", now=2.0) == Lease(0, 20, "b")
    assert pools.take("a", 8, "newer", now=2.0) == Lease(0, 21, "b")
    assert pools.take("a", 9, "newest", now=2.0) == Lease(0, 10, "a")
    assert pools.take("a", 9, "one too many", now=2.0) is None


def test_the_oldest_hold_down_of_the_next_pool_counts_the_first_as_exhausted():
    pools = Pools((A, B))
    take_all(pools, "a", 4)
    pools.release(0, 21, 3, now=1.0)
    assert pools.take("a", 7, "new", now=2.0) == Lease(0, 21, "b")
    assert [row["exhausted"] for row in pools.rows(now=2.0)] == [3, 0]


def test_a_user_finds_its_address_in_any_pool_of_the_chain():
    pools = Pools((A, B))
    take_all(pools, "a", 3)
    pools.release(0, 20, 2, now=1.0)
    pools.release(0, 10, 0, now=1.0)
    assert pools.take("a", 5, "user2", now=99.0) == Lease(0, 20, "b")


def test_a_wish_is_granted_within_the_chain_or_nothing_happens():
    pools = Pools((A, B))
    assert pools.take_wanted("a", 21, 1, "u", now=0.0)
    assert pools.holder(0, 21) == 1
    before = pools.save()
    assert not pools.take_wanted("b", 10, 2, "v", now=0.0)
    assert not pools.take_wanted("a", 21, 3, "w", now=0.0)
    assert not pools.take_wanted("a", 99, 4, "x", now=0.0)
    assert pools.save() == before
    with pytest.raises(UnknownPool):
        pools.take_wanted("z", 10, 1, "u", now=0.0)


def test_reserved_addresses_are_never_given_wanted_or_claimed():
    pools = Pools((A,), reserved=(10, 99))
    assert not pools.take_wanted("a", 10, 1, "u", now=0.0)
    assert pools.take("a", 1, "u", now=0.0) == Lease(0, 11, "a")
    assert pools.claim(0, 10, 1, now=0.0) == pools.claim(0, 99, 1, now=0.0) == RESERVED
    assert pools.holder(0, 10) == pools.holder(0, 99) == RESERVED
    assert not pools.release(0, 10, 1, now=0.0)


@pytest.mark.parametrize("address", [11, 15, 5, 0xFFFFFFFE])
def test_a_claim_is_done_or_names_the_holder(address):
    pools = Pools((A, B))
    assert pools.claim(0, address, 1, now=0.0) is None
    assert pools.claim(0, address, 1, now=0.0) is None
    assert pools.claim(0, address, 2, now=0.0) == 1
    assert pools.holder(0, address) == 1
    assert not pools.release(0, address, 2, now=0.0)
    assert pools.release(0, address, 1, now=0.0)
    assert not pools.release(0, address, 1, now=0.0)
    assert pools.holder(0, address) is None
    assert pools.claim(0, address, 2, now=0.0) is None  # hold-down does not bind RADIUS


def test_a_claimed_address_of_a_pool_is_not_given_to_another():
    pools = Pools((A,))
    pools.claim(0, 10, 1, now=0.0, user="fixed")
    assert pools.take("a", 2, "u", now=0.0) == Lease(0, 11, "a")
    assert pools.take("a", 3, "v", now=0.0) is None
    pools.release(0, 10, 1, now=0.0)
    assert pools.take("a", 3, "fixed", now=0.0) == Lease(0, 10, "a")


def test_the_same_address_in_two_vrfs_has_two_holders():
    other = PoolConfig(name="o", ranges=((10, 11),), vrf=7)
    pools = Pools((A, other))
    assert pools.take("a", 1, "u", now=0.0) == Lease(0, 10, "a")
    assert pools.take("o", 2, "v", now=0.0) == Lease(7, 10, "o")
    assert pools.claim(3, 10, 5, now=0.0) is None
    assert [pools.holder(vrf, 10) for vrf in (0, 7, 3, 4)] == [1, 2, 5, None]
    assert pools.release(3, 10, 5, now=0.0)
    assert pools.holder(0, 10) == 1


def test_rows_add_up_and_are_those_of_show_pools():
    first = ipv4_of("10.64.0.1")
    assert first is not None
    pools = Pools((PoolConfig(name="p", ranges=((first, first + 9),), next=None, hold_down_s=60.0),), (first + 3,))
    take_all(pools, "p", 4)
    pools.release(0, first, 0, now=10.0)
    pools.release(0, first + 1, 1, now=50.0)
    assert pools.rows(now=80.0) == [
        {
            "pool": "p",
            "ranges": ["10.64.0.1-10.64.0.10"],
            "next": None,
            "size": 9,
            "used": 2,
            "held": 1,
            "free": 6,
            "exhausted": 0,
        }
    ]


def busy() -> Pools:
    pools = Pools((A, B), reserved=(21,))
    take_all(pools, "a", 4)
    pools.claim(0, 500, 77, now=2.0)
    pools.claim(9, 10, 78, now=2.0)
    pools.release(0, 20, 2, now=4.0)
    pools.release(0, 10, 0, now=3.0)
    return pools


def test_what_was_saved_is_restored_whole():
    saved = busy().save()
    assert Pools.restore((A, B), (21,), saved).save() == saved


def test_a_restored_state_survives_new_ranges():
    """The operator widens, splits and drops pools; subscribers keep what they hold."""
    wide = PoolConfig(name="wide", ranges=((10, 30),), hold_down_s=60.0)
    pools = Pools.restore((wide,), (), busy().save())
    assert [pools.holder(0, address) for address in (10, 11, 20, 500)] == [None, 1, None, 77]
    assert pools.holder(9, 10) == 78
    assert pools.take("wide", 5, "user0", now=5.0) == Lease(0, 10, "wide")
    assert pools.take("wide", 6, "stranger", now=5.0) == Lease(0, 12, "wide")
    assert [row["held"] for row in pools.rows(now=5.0)] == [1]


def test_a_restored_state_survives_the_loss_of_its_pool():
    pools = Pools.restore((B,), (), busy().save())
    assert pools.holder(0, 11) == 1
    assert pools.release(0, 11, 1, now=9.0)
    assert pools.holder(0, 11) is None


def test_who_holds_an_address_that_became_reserved_keeps_it_and_nobody_gets_it_after():
    pools = Pools.restore((A, B), (11,), busy().save())
    assert pools.holder(0, 11) == 1
    assert pools.claim(0, 11, 5, now=9.0) == RESERVED
    assert pools.release(0, 11, 1, now=9.0)
    assert pools.holder(0, 11) == RESERVED


def test_a_pool_that_moved_to_another_vrf_begins_anew_there():
    moved = PoolConfig(name="a", ranges=((10, 11),), vrf=3)
    pools = Pools.restore((moved,), (), busy().save())
    assert pools.take("a", 1, "u", now=0.0) == Lease(3, 10, "a")
    assert pools.holder(0, 11) == 1


def _holdings(pools: Pools) -> tuple[object, ...]:
    """Return who has what, without where each pool would go on."""
    saved = pools.save()
    parts = {name: (sorted(state["used"]), state["idle"], state["exhausted"]) for name, state in saved["pools"].items()}
    return parts, sorted(saved["outside"])


@pytest.mark.parametrize("seed", range(30))
def test_another_configuration_is_followed_as_a_restart_would(seed: int) -> None:
    """Whatever changes: names, ranges that grow, shrink, split and move, addresses given outside of all pools."""
    print(f"seed={seed}")
    dice = random.Random(seed)

    def ranges() -> tuple[tuple[int, int], ...]:
        cuts = sorted(dice.sample(range(1, 60), 4))
        return ((cuts[0], cuts[1] - 1), (cuts[1], cuts[2])) if dice.random() < 0.5 else ((cuts[0], cuts[3]),)

    def config() -> tuple[PoolConfig, ...]:
        pools = [PoolConfig("a", ranges()), PoolConfig("b", ((100, 100 + dice.randrange(20)),), vrf=dice.randrange(2))]
        return tuple(dice.sample(pools, dice.choice((1, 2))))

    before = config()
    pools = Pools(before, (21,))
    for step in range(200):
        user = f"user{dice.randrange(20)}"
        if dice.random() < 0.4:
            pools.claim(0, dice.randrange(1, 130), step + 1, now=float(step), user=user)
        else:
            pools.take(before[0].name, step + 1, user, now=float(step))
        if dice.random() < 0.4:
            for vrf in (0, 1):
                address = dice.randrange(1, 130)
                holder = pools.holder(vrf, address)
                if holder is not None:
                    pools.release(vrf, address, holder, now=float(step))
        if step % 50 == 49:
            after = dice.choice((config(), tuple(_grown(one) for one in before), before))
            restored = Pools.restore(after, (21,), pools.save())
            pools, before = pools.follow(after, (21,)), after
            assert _holdings(pools) == _holdings(restored)
    given = set()
    while (lease := pools.take(before[0].name, 1000 + len(given), "", now=1e9)) is not None:
        assert lease.address not in given
        given.add(lease.address)
    assert not [row for row in pools.rows(now=1e9) if row["pool"] == before[0].name and row["free"]]


def _grown(pool: PoolConfig) -> PoolConfig:
    first = 1000 * len(pool.ranges) + (500 if pool.name == "b" else 0)
    return PoolConfig(pool.name, (*pool.ranges, (first, first + 5)), vrf=pool.vrf)
