"""The cursor reads what is there and never outside."""

from __future__ import annotations

import pytest

from bras.errors import WireError
from bras.wire import Reader, ipv4_of, ipv4_text


def test_reads_numbers_big_endian_one_after_the_other():
    reader = Reader(bytes.fromhex("01 0203 04050607 08"))
    assert (reader.u8("a"), reader.u16("b"), reader.u32("c")) == (0x01, 0x0203, 0x04050607)
    assert (reader.offset, reader.remaining) == (7, 1)


def test_take_and_rest_step_over_what_they_return():
    reader = Reader(b"abcdef", 1)
    assert reader.take(2, "x") == b"bc"
    assert reader.take(0, "nothing") == b""
    assert reader.rest() == b"def"
    assert reader.rest() == b""
    assert reader.remaining == 0


@pytest.mark.parametrize(("method", "size"), [("u8", 1), ("u16", 2), ("u32", 4)])
def test_a_number_cut_short_is_an_error_and_moves_nothing(method, size):
    reader = Reader(bytes(8), 3, 3 + size - 1)
    with pytest.raises(WireError) as caught:
        getattr(reader, method)("Ns")
    assert (caught.value.field, caught.value.offset) == ("Ns", 3)
    assert reader.offset == 3
    assert getattr(Reader(bytes(8), 3, 3 + size), method)("Ns") == 0


@pytest.mark.parametrize("count", [-1, 4, 1 << 40])
@pytest.mark.parametrize("method", ["take", "slice"])
def test_a_count_from_the_network_cannot_leave_the_octets(method, count):
    reader = Reader(b"abcd", 1)
    with pytest.raises(WireError) as caught:
        getattr(reader, method)(count, "value")
    assert (caught.value.field, caught.value.offset) == ("value", 1)
    assert reader.offset == 1


def test_a_slice_ends_where_its_length_says_and_the_outer_cursor_goes_on_after_it():
    outer = Reader(b"abcdef")
    inner = outer.slice(3, "avp")
    assert inner.take(3, "value") == b"abc"
    with pytest.raises(WireError):
        inner.u8("beyond")
    assert outer.rest() == b"def"


@pytest.mark.parametrize(("offset", "end"), [(0, 5), (3, 2), (5, -1), (-1, 2)])
def test_bounds_outside_the_octets_are_an_error_at_once(offset, end):
    """A Length field can be larger than the datagram, or smaller than its own header."""
    with pytest.raises(WireError):
        Reader(b"abcd", offset, end)


def test_the_whole_range_may_be_empty():
    assert Reader(b"").rest() == b""
    assert Reader(b"abcd", 4).remaining == 0


@pytest.mark.parametrize("text", ["0.0.0.0", "10.64.0.1", "192.0.2.255", "255.255.255.255"])
def test_an_ipv4_address_reads_back_as_written(text):
    address = ipv4_of(text)
    assert address is not None
    assert ipv4_text(address) == text


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.0.1", "10.0.0.256", "10.0.0.-1", "10.0.0.x", "10.0.0.\u0661", "10..0.1"]
)
def test_anything_else_is_no_ipv4_address(text):
    assert ipv4_of(text) is None
