"""Dataclasses become plain data and come back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import msgspec
import pytest

from bras.plain import decode, encode, restore_fields, save_fields


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Thing:
    octets: bytes
    colour: Colour | None = Colour.RED
    numbers: tuple[int, ...] = ()


def test_a_dataclass_becomes_its_fields() -> None:
    assert save_fields(Thing(b"\x00", Colour.RED, (1,))) == {"octets": b"\x00", "colour": "red", "numbers": (1,)}


def test_it_comes_back_out_of_a_file() -> None:
    saved = decode(encode(save_fields(Thing(b"\x00", Colour.RED, (1,)))))
    assert restore_fields(Thing, saved, colour=Colour, numbers=tuple) == Thing(b"\x00", Colour.RED, (1,))
    assert saved["numbers"] == [1]  # what was given is left as it was


def test_none_stays_none() -> None:
    assert restore_fields(Thing, {"octets": b"", "colour": None}, colour=Colour) == Thing(b"", None)


def test_a_field_that_was_not_saved_has_its_default() -> None:
    assert restore_fields(Thing, {"octets": b""}, colour=Colour, numbers=tuple) == Thing(b"")


@pytest.mark.parametrize("saved", [{}, {"octets": b"", "smell": 1}])
def test_what_is_not_of_its_fields_is_an_error(saved: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        restore_fields(Thing, saved)


@pytest.mark.parametrize("octets", [b"", b"\xa1\xff", b"\x91" * 5000, b"\xc1"])
def test_octets_that_are_none_of_ours_are_one_error(octets: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(octets)
