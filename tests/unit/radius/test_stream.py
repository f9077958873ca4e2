"""A stream is taken apart by its Length fields, wherever it was cut on the way."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.radius.stream import MAX_PACKET_OCTETS, Frames


def packet(length: int, code: int = 2) -> bytes:
    return struct.pack("!BBH", code, 7, length) + bytes(length - 4)


@given(st.lists(st.integers(20, 300), max_size=8), st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_packets_come_out_whole_wherever_they_were_cut(lengths: list[int], cuts: list[int]) -> None:
    packets = [packet(length, number) for number, length in enumerate(lengths)]
    stream = b"".join(packets)
    frames, found, at = Frames(), [], 0
    for cut in [*cuts, len(stream)]:
        found += frames.feed(stream[at : at + cut])
        at += cut
    assert found == packets
    assert not frames.wrong


def test_the_shortest_and_the_longest() -> None:
    frames = Frames()
    both = [packet(20), packet(MAX_PACKET_OCTETS)]
    assert frames.feed(b"".join(both)) == both


@pytest.mark.parametrize("length", [0, 3, 19, 4097, 65535])
def test_a_length_that_makes_no_sense_ends_it(length: int) -> None:
    frames = Frames()
    wrong = struct.pack("!BBH", 2, 7, length)
    assert frames.feed(packet(20) + wrong + packet(20)) == [packet(20)]
    assert frames.wrong == f"a packet says that it has {length} octets"
    assert frames.feed(packet(20)) == [], "nobody knows where it would begin"


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_whatever_comes(chunks: list[bytes]) -> None:
    frames = Frames()
    found = [one for chunk in chunks for one in frames.feed(chunk)]
    assert b"".join(chunks).startswith(b"".join(found))
    assert all(len(one) == one[2] << 8 | one[3] for one in found)
