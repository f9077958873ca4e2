"""The effect of each key of ``[radius]`` and ``[[radius.server]]`` that the core knows, seen from outside."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from typing import Any

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig, Listen, LnsConfig
from bras.config.radius import RadiusConfig, RadiusGroupConfig, RadiusServerConfig
from bras.errors import DropReason
from bras.lns.commands import ShowRadius, ShowSession
from bras.lns.policy import InterimRaised
from bras.radius.events import Kind, ReplyDropped, ServerAlive, ServerDead
from bras.secret import Secret
from bras.subscriber.events import Authenticated, AuthOutcome, SubscriberUp
from bras.subscriber.metered import GRAIN_S
from tests.support.rim import Asked, Rim, gaps, option
from tests.support.world import LNS_ADDRESS, RADIUS_SECRET, SimulatedRadius, config

NAS_IP_ADDRESS, NAS_IDENTIFIER = 4, 32


def server(name: str = "one", **keys: object) -> RadiusServerConfig:
    keys = {"address": "198.18.1.2", "secret": Secret(RADIUS_SECRET), "name": name, **keys}
    return RadiusServerConfig(**keys)  # type: ignore[arg-type]  # keys of [[radius.server]]


def radius(*servers: RadiusServerConfig, **keys: object) -> Config:
    section = RadiusConfig(server=servers or (server(),), **keys)  # type: ignore[arg-type]  # keys of [radius]
    return config(radius=section, auth=AuthConfig(methods=("pap",), timeout_s=60.0))


def call(rim: Rim, user: str = "user1") -> None:
    """Let a subscriber try to come in; it need not succeed."""
    lac = rim.lac(address=f"198.18.0.{len(rim.parties) + 2}", hostname=f"lac{len(rim.parties)}")
    lac.dial(user, "pass", method="pap")


# -- [radius]


@pytest.mark.parametrize("identifier", ["bras", "pop-7"])
def test_nas_identifier(identifier: str) -> None:
    rim = Rim(radius(nas_identifier=identifier))
    lac, client = rim.up(method="pap")
    lac.hang_up(client)
    rim.run(2.0)
    assert len(rim.asked) == 4, "On, Access-Request, Start, Stop"
    assert {one.attributes[NAS_IDENTIFIER] for one in rim.asked} == {identifier.encode()}


@pytest.mark.parametrize("address", [None, "192.0.2.99"])
def test_nas_ip_address(address: str | None) -> None:
    rim = Rim(radius(nas_ip_address=address))
    rim.up(method="pap")
    told = bytes(map(int, (address or LNS_ADDRESS).split(".")))
    assert {one.attributes[NAS_IP_ADDRESS] for one in rim.asked if 1 in one.attributes} == {told}
    accounting_on = rim.requests(Kind.ACCT)[0].attributes
    assert accounting_on.get(NAS_IP_ADDRESS) == (told if address else None), "nobody called yet"


@pytest.mark.parametrize("accounting", [True, False])
def test_accounting(accounting: bool) -> None:
    rim = Rim(radius(accounting=accounting))
    lac, client = rim.up(method="pap")
    lac.hang_up(client)
    rim.run(2.0)
    assert [int.from_bytes(one.attributes[40], "big") for one in rim.requests(Kind.ACCT)] == (
        [7, 1, 2] if accounting else []
    )


@pytest.mark.parametrize(
    ("least", "asked", "counts"), [(60.0, 10.0, 60.0), (120.0, 60.0, 120.0), (5.0, 10.0, 10.0), (60.0, 0.0, 0.0)]
)
@pytest.mark.parametrize("by_radius", [True, False])
def test_interim_min_s(least: float, asked: float, counts: float, by_radius: bool) -> None:
    grant = Grant(pool="default", interim_interval_s=0.0 if by_radius else asked)
    lac = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=grant)
    base = radius(interim_min_s=least, interim_jitter=0.0)
    reply = option(85, int(asked).to_bytes(4, "big")) if by_radius else b""
    rim = Rim(config(radius=base.radius, lac=(lac,)), servers=(SimulatedRadius(reply=lambda _: (2, reply)),))
    lac, _ = rim.up(method="pap")
    lac.dial("user2", "pass", method="pap")
    rim.run(500.0)
    waits = gaps(
        one.at for one in rim.requests(Kind.ACCT) if one.attributes[40][-1] == 3 and one.attributes[1] == b"user1"
    )
    assert set(waits) == ({counts} if counts else set())
    source = "radius" if by_radius else "lac"
    raised = [InterimRaised(source, asked, least)] if 0 < asked < least else []
    assert rim.of(InterimRaised) == raised, "once, whoever else comes"
    body: Any = rim.answers[rim.ask(ShowSession("user1"))].body
    shown = body["sessions"][0]["profile"]["interim_interval_s"]
    assert shown == {"value": counts, "source": source + (", raised to interim_min_s" if raised else "")}


@pytest.mark.parametrize("jitter", [0.0, 0.1, 0.5])
def test_interim_jitter(jitter: float) -> None:
    lac = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default", interim_interval_s=100.0))
    base = radius(interim_jitter=jitter)
    rim = Rim(config(radius=base.radius, lac=(lac,)))
    rim.up()
    rim.run(5000.0)
    waits = gaps(one.at for one in rim.requests(Kind.ACCT) if one.attributes[40][-1] == 3)
    assert len(waits) > 30
    if jitter:
        assert 100 * (1 - jitter) <= min(waits) < 100 * (1 - jitter / 2)
        assert 100 * (1 + jitter / 2) < max(waits) <= 100 * (1 + jitter) + GRAIN_S
    else:
        assert set(waits) == {100.0}


# -- [[radius.server]]


@pytest.mark.parametrize(("name", "shown"), [("first", "first"), ("", "198.18.1.2")])
def test_server_name(name: str, shown: str) -> None:
    rim = Rim(radius(server(name)))
    rim.up(method="pap")
    assert [fact.source for fact in rim.of(Authenticated)] == [shown]
    rows = rim.answers[rim.ask(ShowRadius())].body
    assert {row["server"] for row in rows["servers"]} == {shown}  # type: ignore[index,call-overload]  # plain data


def test_server_address() -> None:
    """Where a server is, is the shell's affair; the core shows it."""
    rim = Rim(radius(server(address="2001:db8::5")))
    rows = rim.answers[rim.ask(ShowRadius())].body
    assert {row["address"] for row in rows["servers"]} == {"2001:db8::5"}  # type: ignore[index,call-overload]


