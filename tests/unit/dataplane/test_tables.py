"""Slots and what they hold; keys in the kernel's maps are in tests/dataplane."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bras.dataplane.records import ACCOUNT, SESSION
from bras.dataplane.tables import Tables
from bras.forwarding.entry import Leg, Route
from bras.ids import CallKey

SLOTS = 100
LATE = (1 << 32) + 7
"""A generation of which the kernel knows a part."""
Asked = list[tuple[int, int]]
WISHES: dict[str, Callable[[Asked], Asked]] = {
    "all": lambda there: there,
    "the last ones": lambda there: there[-30:],
    "backwards": lambda there: there[::-1],
    "with gaps": lambda there: there[::3],
    "one": lambda there: there[5:6],
    "none": lambda there: [],
    "one of another generation": lambda there: [*there[:50], (50, 2), *there[51:]],
    "one that does not forward": lambda there: [*there[:60], (60, 1), *there[61:]],
    "slots that there are not": lambda there: [*there, (SLOTS, 1), (SLOTS + 1, 1)],
    "slots below the first": lambda there: [(-2, 1), (-1, 1), *there],
    "only strangers": lambda there: [(SLOTS, 1), (3, 9)],
}


def entry(slot: int, generation: int) -> Route:
    leg = Leg(CallKey(7 << 16 | slot), 0, "198.18.0.1", 1701, "198.18.0.2", 1701, 7, slot, acfc=False, pfc=False)
    return Route(slot, generation, 0, (leg,), (0x0A400000 + slot,), 1460)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("wish", WISHES)
def test_those_that_forward_of_those_that_are_asked_for(wish: str, late: bool) -> None:
    tables = Tables({}, memoryview(bytearray(SLOTS * SESSION.size)), memoryview(bytearray(SLOTS * ACCOUNT.size)))
    there = [(slot, LATE if late and slot == 70 else 1) for slot in range(SLOTS)]
    tables.begin(entry(slot, generation) for slot, generation in there)
    tables.silence(60)
    forward = set(there) - {(60, 1)}
    asked = WISHES[wish](there)
    slots, generations = tables.known(iter(asked))
    assert list(zip(slots, generations, strict=True)) == [one for one in asked if one in forward]
    assert not tables.is_active(60)
    assert [slot for slot, _ in tables.active()] == [slot for slot, _ in there if slot != 60]
