"""Whom a request means: what is looked up, and what only has to match."""

from __future__ import annotations

import pytest

from bras.lns import find
from bras.radius.dynauth import Asked, Attribute, DynamicRequest, ErrorCause
from tests.support.dac import CoaWorld, with_coa
from tests.support.world import LNS_ADDRESS, SimulatedRadius

CUI = b"\x59\x07cui-7"


@pytest.fixture(scope="module")
def world() -> CoaWorld:
    """Return a world with user1, user2 and user3 up."""
    made = CoaWorld(with_coa(), servers=(SimulatedRadius(reply=lambda _: (2, CUI)),))
    lac = made.lac()
    clients = [lac.dial(f"user{number}", "pass", method="pap") for number in (1, 2, 3)]
    made.run(3.0)
    assert all(client.address for client in clients)
    return made


def users(
    world: CoaWorld, *named: Attribute, nas: tuple[Attribute, ...] = (), local: str = "192.0.2.9", most: int = 9
) -> object:
    found = find.sessions(world.lns.core, DynamicRequest("aaa", Asked.CHANGE, nas, named, ()), local, most=most)
    return found if isinstance(found, ErrorCause) else [one.who.user for one in found]


def test_the_oldest_is_the_first(world: CoaWorld) -> None:
    assert users(world, (89, b"cui-7")) == ["user1", "user2", "user3"]
    assert users(world, (89, b"cui-7"), (1, b"user2")) == ["user2"]


def test_it_looks_at_no_more_than_it_may_find(world: CoaWorld) -> None:
    """Fifty thousand guests have one name, and a request that means them all is refused anyway."""
    assert users(world, (89, b"cui-7"), most=1) == ["user1", "user2"]
    assert users(world, (89, b"cui-7"), (1, b"user3"), most=1) == ["user3"]
    assert users(world, (89, b"cui-7"), nas=((32, b"lns2"),), most=1) is ErrorCause.NAS_IDENTIFICATION_MISMATCH


def test_what_is_no_key_must_match_all_the_same(world: CoaWorld) -> None:
    called = world.lns.core.registry.of_user("user1")[0].line.called_number.encode()
    assert users(world, (1, b"user1"), (30, called)) == ["user1"]
    assert users(world, (1, b"user1"), (30, called + b"0")) is ErrorCause.SESSION_CONTEXT_NOT_FOUND
    assert users(world, (30, called)) is ErrorCause.MISSING_ATTRIBUTE
    assert users(world, (96, bytes(8))) is ErrorCause.MISSING_ATTRIBUTE


def test_an_address_of_ours_is_configured_or_asked_or_told(world: CoaWorld) -> None:
    told = bytes(map(int, LNS_ADDRESS.split(".")))
    asked = bytes((192, 0, 2, 9))
    for value in (told, asked):
        assert users(world, (1, b"user1"), nas=((4, value),)) == ["user1"]
    assert users(world, (1, b"user1"), nas=((4, bytes(4)),)) is ErrorCause.NAS_IDENTIFICATION_MISMATCH
    assert users(world, nas=((4, asked),)) is ErrorCause.MISSING_ATTRIBUTE
    assert users(world, nas=((32, b"lns2"),)) is ErrorCause.NAS_IDENTIFICATION_MISMATCH
    assert users(world, (1, b"user1"), nas=((95, bytes(15) + b"\1"),), local="::1") == ["user1"]


@pytest.mark.parametrize("value", [b"", b"zz", b"0" * 253, b"68E00000FFFFFFFF", b"68e0000000000001", b"\xff" * 16])
def test_a_session_id_that_is_none_finds_nobody(world: CoaWorld, value: bytes) -> None:
    assert users(world, (44, value)) is ErrorCause.SESSION_CONTEXT_NOT_FOUND
