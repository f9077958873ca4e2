"""Layouts of records: written down, read again, and one turned into another."""

from __future__ import annotations

import sys

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.layout import OCTETS, Layout, Record, converted, ours, parse
from bras.dataplane.records import LAYOUT, SESSION, Session, Uplink


def test_ours_fits_and_is_read_again() -> None:
    layout = ours(4096)
    octets = orjson.dumps(layout)
    assert len(octets) <= OCTETS
    assert parse(octets.ljust(OCTETS, b"\0")) == layout
    assert layout.version == f"v{LAYOUT}-4096"
    assert layout.session.size == SESSION.size
    assert layout.session.fields["flags"] == (Session.flags.offset, 4)
    assert layout.uplink is not None
    assert layout.uplink.fields["flags"] == (Uplink.flags.offset, 2)


def test_the_first_ones_had_fewer_records() -> None:
    found = orjson.loads(orjson.dumps(ours(4096)))
    del found["carried"]
    assert parse(orjson.dumps(found)) == Layout(LAYOUT, 4096, ours(1).session, ours(1).account, ours(1).uplink)
    del found["uplink"]
    assert parse(orjson.dumps(found)) == Layout(LAYOUT, 4096, ours(1).session, ours(1).account)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\0" * 4096,
        b"not JSON",
        b"[]",
        b"7",
        b"{}",
        b'{"layout":1,"slots":2,"session":{"size":8,"fields":{}}}',
        b'{"layout":1,"slots":2,"session":{"size":8,"fields":[]},"account":{"size":8,"fields":{}}}',
        b'{"layout":1,"slots":2,"session":{"size":8,"fields":{"a":[4,8]}},"account":{"size":8,"fields":{}}}',
        b'{"layout":1,"slots":"many","session":{"size":8,"fields":{}},"account":{"size":8,"fields":{}}}',
        b'{"layout":1,"slots":2,"session":{"size":8,"fields":{"a":[4]}},"account":{"size":8,"fields":{}}}',
        b'{"layout":3,"slots":2,"session":{"size":8,"fields":{}},"account":{"size":8,"fields":{}},"uplink":7}',
    ],
)
def test_what_makes_no_sense_is_refused(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the text is that of orjson, int or ours
        parse(octets)


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, sys.byteorder)


def test_fields_move_grow_shrink_and_are_new() -> None:
    old = Record(24, {"wide": (0, 8), "narrow": (8, 2), "name": (12, 4), "gone": (16, 8)})
    new = Record(40, {"fresh": (0, 4), "narrow": (4, 4), "wide": (8, 4), "name": (16, 16)})
    octets = number(0x0102030405060708, 8) + number(0xBEEF, 2) + b"\0\0" + b"eth0" + bytes(8)
    assert converted([(old, memoryview(octets))], new) == (
        bytes(4) + number(0xBEEF, 4) + number(0x05060708, 4) + bytes(4) + b"eth0" + bytes(12) + bytes(8)
    )


@given(st.binary(min_size=SESSION.size, max_size=SESSION.size), st.randoms(use_true_random=False))
def test_there_and_back_is_the_same(octets: bytes, dice: object) -> None:
    session = ours(1).session
    order = list(session.fields)
    dice.shuffle(order)  # type: ignore[attr-defined]  # hypothesis has no public type for it
    fields, at = {}, 0
    for name in order:
        fields[name] = (at, session.fields[name][1])
        at += session.fields[name][1]
    moved = Record(at, fields)
    there = converted([(session, memoryview(octets))], moved)
    assert converted([(moved, memoryview(there))], session) == octets


def test_fields_come_from_whichever_record_has_them() -> None:
    one, other = Record(8, {"a": (0, 4), "b": (4, 4)}), Record(4, {"c": (0, 4)})
    found = [(one, memoryview(b"aaaabbbb")), (other, memoryview(b"cccc"))]
    new = Record(16, {"c": (0, 4), "b": (4, 4), "a": (8, 4), "d": (12, 4)})
    assert converted(found, new, without=("b",)) == b"cccc" + bytes(4) + b"aaaa" + bytes(4)


def test_layouts_differ_by_any_of_their_parts() -> None:
    assert ours(2) == Layout(LAYOUT, 2, ours(1).session, ours(1).account, ours(1).uplink, ours(1).carried)
    assert ours(2) != ours(3)
