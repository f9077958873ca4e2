"""The back end without packets."""

from __future__ import annotations

import pytest

from bras.dataplane.base import DataPlane
from bras.dataplane.null import Null
from bras.forwarding.entry import AddEntry, Counters, Outcome, RemoveEntry, ReplaceEntry, Route, Switch


def route(slot: int = 1, generation: int = 1, mtu: int = 1400) -> Route:
    return Route(slot, generation, 0, (), (), mtu)


def test_a_life() -> None:
    plane = Null()
    typed: DataPlane = plane
    typed.open()
    assert typed.program(AddEntry(route())) == Outcome(1, 1, ok=True)
    plane.feed(1, Counters(up_octets4=5, up_packets4=1))
    assert typed.program(ReplaceEntry(route(mtu=1000))) == Outcome(1, 1, ok=True)
    assert plane.entries == {1: route(mtu=1000)}
    plane.feed(1, Counters(down_octets6=7))
    counters = Counters(up_octets4=5, up_packets4=1, down_octets6=7)
    assert typed.read([(1, 1), (1, 2), (2, 1)]) == ((1, 1, counters),)
    assert typed.program(RemoveEntry(1, 1)) == Outcome(1, 1, ok=True, counters=counters)
    assert typed.totals() == counters
    assert plane.entries == {}
    assert typed.program(AddEntry(Switch(1, 2, 0, ()))).ok
    assert typed.read([(1, 2)]) == ((1, 2, Counters()),)
    typed.close()


def test_it_refuses_what_every_back_end_refuses() -> None:
    plane = Null()
    assert plane.program(AddEntry(route())).ok
    assert plane.program(AddEntry(route(generation=2))).reason == "the slot is taken by generation 1"
    for stale in (ReplaceEntry(route(generation=2)), ReplaceEntry(route(slot=2)), RemoveEntry(1, 2), RemoveEntry(2, 1)):
        assert plane.program(stale).reason == "there is no such Entry"
    with pytest.raises(KeyError):
        plane.feed(2, Counters())


def test_it_has_no_packets() -> None:
    plane = Null()
    assert plane.filenos() == ()
    plane.on_readable(now=0.0)
    assert not plane.datagram(b"\x00\x02", ("127.0.0.1", 1701), now=0.0)
    assert set(plane.drops.values()) == {0}


def test_what_the_core_has_forwarded_is_remembered() -> None:
    plane = Null()
    plane.program(AddEntry(route()))
    plane.forward(1, 1, b"packet", now=0.0)
    plane.forward(1, 2, b"stale", now=0.0)
    assert plane.forwarded == [(1, 1, b"packet")]
    assert plane.to_be_numbered() == ()