@pytest.mark.parametrize("secret", [RADIUS_SECRET, b"mistyped"])
def test_server_secret(secret: bytes) -> None:
    rim = Rim(radius(server(secret=Secret(secret)), accounting=False))
    call(rim)
    rim.run(30.0)
    right = secret == RADIUS_SECRET
    assert bool(rim.of(SubscriberUp)) is right
    request = rim.requests(Kind.AUTH)[0]
    assert _password(request, RADIUS_SECRET) == b"pass" or not right
    if not right:
        assert rim.of(ReplyDropped)[0].reason is DropReason.RADIUS_BAD_AUTHENTICATOR


def _password(request: Asked, secret: bytes) -> bytes:
    hidden, key = request.attributes[2], hashlib.md5(secret + request.data[4:20]).digest()
    return bytes(a ^ b for a, b in zip(hidden, key, strict=True)).rstrip(b"\0")


def test_server_group() -> None:
    """A server of a group is for those that name it alone; see also ``lac.radius``."""
    rim = Rim(radius(server(group="west"), accounting=False))
    call(rim)
    rim.run(10.0)
    assert not rim.asked
    assert [fact.outcome for fact in rim.of(Authenticated)] == [AuthOutcome.UNANSWERED]


@pytest.mark.parametrize(
    ("first", "auth", "acct"),
    [({}, 0, 0), ({"auth_port": 0}, 1, 0), ({"acct_port": 0}, 0, 1), ({"acct_port": 99}, 0, 0)],
)
def test_server_ports_of_nothing(first: dict[str, int], auth: int, acct: int) -> None:
    rim = Rim(radius(server("one", **first), server("two")), servers=(SimulatedRadius(), SimulatedRadius()))
    rim.up(method="pap")
    assert {one.server for one in rim.requests(Kind.AUTH)} == {auth}
    assert {one.server for one in rim.requests(Kind.ACCT)} == {acct}
    rows = rim.answers[rim.ask(ShowRadius())].body
    kinds = [row["kind"] for row in rows["servers"] if row["server"] == "one"]  # type: ignore[index,call-overload]
    assert kinds == [kind for kind in ("auth", "acct") if first.get(f"{kind}_port") != 0]


