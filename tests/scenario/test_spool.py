"""Accounting over RADIUS outages, crashes and power cuts: real files, virtual time, a server with a mind of its own."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bras.config.model import AuthConfig, PppConfig
from bras.forwarding.entry import AddEntry
from bras.lns.effects import Effect, Program, SendRadius
from bras.lns.inputs import Input
from bras.radius.events import Kind
from tests.support.lacs import SimulatedLac
from tests.support.spooling import Spooling, settings
from tests.support.world import SimulatedRadius, walk

DELAY, EVENT_TIMESTAMP = 41, 55
START, STOP, INTERIM, ON = 1, 2, 3, 7
OUTAGE_HOURS = int(os.environ.get("BRAS_OUTAGE_HOURS", "3"))
"""`make test-long` makes it a day."""


class Bookkeeper(SimulatedRadius):
    """Remembers every copy of a record that it heard, and which it acknowledged; authentication is never lost."""

    def __init__(self, *, drops_first_copy: bool = False) -> None:
        super().__init__()
        self.drops_first_copy = drops_first_copy
        self.deaf = False
        self.copies: list[dict[int, bytes]] = []
        self.seen: set[tuple[bytes, int, bytes]] = set()

    def receive(self, data: bytes, kind: Kind = Kind.AUTH) -> bytes | None:
        if data[0] != 4:
            return None if data[0] == 12 and self.deaf else super().receive(data, kind)
        if self.deaf:
            return None
        record = walk(data[20:])
        self.copies.append(record)
        what = (record[44], record[40][-1], record[EVENT_TIMESTAMP])
        if self.drops_first_copy and what not in self.seen:
            self.seen.add(what)
            return None
        return super().receive(data, kind)

    def books(self) -> dict[bytes, dict[int, dict[int, bytes]]]:
        """Return Start and Stop of each session; all copies must be the same but for their delay."""
        found: dict[bytes, dict[int, dict[int, bytes]]] = {}
        for record in self.copies:
            status = record[40][-1]
            if status in (START, STOP):
                told = {code: value for code, value in record.items() if code != DELAY}
                assert found.setdefault(record[44], {}).setdefault(status, told) == told, "never two that differ"
        return found

    def order(self) -> None:
        """Of every session the first Start comes before the first Stop, and no Interim is beyond them."""
        first: dict[tuple[bytes, int], int] = {}
        for index, record in enumerate(self.copies):
            first.setdefault((record[44], record[40][-1]), index)
        for (session, status), index in first.items():
            if status in (STOP, INTERIM):
                assert first[session, START] < index
            if status == INTERIM and (session, STOP) in first:
                assert index < first[session, STOP]


def dial(world: Spooling, count: int, first: int = 0, address: str = "198.18.0.2") -> SimulatedLac:
    lac = SimulatedLac(world, address=address)
    lac.open()
    world.run(1.0)
    for number in range(first, first + count):
        lac.dial(f"user{number}", "pass", method="chap")
    world.run(5.0)
    return lac


def hang_up_all(world: Spooling, lac: SimulatedLac) -> None:
    for client in list(lac.clients.values()):
        lac.hang_up(client)
    world.run(5.0)


def quiet(world: Spooling, seconds: float = 900.0) -> None:
    """Run until nothing is owed."""
    world.run(seconds, until=lambda: world.alive and not world.lns.core.ledger.total)
    assert world.lns.core.ledger.total == 0
    world.run(1.0)
    assert world.on_disk.depths() == ()


def closed(radius: Bookkeeper, sessions: int) -> None:
    books = radius.books()
    assert len(books) == sessions
    assert all(set(one) == {START, STOP} for one in books.values()), "a Start and a Stop each"
    radius.order()


def test_nothing_is_said_of_a_session_before_it_is_on_disk(tmp_path: Path) -> None:
    class Watched(Spooling):
        def handle(self, given: Input) -> list[Effect]:
            effects = super().handle(given)
            for effect in effects:
                if isinstance(effect, SendRadius) and effect.kind is Kind.ACCT:
                    record = walk(effect.data[20:])
                    key = int(record[44][-16:], 16)
                    if record[40][-1] in (START, STOP):
                        rows = {row.key: row for row in self.on_disk.fetch(None, 100)}
                        assert key in rows
                        assert (rows[key].stop is not None) == (record[40][-1] == STOP)
            return effects

    radius = Bookkeeper()
    world = Watched(tmp_path, settings(), radius=radius)
    lac = dial(world, 5)
    hang_up_all(world, lac)
    quiet(world)
    closed(radius, 5)


class Echoing(Spooling):
    """Every request comes twice, and so does every answer."""

    def _send_radius(self, effect: SendRadius) -> None:
        super()._send_radius(effect)
        super()._send_radius(effect)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("how", ["drops first copies", "twice", "late"])
def test_a_server_that_loses_repeats_or_delays(tmp_path: Path, how: str, seed: int) -> None:
    radius = Bookkeeper(drops_first_copy=how == "drops first copies")
    radius.delay_s = 5.0 if how == "late" else 0.01
    made = replace(settings(60.0), auth=AuthConfig(methods=("chap",), timeout_s=30.0))
    world = (Echoing if how == "twice" else Spooling)(tmp_path, made, radius=radius, seed=seed)
    lac = dial(world, 8)
    world.run(200.0)
    hang_up_all(world, lac)
    quiet(world)
    closed(radius, 8)
    assert [record[40][-1] for record in radius.copies].count(INTERIM) >= 8


def test_hours_without_a_server(tmp_path: Path) -> None:
    radius = Bookkeeper()
    made = replace(settings(600.0), ppp=PppConfig(mru=1460, echo_interval_s=0.0))
    world = Spooling(tmp_path, made, radius=radius)
    lac = dial(world, 20)
    radius.deaf = True
    for hour in range(OUTAGE_HOURS):
        for number in range(10):
            lac.dial(f"late{hour}.{number}", "pass", method="chap")
        world.run(1800.0)
        for client in list(lac.clients.values())[20:]:
            lac.hang_up(client)
        world.run(1800.0)
        assert len(world.lns.core.ledger.lines) <= 200
    assert world.lns.core.ledger.total >= 2 * 10 * OUTAGE_HOURS
    radius.deaf = False
    quiet(world)
    interims = [record for record in radius.copies if record[40][-1] == INTERIM]
    assert len(interims) < 20 * OUTAGE_HOURS * 6 / 2, "they coalesced"
    hang_up_all(world, lac)
    quiet(world)
    closed(radius, 20 + 10 * OUTAGE_HOURS)


@pytest.mark.parametrize("how", ["unwritten", "unsent", "unheard"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_any_instant(tmp_path: Path, how: str, seed: int) -> None:
    radius = Bookkeeper()
    world = Spooling(tmp_path, settings(60.0), radius=radius, seed=seed)
    lac = dial(world, 10)
    for turn in range(6):
        radius.deaf = turn % 3 == 1
        lac.dial(f"late{turn}", "pass", method="chap")
        world.run(world.dice.random() * 0.3)
        for client in list(lac.clients.values())[:1]:
            lac.hang_up(client)
        world.run(world.dice.random() * 0.1)
        world.kill(how, down_s=1.0)
        world.run(20.0)
    radius.deaf = False
    world.run(60.0)
    hang_up_all(world, lac)
    quiet(world)
    books = radius.books()
    assert all(set(one) == {START, STOP} for one in books.values())
    assert [record[40][-1] for record in radius.copies].count(ON) >= 1
    announced = {record[44] for record in radius.copies if record[40][-1] == ON}
    assert len(announced) == 1, "the machine was not rebooted"


def test_a_power_cut(tmp_path: Path) -> None:
    radius = Bookkeeper()
    world = Spooling(tmp_path, settings(), radius=radius)
    lac = dial(world, 6)
    world.feed_all()
    world.run(60.0)  # counters are read, and the journal is synced
    carried = dict(world.carried)
    gone, *_ = lac.clients.values()
    lac.hang_up(gone)
    world.run(5.0)
    dial(world, 2, 50, "198.18.0.9")
    world.feed_all()
    cut_at = world.now
    world.cut(boot="boot2", down_s=100.0)
    quiet(world)
    closed(radius, 8)
    stops = {session: books[STOP] for session, books in radius.books().items()}
    causes = sorted(stop[49][-1] for stop in stops.values())
    assert causes == [1] + [11] * 7, "User-Request of who hung up, NAS-Reboot of all others"
    for session, stop in stops.items():
        if stop[49][-1] == 11:
            ended_s = int.from_bytes(stop[EVENT_TIMESTAMP], "big") - world.wall_offset_s
            assert ended_s <= cut_at
            if int(session[-8:], 16) in carried and (42 in stop):
                assert int.from_bytes(stop[42], "big") == carried[int(session[-8:], 16)].up_octets4
    statuses = [record[40][-1] for record in radius.copies]
    last_on = len(statuses) - 1 - statuses[::-1].index(ON)
    assert STOP not in statuses[last_on:], "what was owed before comes before Accounting-On"


@pytest.mark.parametrize("step_s", [-36_000.0, 36_000.0])
def test_a_power_cut_and_the_wall_clock_is_another(tmp_path: Path, step_s: float) -> None:
    """A battery was empty: what happened before keeps its times by the clock of then."""
    radius = Bookkeeper()
    world = Spooling(tmp_path, settings(), radius=radius)
    dial(world, 2)
    world.run(70.0)  # the journal is synced, and knows that they were alive
    alive_s = world.now + world.wall_offset_s
    world.cut(boot="boot2", down_s=100.0, step_s=step_s)
    quiet(world)
    closed(radius, 2)
    for books in radius.books().values():
        start, stop = books[START], books[STOP]
        ended_s = int.from_bytes(stop[EVENT_TIMESTAMP], "big")
        assert alive_s - 35.0 <= ended_s <= alive_s
        lasted_s = ended_s - int.from_bytes(start[EVENT_TIMESTAMP], "big")
        assert abs(lasted_s - int.from_bytes(stop[46], "big")) <= 1
    announced_s = [int.from_bytes(record[EVENT_TIMESTAMP], "big") for record in radius.copies if record[40][-1] == ON]
    between_s = announced_s[-1] - announced_s[0]
    assert between_s == pytest.approx(step_s + 170.0, abs=10.0), "what happens now has the time of now"


def test_a_power_cut_after_a_stop_that_the_journal_does_not_know_of(tmp_path: Path) -> None:
    """The journal of the checkpoint shows a session that has ended since: there is no other Stop of it."""
    radius = Bookkeeper()
    world = Spooling(tmp_path, settings(), radius=radius, checkpoint_s=3600.0)
    lac = dial(world, 2)
    world.sync()
    hang_up_all(world, lac)
    quiet(world)
    world.cut(boot="boot2")
    quiet(world)
    closed(radius, 2)
    assert {books[STOP][49][-1] for books in radius.books().values()} == {1}


def test_a_power_cut_after_a_start_that_the_journal_does_not_know_of(tmp_path: Path) -> None:
    """The journal of the checkpoint knows the session, and that its Entry was on its way: the Start was made after."""

    class Early(Spooling):
        def perform(self, effects: list[Effect]) -> list[Input]:
            if any(isinstance(effect, Program) and isinstance(effect.operation, AddEntry) for effect in effects):
                self.sync()
            return super().perform(effects)

    radius = Bookkeeper()
    world = Early(tmp_path, settings(), radius=radius, checkpoint_s=3600.0)
    dial(world, 1)
    world.cut(boot="boot2")
    quiet(world)
    closed(radius, 1)
    assert {books[STOP][49][-1] for books in radius.books().values()} == {11}
    assert not list(world.on_disk.open_rows())


@pytest.mark.parametrize("knows", [True, False])
def test_a_power_cut_after_an_interim_update_that_waits_on_disk(tmp_path: Path, *, knows: bool) -> None:
    """Its row knows more than the journal of the checkpoint, be the session in that or not."""
    radius = Bookkeeper()
    world = Spooling(tmp_path, settings(60.0), radius=radius, checkpoint_s=3600.0)
    world.sync()
    dial(world, 1)
    if knows:
        world.sync()
    radius.deaf = True
    world.feed_all()
    world.run(600.0)
    (row,) = world.on_disk.open_rows()
    assert row.interim is not None
    assert row.interim_made is not None
    told, made_s = walk(row.interim), row.interim_made.wall_s
    assert int.from_bytes(told[42], "big") == world.carried[next(iter(world.carried))].up_octets4 > 0
    world.cut(boot="boot2", down_s=100.0)
    radius.deaf = False
    quiet(world)
    closed(radius, 1)
    (stop,) = (books[STOP] for books in radius.books().values())
    for code in (42, 43, 46, 47, 48, 44, 8):  # octets, time, packets, whose they are
        assert stop[code] == told[code]
    assert (stop[49][-1], int.from_bytes(stop[EVENT_TIMESTAMP], "big")) == (11, int(made_s))


def test_a_disk_that_refuses_and_a_crash_meanwhile(tmp_path: Path) -> None:
    radius = Bookkeeper()
    world = Spooling(tmp_path, settings(), radius=radius)
    lac = dial(world, 3)
    world.disk_refuses = True
    lac.dial("other", "pass", method="chap")
    world.run(5.0)
    assert world.lns.core.ledger.is_at_risk
    assert len(radius.books()) == 4, "told from memory"
    world.kill("unheard")
    world.run(10.0)
    world.disk_refuses = False
    world.run(10.0)
    assert not world.lns.core.ledger.is_at_risk
    hang_up_all(world, lac)
    quiet(world)
    closed(radius, 4)


def test_new_starts_wait_for_accounting_on_and_that_for_the_stops_of_before(tmp_path: Path) -> None:
    radius = Bookkeeper()
    world = Spooling(tmp_path, settings(), radius=radius)
    dial(world, 4)
    radius.deaf = True
    world.cut(boot="boot2")
    dial(world, 3, 10, "198.18.0.7")
    world.run(30.0)
    radius.deaf = False
    before = len(radius.copies)
    quiet(world)
    statuses = [record[40][-1] for record in radius.copies[before:]]
    assert statuses == sorted(statuses, key=(STOP, ON, START).index)
    assert statuses.count(STOP) == 4
    assert statuses.count(START) == 3
