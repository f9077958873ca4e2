"""Bad networks: whatever is lost, doubled or overtaken, every call comes up or ends with a reason.

Each seed is a world of its own; it is printed and is the test's parameter.  BRAS_STORM_CALLS
sets the calls in each world: 5 for a quick look (1,000 in all), more by `make test` and
`make test-long`.
"""

from __future__ import annotations

import os

import pytest

from bras.subscriber.events import SubscriberEnded, SubscriberUp
from tests.support.lacs import SimulatedLac
from tests.support.world import Weather, World

SEEDS = int(os.environ.get("BRAS_STORM_SEEDS", "200"))
CALLS = int(os.environ.get("BRAS_STORM_CALLS", "5"))
STORM = Weather(loss=0.2, duplication=0.2, jitter_s=0.05, delay_s=0.01)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_call_comes_up_or_ends_with_a_reason(seed: int) -> None:
    world = World(seed=seed, weather=STORM)
    count = max(2, CALLS // 50)  # a window of 4 is narrow in a storm: calls of one LAC wait for each other
    lacs = [SimulatedLac(world, address=f"198.18.0.{2 + n}", hostname=f"lac{n}") for n in range(count)]
    for lac in lacs:
        lac.open()
    clients = [lacs[number % count].dial(f"user{number}", "pass") for number in range(CALLS)]
    world.run(120.0, until=lambda: all(client.was_up or client.ended for client in clients))
    hanging = [client for client in clients if not client.was_up and not client.ended]
    assert not hanging, f"{len(hanging)} calls neither came up nor ended"
    world.weather = Weather()
    world.run(150.0)  # a side that lost the tunnel alone is found out by the other's Hello
    registry = world.lns.core.registry
    up = {client.address for client in clients if client.address and not client.ended}
    assert len(up) == sum(1 for client in clients if client.address and not client.ended), "an address given twice"
    assert {subscriber.address for subscriber in registry.by_number.values()} == up
    assert len(world.plane.entries) == len(up)
    for lac in lacs:
        for client in list(lac.clients.values()):
            lac.hang_up(client)
    world.run(60.0)
    assert not registry.by_number
    assert not world.plane.entries
    assert world.lns.core.pools.rows(now=world.now)[0]["used"] == 0
    assert world.lns.core.exchanges.records == 0
    _check_books(world)


def _check_books(world: World) -> None:
    """Every Start has one Stop; every session that was up has ended with a reason."""
    starts = {record[44] for record in world.radius.accounting if record[40][-1] == 1}
    stops = {record[44] for record in world.radius.accounting if record[40][-1] == 2}
    assert starts == stops
    ups = [fact.session for fact in world.facts if isinstance(fact, SubscriberUp)]
    ends = [fact for fact in world.facts if isinstance(fact, SubscriberEnded)]
    assert {session.encode() for session in ups} == starts
    assert set(ups) <= {end.session for end in ends}
    assert all(end.reason for end in ends)
    assert len({end.session for end in ends}) == len(ends), "one end for each session"


def test_most_calls_come_up_in_a_storm() -> None:
    came_up = 0
    for seed in range(10):
        world = World(seed=1000 + seed, weather=STORM)
        lacs = [SimulatedLac(world, address=f"198.18.0.{2 + n}", hostname=f"lac{n}") for n in range(4)]
        for lac in lacs:
            lac.open()
        clients = [lacs[number % 4].dial(f"user{number}", "pass") for number in range(40)]
        world.run(120.0, until=lambda clients=clients: all(one.was_up or one.ended for one in clients))
        came_up += sum(client.was_up for client in clients)
    assert came_up >= 240, f"{came_up} of 400: a storm is no excuse for most of them"