@pytest.mark.parametrize(
    ("keys", "waits"),
    [
        ({}, [2.0, 4.0]),
        ({"timeout_s": 0.5}, [0.5, 1.0]),
        ({"timeout_s": 1.0, "max_tries": 4}, [1.0, 2.0, 4.0]),
        ({"max_tries": 1}, []),
    ],
)
def test_server_timeout_s_and_max_tries(keys: dict[str, float], waits: list[float]) -> None:
    silent, other = SimulatedRadius(silent=True), SimulatedRadius()
    rim = Rim(radius(server("one", **keys), server("two"), accounting=False), servers=(silent, other))
    call(rim)
    rim.run(29.0)
    first, second = rim.requests(Kind.AUTH, 0), rim.requests(Kind.AUTH, 1)
    assert _about(gaps(one.at for one in first), waits)
    timeout_s = keys.get("timeout_s", 2.0)
    patience = timeout_s * 2 ** len(waits)
    assert second[0].at - first[-1].at == pytest.approx(patience, rel=0.35), "then the next one is asked"
    assert len({one.data for one in first}) == 1, "sent again as it was"


def _about(seen: Iterable[float], wanted: list[float]) -> bool:
    """Jitter moves each interval by a tenth, and the doubled ones on top of it."""
    return list(seen) == [pytest.approx(value, rel=0.35) for value in wanted]


@pytest.mark.parametrize("count", [1, 3])
def test_server_fail_count(count: int) -> None:
    silent, other = SimulatedRadius(silent=True), SimulatedRadius()
    servers = (server("one", fail_count=count, dead_time_s=1000.0, max_tries=2), server("two"))
    rim = Rim(radius(*servers, accounting=False), servers=(silent, other))
    for number in range(5):
        call(rim, f"user{number}")
        rim.run(15.0)
    assert [fact.server for fact in rim.of(ServerDead)] == ["one"]
    assert len(rim.requests(Kind.AUTH, 0)) == 2 * count, "two tries each, then nobody asks it any more"
    assert len(rim.of(SubscriberUp)) == 5


@pytest.mark.parametrize("seconds", [20.0, 100.0, 0.0])
def test_server_dead_time_s(seconds: float) -> None:
    first, other = SimulatedRadius(silent=True, knows_status_server=False), SimulatedRadius()
    servers = (server("one", fail_count=1, dead_time_s=seconds, max_tries=1), server("two"))
    rim = Rim(radius(*servers, accounting=False), servers=(first, other))
    call(rim)
    rim.run(4.0)
    dead_at = rim.now
    first.silent = False
    for number in range(20):
        call(rim, f"user{number}")
        rim.run(10.0)
    asked_again_at = rim.requests(Kind.AUTH, 0)[1].at
    assert seconds - 4.0 <= asked_again_at - dead_at <= seconds + 10.0
    assert [fact.server for fact in rim.of(ServerAlive)] == ["one"]


@pytest.mark.parametrize(("cap", "waits"), [(3.0, [1.0, 2.0, 3.0, 3.0]), (0.0, [1.0, 2.0, 4.0, 8.0])])
def test_server_timeout_cap_s(cap: float, waits: list[float]) -> None:
    silent = SimulatedRadius(silent=True)
    rim = Rim(radius(server(timeout_s=1.0, max_tries=5, timeout_cap_s=cap), accounting=False), servers=(silent,))
    call(rim)
    rim.run(29.0)
    assert _about(gaps(one.at for one in rim.requests(Kind.AUTH)), waits)


@pytest.mark.parametrize(("seconds", "asked"), [(12.0, 3), (6.0, 2), (0.0, 4)])
def test_patience_s(seconds: float, asked: int) -> None:
    """A subscriber waits so long for all servers together."""
    silent = SimulatedRadius(silent=True)
    servers = tuple(server(str(number), timeout_s=5.0, max_tries=1) for number in range(4))
    keys = LnsConfig(listen=(Listen(LNS_ADDRESS, 1701),), setup_timeout_s=120.0)
    base = radius(*servers, accounting=False, patience_s=seconds)
    rim = Rim(config(lns=keys, radius=base.radius, auth=base.auth), servers=(silent,) * 4)
    call(rim)
    rim.run(100.0, until=lambda: bool(rim.of(Authenticated)))
    begun_at = rim.requests(Kind.AUTH)[0].at
    assert [fact.outcome for fact in rim.of(Authenticated)] == [AuthOutcome.UNANSWERED]
    assert rim.now - begun_at == pytest.approx(seconds or 20.0, rel=0.1 if not seconds else 0.001)
    assert asked - 1 <= len(rim.requests(Kind.AUTH)) <= asked


