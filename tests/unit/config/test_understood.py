"""Names of attributes are those of our dictionary, each once, with its type."""

from __future__ import annotations

import pytest

from bras.config.understood import ANY, CAN_LACK, FURTHER, IGNORE, ORDINARY, REJECT, REPEATED, SEVERAL, ignored
from tests.support.radius import codec


@pytest.mark.parametrize("name", [*ORDINARY, *FURTHER])
def test_each_is_in_our_dictionary(name: str) -> None:
    codec().code(name, (ORDINARY | FURTHER)[name])  # type: ignore[operator]  # both are dictionaries


def test_the_two_ways_have_none_in_common() -> None:
    assert not set(ORDINARY) & set(FURTHER)
    assert set(REPEATED) <= set(ORDINARY)
    assert set(SEVERAL) <= set(FURTHER)
    assert {"Service-Type", "Framed-Protocol", "Framed-IP-Address", *FURTHER} == CAN_LACK


def test_a_name_goes_before_any() -> None:
    assert ignored(()) == frozenset()
    assert ignored(((ANY, REJECT), ("Filter-Id", IGNORE))) == {"Filter-Id"}
    assert ignored((("Filter-Id", REJECT), (ANY, IGNORE))) == CAN_LACK - {"Filter-Id"}
