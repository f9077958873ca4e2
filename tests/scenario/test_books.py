"""Books that are right, whatever dies: each Start has one Stop, and it says what the data plane has carried.

Sessions come, carry, negotiate again and go at a RADIUS server that loses much, answers
late, twice or not at all, while the daemon is killed between any two steps and built anew from
its files alone, and the machine loses power.  ``BRAS_BOOKS_SESSIONS`` says how many sessions;
one death for fifty of them, every fifth a power cut, or the disk refuses now and then.
"""

from __future__ import annotations

import os
import random
import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bras.accounting.book import MOST_FETCHED, MOST_IN_HAND
from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig, Listen, LnsConfig, PoolConfig
from bras.forwarding.entry import Counters
from bras.l2tp.events import TunnelDown
from bras.ppp.constants import LCP
from bras.secret import Secret
from tests.support.books import CAUSE, NAS_REBOOT, NOTHING, TIME, TIMESTAMP, Auditor, Fate, Fated, number, octets
from tests.support.lacs import Client, SimulatedLac
from tests.support.world import LNS_ADDRESS, Weather, config

SESSIONS = int(os.environ.get("BRAS_BOOKS_SESSIONS", "300"))
A_DEATH = 50
"""Sessions for which the daemon dies once."""
A_CUT = 5
"""Deaths of which one is a power cut."""
LACS = 3
MOST_OF_A_LAC = 60
ROUGH = Fate(loss=0.3, way_s=1.0, late=0.1)


def settings() -> Config:
    group = LacConfig(
        name="any",
        secrets=(Secret(b"tunsecret"),),
        grant=Grant(pool="default", interim_interval_s=30.0),
        hello_interval_s=15.0,
    )
    pool = PoolConfig(name="default", ranges=((0x0A400001, 0x0A40FFFE),), hold_down_s=0.0)
    lns = LnsConfig(listen=(Listen(LNS_ADDRESS, 1701),), hostname="lns1", idle_tunnel_s=0.0)
    base = config()
    return replace(base, lns=lns, lac=(group,), pool=(pool,), auth=AuthConfig(methods=("chap", "pap"), timeout_s=30.0))


@dataclass
class Town:
    """LACs whose subscribers come and go."""

    world: Fated
    dice: random.Random
    lacs: list[SimulatedLac] = field(default_factory=list)
    dialled: int = 0

    def begin(self, place: int) -> None:
        """A LAC begins, or begins anew and knows nothing of before."""
        world = self.world
        lac = SimulatedLac(world, address=f"198.18.0.{place + 2}", hostname=f"lac{place}", window=16)
        lac.open()
        if place == len(self.lacs):
            self.lacs.append(lac)
            return
        index = world.handlers.index(self.lacs[place].handle_timeout)
        del world.handlers[index], world.timers[index]
        self.lacs[place] = lac

    def begin_all(self) -> None:
        for place in range(LACS):
            self.begin(place)

    def stir(self) -> None:
        """Let a second or two happen."""
        dice = self.dice
        for place, lac in enumerate(self.lacs):
            if any(isinstance(down, TunnelDown) for down in lac.downs) or dice.random() < 0.002:
                self.begin(place)
                continue
            for _ in range(dice.randrange(4)):
                if len(lac.clients) + len(lac.waiting) < MOST_OF_A_LAC:
                    lac.dial(f"user{self.dialled}", "pass", method=dice.choice(("chap", "pap")))
                    self.dialled += 1
            up = [client for client in lac.clients.values() if client.address]
            for client in dice.sample(up, min(len(up), dice.randrange(3))):
                lac.hang_up(client)
            if up and dice.random() < 0.2:
                self._negotiate_again(lac, dice.choice(up))
            lac.all_clients.clear()
        self.world.facts.clear()
        self.world.feed_all()

    @staticmethod
    def _negotiate_again(lac: SimulatedLac, client: Client) -> None:
        if client.key in lac.clients:
            lac.send(client, b"\xff\x03" + struct.pack("!H", LCP) + b"\x01\x99\x00\x0a\x05\x06\x01\x02\x03\x04")

    def hang_up(self) -> None:
        for lac in self.lacs:
            for client in list(lac.clients.values()):
                lac.hang_up(client)


