from __future__ import annotations

from typing import Any

import pytest

from bras.forwarding.entry import Counters
from bras.lns.gauges import SHORTEST_S, Gauges, carried
from bras.subscriber.parts import Forwarding

pytestmark = pytest.mark.interpreted  # a compiled machine takes no part that is not what it says


class _One:
    def __init__(self, number: int) -> None:
        self.number = number
        self.forwarding = Forwarding(number)

    def carry(self, **counters: int) -> None:
        self.forwarding.last = self.forwarding.last + Counters(**counters)


def _one(number: int = 1) -> Any:
    return _One(number)


def test_both_families_and_earlier_entries() -> None:
    forwarding = Forwarding(1)
    forwarding.base = Counters(*range(1, 13))
    forwarding.last = Counters(*(100 * number for number in range(1, 13)))
    assert carried(forwarding) == (606, 1010, 808, 1212)


def test_rates_are_those_between_two_readings() -> None:
    gauges, one = Gauges(), _one()
    assert gauges.read(one, 10.0)[2:] == (None, None, None)
    one.carry(up_octets4=1000, up_packets4=10, down_octets6=4000, down_packets6=30)
    assert gauges.read(one, 12.0)[2:] == (4000.0, 16000.0, 20.0)
    assert gauges.read(one, 14.0)[2:] == (0.0, 0.0, 0.0)
    assert gauges.of(1) == gauges.read(one, 14.0)


def test_two_readings_at_once_leave_the_rates_as_they_are() -> None:
    gauges, one = Gauges(), _one()
    gauges.read(one, 10.0)
    one.carry(up_octets4=1000)
    rates = gauges.read(one, 11.0)
    one.carry(up_octets4=1000)
    assert gauges.read(one, 11.0 + SHORTEST_S / 2) == rates
    assert gauges.read(one, 12.0).up_bps == 8000.0


def test_who_is_gone_is_forgotten() -> None:
    gauges = Gauges()
    for number in (6, 7, 8):
        gauges.read(_one(number), 1.0)
    before = len(gauges._values)
    for number in (6, 8, 9):
        gauges.forget(number)
    assert (len(gauges), gauges.of(6)) == (1, None)
    assert gauges.of(7) is not None
    gauges.read(_one(10), 1.0)
    assert len(gauges._values) == before, "its place is another's"
    gauges.clear()
    assert not len(gauges)
