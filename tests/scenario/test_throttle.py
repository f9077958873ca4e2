"""Quotas that slow a session down, and how exact quotas are: with a data plane that carries at a steady rate."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bras.config.grant import Grant
from bras.config.model import Config, LacConfig, ProfileConfig, UserConfig
from bras.config.radius import RadiusConfig
from bras.dataplane.null import Null
from bras.forwarding.entry import Counters, Route
from bras.lns.commands import ShowSession
from bras.lns.effects import Fact
from bras.radius.dynauth import COA_REQUEST
from bras.radius.events import Kind
from bras.secret import Secret
from bras.subscriber.events import QuotaTold, SubscriberEnded, TerminateCause
from tests.scenario.test_coa import session_id, subscriber
from tests.scenario.test_coa import world as coa_world
from tests.scenario.test_quotas import AUTH, BRAS, MIKROTIK, UP, server, vsa
from tests.support.crash import Mortal
from tests.support.lacs import SimulatedLac
from tests.support.radius import vendor_attribute
from tests.support.rim import LCP, Rim
from tests.support.world import SimulatedRadius, World, config

THROTTLE = vsa(BRAS, 19, 1) + vsa(BRAS, 20, 64_000, 8) + vsa(BRAS, 21, 256_000, 8)
FAST = vsa(BRAS, 2, 5_000_000, 8) + vsa(BRAS, 3, 50_000_000, 8)
TOTAL = vsa(MIKROTIK, 17, 1000)
BEFORE, SLOW = (5_000_000, 50_000_000), (64_000, 256_000)


def rates(world: World) -> tuple[int, int]:
    """Return what the data plane holds the one session to."""
    (entry,) = world.plane.entries.values()
    assert isinstance(entry, Route)
    return entry.rate_up_bps, entry.rate_down_bps


def told(facts: list[Fact]) -> list[bool]:
    return [bool(fact.spent) for fact in facts if isinstance(fact, QuotaTold)]


def interims(radius: SimulatedRadius) -> list[int]:
    """Return the input octets of each Interim-Update."""
    return [int.from_bytes(one[42], "big") for one in radius.accounting if one[40][-1] == 3]


def throttled() -> Rim:
    rim = Rim(config(auth=AUTH), servers=(server(FAST + TOTAL + THROTTLE),))
    rim.up()
    assert rates(rim) == BEFORE
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, Counters(up_octets4=1200, up_packets4=1))
    rim.run(11.0)
    return rim


def test_an_exhausted_quota_slows_down_and_tells_everybody() -> None:
    rim = throttled()
    assert rates(rim) == SLOW
    (entry,) = rim.plane.entries.values()
    assert isinstance(entry, Route)
    assert (entry.burst_up_octets, entry.burst_down_octets) == (16000, 16000)
    (fact,) = rim.of(QuotaTold)
    assert (fact.spent, fact.rate_up_bps, fact.rate_down_bps) == ("quota of 1000 octets both ways is exhausted", *SLOW)
    assert interims(rim.radius) == [1200], "one Interim-Update at once, though no interval is granted"
    body: Any = rim.answers[rim.ask(ShowSession(fact.session))].body
    shown = body["sessions"][0]
    assert shown["throttled"] == fact.spent
    assert shown["quota_left_octets"] == {"both ways": 0}
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, UP)
    rim.run(100.0)
    assert told(rim.facts) == [True]
    assert not rim.of(SubscriberEnded)
    assert interims(rim.radius) == [1200]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (vsa(BRAS, 20, 64_000, 8), (64_000, 50_000_000)),
        (vsa(BRAS, 21, 256_000, 8), (5_000_000, 256_000)),
        (b"", BEFORE),
    ],
    ids=["up", "down", "neither"],
)
def test_a_rate_that_nobody_gives_is_as_before(limits: bytes, expected: tuple[int, int]) -> None:
    rim = Rim(config(auth=AUTH), servers=(server(FAST + TOTAL + vsa(BRAS, 19, 1) + limits),))
    rim.up()
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, Counters(up_octets4=1200, up_packets4=1))
    rim.run(11.0)
    assert rates(rim) == expected
    assert told(rim.facts) == [True]
    assert interims(rim.radius) == [1200]


def test_a_coa_that_raises_the_quota_lifts_it() -> None:
    world = coa_world(reply=FAST + TOTAL + THROTTLE)
    (slot,) = world.plane.entries
    world.plane.feed(slot, Counters(up_octets4=1200, up_packets4=1))
    world.run(11.0)
    assert rates(world) == SLOW
    world.ask_for(COA_REQUEST, session_id(world) + vendor_attribute(MIKROTIK, 17, 5000))
    world.run(1.0)
    assert world.outcome == 0
    assert rates(world) == BEFORE
    assert told(world.facts) == [True, False]
    assert not subscriber(world).forwarding.throttled
    world.plane.feed(slot, Counters(up_octets4=4000, up_packets4=1))
    world.run(11.0)
    assert rates(world) == SLOW, "and it may be exhausted again"
    records = [one for one in world.requests(Kind.ACCT) if one.attributes[40][-1] == 3]
    assert [int.from_bytes(one.attributes[42], "big") for one in records] == [1200, 1200, 5200]


def test_a_coa_may_bring_a_quota_that_is_spent_already() -> None:
    world = coa_world(reply=FAST)
    (slot,) = world.plane.entries
    world.plane.feed(slot, Counters(up_octets4=1200, up_packets4=1))
    world.run(11.0)
    world.ask_for(COA_REQUEST, session_id(world) + TOTAL + THROTTLE)
    world.run(10.2)
    assert world.outcome == 0
    assert rates(world) == SLOW
    world.ask_for(COA_REQUEST, session_id(world) + vsa(BRAS, 19, 0))
    world.run(11.0)
    (end,) = world.of(SubscriberEnded)
    assert (end.cause, end.reason) == (TerminateCause.NAS_REQUEST, "quota_exhausted")


def test_a_rate_changed_by_coa_does_not_undo_the_throttle() -> None:
    world = coa_world(reply=FAST + TOTAL + THROTTLE)
    (slot,) = world.plane.entries
    world.plane.feed(slot, Counters(up_octets4=1200, up_packets4=1))
    world.run(11.0)
    world.ask_for(COA_REQUEST, session_id(world) + vsa(BRAS, 2, 9_000_000, 8))
    world.run(1.0)
    assert rates(world) == SLOW
    world.ask_for(COA_REQUEST, session_id(world) + vsa(BRAS, 21, 512_000, 8))
    world.run(1.0)
    assert rates(world) == (64_000, 512_000)


def test_it_holds_after_lcp_is_negotiated_again() -> None:
    rim = Rim(config(auth=AUTH), servers=(server(FAST + TOTAL + THROTTLE),))
    lac, client = rim.up()
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, Counters(up_octets4=1200, up_packets4=1))
    rim.run(11.0)
    lac.send(client, b"\xff\x03" + struct.pack("!H", LCP) + b"\x01\x99\x00\x0a\x05\x06\x01\x02\x03\x04")
    rim.run(20.0)
    assert rates(rim) == SLOW
    assert told(rim.facts) == [True]


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("how", ["unwritten", "unsent", "unheard"])
def test_it_survives_kill_9(tmp_path: Path, how: str, pinned: bool) -> None:
    world = Mortal(tmp_path, config(auth=AUTH), radius=server(FAST + TOTAL + THROTTLE), pinned=pinned)
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(3.0)
    (slot,) = world.plane.entries
    world.plane.feed(slot, Counters(up_octets4=1200, up_packets4=1))
    world.run(11.0)
    world.kill(how)
    world.run(15.0)
    assert rates(world) == SLOW
    (session,) = world.lns.core.registry.by_number.values()
    assert session.forwarding.throttled


def given(layer: str, **keys: object) -> Config:
    grant = Grant(**keys)  # type: ignore[arg-type]  # keys of a profile
    lac = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"))
    base = config(auth=AUTH, lac=(lac,))
    if layer == "lac":
        return replace(base, lac=(replace(lac, grant=replace(grant, pool="default")),))
    if layer == "profile":
        return replace(base, profile=(ProfileConfig("gold", grant),))
    user = UserConfig("user1", Secret(b"pass"), grant=grant)
    return replace(base, auth=replace(AUTH, source="local"), user=(user,), radius=RadiusConfig())


@pytest.mark.parametrize("layer", ["lac", "profile", "user"])
@pytest.mark.parametrize("action", ["disconnect", "throttle"])
def test_at_quota(layer: str, action: str) -> None:
    grants = {"quota_octets": 1000, "rate_up_bps": 5_000_000, "rate_down_bps": 50_000_000}
    slow = {"quota_rate_up_bps": 64_000, "quota_rate_down_bps": 256_000}
    rim = Rim(
        given(layer, at_quota=action, **grants, **slow),
        servers=(server(vendor_attribute(BRAS, 1, b"gold") if layer == "profile" else b""),),
    )
    rim.up(user="user1")
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, Counters(up_octets4=1200, up_packets4=1))
    rim.run(11.0)
    if action == "throttle":
        assert rates(rim) == SLOW
        assert not rim.of(SubscriberEnded)
    else:
        assert [end.reason for end in rim.of(SubscriberEnded)] == ["quota_exhausted"]
        assert not rim.of(QuotaTold)


class Steady(Null):
    """Carries so many octets a second to each subscriber."""

    def __init__(self, world: World, octets_per_s: float) -> None:
        super().__init__()
        self._world = world
        self._octets_per_s = octets_per_s
        self._fed_at: dict[int, float] = {}

    def pump(self) -> None:
        """Carry what is due by now."""
        for slot in list(self.entries):
            before = self._fed_at.setdefault(slot, self._world.now)
            octets = int((self._world.now - before) * self._octets_per_s)
            if octets:
                self._fed_at[slot] = before + octets / self._octets_per_s
                self.feed(slot, Counters(down_octets4=octets, down_packets4=1 + octets // 1500))

    def read(self, slots):  # type: ignore[no-untyped-def]  # a Null's
        self.pump()
        return super().read(slots)

    def program_all(self, operations):  # type: ignore[no-untyped-def]  # a Null's
        self.pump()
        return super().program_all(operations)


@pytest.mark.parametrize(("octets_per_s", "late_s"), [(1e9 / 8, 1.0), (5e7 / 8, 1.0), (1e6 / 8, 1.0)])
def test_at_a_steady_rate_a_quota_is_exhausted_to_the_second(octets_per_s: float, late_s: float) -> None:
    quota = int(octets_per_s * 37.0)
    rim = Rim(config(auth=AUTH), servers=(server(vsa(BRAS, 8, quota, 8)),))
    rim.plane = Steady(rim, octets_per_s)
    rim.up()
    rim.run(60.0)
    (end,) = rim.of(SubscriberEnded)
    assert 0 <= end.counters.down_octets4 - quota <= octets_per_s * (late_s + 0.1)
