"""Sessions found by attributes of which only a hash is kept."""

from __future__ import annotations

import sys

from bras.lns.index import Index, has
from tests.support.radius import attribute

CALLING, PORT_ID = 31, 87


def attributes(number: int) -> bytes:
    return (
        attribute(1, b"user")
        + attribute(CALLING, f"+49 30 {number}".encode())
        + attribute(PORT_ID, f"lns:{number}".encode())
        + attribute(77, b"1/2")
    )


def test_nothing_is_kept_before_it_is_wanted() -> None:
    index = Index()
    index.enter(1, attributes(1))
    index.leave(1, attributes(1))
    assert index.find(attribute(CALLING, b"+49 30 1")) == []
    assert not index.has_attributes
    index.begin()
    assert index.has_attributes
    index.enter(1, attributes(1))
    index.end()
    assert index.find(attribute(CALLING, b"+49 30 1")) == []


def test_each_attribute_that_is_indexed_finds_its_session() -> None:
    index = Index()
    index.begin()
    for number in range(1, 2001):
        index.enter(number, attributes(number))
        index.enter(number, attributes(number))
    assert index.find(attribute(CALLING, b"+49 30 7")) == [7]
    assert index.find(attribute(PORT_ID, b"lns:1999")) == [1999]
    assert index.find(attribute(77, b"1/2")) == [], "that is nobody's own"
    assert index.find(attribute(CALLING, b"+49 30 9999")) == []
    index.leave(7, attributes(7))
    index.leave(7, attributes(7))
    assert index.find(attribute(CALLING, b"+49 30 7")) == []
    assert index.find(attribute(CALLING, b"+49 30 8")) == [8]


def test_several_sessions_may_have_the_same() -> None:
    index = Index()
    index.begin()
    for number in (5, 3, 9):
        index.enter(number, attributes(1))
    assert sorted(index.find(attribute(CALLING, b"+49 30 1"))) == [3, 5, 9]


def test_many_may_have_the_same_and_none_is_slow_to_leave() -> None:
    """As where Calling-Station-Id is the LAC's address."""
    index = Index()
    index.begin()
    same = attribute(CALLING, b"198.18.0.2")
    for number in range(20_000):
        index.enter(number, same)
        index.enter(number, same)
    assert sorted(index.find(same)) == list(range(20_000))
    for number in range(19_999):
        index.leave(number, same)
        index.leave(number, same)
    assert index.find(same) == [19_999]


def test_it_costs_some_forty_octets_an_attribute() -> None:
    index = Index()
    index.begin()
    for number in range(50_000):
        index.enter(number, attribute(CALLING, str(number).encode()))
    buckets = index._buckets
    assert buckets is not None
    octets = sys.getsizeof(buckets) + sum(sys.getsizeof(bucket) for bucket in buckets if bucket is not None)
    assert octets / 50_000 < 40


def test_an_attribute_is_looked_for_as_a_whole() -> None:
    inner = attribute(31, b"x")
    encoded = attribute(25, inner) + attribute(31, b"xy")
    assert not has(encoded, inner), "it is only part of a Class"
    assert has(encoded, attribute(31, b"xy"))
    assert has(encoded + inner, inner)
    assert not has(b"", inner)


def test_the_numbers_of_all_ascend_whatever_comes_and_goes() -> None:
    index = Index()
    for number in (3, 5, 9, 7, 1):  # a journal has them in another order
        index.add(number)
    assert index.numbers.tolist() == [1, 3, 5, 7, 9]
    for number in (1, 9, 5):
        index.remove(number)
    index.add(10)
    assert index.numbers.tolist() == [3, 7, 10]


def test_a_user_with_several_sessions_has_them_oldest_first() -> None:
    index = Index()
    assert index.of_user("joe") == ()
    for numbers in ((3,), (3, 5), (3, 5, 9), (5, 9), (9,)):
        index.name("joe", numbers)
        assert index.of_user("joe") == numbers
    index.name("joe", ())
    assert not index.by_user
    index.name("joe", ())
