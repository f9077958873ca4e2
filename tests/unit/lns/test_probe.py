from __future__ import annotations

from typing import Any

from bras.config.model import PppConfig
from bras.lns.commands import ListSessions, Probe, ShowSession, TakeReadings
from bras.lns.probe import MOST
from tests.support.lacs import SimulatedLac
from tests.support.world import World, config


def up(sessions: int = 1, **ppp: Any) -> tuple[World, SimulatedLac]:
    world = World(config(ppp=PppConfig(mru=1460, **ppp)))
    lac = SimulatedLac(world)
    lac.open()
    for number in range(sessions):
        lac.dial(f"user{number}", "pass", method="pap")
    world.run(20.0)
    return world, lac


def ask(world: World, command: Any) -> Any:
    identifier = world.ask(command)
    return world.answers[identifier].body


def shown(world: World, user: str = "user0") -> Any:
    return ask(world, ShowSession(user))["sessions"][0]


def test_a_session_is_asked_each_second_for_a_while() -> None:
    world, _ = up(echo_interval_s=0.0)
    assert (shown(world)["echoes_answered"], shown(world)["echo_loss_percent"], shown(world)["probe_left_s"]) == (
        0,
        None,
        None,
    )
    assert ask(world, Probe("user0", for_s=30.0)) == {"sessions": [shown(world)["session"]], "for_s": 30.0}
    world.run(10.5)
    row = shown(world)
    assert row["echoes_answered"] == 11
    assert row["probe_left_s"] == 19.5
    assert row["echo_min_ms"] <= row["echo_mean_ms"] <= row["echo_max_ms"]
    assert row["echo_loss_percent"] == 0.0
    world.run(100.0)
    assert shown(world)["echoes_answered"] == 31
    assert shown(world)["probe_left_s"] is None
    assert not world.lns.core.registry.by_number[row["key"]].link.echo_at, "and nothing goes on"


def test_it_ends_at_once_when_somebody_wants_it() -> None:
    world, _ = up(echo_interval_s=0.0)
    ask(world, Probe("user0"))
    world.run(5.0)
    ask(world, Probe("user0", for_s=0.0))
    before = shown(world)["echoes_answered"]
    world.run(20.0)
    assert shown(world)["echoes_answered"] <= before + 1


def test_what_is_lost_is_told_and_ends_nobody_early() -> None:
    world, lac = up(echo_interval_s=20.0, echo_failures=4)
    ask(world, Probe("user0", for_s=300.0))
    world.run(5.0)
    lac.clients.clear()
    world.run(30.0)
    row = shown(world)
    assert row["echoes_lost"] > 25
    assert row["echo_loss_percent"] > 50.0
    world.run(60.0)
    assert "error" in ask(world, ShowSession("user0")), "after 80 seconds of silence, as ever"


def test_their_number_is_bounded() -> None:
    world, _ = up(MOST + 1, echo_interval_s=0.0)
    for number in range(MOST):
        assert ask(world, Probe(f"user{number}", for_s=20.0))["sessions"]
    assert "more than" in ask(world, Probe(f"user{MOST}"))["error"]
    assert ask(world, Probe("user0", for_s=20.0))["sessions"], "one that is probed already may be again"
    world.run(25.0)
    assert ask(world, Probe(f"user{MOST}"))["sessions"]


def test_who_cannot_be_asked() -> None:
    world, _ = up()
    assert "no session matches" in ask(world, Probe("nobody"))["error"]
    next(iter(world.lns.core.registry.by_number.values())).link.keepalive.refused = True
    assert "cannot be asked" in ask(world, Probe("user0"))["error"]


def test_a_scrape_has_it() -> None:
    world, _ = up(echo_interval_s=0.0)
    numbers = ask(world, ListSessions())["numbers"]
    assert ask(world, TakeReadings(tuple(numbers)))["readings"][0][-1] is None
    ask(world, Probe("user0"))
    world.run(5.5)
    quality = ask(world, TakeReadings(tuple(numbers)))["readings"][0][-1]
    assert quality[-2:] == [6, 0]
