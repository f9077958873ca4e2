"""Who comes in, who does not, and what becomes of those that were there before."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig, PoolConfig, ProfileConfig, UserConfig
from bras.config.radius import RadiusConfig
from bras.lns.commands import ShowSession
from bras.secret import Secret
from bras.subscriber.events import Authenticated, AuthOutcome, Phase, SubscriberEnded, SubscriberUp, TerminateCause
from tests.support.lacs import SimulatedLac
from tests.support.world import SimulatedRadius, World, config

ADDRESS = 0xC0000207  # 192.0.2.7
FRAMED_ADDRESS = b"\x08\x06" + struct.pack("!I", ADDRESS)


def accept(octets: bytes = b"") -> SimulatedRadius:
    return SimulatedRadius(reply=lambda attributes: (2, octets))


def outcomes(world: World) -> list[AuthOutcome]:
    return [fact.outcome for fact in world.facts if isinstance(fact, Authenticated)]


def ended(world: World) -> list[SubscriberEnded]:
    return [fact for fact in world.facts if isinstance(fact, SubscriberEnded)]


def ups(world: World) -> list[SubscriberUp]:
    return [fact for fact in world.facts if isinstance(fact, SubscriberUp)]


@pytest.mark.parametrize("method", ["pap", "chap", "mschapv1"])
def test_every_method_reaches_radius(method: str) -> None:
    auth = AuthConfig(methods=(method,))
    world = World(config(auth=auth))
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass", method=method)
    world.run(2.0)
    assert client.address
    (fact,) = [fact for fact in world.facts if isinstance(fact, Authenticated)]
    assert (fact.method, fact.outcome, fact.source) == (method, AuthOutcome.ACCEPTED, "radius1")


@pytest.mark.parametrize("method", ["pap", "chap", "mschapv1", "mschapv2"])
@pytest.mark.parametrize("password", ["pass", "wrong"])
def test_local_users_by_every_method(method: str, password: str) -> None:
    auth = AuthConfig(methods=(method,), source="local")
    user = UserConfig(name="user1", password=Secret(b"pass"))
    world = World(config(auth=auth, user=(user,), radius=RadiusConfig()))
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", password, method=method)
    world.run(8.0)
    if password == "pass":
        assert client.address
        assert outcomes(world) == [AuthOutcome.ACCEPTED]
    else:
        assert "auth_refused" in client.ended
        assert outcomes(world) == [AuthOutcome.REJECTED]
        assert not world.lns.core.registry.by_number


def test_radius_then_local_asks_the_local_users_only_when_no_server_answers() -> None:
    auth = AuthConfig(methods=("chap",), source="radius-then-local", timeout_s=30.0)
    user = UserConfig(name="user1", password=Secret(b"pass"))
    silent = World(config(auth=auth, user=(user,)), radius=SimulatedRadius(silent=True))
    lac = SimulatedLac(silent)
    lac.open()
    client = lac.dial("user1", "pass")
    silent.run(29.0)
    assert client.address
    assert [fact.source for fact in silent.facts if isinstance(fact, Authenticated)] == ["local"]

    refusing = World(config(auth=auth, user=(user,)), radius=SimulatedRadius(reply=lambda _: (3, b"")))
    lac = SimulatedLac(refusing)
    lac.open()
    client = lac.dial("user1", "pass")
    refusing.run(10.0)
    assert "auth_refused" in client.ended


def test_no_answer_from_any_server_is_a_refusal() -> None:
    world = World(radius=SimulatedRadius(silent=True))
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass")
    world.run(40.0)
    assert client.ended
    assert outcomes(world) == [AuthOutcome.UNANSWERED]
    assert not world.lns.core.registry.by_number


def test_the_servers_words_reach_the_client_and_the_log() -> None:
    world = World(radius=SimulatedRadius(reply=lambda _: (3, b"\x12\x0aunpaid!!")))
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass")
    world.run(8.0)
    assert "unpaid!!" in client.ended
    assert ended(world)[0].text == "unpaid!!"
    assert ended(world)[0].reason == "authentication_rejected"


def test_an_access_challenge_is_a_reject() -> None:
    world = World(radius=SimulatedRadius(reply=lambda _: (11, b"\x18\x03x")))
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(8.0)
    assert outcomes(world) == [AuthOutcome.REJECTED]


def test_radius_gives_the_address() -> None:
    world = World(radius=accept(FRAMED_ADDRESS))
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass")
    world.run(2.0)
    assert client.address == ADDRESS
    assert world.lns.core.pools.holder(0, ADDRESS) == 1


@pytest.mark.parametrize("policy", ["replace", "deny"])
def test_one_address_for_two_sessions(policy: str) -> None:
    auth = AuthConfig(methods=("chap",), address_conflict=policy)
    world = World(config(auth=auth), radius=accept(FRAMED_ADDRESS))
    lac = SimulatedLac(world)
    lac.open()
    first = lac.dial("user1", "pass")
    world.run(2.0)
    second = lac.dial("user2", "pass")
    world.run(10.0)
    if policy == "deny":
        assert first.address == ADDRESS
        assert "auth_refused" in second.ended
        assert outcomes(world) == [AuthOutcome.ACCEPTED, AuthOutcome.DENIED_ADDRESS_CONFLICT]
        return
    assert second.address == ADDRESS
    assert first.ended
    (end,) = ended(world)
    assert (end.user, end.reason) == ("user1", "address_given_to_new_session")
    events = [type(fact) for fact in world.facts if isinstance(fact, (SubscriberUp, SubscriberEnded))]
    assert events == [SubscriberUp, SubscriberEnded, SubscriberUp], "the old one is wholly gone first"
    assert world.radius.statuses(b"user1") == [1, 2]
    assert world.radius.statuses(b"user2") == [1]


@pytest.mark.parametrize("policy", ["off", "replace", "deny"])
def test_one_user_twice(policy: str) -> None:
    auth = AuthConfig(methods=("chap",), single_session=policy)
    world = World(config(auth=auth))
    lac = SimulatedLac(world)
    lac.open()
    first = lac.dial("user1", "pass")
    world.run(2.0)
    second = lac.dial("user1", "pass")
    world.run(10.0)
    if policy == "off":
        assert first.address
        assert second.address
        assert first.address != second.address
    elif policy == "deny":
        assert first.address
        assert "auth_refused" in second.ended
        assert outcomes(world)[-1] is AuthOutcome.DENIED_SINGLE_SESSION
    else:
        assert first.ended
        assert second.address
        assert ended(world)[0].reason == "replaced_by_new_session"


def test_the_new_session_gets_the_old_ones_address_back() -> None:
    auth = AuthConfig(methods=("chap",), single_session="replace")
    world = World(config(auth=auth))
    lac = SimulatedLac(world)
    lac.open()
    first = lac.dial("user1", "pass")
    world.run(2.0)
    had = first.address
    second = lac.dial("user1", "pass")
    world.run(10.0)
    assert second.address == had


def test_three_at_once_for_one_user_leave_one() -> None:
    auth = AuthConfig(methods=("chap",), single_session="replace")
    world = World(config(auth=auth))
    lac = SimulatedLac(world)
    lac.open()
    clients = [lac.dial("user1", "pass") for _ in range(3)]
    world.run(20.0)
    assert sum(1 for client in clients if client.address) == 1
    assert len(world.lns.core.registry.by_number) == 1
    assert not world.lns.core.backlog.waiting


def test_a_waiting_session_that_gives_up_is_forgotten() -> None:
    auth = AuthConfig(methods=("chap",), single_session="replace")
    world = World(config(auth=auth))
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(2.0)
    program = world.plane.program
    held: list[object] = []
    world.plane.program = lambda operation: held.append(operation) or program(operation)  # type: ignore[method-assign,func-returns-value]  # watches
    second = lac.dial("user1", "pass")
    world.run(0.2)
    lac.hang_up(second)
    world.run(10.0)
    assert not [number for number, sub in world.lns.core.registry.by_number.items() if sub.phase is Phase.ADDRESSING]


def test_an_exhausted_pool_is_a_refusal_and_the_next_pool_a_way_out() -> None:
    small = PoolConfig(name="default", ranges=((0x0A400001, 0x0A400001),), hold_down_s=0.0)
    world = World(config(pool=(small,)))
    lac = SimulatedLac(world)
    lac.open()
    assert lac.dial("user1", "pass")
    assert lac.dial("user2", "pass")
    world.run(10.0)
    assert sorted(outcomes(world), key=lambda outcome: outcome.value) == [AuthOutcome.ACCEPTED, AuthOutcome.NO_ADDRESS]

    spare = PoolConfig(name="spare", ranges=((0x0A410001, 0x0A410001),), hold_down_s=0.0)
    world = World(config(pool=(replace(small, next="spare"), spare)))
    lac = SimulatedLac(world)
    lac.open()
    clients = [lac.dial("user1", "pass"), lac.dial("user2", "pass")]
    world.run(10.0)
    assert {client.address for client in clients} == {0x0A400001, 0x0A410001}


def test_radius_names_a_pool_that_is_not_there() -> None:
    world = World(radius=accept(b"\x58\x06nope"))
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(8.0)
    assert outcomes(world) == [AuthOutcome.UNKNOWN_POOL]


def _bras_profile(name: bytes) -> bytes:
    inner = b"\x01" + bytes((len(name) + 2,)) + name
    return b"\x1a" + bytes((len(inner) + 6,)) + struct.pack("!I", 32473) + inner


def test_radius_names_a_profile_and_attributes_win_over_it() -> None:
    profile = ProfileConfig(name="gold", grant=Grant(rate_up_bps=1000, rate_down_bps=2000, session_timeout_s=50.0))
    group = LacConfig(
        name="any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default", rate_up_bps=1, idle_timeout_s=9.0)
    )
    radius = accept(_bras_profile(b"gold") + b"\x1b\x06" + struct.pack("!I", 70))
    world = World(config(profile=(profile,), lac=(group,)), radius=radius)
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(2.0)
    identifier = world.ask(ShowSession("user1"))
    body = world.answers[identifier].body
    assert isinstance(body, dict)
    shown = body["sessions"][0]["profile"]  # type: ignore[index,call-overload]  # plain data
    assert shown["session_timeout_s"] == {"value": 70.0, "source": "radius"}
    assert shown["rate_up_bps"] == {"value": 1000, "source": "profile gold"}
    assert shown["idle_timeout_s"] == {"value": 9.0, "source": "lac"}
    (entry,) = world.plane.entries.values()
    assert (entry.rate_up_bps, entry.rate_down_bps) == (1000, 2000)  # type: ignore[union-attr]  # a Route

    world = World(config(profile=(profile,)), radius=accept(_bras_profile(b"lead")))
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(8.0)
    assert outcomes(world) == [AuthOutcome.UNKNOWN_PROFILE]


@pytest.mark.parametrize("allowed", [True, False])
def test_a_clients_wish_for_an_address(allowed: bool) -> None:
    group = LacConfig(
        name="any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default", accept_client_address=allowed)
    )
    world = World(config(lac=(group,)))
    lac = SimulatedLac(world)
    lac.open()
    wish = 0x0A400909
    client = lac.dial("user1", "pass", wanted=wish)
    world.run(2.0)
    assert client.address == (wish if allowed else 0x0A400001)
    assert world.lns.core.pools.holder(0, client.address) == 1
    row = world.lns.core.pools.rows(now=world.now)[0]
    assert row["used"] == 1, "the address that was not taken is free again"
    lac.hang_up(client)
    world.run(5.0)
    assert world.lns.core.pools.rows(now=world.now)[0]["used"] == 0


def test_the_accounting_carries_class_and_the_rewritten_name() -> None:
    world = World(radius=accept(b"\x19\x06\x00x0a" + b"\x01\x07alice"))
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass")
    world.run(2.0)
    lac.hang_up(client)
    world.run(5.0)
    records = [record for record in world.radius.accounting if 44 in record and record[40][-1] in (1, 2)]
    assert [record[1] for record in records] == [b"alice", b"alice"]
    assert [record[25] for record in records] == [b"\x00x0a", b"\x00x0a"]
    assert records[0][44] == records[1][44]
    assert records[1][49] == struct.pack("!I", TerminateCause.USER_REQUEST.value)
