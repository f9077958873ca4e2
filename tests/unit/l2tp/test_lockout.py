"""Lock-outs of LACs with a wrong secret."""

from __future__ import annotations

import pytest

from bras.l2tp.events import Event, LockedOut, LockoutEnded, Path
from bras.l2tp.lockout import MOST, Lockouts
from bras.plain import decode, encode


def path(address: str) -> Path:
    return Path(0, "198.18.0.1", 1701, address, 1701)


def fail(lockouts: Lockouts, now: float, address: str = "198.18.0.2", hostname: str = "lac1") -> list[Event]:
    return lockouts.failed(path(address), hostname, "g", now=now)


def test_each_is_twice_as_long_up_to_the_cap() -> None:
    lockouts = Lockouts(10.0, 60.0)
    now, lengths = 0.0, []
    for _ in range(5):
        (event,) = fail(lockouts, now)
        assert isinstance(event, LockedOut)
        lengths.append(event.seconds)
        assert lockouts.delays("198.18.0.2", "lac1", now=now + event.seconds - 0.1)
        assert not lockouts.delays("198.18.0.2", "lac1", now=now + event.seconds)
        now += event.seconds
        assert lockouts.deadline == now
        (ended,) = lockouts.handle_timeout(now=now)
        assert isinstance(ended, LockoutEnded)
    assert lengths == [10.0, 20.0, 40.0, 60.0, 60.0]


def test_others_are_not_delayed() -> None:
    lockouts = Lockouts(10.0, 60.0)
    fail(lockouts, 0.0)
    assert not lockouts.delays("198.18.0.2", "lac2", now=1.0)
    assert not lockouts.delays("198.18.0.3", "lac1", now=1.0)


def test_it_is_forgotten_after_the_cap_or_by_a_right_response() -> None:
    lockouts = Lockouts(10.0, 60.0)
    fail(lockouts, 0.0)
    lockouts.handle_timeout(now=10.0)
    assert lockouts.deadline == 70.0
    assert [fact.failures for fact in lockouts.facts()] == [1]
    assert lockouts.handle_timeout(now=70.0) == []
    assert list(lockouts.facts()) == []
    assert lockouts.deadline is None
    fail(lockouts, 100.0)
    lockouts.succeeded("198.18.0.2", "lac1")
    assert len(lockouts) == 0
    (event,) = fail(lockouts, 120.0)
    assert isinstance(event, LockedOut)
    assert event.failures == 1


def test_none_with_0() -> None:
    lockouts = Lockouts(0.0, 60.0)
    assert fail(lockouts, 0.0) == []
    assert not lockouts.delays("198.18.0.2", "lac1", now=0.0)


@pytest.mark.parametrize("evil", ["203.0.113.1", "2001:db8:6666::1"])
def test_who_invents_host_names_pushes_out_nobody_else(evil: str) -> None:
    lockouts = Lockouts(10.0, 60.0)
    fail(lockouts, 0.0)
    for number in range(2 * MOST):
        address = f"2001:db8:6666::{number:x}" if ":" in evil else evil
        fail(lockouts, 1.0, address, f"evil{number}")
    assert len(lockouts) == MOST
    assert lockouts.delays("198.18.0.2", "lac1", now=2.0)
    assert lockouts.delays(address, f"evil{2 * MOST - 1}", now=2.0)
    assert not lockouts.delays(evil, "evil0", now=2.0)


def test_it_goes_on_as_it_was_saved_and_says_what_changed() -> None:
    lockouts = Lockouts(10.0, 60.0)
    lockouts.touched = {}
    fail(lockouts, 0.0)
    fail(lockouts, 3.0, hostname="lac 2")
    lockouts.handle_timeout(now=10.0)
    assert list(lockouts.touched) == [("198.18.0.2", "lac1"), ("198.18.0.2", "lac 2")]
    again = Lockouts(10.0, 60.0)
    again.resume(decode(encode(lockouts.save())))
    assert again.save() == lockouts.save()
    assert again.delays("198.18.0.2", "lac 2", now=12.9)
    assert again.deadline == lockouts.deadline == 13.0
    assert lockouts.record(("198.18.0.2", "lac3")) is None
