"""The sending half: windows and the measurement of the round trip (RFC 2661 section 5.8, Appendix A)."""

from __future__ import annotations

import pytest

from bras.l2tp.channel import Channel
from bras.l2tp.sender import Patience, RoundTrip, Window

PATIENCE = Patience(1.0, 8.0, 5)
BODY = b"8 octets"


def test_slow_start_doubles_and_congestion_avoidance_adds_one() -> None:
    window = Window(64)
    sizes = []
    for _ in range(3):
        for _ in range(window.size):
            window.acknowledged()
        sizes.append(window.size)
    assert sizes == [2, 4, 8]
    window.timed_out()
    assert window.size == 1
    sizes = []
    for _ in range(5):
        for _ in range(window.size):
            window.acknowledged()
        sizes.append(window.size)
    assert sizes == [2, 4, 5, 6, 7]


def channel() -> Channel:
    return Channel(PATIENCE, 4, 4)


def exchange(one: Channel, sent_at: float, acknowledged_at: float) -> RoundTrip:
    """Send a message and have all acknowledged."""
    one.send(0, BODY)
    one.flush(now=sent_at)
    sender = one.sender
    one.receive(0, (sender.first + sender.sent) & 0xFFFF, None, now=acknowledged_at)
    return sender.round_trip


def test_the_round_trip_is_from_a_message_to_its_acknowledgement() -> None:
    trip = exchange(channel(), 10.0, 10.25)
    assert (trip.last_s, trip.smoothed_s, trip.samples) == (0.25, 0.25, 1)


def test_it_is_smoothed_by_eighths() -> None:
    one = channel()
    exchange(one, 10.0, 10.8)
    trip = exchange(one, 20.0, 20.0)
    assert trip.last_s == 0.0
    assert trip.smoothed_s == pytest.approx(0.7)


def test_a_message_that_was_sent_again_is_not_measured() -> None:
    """Karn's rule: nobody knows which of the two was acknowledged."""
    one = channel()
    one.send(0, BODY)
    one.flush(now=10.0)
    one.handle_timeout(now=11.0)
    one.flush(now=11.0)
    one.receive(0, 1, None, now=11.001)
    assert one.sender.round_trip.samples == 0
    assert exchange(one, 12.0, 12.5).last_s == 0.5


def test_nor_is_one_behind_a_message_that_was_sent_again() -> None:
    one = channel()
    for _ in range(4):
        one.send(0, BODY)
        one.flush(now=0.0)
        one.receive(0, one.sender.first + 1, None, now=0.0)
    samples = one.sender.round_trip.samples
    one.send(0, BODY)
    one.flush(now=10.0)
    one.handle_timeout(now=11.0)
    one.send(0, BODY)
    one.flush(now=11.0)
    one.receive(0, 5, None, now=11.2)
    assert one.sender.round_trip.samples == samples


def test_it_is_measured_once_a_second_at_most() -> None:
    one = channel()
    assert exchange(one, 10.0, 10.1).samples == 1
    assert exchange(one, 10.2, 10.3).samples == 1
    assert exchange(one, 10.9, 11.2).samples == 1
    assert exchange(one, 11.3, 11.5).samples == 2


def test_only_the_acknowledgement_of_the_timed_message_counts() -> None:
    one = channel()
    exchange(one, 1.0, 1.0)
    for _ in range(2):
        one.send(0, BODY)
    one.flush(now=10.0)  # the first of the two is timed
    one.receive(0, 1, None, now=10.1)
    assert one.sender.round_trip.last_s == 0.0
    one.receive(0, 2, None, now=10.2)
    assert one.sender.round_trip.last_s == pytest.approx(0.2)
    one.receive(0, 3, None, now=10.3)
    assert one.sender.round_trip.last_s == pytest.approx(0.2)


def test_the_numbers_may_wrap_round_meanwhile() -> None:
    one = channel()
    one.sender.first = 0xFFFF
    assert exchange(one, 10.0, 10.5).last_s == 0.5
    assert one.sender.first == 0


def test_a_clock_that_goes_backwards_measures_nothing_negative() -> None:
    assert exchange(channel(), 10.0, 9.0).last_s == 0.0


def test_a_restored_measurement_goes_on() -> None:
    one = channel()
    exchange(one, 1.0, 1.5)
    one.send(0, BODY)
    one.flush(now=10.0)
    other = Channel.restore(one.save(), PATIENCE, 4)
    other.receive(0, 2, None, now=10.25)
    trip = other.sender.round_trip
    assert (trip.last_s, trip.samples) == (0.25, 2)


def test_what_is_forgotten_is_not_measured() -> None:
    one = channel()
    one.send(0, BODY)
    one.flush(now=1.0)
    one.abandon()
    one.receive(0, 1, None, now=2.0)
    assert one.sender.round_trip.samples == 0
