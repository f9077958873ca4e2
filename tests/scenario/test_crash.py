"""Killed at any instant, the LNS goes on from its journal: bills, addresses, tunnels and calls are right.

Each seed is a world of its own with ten deaths: before the journal is written, after that
but before anything is sent, or before the answers of what was sent are heard.  With Entries
that outlive the process (as a kernel's do) no octet is lost; without (as with tun) what was
carried since the last reading may be.
"""

from __future__ import annotations

import os
import random
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from bras.config.model import AuthConfig, Grant, LacConfig, Listen, LnsConfig, PoolConfig, RadiusConfig
from bras.l2tp.events import TunnelDown
from bras.lns.commands import Park, ShowSessions, Shutdown
from bras.lns.state import StateError
from bras.plain import encode
from bras.ppp.constants import LCP
from bras.secret import Secret
from bras.subscriber.events import SubscriberEnded, TerminateCause
from tests.support.crash import Mortal
from tests.support.lacs import Client, SimulatedLac
from tests.support.world import LNS_ADDRESS, RadiusServerConfig, SimulatedRadius, Weather, codec, config

SEEDS = int(os.environ.get("BRAS_CRASH_SEEDS", "20"))
DEATHS = 10
WAYS = ("unwritten", "unsent", "unheard")


def _configuration() -> object:
    group = LacConfig(
        name="any",
        secrets=(Secret(b"tunsecret"),),
        grant=Grant(pool="default", interim_interval_s=20.0),
        hello_interval_s=10.0,
    )
    small = PoolConfig(name="default", ranges=((0x0A400001, 0x0A400020),), hold_down_s=0.0)
    auth = AuthConfig(methods=("chap", "pap"), single_session="replace")
    return config(lac=(group,), pool=(small,), auth=auth)


def _octets(record: dict[int, bytes]) -> tuple[int, int, int, int]:
    """Return input octets, output octets, input packets, output packets."""
    up, down, up_packets, down_packets, up_giga, down_giga = (
        int.from_bytes(record.get(kind, b""), "big") for kind in (42, 43, 47, 48, 52, 53)
    )
    return up_giga << 32 | up, down_giga << 32 | down, up_packets, down_packets


def _books(world: Mortal) -> dict[bytes, dict[int, dict[int, bytes]]]:
    """Return the records of each session by status; all copies of one must be the same."""
    books: dict[bytes, dict[int, dict[int, bytes]]] = {}
    for record in world.radius.accounting:
        status = record[40][-1]
        if status in (1, 2):
            told = {kind: value for kind, value in record.items() if kind != 41}  # Acct-Delay-Time grows
            known = books.setdefault(record[44], {}).setdefault(status, told)
            assert known == told, "all copies of a record are the same"
    return books


def _check_books(world: Mortal) -> None:
    for session, records in _books(world).items():
        assert set(records) == {1, 2}, f"{session!r}: a Start and a Stop"
        number = int(session[8:], 16)
        carried = world.carried.get(number)
        up, down, up_packets, down_packets = _octets(records[2])
        if carried is None:
            assert (up, down) == (0, 0)
        elif world.pinned:
            expected = (carried.up_octets4, carried.down_octets4, carried.up_packets4, carried.down_packets4)
            assert (up, down, up_packets, down_packets) == expected
        else:
            assert up <= carried.up_octets4
            assert down <= carried.down_octets4


def _check_agreement(world: Mortal, lacs: list[SimulatedLac]) -> None:
    """Both sides know the same tunnels, calls, sessions and addresses."""
    core = world.lns.core
    ours = {(facts.path.remote, facts.peer_tunnel_id, facts.calls) for facts in core.endpoint.tunnels()}
    theirs = {(lac.address, facts.tunnel_id, facts.calls) for lac in lacs for facts in lac.endpoint.tunnels()}
    assert ours == theirs
    up = sorted(client.address for lac in lacs for client in lac.clients.values() if client.address)
    assert len(set(up)) == len(up), "an address given twice"
    assert sorted(subscriber.address for subscriber in core.registry.by_number.values()) == up
    assert len(world.plane.entries) == len(up)
    assert {entry.generation for entry in world.plane.entries.values()} == set(core.registry.by_number)
    row = core.pools.rows(now=world.now)[0]
    assert row["used"] == len(up)


def _live(world: Mortal, lacs: list[SimulatedLac], dice: random.Random) -> list[Client]:
    """Calls come, carry, renegotiate and go, and the LNS dies ten times meanwhile."""
    clients: list[Client] = []
    for death in range(DEATHS):
        for lac in lacs:
            user = f"user{dice.randrange(12)}"
            clients.append(lac.dial(user, "pass", method=dice.choice(("chap", "pap"))))
        world.run(dice.random() * 0.15)
        alive = [(lac, client) for lac in lacs for client in lac.clients.values()]
        if alive and death % 3 == 1:
            lac, client = dice.choice(alive)
            lac.hang_up(client)
        if alive and death % 3 == 2:
            lac, client = dice.choice(alive)
            lac.send(client, b"\xff\x03" + struct.pack("!H", LCP) + b"\x01\x99\x00\x0a\x05\x06\x01\x02\x03\x04")
        world.feed_all()
        if dice.random() < 0.3:
            world.radius.silent = not world.radius.silent
        world.run(dice.random() * 0.1)
        world.kill(dice.choice(WAYS), down_s=dice.random() * 2.0)
        world.run(dice.choice((0.0, 1.0, 15.0)))
    world.radius.silent = False
    return clients


@pytest.mark.parametrize("pinned", [True, False], ids=["pinned", "tun"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_ten_deaths_leave_nothing_wrong(seed: int, pinned: bool, tmp_path: Path) -> None:
    world = Mortal(tmp_path, _configuration(), seed=seed, weather=Weather(loss=0.02, jitter_s=0.01), pinned=pinned)
    lacs = [SimulatedLac(world, address=f"198.18.0.{number}", hostname=f"lac{number}") for number in (2, 3)]
    for lac in lacs:
        lac.open()
    world.run(1.0)
    clients = _live(world, lacs, random.Random(seed))
    world.weather = Weather()
    world.run(90.0)
    assert not [client for client in clients if not client.address and not client.ended], "a call hangs"
    assert not [down for lac in lacs for down in lac.downs if isinstance(down, TunnelDown)], "no tunnel was lost"
    assert not [refused for lac in lacs for refused in lac.refused]
    assert any(client.address for client in clients)
    _check_agreement(world, lacs)
    for lac in lacs:
        for client in list(lac.clients.values()):
            lac.hang_up(client)
    world.run(700.0)
    _check_agreement(world, lacs)
    assert not world.lns.core.registry.by_number
    assert world.lns.core.exchanges.records == 0
    _check_books(world)
    assert [record[40][-1] for record in world.radius.accounting].count(7) == 1, "one Accounting-On"
    kinds = {key.partition(":")[0] for key in world.file.alive}
    assert kinds <= {"lns", "alive"}, "the journal forgets what is over"


def test_every_way_to_die_is_tried(tmp_path: Path) -> None:
    world = Mortal(tmp_path, _configuration())
    lac = SimulatedLac(world)
    lac.open()
    for way in WAYS:
        lac.dial("user1", "pass")
        world.kill(way)
    assert world.deaths == dict.fromkeys(WAYS, 1)
