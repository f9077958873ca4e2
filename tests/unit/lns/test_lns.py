"""Inputs that come late, early or for nobody, and the deadline of the whole."""

from __future__ import annotations

import pytest

from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.errors import DropReason
from bras.forwarding.entry import Counters, Outcome
from bras.l2tp.events import Dropped, Path
from bras.lns.commands import ShowPools
from bras.lns.inputs import (
    ClockRead,
    CommandReceived,
    CountersRead,
    DatagramReceived,
    Input,
    PathMeasured,
    Programmed,
    RadiusReceived,
    SendFailed,
    TimerFired,
)
from bras.radius.events import Kind, ReplyDropped
from bras.secret import Secret
from tests.support.rim import Rim
from tests.support.world import RADIUS_SECRET, WALL_OFFSET_S, SimulatedRadius, config

PATH = Path(0, "198.18.0.1", 1701, "198.18.0.2", 1701)


@pytest.mark.parametrize(
    "given",
    [
        TimerFired(),
        Programmed(Outcome(0, 99, ok=True)),
        Programmed(Outcome(0, 1, ok=False, reason="late")),
        CountersRead(()),
        CountersRead(((0, 99, Counters(up_octets4=1)),)),
        PathMeasured("203.0.113.1", 1400),
        ClockRead(WALL_OFFSET_S + 3600.0),
        SendFailed(0, Kind.AUTH, 0),
        SendFailed(9, Kind.ACCT, 3),
        RadiusReceived(9, Kind.AUTH, 0, b"x" * 20),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_is_for_nobody_changes_nothing(given: Input) -> None:
    rim = Rim()
    rim.up()
    sent, asked = len(rim.sent), len(rim.asked)
    rim.give(given)
    assert (len(rim.sent), len(rim.asked)) == (sent, asked)
    assert len(rim.plane.entries) == 1


def test_a_reply_that_nobody_asked_for_is_dropped_and_told() -> None:
    rim = Rim()
    rim.give(RadiusReceived(0, Kind.AUTH, 0, b"\x02\x01\x00\x14" + bytes(16)))
    assert rim.of(ReplyDropped)[0].reason is DropReason.RADIUS_UNKNOWN_IDENTIFIER


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xc8\x02", bytes(4096), b"\xff" * 100])
def test_a_datagram_that_is_none_is_dropped_and_told(data: bytes) -> None:
    rim = Rim()
    rim.give(DatagramReceived(PATH, data))
    assert len(rim.of(Dropped)) == 1


def test_a_port_on_which_nobody_listens_is_left_for_the_next_server_at_once() -> None:
    servers = tuple(RadiusServerConfig(f"198.18.1.{n}", Secret(RADIUS_SECRET), f"r{n}") for n in (2, 3))
    section = RadiusConfig(server=servers, accounting=False)
    rim = Rim(config(radius=section), servers=(SimulatedRadius(silent=True), SimulatedRadius()))
    rim.lac().dial("user1", "pass")
    rim.run(1.5)
    (asked,) = rim.requests(Kind.AUTH)
    rim.give(SendFailed(asked.server, Kind.AUTH, 0))
    assert [one.server for one in rim.requests(Kind.AUTH)] == [0, 1]
    rim.run(1.0)
    assert rim.entry


def test_the_deadline_is_the_nearest_of_all() -> None:
    rim = Rim()
    poll_at = rim.now + rim.configuration.dataplane.counter_interval_s
    rim.run(9.0)
    assert rim.lns.deadline == poll_at, "nothing else is to be done"
    rim.line()
    rim.run(0.5)
    assert rim.lns.deadline is not None
    assert rim.lns.deadline < poll_at + 0.5, "LCP's"
    fresh = rim._new_lns()
    assert fresh.deadline is None, "before the clock is read"


def test_a_command_that_needs_no_counters_is_answered_at_once() -> None:
    rim = Rim()
    rim.give(CommandReceived(5, ShowPools()))
    assert rim.answers[5].ok
