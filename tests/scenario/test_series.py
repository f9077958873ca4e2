"""How many series ``/metrics`` has depends on the configuration, not on who is there."""

from __future__ import annotations

import re

import pytest
from prometheus_client import generate_latest

from bras.lns.commands import TakeCensus
from bras.telemetry.counts import Counts
from bras.telemetry.metrics import BrasCollector, DataplaneFigures, make_registry
from tests.support.lacs import SimulatedLac
from tests.support.world import World, config

A_TUNNEL = 200


def series(sessions: int) -> set[str]:
    """Return the names and labels of all series with so many sessions up."""
    world = World(config())
    lacs = [
        SimulatedLac(world, address=f"198.18.{1 + n // 250}.{2 + n % 250}") for n in range(-(-sessions // A_TUNNEL))
    ]
    for lac in lacs:
        lac.open()
    clients = [lacs[n // A_TUNNEL].dial(f"user{n}", "pass") for n in range(sessions)]
    world.run(600.0, until=lambda: all(client.address for client in clients))
    world.run(3.0)
    counts = Counts(["any"], ["radius1"])
    handlers = counts.handlers()
    for fact in world.facts:
        if type(fact) in handlers:  # stories have facts of their own
            handlers[type(fact)](fact)
    collector = BrasCollector(counts, lambda: DataplaneFigures(world.plane.totals(), {}, {}), version="1")
    collector.take(world.answers[world.ask(TakeCensus())].body)
    page = generate_latest(make_registry(collector)).decode()
    assert f'bras_sessions{{lac="any",state="up"}} {float(sessions)}' in page
    return set(re.findall(r"^(bras_[^ ]+) ", page, flags=re.MULTILINE))


def test_few_and_many() -> None:
    one = series(1)
    assert series(3 * A_TUNNEL) == one
    assert len(one) > 200


@pytest.mark.long
def test_one_and_ten_thousand() -> None:
    assert series(10_000) == series(1)
