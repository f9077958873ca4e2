"""Interim-Updates that come because something has changed, and the clocks by which records count."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from bras.config.grant import Grant
from bras.lns.inputs import ClockRead
from bras.subscriber.events import SubscriberEnded, TerminateCause
from tests.scenario.test_quotas import AUTH, server
from tests.support.crash import Mortal
from tests.support.lacs import SimulatedLac
from tests.support.radius import attribute, vendor_attribute
from tests.support.rim import LCP, Rim
from tests.support.world import WALL_OFFSET_S, SimulatedRadius, config

AGAIN = b"\xff\x03" + struct.pack("!H", LCP) + b"\x01\x99\x00\x0a\x05\x06\x01\x02\x03\x04"
PREFIXES = [bytes.fromhex("003020010db80001"), bytes.fromhex("003020010db80002")]
WISPR = 14122


@pytest.mark.parametrize("changes", [True, False])
def test_other_ipv6_prefixes_are_told_at_once(changes: bool) -> None:
    given = [PREFIXES[0], PREFIXES[1 if changes else 0]]
    radius = SimulatedRadius(reply=lambda _: (2, attribute(97, given.pop(0))))
    base = config(auth=AUTH)
    base = replace(base, radius=replace(base.radius, unsupported=(("*", "ignore"),)))
    rim = Rim(base, servers=(radius,))
    lac, client = rim.up()
    lac.send(client, AGAIN)
    rim.run(20.0)
    interims = [record for record in radius.accounting if record[40][-1] == 3]
    assert [record[97] for record in interims] == ([PREFIXES[1]] if changes else [])


def at_noon(offset_s: float) -> bytes:
    """Return the hour that it is so many seconds after the beginning, by the wall clock: 2025-10-09T08:53:20Z."""
    seconds = 8 * 3600 + 53 * 60 + 20 + 1000 + int(offset_s)
    text = f"2025-10-09T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"
    return vendor_attribute(WISPR, 9, text.encode())


@pytest.mark.parametrize("step_s", [0.0, -3600.0, 3600.0])
def test_the_hour_of_the_end_is_the_wall_clocks(step_s: float) -> None:
    rim = Rim(config(auth=AUTH), servers=(server(at_noon(5000.0)),))
    rim.up()
    begun = rim.now
    rim.run(1000.0)
    rim.give(ClockRead(WALL_OFFSET_S + step_s))
    rim.run(9000.0, until=lambda: bool(rim.of(SubscriberEnded)))
    (end,) = rim.of(SubscriberEnded)
    assert (end.cause, end.reason) == (TerminateCause.SESSION_TIMEOUT, "session_terminate_time")
    assert 0.0 <= rim.now - (1000.0 + 5000.0 - step_s) <= 1.0
    assert end.duration_s == pytest.approx(rim.now - begun, abs=4.0)


@pytest.mark.parametrize("step_s", [-36_000.0, 36_000.0])
def test_a_stepped_wall_clock_changes_no_duration(tmp_path: Path, step_s: float) -> None:
    """Over a kill -9, too: Session-Timeout and Acct-Session-Time count by the other clock."""
    lac_group = replace(config().lac[0], grant=Grant(pool="default", session_timeout_s=600.0))
    world = Mortal(tmp_path, config(auth=AUTH, lac=(lac_group,)))
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(100.0)
    world.wall_offset_s += step_s
    world.kill("unheard")
    world.run(700.0)
    (stop,) = [record for record in world.radius.accounting if record[40][-1] == 2]
    start = next(record for record in world.radius.accounting if record[40][-1] == 1)
    assert int.from_bytes(stop[46], "big") == 600
    assert int.from_bytes(stop[49], "big") == TerminateCause.SESSION_TIMEOUT.value
    between = int.from_bytes(stop[55], "big") - int.from_bytes(start[55], "big")
    assert between == pytest.approx(600 + step_s, abs=1)
    assert int.from_bytes(stop[41], "big") <= 5
