"""Echo only into silence, and patience counted (RFC 1661 section 5.8)."""

from __future__ import annotations

from bras.ppp.keepalive import Keepalive


def heard(at: float) -> Keepalive:
    keepalive = Keepalive()
    keepalive.heard_at = at
    return keepalive


def test_an_echo_is_due_after_silence() -> None:
    keepalive = heard(100.0)
    assert keepalive.due_at(20.0) == 120.0
    keepalive.heard_at = 110.0
    assert keepalive.due_at(20.0) == 130.0
    keepalive.sent(1, now=130.0)
    assert keepalive.due_at(20.0) == 150.0


def test_never_without_an_interval_or_where_it_is_refused() -> None:
    assert heard(1.0).due_at(0.0) is None
    keepalive = heard(1.0)
    keepalive.refused = True
    assert keepalive.due_at(20.0) is None


def test_silence_is_counted_and_any_frame_breaks_it() -> None:
    keepalive = heard(0.0)
    for number in (1, 2):
        assert not keepalive.lost(2)
        keepalive.sent(number, now=20.0 * number)
    assert keepalive.lost(2)
    assert not keepalive.lost(0)
    keepalive.heard_at = 41.0
    assert not keepalive.lost(2)


def test_only_the_last_echo_is_measured_and_once() -> None:
    keepalive = heard(0.0)
    keepalive.sent(1, now=20.0)
    keepalive.sent(2, now=40.0)
    assert not keepalive.replied(1, now=40.5)
    assert keepalive.replied(2, now=40.5)
    assert keepalive.round_trip_s == 0.5
    assert not keepalive.replied(2, now=41.0)


def test_saved_and_restored_it_is_the_same() -> None:
    keepalive = heard(3.0)
    keepalive.sent(1, now=20.0)
    keepalive.refused = True
    assert Keepalive.restore(keepalive.save()).save() == keepalive.save() == [3.0, 20.0, 1, 1, 0.0, True, b"", 0.0]


def test_a_state_of_before_there_was_quality_is_understood() -> None:
    keepalive = Keepalive.restore([3.0, 20.0, 1, 1, 0.5, True])
    assert (keepalive.heard_at, keepalive.round_trip_s, keepalive.quality) == (3.0, 0.5, None)


def test_an_echo_that_is_not_answered_before_the_next_is_lost() -> None:
    keepalive = heard(0.0)
    keepalive.sent(1, now=10.0)
    assert keepalive.quality is None, "it may still be answered"
    assert keepalive.replied(1, now=10.25)
    keepalive.sent(2, now=20.0)
    keepalive.sent(3, now=30.0)
    assert not keepalive.replied(2, now=30.1), "too late"
    assert keepalive.replied(3, now=30.5)
    quality = keepalive.quality
    assert quality is not None
    assert (quality.answered, quality.lost, quality.least_s, quality.most_s) == (2, 1, 0.25, 0.5)
    assert Keepalive.restore(keepalive.save()).quality == quality


def test_a_line_that_is_probed_is_asked_each_second_whatever_is_heard() -> None:
    keepalive = heard(100.0)
    keepalive.probe_until = 103.0
    sent = []
    now = 100.0
    for number in range(6):
        keepalive.heard_at = now
        due_at = keepalive.due_at(20.0)
        assert due_at is not None
        now = max(now, due_at)
        keepalive.sent(number, now=now)
        sent.append(now)
    assert sent[:5] == [100.0, 101.0, 102.0, 103.0, 123.0], "then as ever"


def test_a_probe_costs_nobody_the_session_before_its_time() -> None:
    keepalive = heard(100.0)
    keepalive.probe_until = 200.0
    for second in range(1, 80):
        keepalive.sent(second & 255, now=100.0 + second)
        assert not keepalive.silent(4, 20.0, now=100.0 + second)
    assert keepalive.silent(4, 20.0, now=180.0), "silent for as long as it may be"
    assert not keepalive.silent(4, 0.0, now=180.0), "and for ever, where nobody asks"
    assert not keepalive.silent(4, 20.0, now=200.0), "what was not answered meanwhile is not counted"