def _dead(first: SimulatedRadius, **keys: object) -> Rim:
    """Let the first of two servers be found dead, by an authentication and by a record."""
    first.silent = True
    one = server("one", fail_count=1, max_tries=1, dead_time_s=1000.0, **keys)
    rim = Rim(radius(one, server("two")), servers=(first, SimulatedRadius()))
    call(rim)
    rim.run(4.0)
    assert {(fact.server, fact.kind) for fact in rim.of(ServerDead)} == {("one", Kind.AUTH), ("one", Kind.ACCT)}
    return rim


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("knows", [True, False])
def test_server_status_server(asks: bool, knows: bool) -> None:
    first = SimulatedRadius(knows_status_server=knows)
    rim = _dead(first, status_server=asks, probe_interval_s=5.0)
    first.silent = False
    rim.run(100.0)
    assert bool(rim.probes(Kind.AUTH, 0)) is bool(rim.probes(Kind.ACCT, 0)) is bool(first.probes) is asks
    alive = {(fact.server, fact.kind) for fact in rim.of(ServerAlive)}
    assert alive == ({("one", Kind.AUTH), ("one", Kind.ACCT)} if asks and knows else set())
    rows = rim.answers[rim.ask(ShowRadius())].body["servers"][:2]  # type: ignore[index,call-overload]  # plain data
    assert all(bool(row["probes"]) is asks for row in rows)  # type: ignore[index,call-overload]
    assert all(bool(row["probes_answered"]) is (asks and knows) for row in rows)  # type: ignore[index,call-overload]
    call(rim, "user2")
    rim.run(4.0)
    assert len(rim.requests(Kind.AUTH, 0)) == (2 if alive else 1), "one that lives is asked first again"


@pytest.mark.parametrize("interval", [1.0, 20.0])
def test_server_probe_interval_s(interval: float) -> None:
    rim = _dead(SimulatedRadius(), probe_interval_s=interval)
    rim.run(12 * interval)
    for kind in (Kind.AUTH, Kind.ACCT):
        probes = rim.probes(kind, 0)
        waits = gaps(one.at for one in probes)
        assert len(waits) > 8
        assert all(0.9 * interval <= wait <= 1.1 * interval for wait in waits)
        assert len(set(waits)) > 4, "with jitter"
        assert len({one.data[4:20] for one in probes}) == len(probes)


@pytest.mark.parametrize("answers", [1, 4])
def test_server_probe_answers(answers: int) -> None:
    first = SimulatedRadius()
    rim = _dead(first, probe_interval_s=5.0, probe_answers=answers)
    first.silent = False
    rim.run(100.0)
    assert len(rim.probes(Kind.AUTH, 0)) == len(rim.probes(Kind.ACCT, 0)) == answers
    alive = [fact.kind for fact in rim.of(ServerAlive)]
    assert sorted(kind.value for kind in alive) == ["acct", "auth"]


def test_server_probe_answers_are_those_in_a_row() -> None:
    first = SimulatedRadius()
    rim = _dead(first, probe_interval_s=5.0, probe_answers=3)
    for silent in (False, True, False, True):
        first.silent = silent
        rim.run(10.0)  # time for one or two, never for three
    assert not rim.of(ServerAlive)
    first.silent = False
    rim.run(17.0)
    assert len(rim.of(ServerAlive)) == 2


@pytest.mark.parametrize(("weights", "shares"), [((3, 1), (12, 4)), ((1, 1), (8, 8))])
@pytest.mark.parametrize("select", ["weighted", "least-outstanding"])
def test_server_weight_and_group_select(weights: tuple[int, int], shares: tuple[int, int], select: str) -> None:
    servers = tuple(server(name, weight=weight) for name, weight in zip("ab", weights, strict=True))
    rim = Rim(
        radius(*servers, group=(RadiusGroupConfig(select=select),), accounting=False),
        servers=(SimulatedRadius(delay_s=1.0), SimulatedRadius(delay_s=1.0)),
    )
    lac = rim.lac()
    for number in range(16):
        lac.dial(f"user{number}", "pass", method="pap")
    rim.run(10.0)
    assert len(rim.of(SubscriberUp)) == 16
    assert tuple(len(rim.requests(Kind.AUTH, index)) for index in (0, 1)) == shares


