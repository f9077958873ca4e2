"""Finding the packet behind L2TP and PPP headers."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.header import locate
from bras.dataplane.rows import PPP_IPV4, PPP_IPV6, call_octets

KEY = 0x1234_5678
IDS = bytes.fromhex("12345678")
PACKET = b"E" + bytes(19)
FRAMINGS = [b"\xff\x03\x00\x21", b"\x00\x21", b"\xff\x03\x21", b"\x21"]
FRAMINGS6 = [framing[:-1] + b"\x57" for framing in FRAMINGS]


def message(framing: bytes, *, length: bool, sequence: bool, offset: int | None, priority: bool) -> bytes:
    flags = 0x4000 * length | 0x0800 * sequence | 0x0200 * (offset is not None) | 0x0100 * priority | 2
    body = IDS + bytes(4 * sequence)
    if offset is not None:
        body += offset.to_bytes(2, "big") + b"\xaa" * offset
    body += framing + PACKET
    return flags.to_bytes(2, "big") + ((len(body) + 4).to_bytes(2, "big") if length else b"") + body


@pytest.mark.parametrize("framing", FRAMINGS + FRAMINGS6, ids=bytes.hex)
@pytest.mark.parametrize("offset", [None, 0, 5])
def test_every_form(framing: bytes, offset: int | None) -> None:
    for length, priority in product((False, True), repeat=2):
        data = message(framing, length=length, sequence=False, offset=offset, priority=priority)
        place = locate(data + (b"\xbb" * 7 if length else b""))
        assert place is not None
        key, begin, end = place
        assert key == call_octets(KEY, PPP_IPV4 if framing in FRAMINGS else PPP_IPV6)
        assert data[begin:end] == PACKET


def test_what_is_numbered_is_left_to_the_core() -> None:
    for length, priority in product((False, True), repeat=2):
        for offset in (None, 0, 5):
            data = message(FRAMINGS[0], length=length, sequence=True, offset=offset, priority=priority)
            assert locate(data) is None


WHOLE = message(b"\xff\x03\x00\x21", length=True, sequence=False, offset=None, priority=False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x02",
        b"\x00\x02" + IDS + b"\x21",
        b"\xc8\x02\x00\x0c" + IDS + bytes(4),
        b"\x00\x03" + IDS + b"\xff\x03\x00\x21" + PACKET,
        b"\x00\x01" + IDS + b"\xff\x03\x00\x21" + PACKET,
        WHOLE[:2] + (len(WHOLE) + 1).to_bytes(2, "big") + WHOLE[4:],
        WHOLE[:2] + b"\x00\x00" + WHOLE[4:],
        WHOLE[:2] + b"\x00\x09" + WHOLE[4:],
        b"\x02\x02" + IDS + b"\xff\xff" + b"\x21" + PACKET,
        b"\x02\x02" + IDS + b"\x00",
        b"\x08\x02" + IDS + b"\x00\x00",
        b"\x00\x02" + IDS + b"\xff\x03",
        b"\x00\x02" + IDS + b"\xff\x03\x00",
        b"\x00\x02" + IDS + b"\xff\x03\xc0\x21" + PACKET,
        b"\x00\x02" + IDS + b"\xc0\x21" + PACKET,
        b"\x00\x02" + IDS + b"\x59" + PACKET,
        b"\x00\x02" + IDS + b"\x00\x59" + PACKET,
        b"\x00\x02" + IDS + b"\x80\x21" + PACKET,
        b"\x00\x02" + IDS + b"\xff\x03\xff\x03\x00\x21" + PACKET,
    ],
    ids=bytes.hex,
)
def test_the_cores_own(data: bytes) -> None:
    assert locate(data) is None


def within_or_none(octets: bytes) -> None:
    place = locate(octets)
    if place is not None:
        key, begin, end = place
        assert len(key) == 10
        assert 7 <= begin <= end <= len(octets)


@given(st.binary(max_size=40))
def test_any_octets_have_a_place_within_or_none(octets: bytes) -> None:
    within_or_none(octets)


@given(st.data())
def test_a_mutated_message_has_a_place_within_or_none(data: st.DataObject) -> None:
    octets = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    within_or_none(bytes(octets[: data.draw(st.integers(0, len(octets)))]))
