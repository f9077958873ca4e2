from __future__ import annotations

import time
import uuid

import pytest

from bras.runtime import clock


def test_now_goes_on_while_the_machine_sleeps():
    assert clock.now() == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=1.0)
    assert clock.now() <= clock.now()


def test_the_wall_is_so_far_away():
    assert clock.now() + clock.wall_offset() == pytest.approx(time.clock_gettime(time.CLOCK_REALTIME), abs=1.0)
    assert abs(clock.wall_seconds() - time.clock_gettime(time.CLOCK_REALTIME)) < 2
    assert isinstance(clock.wall_seconds(), int)


def test_a_run_of_the_machine_has_a_name():
    assert uuid.UUID(clock.boot_id()).int
    assert clock.boot_id() == clock.boot_id()
