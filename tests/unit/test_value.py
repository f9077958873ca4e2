"""A hastened value differs from a plain one in nothing but its speed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from bras.value import hasten


@dataclass(frozen=True, slots=True)
class Plain:
    first: int
    second: str = "x"


@dataclass(frozen=True, slots=True)
class Fast:
    first: int
    second: str = "x"


@dataclass(frozen=True)
class NoSlots:
    first: int


hasten(Fast, NoSlots)


def test_it_takes_the_same_arguments() -> None:
    assert (Fast(1).first, Fast(1).second) == (1, "x")
    assert Fast(first=1, second="y") == Fast(1, "y")
    for arguments in ((), (1, 2, 3)):
        with pytest.raises(TypeError):
            Fast(*arguments)
    assert repr(Fast(1)) == repr(Plain(1)).replace("Plain", "Fast")
    assert hash(Fast(1)) == hash(Plain(1))
    assert replace(Fast(1), second="z") == Fast(1, "z")


def test_it_stays_frozen() -> None:
    value = Fast(1)
    with pytest.raises(FrozenInstanceError):
        value.first = 2  # type: ignore[misc]  # that is the test


def test_a_class_without_slots_is_left_alone() -> None:
    assert NoSlots(3).first == 3
