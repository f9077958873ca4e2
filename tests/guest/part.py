"""Which tests the machine of Debian's kernel runs: a pytest plugin.

All that are marked ``both`` or ``guest``, and the fixtures of the programs (``test_bpf_*``), but not every case of
each: the machine is slow, and the host's kernel has them all.  Each way of the programs and each combination of
families is there; so are the first and the last case of each fixture, but of those that try thousands of packets.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

MARKS = ("both", "guest")
FIXTURES = "test_bpf_"
_LONG = "test_bpf_malformed"
_ROADS = ("road_of", "fresh_road", "vlan_road", "vrf_road")
_PAIRS = {"tc": {(4, 4), (6, 6)}, "decap": {(6, 4)}, "full": {(4, 6)}}
"""Outer and inner family, by mode."""
_OUTER = {"tc": {4}, "decap": {6}, "full": {4}}
"""Outer family of tests that carry both inside, or one of them anyway."""
_VRF = {"tc": {4}, "decap": set[int](), "full": {6}}
_FRESH = {
    "test_a_route_to_the_lac_that_moves_to_another_link_is_followed": "tc",
    "test_a_lac_with_another_mac_is_followed": "decap",
    "test_an_interface_of_the_lac_that_comes_and_goes": "full",
    "test_two_instances_side_by_side": "tc",
}
"""Modes of tests that lay a network of their own for each case."""
_EVERY = {"test_pings_both_ways_are_billed"}
"""This one has all cases."""


def is_fixture(item: pytest.Item) -> bool:
    return item.path.name.startswith(FIXTURES)


def fits(item: pytest.Function) -> bool:
    """Tell whether a case of a marked test is among those that the machine runs."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    mode = next((given[name] for name in _ROADS if name in given), None)
    if mode != _FRESH.get(item.originalname, mode):
        return False
    if mode is None or item.originalname in _EVERY or "outer" not in given:
        return True
    if "inner" in given:
        return (given["outer"], given["inner"]) in _PAIRS[mode]
    return given["outer"] in (_VRF if "vrf_road" in given else _OUTER)[mode]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the machine has no time for."""
    cases: defaultdict[tuple[str, str], list[pytest.Item]] = defaultdict(list)
    kept: set[pytest.Item] = set()
    for item in items:
        assert isinstance(item, pytest.Function)
        if is_fixture(item):
            cases[item.path.name, item.originalname].append(item)
        elif any(item.get_closest_marker(mark) for mark in MARKS) and fits(item):
            kept.add(item)
    for (name, _), one in cases.items():
        kept.update(one[:1] if name.startswith(_LONG) else (one[0], one[-1]))
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]
