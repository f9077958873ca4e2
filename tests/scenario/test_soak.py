"""Calls that come and go for days leave nothing: no state, no memory.

BRAS_SOAK_CALLS sets how many; `make test-long` makes it 20,000.
"""

from __future__ import annotations

import gc
import os
import tracemalloc

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig
from bras.secret import Secret
from tests.support.lacs import SimulatedLac
from tests.support.world import World, config

CALLS = int(os.environ.get("BRAS_SOAK_CALLS", "400"))
AT_ONCE = 50
USERS = 100
OCTETS_A_CALL = 40
"""What a call may leave on average: dictionaries and deques that grew to their working size."""


def _wave(world: World, lac: SimulatedLac, number: int) -> None:
    """Bring calls up and down; the users of two waves are not the same, those of some waves later are.

    Which address a user had last is remembered, up to a bound, and is no leak.
    """
    lac.open()  # the last wave's tunnel was idle too long
    clients = [lac.dial(f"user{(number * 20 + n) % USERS}", "pass") for n in range(AT_ONCE)]
    world.run(10.0, until=lambda: all(client.address for client in clients))
    assert all(client.address for client in clients)
    for client in clients:
        lac.hang_up(client)
    world.run(130.0)  # past every hold-down, retransmission and answered duplicate


def _forget(world: World, lac: SimulatedLac) -> None:
    """Empty what the world, not the Lns, remembers."""
    world.facts.clear()
    world.answers.clear()
    world.radius.accounting.clear()
    world.radius.packets.clear()
    world.stories = world.new_stories()
    world.radius._seen.clear()
    lac.all_clients.clear()
    lac.downs.clear()
    lac.refused.clear()


def _octets(world: World) -> int:
    """Return what the product's own code holds."""
    gc.collect()
    product = tracemalloc.Filter(inclusive=True, filename_pattern="*/bras/*")
    snapshot = tracemalloc.take_snapshot().filter_traces([product])
    return sum(statistic.size for statistic in snapshot.statistics("filename"))


def test_calls_that_come_and_go_leave_nothing() -> None:
    group = LacConfig(
        name="any",
        secrets=(Secret(b"tunsecret"),),
        grant=Grant(pool="default", idle_timeout_s=500.0, interim_interval_s=60.0),
    )
    world = World(config(auth=AuthConfig(methods=("chap",), single_session="replace"), lac=(group,)))
    lac = SimulatedLac(world)
    core = world.lns.core
    warm_up = 8  # until each identifier of RADIUS was used: who had it last is remembered
    tracemalloc.start()
    try:
        for number in range(warm_up):
            _wave(world, lac, number)
            _forget(world, lac)
        _wave(world, lac, warm_up)
        _forget(world, lac)
        before = _octets(world)
        waves = CALLS // AT_ONCE
        for number in range(warm_up + 1, warm_up + 1 + waves):
            _wave(world, lac, number)
            _forget(world, lac)
        grown = _octets(world) - before
    finally:
        tracemalloc.stop()
    registry = core.registry
    assert not registry.by_number
    assert not registry.by_call
    assert not registry.index.by_user
    assert not registry.rounds.dated
    assert core.exchanges.records == 0
    assert not core.backlog.waiting
    assert not core.backlog.offered
    assert core.pools.rows(now=world.now)[0]["used"] == 0
    assert not world.plane.entries
    assert grown < CALLS * OCTETS_A_CALL, f"{grown / CALLS:.0f} octets a call stay"
