"""Neighbours that only programs use: the kernel must go on to ask whether they are still there."""

from __future__ import annotations

import itertools

import pytest

from tests.dataplane.test_roads_changes import INNER, flow, fresh_road, outers
from tests.support.guest import until
from tests.support.provider import CORE, LAC, Road

__all__ = ["fresh_road"]
pytestmark = pytest.mark.root
WITHIN_S = 20.0


def states(road: Road, outer: int) -> list[str]:
    """Return what the kernel thinks of the LAC and of the core."""
    found = []
    for interface, address in (("lac0", LAC[outer]), ("core0", CORE[INNER])):
        (entry,) = road.lns.json("neighbour", "show", "to", address, "dev", interface)
        found += entry["state"]
    return found


@outers
def test_a_neighbour_in_use_is_asked_whether_it_is_there(fresh_road: Road, outer: int) -> None:
    """What XDP sends, the kernel does not see: left alone it would believe for ever what it once heard."""
    lns = fresh_road.lns
    with flow(fresh_road, outer, LAC[outer]) as stream, fresh_road.entered(fresh_road.route(1, stream.leg)):
        for interface, address in (("lac0", LAC[outer]), ("core0", CORE[INNER])):
            for family in ("ipv4", "ipv6"):
                lns.sysctl(f"net/{family}/neigh/{interface}/delay_first_probe_time", 1)
            stream.both(0)
            lns.ip("neighbour", "change", address, "dev", interface, "nud", "stale")
        assert "REACHABLE" not in states(fresh_road, outer)
        numbers = itertools.count(1)
        for _ in until(WITHIN_S):
            for number in itertools.islice(numbers, 20):
                stream.both(number)
            if states(fresh_road, outer) == ["REACHABLE", "REACHABLE"]:
                break
        assert states(fresh_road, outer) == ["REACHABLE", "REACHABLE"]
        sent = next(numbers)
        stream.at_core.wait(sent, 3)
        stream.at_lac.wait(sent, 3)
