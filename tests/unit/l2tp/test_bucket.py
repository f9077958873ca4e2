"""Token buckets."""

from __future__ import annotations

import pytest

from bras.l2tp.bucket import Bucket, Buckets
from bras.plain import decode, encode


def test_a_burst_then_the_rate() -> None:
    bucket = Bucket(2.0, 3.0)
    assert [bucket.take(now=0.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(now=0.5) for _ in range(2)] == [True, False]
    assert [bucket.take(now=100.0) for _ in range(4)] == [True, True, True, False], "no more than a burst is saved up"


def test_many_tokens_or_none() -> None:
    bucket = Bucket(1.0, 10.0)
    assert bucket.take(now=0.0, tokens=7.0)
    assert not bucket.take(now=0.0, tokens=4.0)
    assert bucket.take(now=0.0, tokens=3.0)
    bucket.give(100.0)
    assert bucket.take(now=0.0, tokens=10.0)
    assert not bucket.take(now=0.0, tokens=0.5)


def test_it_goes_on_as_it_was_saved() -> None:
    bucket = Bucket(1.0, 4.0)
    bucket.take(now=5.0, tokens=3.0)
    again = Bucket.restore(1.0, 4.0, decode(encode(bucket.save())))
    assert again.save() == bucket.save()
    assert [again.take(now=6.0) for _ in range(3)] == [True, True, False]


def test_the_key_that_was_entered_longest_ago_makes_room() -> None:
    buckets = Buckets(1.0, 1.0, 2)
    buckets.enter("a", now=0.0)
    buckets.enter("b", now=0.0)
    buckets.enter("a", now=1.0)
    buckets.enter("c", now=2.0)
    assert [key in buckets for key in "abc"] == [True, False, True]
    assert len(buckets) == 2
    assert buckets.take("a", now=2.0)
    assert not buckets.take("a", now=2.0)
    assert buckets.take("c", now=2.0), "each has its own"
    assert not buckets.take("b", now=2.0), "who is not there has none"
    again = Buckets(1.0, 1.0, 2)
    again.resume(decode(encode(buckets.save())))
    assert again.save() == buckets.save()


@pytest.mark.parametrize("count", [1, 7])
def test_entering_again_gives_no_new_tokens(count: int) -> None:
    buckets = Buckets(0.0, 2.0, 4)
    taken = 0
    for _ in range(count):
        buckets.enter("a", now=0.0)
        taken += buckets.take("a", now=0.0)
    assert taken == min(count, 2)
