"""RADIUS servers that are slow, dead, wrong, doubled or replaced: whom that concerns, and whom not."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from bras.accounting.events import Forgotten
from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig
from bras.config.radius import RadiusConfig, RadiusGroupConfig, RadiusServerConfig
from bras.lns.commands import ShowRadius
from bras.lns.inputs import RadiusReceived
from bras.radius.dispatch import A_TURN
from bras.radius.events import (
    Answered,
    Kind,
    ReplyDropped,
    SendRadius,
    ServerAlive,
    ServerDead,
)
from bras.secret import Secret
from bras.subscriber.events import Authenticated, AuthOutcome, SubscriberUp
from bras.telemetry.counts import Counts
from tests.support.crash import Mortal
from tests.support.lacs import SimulatedLac
from tests.support.rim import Rim
from tests.support.world import RADIUS_SECRET, SimulatedRadius, config, walk

USER_NAME, STATUS_TYPE = 1, 40


def server(name: str, group: str | None = None, **keys: object) -> RadiusServerConfig:
    keys = {"address": "198.18.1.2", "secret": Secret(RADIUS_SECRET), **keys}
    return RadiusServerConfig(name=name, group=group, **keys)  # type: ignore[arg-type]  # keys of [[radius.server]]


def made(*servers: RadiusServerConfig, lac: tuple[LacConfig, ...] = (), **keys: object) -> Config:
    group = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"))
    radius = RadiusConfig(server=servers, **keys)  # type: ignore[arg-type]  # keys of [radius]
    return config(lac=lac or (group,), radius=radius, auth=AuthConfig(methods=("pap",), timeout_s=60.0))


def two_groups(*servers: RadiusServerConfig) -> Config:
    lacs = tuple(
        LacConfig(
            name,
            address=(f"198.18.0.{host}/32",),
            secrets=(Secret(b"tunsecret"),),
            grant=Grant(pool="default"),
            radius=name,
        )
        for name, host in (("a", 2), ("b", 3))
    )
    return made(*servers, lac=lacs)


# -- whom a server's silence concerns


def _dial(lac: SimulatedLac, user: str) -> None:
    lac.dial(user, "pass", method="pap")


def _pace(first: SimulatedRadius, users_of_a: int) -> tuple[list[tuple[str, float]], Rim]:
    """Let users of both groups come at once; return when those of group b were up."""
    servers = (server("a1", "a", max_in_flight=8, fail_count=3), server("b1", "b"))
    rim = Rim(two_groups(*servers), servers=(first, SimulatedRadius()))
    lac_a, lac_b = (rim.lac(address=f"198.18.0.{host}", hostname=f"lac{host}") for host in (2, 3))
    start = rim.now
    for number in range(users_of_a):
        lac_a.dial(f"a{number}", "pass", method="pap")
    for number in range(40):
        rim.at(start + number, partial(_dial, lac_b, f"b{number}"))
    rim.run(60.0)
    ups = [(fact.user, fact.setup_s) for fact in rim.of(SubscriberUp) if fact.user.startswith("b")]
    return ups, rim


@pytest.mark.parametrize("trouble", ["silent", "slow"])
def test_a_server_in_trouble_concerns_nobody_of_another_group(trouble: str) -> None:
    """Set-ups of group b take as long, to the millisecond, as when group a has no users at all."""
    first = SimulatedRadius(silent=True) if trouble == "silent" else SimulatedRadius(delay_s=5.0)
    undisturbed, _ = _pace(SimulatedRadius(), 0)
    disturbed, rim = _pace(first, 200)
    assert len(undisturbed) == 40
    assert [(user, round(taken, 3)) for user, taken in disturbed] == [
        (user, round(taken, 3)) for user, taken in undisturbed
    ]
    lost = [fact for fact in rim.of(Authenticated) if fact.outcome is AuthOutcome.UNANSWERED]
    assert len(lost) + len([fact for fact in rim.of(SubscriberUp) if fact.user.startswith("a")]) == 200


def test_a_dead_server_costs_the_others_of_its_group_no_time() -> None:
    """Once it is known to be dead: who comes then is up as fast as if it had never been there."""
    first = SimulatedRadius(silent=True)
    timeout_s = 2.0
    servers = (server("one", timeout_s=timeout_s, fail_count=2, dead_time_s=300.0), server("two"))
    rim = Rim(made(*servers), servers=(first, SimulatedRadius()))
    lac = rim.lac()
    for number in range(2):
        lac.dial(f"early{number}", "pass", method="pap")
    rim.run(40.0)
    assert {fact.kind for fact in rim.of(ServerDead)} == {Kind.AUTH, Kind.ACCT}
    before = len(rim.of(SubscriberUp))
    for number in range(50):
        lac.dial(f"late{number}", "pass", method="pap")
    rim.run(5.0)
    late = rim.of(SubscriberUp)[before:]
    assert len(late) == 50
    assert max(fact.setup_s for fact in late) < timeout_s, "not one of them has waited for it"
    assert len(rim.requests(Kind.AUTH, 0)) <= 6, "the dead one was asked by the first two alone"


def test_a_fleet_that_a_dead_server_had_moves_without_a_long_turn() -> None:
    """No wake sends more than its share, however many wait for the same thing."""

    class Metered(Rim):
        most = 0

        def _perform_step(self, effects, inputs):  # type: ignore[no-untyped-def]
            sent = sum(isinstance(effect, SendRadius) for effect in effects)
            Metered.most = max(Metered.most, sent)
            super()._perform_step(effects, inputs)

    servers = (server("one", fail_count=1, max_tries=1), server("two", max_in_flight=1000))
    rim = Metered(made(*servers, accounting=False), servers=(SimulatedRadius(silent=True), SimulatedRadius()))
    lac = rim.lac()
    for number in range(3 * A_TURN):
        lac.dial(f"user{number}", "pass", method="pap")
    rim.run(20.0)
    assert len(rim.of(SubscriberUp)) == 3 * A_TURN
    assert A_TURN / 2 < Metered.most <= A_TURN + 1


@pytest.mark.parametrize("select", ["fail-over", "weighted", "least-outstanding"])
def test_everybody_comes_in_whichever_server_is_away(select: str) -> None:
    for away in range(3):
        fleet = tuple(SimulatedRadius(silent=number == away) for number in range(3))
        servers = tuple(server(f"s{number}", fail_count=2, timeout_s=0.5, max_tries=2) for number in range(3))
        rim = Rim(made(*servers, group=(RadiusGroupConfig(select=select),)), servers=fleet)
        lac = rim.lac()
        for number in range(30):
            lac.dial(f"user{number}", "pass", method="pap")
        rim.run(15.0)
        assert len(rim.of(SubscriberUp)) == 30
        starts = Counter(
            record[USER_NAME] for one in fleet for record in one.accounting if record[STATUS_TYPE][-1] == 1
        )
        assert set(starts.values()) == {1}
        assert len(starts) == 30


def test_a_server_that_was_restarted_takes_its_share_again_by_status_server() -> None:
    first = SimulatedRadius()
    servers = (server("one", fail_count=1, max_tries=1, probe_interval_s=5.0, dead_time_s=3600.0), server("two"))
    rim = Rim(made(*servers), servers=(first, SimulatedRadius()))
    lac = rim.lac()

    def come(count: int) -> int:
        before = len(rim.requests(Kind.AUTH, 0))
        for _ in range(count):
            lac.dial(f"user{len(rim.facts)}", "pass", method="pap")
            rim.run(5.0)
        return len(rim.requests(Kind.AUTH, 0)) - before

    assert come(3) == 3
    first.silent = True
    assert come(4) == 1, "the one that finds out"
    rim.run(200.0)
    assert not rim.of(ServerAlive), "nobody tries it with subscribers"
    first.silent = False
    rim.run(20.0)
    assert {fact.kind for fact in rim.of(ServerAlive)} == {Kind.AUTH, Kind.ACCT}
    assert come(3) == 3
    assert len(rim.of(SubscriberUp)) == 10


# -- replies


class Doubled(Rim):
    """Every reply comes twice; the first time it is forged by turns."""

    def _send_radius(self, effect: SendRadius) -> None:
        super()._send_radius(effect)
        answer = self.servers[effect.server].receive(effect.data, effect.kind)
        if answer is not None:
            forged = bytearray(answer)
            forged[4 + self.dice.randrange(16)] ^= 1 << self.dice.randrange(8)
            for at, data in ((0.001, bytes(forged)), (0.5, answer)):
                reply = RadiusReceived(effect.server, effect.kind, effect.socket, data)
                self.at(self.now + at, partial(self.give, reply))


def test_forged_and_doubled_replies_are_counted_apart_and_change_nothing() -> None:
    rim = Doubled(made(server("one")), servers=(SimulatedRadius(),))
    lac = rim.lac()
    clients = [lac.dial(f"user{number}", "pass", method="pap") for number in range(20)]
    rim.run(10.0)
    for client in clients:
        lac.hang_up(client)
    rim.run(10.0)
    assert len(rim.of(SubscriberUp)) == 20
    reasons = Counter((fact.kind, fact.reason.value) for fact in rim.of(ReplyDropped))
    assert reasons == {
        (Kind.AUTH, "radius_bad_authenticator"): 20,
        (Kind.AUTH, "radius_duplicate"): 20,
        (Kind.ACCT, "radius_bad_authenticator"): 41,
        (Kind.ACCT, "radius_duplicate"): 41,
    }
    assert rim.servers[0].statuses(b"user7") == [1, 2]
    counts = Counts(["any"], ["one"])
    for fact in rim.of(ReplyDropped):
        counts.handlers()[type(fact)](fact)
    assert counts.radius.replies_dropped["one", "acct", "radius_duplicate"] == 41
    row = rim.answers[rim.ask(ShowRadius())].body["servers"][0]  # type: ignore[index,call-overload]  # plain data
    assert (row["answered"], row["dropped"]) == (20, 40)  # type: ignore[index,call-overload]


def test_replies_that_come_too_late_are_counted_as_such() -> None:
    fleet = (SimulatedRadius(delay_s=4.0), SimulatedRadius())
    servers = (server("slow", timeout_s=1.0, max_tries=1, fail_count=100), server("fast"))
    rim = Rim(made(*servers), servers=fleet)
    lac, client = rim.up(method="pap")
    lac.hang_up(client)
    rim.run(20.0)
    reasons = Counter((fact.server, fact.kind, fact.reason.value) for fact in rim.of(ReplyDropped))
    assert reasons == {("slow", Kind.AUTH, "radius_late"): 1, ("slow", Kind.ACCT, "radius_late"): 3}


@pytest.mark.parametrize("seed", range(3))
def test_octets_at_random_with_the_right_identifier_and_socket_hurt_nobody(seed: int) -> None:
    dice = random.Random(seed)
    print(f"seed={seed}")

    class Flooded(Rim):
        def _send_radius(self, effect: SendRadius) -> None:
            super()._send_radius(effect)
            for _ in range(20):
                octets = bytearray(dice.randbytes(dice.choice((0, 5, 19, 20, 38, 60, 400, 4097))))
                if len(octets) >= 4 and dice.random() < 0.8:
                    octets[0] = dice.choice((2, 3, 5, 11))
                    octets[1] = effect.data[1]
                    octets[2:4] = len(octets).to_bytes(2, "big")
                reply = RadiusReceived(effect.server, effect.kind, effect.socket, bytes(octets))
                self.at(self.now + dice.random() * 0.02, partial(self.give, reply))

    rim = Flooded(made(server("one")), servers=(SimulatedRadius(),))
    lac = rim.lac()
    clients = [lac.dial(f"user{number}", "pass", method="pap") for number in range(10)]
    rim.run(5.0)
    assert len(rim.of(SubscriberUp)) == 10
    for client in clients:
        lac.hang_up(client)
    rim.run(5.0)
    assert all(rim.servers[0].statuses(f"user{number}".encode()) == [1, 2] for number in range(10))
    assert {fact.reason.value for fact in rim.of(ReplyDropped)} >= {"radius_short", "radius_bad_authenticator"}


# -- another configuration


def _books(rim: Rim, user: str) -> dict[int, list[int]]:
    """Return what each server was told of a user: Acct-Status-Type in order."""
    found: dict[int, list[int]] = {}
    for one in rim.requests(Kind.ACCT):
        if one.attributes.get(USER_NAME) == user.encode():
            found.setdefault(one.server, []).append(one.attributes[STATUS_TYPE][-1])
    return found


def _group(**keys: object) -> tuple[LacConfig, ...]:
    grant = Grant(pool="default", interim_interval_s=60.0)
    return (LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=grant, **keys),)  # type: ignore[arg-type]


def test_a_sessions_books_stay_where_they_were_begun() -> None:
    servers = (server("west", "west"), server("east", "east"))
    rim = Rim(made(*servers, lac=_group(radius="west")), servers=(SimulatedRadius(), SimulatedRadius()))
    lac, client = rim.up("early", method="pap")
    rim.configure(made(*servers, lac=_group(radius="west", radius_accounting="east")))
    late = lac.dial("late", "pass", method="pap")
    rim.run(70.0)
    for one in (client, late):
        lac.hang_up(one)
    rim.run(5.0)
    assert _books(rim, "early") == {0: [1, 3, 2]}
    assert _books(rim, "late") == {1: [1, 3, 2]}


def test_books_of_a_group_that_is_no_more_go_on_where_the_configuration_says() -> None:
    fleet = (SimulatedRadius(), SimulatedRadius())
    rim = Rim(made(server("old", "old"), lac=_group(radius="old")), servers=fleet)
    lac, client = rim.up("joe", method="pap")
    rim.configure(made(server("new", "new"), lac=_group(radius="new")))
    lac.hang_up(client)
    rim.run(5.0)
    assert _books(rim, "joe") == {0: [1], 1: [2]}


def test_a_server_is_replaced_while_it_is_silent_and_nothing_is_lost() -> None:
    fleet = (SimulatedRadius(), SimulatedRadius(secret=b"other"))
    rim = Rim(made(server("one")), servers=fleet)
    lac, client = rim.up("early", method="pap")
    fleet[0].silent = True
    lac.hang_up(client)
    waiting = lac.dial("late", "pass", method="pap")
    rim.run(3.0)
    assert len(rim.of(SubscriberUp)) == 1
    rim.configure(made(server("two", address="198.18.1.3", secret=Secret(b"other"))))
    rim.run(3.0)
    assert waiting.address
    told = sorted(record[STATUS_TYPE][-1] for record in fleet[1].accounting)
    assert told == [1, 2], "the Stop of one, the Start of another"
    assert not rim.lns.core.ledger.total
    assert [fact.server for fact in rim.of(Answered) if fact.kind is Kind.ACCT] == ["one"] * 2 + ["two"] * 2
    assert not rim.of(Forgotten)


def test_another_secret_is_in_force_at_once() -> None:
    fleet = (SimulatedRadius(delay_s=0.3),)
    rim = Rim(made(server("one")), servers=fleet)
    lac = rim.lac()
    first = lac.dial("first", "pass", method="pap")
    rim.run(10.0, until=lambda: bool(rim.requests(Kind.AUTH)))
    fleet[0].secret = b"another"  # its answer to what was asked under the old one is on its way
    rim.configure(made(server("one", secret=Secret(b"another"))))
    second = lac.dial("second", "pass", method="pap")
    rim.run(5.0)
    assert first.address
    assert second.address
    assert not rim.of(ReplyDropped)


# -- a record outlives everything


def _lonely(world: Mortal) -> SimulatedLac:
    lac = SimulatedLac(world)
    lac.open()
    return lac


def test_a_record_of_a_group_that_is_gone_waits_for_it_over_a_restart(tmp_path: Path) -> None:
    radius = SimulatedRadius(silent=False)
    west, east = (
        made(server("w", "west"), lac=_group(radius="west")),
        made(server("e", "east"), lac=_group(radius="east")),
    )
    world = Mortal(tmp_path, west, radius=radius)
    lac = _lonely(world)
    client = lac.dial("joe", "pass", method="pap")
    world.run(5.0)
    assert client.address
    radius.silent = True
    lac.hang_up(client)
    world.run(5.0)
    world.configuration = east
    world.kill("unheard")
    radius.silent = False
    world.run(400.0)
    assert radius.statuses(b"joe") == [1], "nobody else is told"
    world.configuration = west
    world.kill("unheard")
    world.run(60.0)
    assert radius.statuses(b"joe") == [1, 2]


class Watched(Mortal):
    """Notes whom it tells records."""

    told: list[tuple[int, int]]
    """Server, and Acct-Status-Type."""

    def _send_radius(self, effect: SendRadius) -> None:
        if effect.kind is Kind.ACCT:
            self.told.append((effect.server, walk(effect.data[20:])[STATUS_TYPE][-1]))
        super()._send_radius(effect)


def test_a_sessions_books_stay_over_a_crash_and_another_configuration(tmp_path: Path) -> None:
    servers = (server("w", "west"), server("e", "east"))
    Watched.told = []
    world = Watched(tmp_path, made(*servers, lac=_group(radius="west", radius_accounting="east")))
    lac = _lonely(world)
    client = lac.dial("joe", "pass", method="pap")
    world.run(5.0)
    assert client.address
    world.configuration = made(*servers, lac=_group(radius="west"))
    world.kill("unheard")
    world.run(65.0)
    lac.hang_up(client)
    world.run(5.0)
    mine = [(number, status) for number, status in world.told if status in (1, 2, 3)]
    assert mine == [(1, 1), (1, 3), (1, 2)]