def live(world: Fated, town: Town, dice: random.Random, sessions: int, *, refuses: bool) -> tuple[int, int]:
    """Let it all happen; return how often it was killed, and lost power.

    ``refuses``: the disk of the spool refuses now and then, and the machine does not lose power: what was told
    from memory meanwhile nobody could know afterwards.
    """
    kills = cuts = 0
    world.fate = replace(ROUGH)
    calm_at = 0.0
    while len(world.truth) < sessions:
        town.stir()
        if world.now >= calm_at:
            world.radius.silent = dice.random() < 0.3
            world.disk_refuses = refuses and dice.random() < 0.5
            calm_at = world.now + dice.random() * (90.0 if world.radius.silent else 240.0)
        if world.fate.steps is None and kills + cuts < len(world.truth) // A_DEATH:
            world.fate.steps = dice.randrange(dice.choice((5, 100, 2000)))
        world.run(dice.random() * 2.0)
        if not refuses:  # then memory has to hold what the disk does not take
            check_memory(world)
        if world.alive:
            continue
        world.run(dice.random() * 2.0)
        if (kills + cuts) % A_CUT == A_CUT - 1 and not refuses:
            cuts += 1
            world.lose_power(dice)
            world.run(dice.random() * 60.0)
            world.revive(boot=f"boot{cuts + 1}")
            town.begin_all()
        else:
            kills += 1
            world.feed_all()
            world.revive()
    return kills, cuts


def check_memory(world: Fated) -> None:
    for book in world.lns.core.ledger.books.values():
        assert book.in_hand <= MOST_IN_HAND + MOST_FETCHED
        assert len(book.disk.fetched) <= 2 * MOST_FETCHED


def settle(world: Fated, town: Town) -> None:
    """The server is well, and all hang up."""
    world.fate = Fate()
    world.radius.silent = world.disk_refuses = False
    world.weather = Weather()
    world.run(120.0)
    town.hang_up()
    world.run(900.0, until=lambda: not world.lns.core.registry.by_number and not world.lns.core.ledger.total)
    world.run(10.0)


def check_nothing_is_owed(world: Fated) -> None:
    core = world.lns.core
    assert not core.registry.by_number
    assert core.ledger.total == 0
    assert not core.ledger.lines
    assert core.exchanges.records == 0
    assert not list(world.on_disk.open_rows())
    assert not [depth for depth in world.on_disk.depths() if depth.records]
    assert {key.partition(":")[0] for key in world.file.read()} <= {"lns", "alive", "tunnel", "channel", "path"}


def check_books(world: Fated, books: Auditor) -> None:
    assert not books.complaints, "\n".join(books.complaints[:20])
    known = books.accounts
    open_ones = [session for session, account in known.items() if account.start is None or account.stop is None]
    assert not open_ones, f"{len(open_ones)} accounts without Start or Stop: {open_ones[:5]}"
    never_told = world.truth.keys() - known.keys() - world.untold
    assert not never_told, f"carried, and not told: {sorted(never_told)[:5]}"
    for session, account in known.items():
        assert account.start is not None
        assert account.stop is not None
        check_stop(session, account.start, account.stop, world)


def check_stop(session: bytes, start: dict[int, bytes], stop: dict[int, bytes], world: Fated) -> None:
    told, carried = octets(stop), both(world.truth.get(session, NOTHING))
    lasted_s = number(stop, TIMESTAMP) - number(start, TIMESTAMP)
    assert abs(lasted_s - number(stop, TIME)) <= 1, f"{session!r}: Acct-Session-Time"
    if number(stop, CAUSE) == NAS_REBOOT or session in world.cut_short:
        least = both(world.least.get(session, NOTHING))
        assert least[0] <= told[0] <= carried[0], f"{session!r}: {least} {told} {carried}"
        assert least[1] <= told[1] <= carried[1], f"{session!r}: {least} {told} {carried}"
    else:
        assert told == carried, f"{session!r}, cause {number(stop, CAUSE)}"


def both(counters: Counters) -> tuple[int, int]:
    return (
        counters.up_octets4 + counters.up_octets6,
        counters.down_octets4 + counters.down_octets6,
    )


@pytest.mark.parametrize("refuses", [False, True], ids=["cuts", "disk"])
@pytest.mark.parametrize("seed", range(1, 2 + SESSIONS // 5000))
def test_every_start_has_its_stop_whatever_dies(seed: int, refuses: bool, tmp_path: Path) -> None:
    dice, books = random.Random(seed), Auditor()
    world = Fated(tmp_path, settings(), seed=seed, weather=Weather(loss=0.01, jitter_s=0.01), radius=books)
    town = Town(world, dice)
    town.begin_all()
    world.run(1.0)
    kills, cuts = live(world, town, dice, SESSIONS, refuses=refuses)
    settle(world, town)
    print(f"{kills} kills, {cuts} power cuts, {len(books.accounts)} accounts, {books.copies} records; {world.ended}")
    check_nothing_is_owed(world)
    check_books(world, books)
    assert len(books.accounts) >= SESSIONS
    assert len([one for one in books.announced if one[0] == 7]) == 1 + cuts