def test_group_select_least_outstanding_spares_who_is_slow() -> None:
    rim = Rim(
        radius(server("a"), server("b"), group=(RadiusGroupConfig(select="least-outstanding"),), accounting=False),
        servers=(SimulatedRadius(delay_s=1.5), SimulatedRadius(delay_s=0.01)),
    )
    lac = rim.lac()
    for number in range(20):
        lac.dial(f"user{number}", "pass", method="pap")
        rim.run(0.5)
    rim.run(5.0)
    assert len(rim.of(SubscriberUp)) == 20
    assert len(rim.requests(Kind.AUTH, 1)) >= 2 * len(rim.requests(Kind.AUTH, 0))


@pytest.mark.parametrize("name", [None, "west"])
def test_group_name(name: str | None) -> None:
    """The way of choosing is that of the servers of this group."""
    servers = (server("a"), server("b"), server("c", group="west"), server("d", group="west"))
    lacs = tuple(
        LacConfig(group or "none", address=(f"198.18.0.{host}/32",), secrets=(Secret(b"tunsecret"),), radius=group)
        for group, host in ((None, 2), ("west", 3))
    )
    base = radius(*servers, group=(RadiusGroupConfig(name, "weighted"),), accounting=False)
    rim = Rim(config(radius=base.radius, auth=base.auth, lac=lacs), servers=(SimulatedRadius(),) * 4)
    for host in (2, 3):
        lac = rim.lac(address=f"198.18.0.{host}", hostname=f"lac{host}")
        for number in range(4):
            lac.dial(f"user{number}", "pass", method="pap")
    rim.run(5.0)
    shares = [len(rim.requests(Kind.AUTH, index)) for index in range(4)]
    assert shares == ([2, 2, 4, 0] if name is None else [4, 0, 2, 2])


@pytest.mark.parametrize("most", [2, 4096])
def test_server_max_in_flight(most: int) -> None:
    rim = Rim(radius(server(max_in_flight=most), accounting=False), servers=(SimulatedRadius(delay_s=1.9),))
    lac = rim.lac()
    for number in range(6):
        lac.dial(f"user{number}", "pass", method="pap")
    rim.run(1.5)
    row = rim.answers[rim.ask(ShowRadius())].body["servers"][0]  # type: ignore[index,call-overload]  # plain data
    assert len(rim.requests(Kind.AUTH)) == min(most, 6)
    assert row["queued"] == max(0, 6 - most)  # type: ignore[index,call-overload]
    rim.run(10.0)
    assert len(rim.of(SubscriberUp)) == 6


@pytest.mark.parametrize(("policy", "welcome"), [("require", False), ("if-present", True)])
def test_server_message_authenticator(policy: str, welcome: bool) -> None:
    class Unsigned(SimulatedRadius):
        def _answer(self, code: int, identifier: int, authenticator: bytes, octets: bytes, *, sign: bool) -> bytes:
            return super()._answer(code, identifier, authenticator, octets, sign=False)

    rim = Rim(radius(server(message_authenticator=policy)), servers=(Unsigned(),))
    call(rim)
    rim.run(10.0)
    assert bool(rim.of(SubscriberUp)) is welcome
    if not welcome:
        assert {fact.reason for fact in rim.of(ReplyDropped)} == {DropReason.RADIUS_MISSING_MESSAGE_AUTHENTICATOR}


@pytest.mark.parametrize("policy", ["require", "if-present"])
def test_server_message_authenticator_that_is_wrong_is_never_believed(policy: str) -> None:
    class Forger(SimulatedRadius):
        def _answer(self, code: int, identifier: int, authenticator: bytes, octets: bytes, *, sign: bool) -> bytes:
            if not sign:
                return super()._answer(code, identifier, authenticator, octets, sign=False)
            body = b"\x50\x12" + bytes(16) + octets
            head = struct.pack("!BBH", code, identifier, 20 + len(body))
            return head + hashlib.md5(head + authenticator + body + self.secret).digest() + body

    rim = Rim(radius(server(message_authenticator=policy)), servers=(Forger(),))
    call(rim)
    rim.run(10.0)
    assert not rim.of(SubscriberUp)
    assert {fact.reason for fact in rim.of(ReplyDropped)} == {DropReason.RADIUS_BAD_MESSAGE_AUTHENTICATOR}
