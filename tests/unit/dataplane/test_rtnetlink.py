"""Messages and attributes of rtnetlink; questions that anybody may ask the kernel."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.rtnetlink import Conversation, News, attribute, attributes, messages, nested, walk

GETLINK, SETLINK = 18, 19
LINK = struct.Struct("=BxHiII")


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=40)), max_size=8))
def test_attributes_are_read_as_they_were_written(pairs: list[tuple[int, bytes]]) -> None:
    octets = b"".join(attribute(kind, value) for kind, value in pairs)
    assert len(octets) % 4 == 0
    assert list(walk(octets)) == pairs
    assert list(walk(b"12345678" + octets, 8)) == pairs
    assert attributes(octets) == dict(pairs)


def test_attributes_can_be_nested() -> None:
    octets = nested(5, attribute(1, b"a"), attribute(2, b"bc"))
    ((kind, value),) = walk(octets)
    assert (kind, attributes(value)) == (5, {1: b"a", 2: b"bc"})


@given(st.binary(max_size=64))
def test_whatever_the_kernel_says_ends(octets: bytes) -> None:
    assert len(list(walk(octets))) <= 16
    assert len(list(messages(octets))) <= 4


def test_questions_and_refusals() -> None:
    kernel = Conversation()
    every = kernel.dump(GETLINK, LINK.pack(0, 0, 0, 0, 0))
    loopback = kernel.ask(GETLINK, LINK.pack(0, 0, 1, 0, 0))
    assert attributes(loopback, LINK.size)[3] == b"lo\0"
    assert LINK.unpack_from(loopback)[2] in {LINK.unpack_from(body)[2] for body in every}
    with pytest.raises(OSError, match="No such device") as caught:
        kernel.ask(GETLINK, LINK.pack(0, 0, 0x7FFFFFFF, 0, 0))
    assert caught.value.errno == errno.ENODEV
    kernel.close()


def test_who_looks_away_hears_nothing() -> None:
    news = News((1,))
    news.look_away()
    assert news.read() == []
    assert news.fileno() >= 0
    news.listen()
    news.close()
    news.close()
