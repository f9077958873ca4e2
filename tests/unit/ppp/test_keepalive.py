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
    assert Keepalive.restore(keepalive.save()).save() == keepalive.save() == [3.0, 20.0, 1, 1, 0.0, True]
