"""Connections of a service: which are up, and which identifiers may be used."""

from collections import deque

from bras.radius.links import CONNECTING, UP, Links


def test_it_is_up_with_the_first_and_down_with_the_last():
    links, free = Links(), deque(range(256))
    assert (links.state, links.up) == (CONNECTING, set())
    assert links.rise(0, free)
    assert not links.rise(1, free)
    assert links.state == UP
    assert not links.fall(0, free, "reset")
    assert links.state == UP
    assert links.fall(1, free, "reset")
    assert links.state == "down: reset"
    assert not links.fall(1, free, "reset"), "no news"
    assert links.fall(1, free, "certificate expired on 2026-01-01")
    assert links.rise(1, free)


def test_identifiers_of_a_connection_that_is_down_are_not_used():
    links, free = Links(), deque([255, 256, 0, 511])
    links.rise(0, free)
    links.rise(1, free)
    links.fall(1, free, "reset")
    assert list(free) == [255, 0]
    assert links.parked == {1: [256, 511]}
    links.fall(1, free, "refused")
    assert links.parked == {1: [256, 511]}
    links.rise(1, free)
    assert list(free) == [255, 0, 256, 511]
    assert links.parked == {}


def test_saved_and_restored():
    links, free = Links(), deque([1, 2, 256])
    links.rise(0, free)
    links.fall(1, free, "reset")
    again = Links.restore(links.save())
    assert again.save() == links.save()
    assert (again.state, again.up, again.parked) == (UP, {0}, {1: [256]})
