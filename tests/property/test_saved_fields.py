"""Every field of what is saved by its fields comes back, whatever is in it, and through a file.

The values are drawn by the annotations, so a field that is added is tried from then on: one
that is not plain data and that ``restore`` does not name comes back as something else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from functools import partial
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.forwarding.entry import Counters, Leg
from bras.lns.core import Verdict
from bras.plain import Saved, decode, encode, restore_fields, save_fields
from bras.ppp.events import ChapCredentials, MsChap2Credentials, MsChapCredentials, PapCredentials
from bras.subscriber.parts import Forwarding, Instants, Line, Standing, Who

pytestmark = pytest.mark.interpreted  # compiled classes do not keep their annotations

SHAPED: tuple[Any, ...] = (Forwarding, Standing, Verdict, Who)
FLAT: tuple[Any, ...] = (
    ChapCredentials,
    Instants,
    Leg,
    Line,
    MsChap2Credentials,
    MsChapCredentials,
    PapCredentials,
)
RESTORE: dict[Any, Callable[[Saved], object]] = {kind: kind.restore for kind in SHAPED}
RESTORE |= {kind: partial(restore_fields, kind) for kind in FLAT}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Draw what a field of this annotation may hold."""
    if hint is Counters:
        return st.lists(st.integers(0, 2**63 - 1), min_size=12, max_size=12).map(Counters._make)
    if is_dataclass(hint) or hasattr(hint, "_fields"):
        hints = get_type_hints(hint)
        return st.builds(hint, **{name: values(one) for name, one in hints.items()})
    if get_origin(hint) is UnionType:
        return st.one_of([values(one) for one in get_args(hint)])
    if get_origin(hint) is tuple and get_args(hint)[-1] is ...:
        return st.lists(values(get_args(hint)[0]), max_size=2).map(tuple)
    if get_origin(hint) is tuple:
        return st.tuples(*map(values, get_args(hint)))
    if hint is float:
        return st.floats(allow_nan=False)  # it does not even equal itself
    simple: st.SearchStrategy[Any] = st.from_type(getattr(hint, "__supertype__", hint))
    return simple.filter(is_plain)


def is_plain(value: object) -> bool:
    """Return whether a value fits 64 bits."""
    return not isinstance(value, int) or value.bit_length() < 64


@pytest.mark.parametrize("kind", RESTORE, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_field_comes_back(kind: Any, data: st.DataObject) -> None:
    value = data.draw(values(kind))
    assert RESTORE[kind](decode(encode(save_fields(value)))) == value
