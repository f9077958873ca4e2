"""Quotas: counted over everything that a session goes through, and told apart by direction."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bras.config.model import AuthConfig
from bras.forwarding.entry import Counters
from bras.subscriber.events import SubscriberEnded, TerminateCause
from tests.support.crash import Mortal
from tests.support.lacs import SimulatedLac
from tests.support.rim import LCP, Rim, option
from tests.support.world import SimulatedRadius, World, config

MIKROTIK, CHILLISPOT, BRAS = 14988, 14559, 32473
UP = Counters(up_octets4=600, up_packets4=1)
DOWN = Counters(down_octets4=600, down_packets4=1)


def vsa(vendor: int, code: int, value: int, size: int = 4) -> bytes:
    return option(26, struct.pack("!I", vendor) + option(code, value.to_bytes(size, "big")))


def server(reply: bytes) -> SimulatedRadius:
    return SimulatedRadius(reply=lambda _: (2, reply))


def ends(world: World) -> list[tuple[TerminateCause, str]]:
    return [(fact.cause, fact.reason) for fact in world.facts if isinstance(fact, SubscriberEnded)]


SPENT = [(TerminateCause.NAS_REQUEST, "quota_exhausted")]
AUTH = AuthConfig(methods=("chap",))


@pytest.mark.parametrize(
    ("reply", "by"),
    [
        (vsa(MIKROTIK, 1, 1000), UP),
        (vsa(MIKROTIK, 2, 1000), DOWN),
        (vsa(CHILLISPOT, 1, 1000), UP),
        (vsa(CHILLISPOT, 2, 1000), DOWN),
        (vsa(BRAS, 7, 1000, 8), UP),
        (vsa(BRAS, 8, 1000, 8), DOWN),
    ],
    ids=["recv", "xmit", "input", "output", "own up", "own down"],
)
def test_each_direction_by_itself(reply: bytes, by: Counters) -> None:
    other = DOWN if by is UP else UP
    rim = Rim(config(auth=AUTH), servers=(server(reply),))
    rim.up()
    (slot,) = rim.plane.entries
    for _ in range(5):
        rim.plane.feed(slot, other)
        rim.run(11.0)
    assert not ends(rim)
    rim.plane.feed(slot, by)
    rim.run(11.0)
    assert not ends(rim)
    rim.plane.feed(slot, by)
    rim.run(11.0)
    assert ends(rim) == SPENT
    stop = rim.radius.accounting[-1]
    assert (stop[40][-1], stop[49][-1]) == (2, TerminateCause.NAS_REQUEST.value)


@pytest.mark.parametrize("reply", [vsa(MIKROTIK, 17, 1000), vsa(CHILLISPOT, 3, 1000), vsa(BRAS, 6, 1000, 8)])
def test_both_ways_together(reply: bytes) -> None:
    rim = Rim(config(auth=AUTH), servers=(server(reply),))
    rim.up()
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, UP)
    rim.run(11.0)
    assert not ends(rim)
    rim.plane.feed(slot, DOWN)
    rim.run(11.0)
    assert ends(rim) == SPENT


@pytest.mark.parametrize(("words", "spent"), [(0, True), (1, False)])
def test_gigawords(words: int, spent: bool) -> None:
    rim = Rim(config(auth=AUTH), servers=(server(vsa(MIKROTIK, 17, 500) + vsa(MIKROTIK, 18, words)),))
    rim.up()
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, UP)
    rim.run(11.0)
    assert ends(rim) == (SPENT if spent else [])
    if not spent:
        rim.plane.feed(slot, Counters(down_octets4=1 << 32, down_packets4=1))
        rim.run(11.0)
        assert ends(rim) == SPENT


def test_what_was_carried_before_lcp_was_renegotiated_counts() -> None:
    rim = Rim(config(auth=AUTH), servers=(server(vsa(MIKROTIK, 17, 1000)),))
    lac, client = rim.up()
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, UP)
    lac.send(client, b"\xff\x03" + struct.pack("!H", LCP) + b"\x01\x99\x00\x0a\x05\x06\x01\x02\x03\x04")
    rim.run(20.0)
    assert not ends(rim)
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, DOWN)
    rim.run(11.0)
    assert ends(rim) == SPENT


@pytest.mark.parametrize("pinned", [True, False])
def test_what_was_carried_before_a_restart_counts(tmp_path: Path, pinned: bool) -> None:
    world = Mortal(tmp_path, config(auth=AUTH), radius=server(vsa(MIKROTIK, 17, 1000)), pinned=pinned)
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(3.0)
    (slot,) = world.plane.entries
    world.plane.feed(slot, UP)
    world.run(11.0)
    world.kill("unheard")
    world.run(15.0)
    assert not ends(world)
    (slot,) = world.plane.entries
    world.plane.feed(slot, DOWN)
    world.run(11.0)
    assert ends(world) == SPENT
