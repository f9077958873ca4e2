"""What operators see survives what sessions survive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bras.lns.commands import Command, ShowLacs, ShowTunnel
from tests.support.crash import Mortal
from tests.support.lacs import SimulatedLac
from tests.support.world import Weather


def row(world: Mortal, command: Command, key: str) -> dict[str, Any]:
    """Return the only row of an answer."""
    body: Any = world.answers[world.ask(command)].body
    (found,) = body[key]
    assert isinstance(found, dict)
    return found


def test_after_a_crash_the_tunnel_and_its_lac_are_shown_as_before(tmp_path: Path) -> None:
    world = Mortal(tmp_path, weather=Weather(delay_s=0.02))
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user", "pass")
    world.run(5.0)
    before = row(world, ShowTunnel("lac1"), "tunnels")
    assert before["smoothed_round_trip_ms"] == pytest.approx(40.0)
    world.kill("unheard")
    after = row(world, ShowTunnel("lac1"), "tunnels")
    steady = ("tunnel", "peer_tunnel", "state", "avps", "authenticated", "peer_secret", "round_trip_ms", "calls")
    assert {key: after[key] for key in steady} == {key: before[key] for key in steady}
    lac_row = row(world, ShowLacs(), "lacs")
    assert (lac_row["lac_hostname"], lac_row["tunnels"], lac_row["tunnels_ever"]) == ("lac1", 1, 1)
    assert lac_row["first_seen_s"] == pytest.approx(after["uptime_s"])
