"""The policer against a bucket kept the slow way."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.police import Policer, burst_of, renewed


@pytest.mark.parametrize(
    ("rate_bps", "given_octets", "in_force"),
    [(8000, 0, 16000), (32_000_000, 0, 1_000_000), (1_000_000, 20_000, 20_000), (1_000_000, 64, 1500)],
)
def test_burst_in_force(rate_bps: int, given_octets: int, in_force: int) -> None:
    assert burst_of(rate_bps, given_octets) == in_force


def test_a_burst_passes_at_once_and_not_an_octet_more() -> None:
    policer = Policer(8_000_000, 3000)
    assert policer.conforms(1500, 5.0)
    assert policer.conforms(1500, 5.0)
    assert not policer.conforms(1, 5.0)
    assert policer.conforms(1000, 5.001)
    assert not policer.conforms(1, 5.001)


def test_a_dropped_packet_takes_nothing() -> None:
    policer = Policer(8_000_000, 1500)
    assert policer.conforms(1000, 0.0)
    for _ in range(100):
        assert not policer.conforms(1500, 0.0)
    assert policer.conforms(500, 0.0)


def test_silence_fills_no_more_than_the_burst() -> None:
    policer = Policer(8_000_000, 2000)
    assert policer.conforms(2000, 0.0)
    assert policer.conforms(2000, 3600.0)
    assert not policer.conforms(1, 3600.0)


def test_a_change_of_rate_keeps_what_was_sent_but_no_debt() -> None:
    policer = Policer(64_000, 16_000)
    assert policer.conforms(16_000, 0.0)
    policer.change(80_000_000, 10_000)  # two seconds of the old rate would be twenty megabytes of the new
    assert not policer.conforms(1500, 0.0)
    assert policer.conforms(1500, 0.0002)


@pytest.mark.parametrize("rate_bps", [64_000, 1_000_000, 100_000_000, 10_000_000_000])
def test_the_rate_holds_over_ten_seconds(rate_bps: int) -> None:
    dice = random.Random(rate_bps)
    policer, passed, now, burst = Policer(rate_bps, 15_000), 0, 123_456.0, 15_000
    octet_s = 8 / rate_bps
    end = now + 20_000 * 1000 * octet_s
    begun = now
    while now < end:
        size = dice.randint(40, 1500)
        now += size * octet_s * dice.random()  # twice the rate on average
        if policer.conforms(size, now):
            passed += size
    assert passed * octet_s / (now - begun) == pytest.approx(1, rel=0.005)
    assert passed <= (now - begun) / octet_s + burst + 1


@given(st.lists(st.tuples(st.integers(20, 1500), st.floats(0, 0.1)), max_size=60), st.integers(8_000, 10_000_000))
def test_never_more_than_bucket_and_rate(packets: list[tuple[int, float]], rate_bps: int) -> None:
    policer, now, level = Policer(rate_bps, 3000), 0.0, 3000.0
    for size, gap in packets:
        now += gap
        level = min(3000.0, level + gap * rate_bps / 8)
        conforms = policer.conforms(size, now)
        if abs(level - size) > 1e-3:
            assert conforms == (level >= size)
        if conforms:
            level -= size


def test_a_new_rate_goes_on_where_the_old_one_stands() -> None:
    policer = renewed(None, 8000, 1500)
    assert policer is not None
    assert policer.conforms(1500, 1.0)
    assert renewed(policer, 16000, 1500) is policer
    assert not policer.conforms(1500, 1.0)
    assert renewed(policer, 0, 0) is None


def test_a_bucket_of_another_kind_is_not_taken_over() -> None:
    class Open:
        def conforms(self, octets: int, now: float) -> bool:
            return True

    policer = renewed(Open(), 8000, 1500)
    assert isinstance(policer, Policer)
    assert not policer.conforms(1501, 0.0)
