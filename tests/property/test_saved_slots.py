"""Every slot of what the ledger keeps comes back, whatever is in it, and through a file: one that is added, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.accounting.book import Behind, Book, Counts, Disk, Queue
from bras.accounting.debts import Owed
from bras.accounting.ledger import Ledger
from bras.accounting.rows import Made
from bras.accounting.storing import Storing
from bras.config.spool import SpoolConfig
from bras.plain import decode, encode

pytestmark = pytest.mark.interpreted  # compiled classes do not name their slots

NUMBERS = st.integers(0, 2**63 - 1)
TIMES = st.floats(0.0, 1e10)
KEYS = st.dictionaries(NUMBERS, st.none(), max_size=3)
BY_TYPE: dict[type[Any], st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: NUMBERS,
    float: TIMES,
    str: st.text(max_size=5),
    bytes: st.binary(max_size=5),
    type(None): st.none() | TIMES,
    set: st.sets(NUMBERS, max_size=3),
    Made: st.builds(Made, TIMES, st.text(max_size=5), TIMES),
}
"""What a slot may hold, by what it holds at first."""
SPECIAL = {
    "group": st.none() | st.text(max_size=5),
    "barrier": st.none() | NUMBERS,
    "_packed": st.dictionaries(NUMBERS, NUMBERS, max_size=3),
    "alerts": st.sets(st.tuples(st.sampled_from(("age", "bound")), st.none() | st.text(max_size=5)), max_size=3),
}
NOT_SAVED = {
    "in_hand": "counted anew from the records",
    "told": "likewise; of Counts it is saved",
    "room": "worked out anew",
    "config": "of the file",
    "operations": "a turn's, and it is over",
}
FRESH: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "Behind": (Behind, Behind.restore),
    "Book": (lambda: Book(None), Book.restore),
    "Counts": (Counts, Counts.restore),
    "Disk": (Disk, Disk.restore),
    "Ledger": (lambda: Ledger(SpoolConfig(), storing=Storing()), lambda saved: Ledger.restore(saved, SpoolConfig())),
    "Owed": (lambda: Owed(1, 1, None, b"", Made(0.0, "", 0.0)), Owed.restore),
    "Queue": (Queue, Queue.restore),
    "Storing": (Storing, lambda saved: Storing.restore(saved, {})),
}


def slots(one: object) -> list[str]:
    found = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
    kept = {"told"} if isinstance(one, Counts) else set[str]()
    return [name for name in found if name not in NOT_SAVED or name in kept]


def fill(one: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """Put something into every slot; what is a machine of its own is filled, too, and tables of such stay empty."""
    for name in slots(one):
        before = getattr(one, name)
        if name in SPECIAL:
            setattr(one, name, draw(SPECIAL[name]))
        elif type(before) in BY_TYPE:
            setattr(one, name, draw(BY_TYPE[type(before)]))
        elif hasattr(before, "save"):
            fill(before, draw)
        elif isinstance(before, dict) and name not in ("books", "lines"):
            setattr(one, name, draw(KEYS))


def seen(one: Any) -> Any:
    """Return what is in every slot."""
    return {name: seen(getattr(one, name)) for name in slots(one)} if hasattr(one, "save") else one


@pytest.mark.parametrize("kind", FRESH)
@given(data=st.data())
def test_every_slot_comes_back(kind: str, data: st.DataObject) -> None:
    fresh, restore = FRESH[kind]
    one = fresh()
    fill(one, data.draw)
    assert seen(restore(decode(encode(one.save())))) == seen(one)
