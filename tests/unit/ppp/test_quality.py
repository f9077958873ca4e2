from __future__ import annotations

import pytest

from bras.ppp.quality import HALF, NOTHING, Quality, missed, read, replied


def test_nothing_is_known_before_the_first_echo() -> None:
    assert read(NOTHING) is None


def test_round_trips_and_losses() -> None:
    packed = NOTHING
    for trip in (0.010, 0.030, 0.020):
        packed = replied(packed, trip)
    packed = missed(packed)
    found = read(packed)
    assert found is not None
    assert (found.answered, found.lost, found.loss_percent) == (3, 1, 25.0)
    assert (found.least_s, found.mean_s, found.most_s) == pytest.approx((0.010, 0.020, 0.030))
    assert (found.answered_ever, found.lost_ever) == (3, 1)


def test_a_line_that_never_answers_has_no_round_trips() -> None:
    assert read(missed(NOTHING)) == Quality(0, 1, 0.0, 0.0, 0.0, 0, 1)
    found = read(missed(missed(NOTHING)))
    assert found is not None
    assert found.loss_percent == 100.0


def test_what_was_long_ago_is_forgotten_but_for_the_totals() -> None:
    packed = replied(missed(NOTHING), 5.0)
    for _ in range(2 * HALF):
        found = read(packed)
        assert found is not None
        assert found.answered + found.lost <= 2 * HALF
        packed = replied(packed, 0.010)
    found = read(packed)
    assert found is not None
    assert (found.lost, found.most_s) == (0, 0.010), "neither the loss nor the long one is in the window"
    assert (found.answered_ever, found.lost_ever) == (2 * HALF + 1, 1)
    assert HALF <= found.answered <= 2 * HALF


def test_it_takes_few_octets_and_nothing_overflows() -> None:
    packed = NOTHING
    for _ in range(10 * HALF):
        packed = replied(packed, 1e9)
    assert len(packed) == 36
    found = read(packed)
    assert found is not None
    assert found.mean_s == found.most_s == 100.0
