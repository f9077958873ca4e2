"""How often one looks again, and the timer that says when."""

from __future__ import annotations

import select
from itertools import pairwise

from bras.dataplane.pace import LONGEST_S, SHORTEST_S, Pace, Timer


def test_after_a_quiet_time_at_once() -> None:
    pace = Pace()
    assert pace.wait(100.0) == 0.0
    pace.looked(100.0, waited=False)
    assert pace.wait(100.0 + SHORTEST_S) == 0.0


def test_then_after_a_quarter_of_a_second_and_in_a_storm_once_a_second() -> None:
    pace, now, looks = Pace(), 0.0, []
    while now < 10.0:  # something happens all the time
        now += pace.wait(now)
        looks.append(now)
        pace.looked(now, waited=len(looks) > 1)
        now += 0.001
    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert pauses[0] == SHORTEST_S
    assert pauses[-1] == LONGEST_S
    assert all(SHORTEST_S <= pause <= LONGEST_S for pause in pauses)
    assert len(looks) <= 13


def test_the_storm_is_forgotten() -> None:
    pace = Pace()
    for instant in range(5):
        pace.looked(float(instant), waited=True)
    pace.looked(10.0, waited=False)
    assert pace.wait(10.0) == SHORTEST_S


def test_the_timer_expires_once() -> None:
    timer = Timer()
    assert not timer.armed
    assert not timer.expired()
    timer.arm(60.0)
    assert timer.armed
    assert not timer.expired()
    timer.arm(0.0)
    assert select.select([timer], [], [], 10.0)[0]
    assert timer.expired()
    assert not timer.armed
    assert not timer.expired()
    timer.close()
