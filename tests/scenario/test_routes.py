"""Networks behind subscribers: to whom they are routed, and what becomes of who wants another's."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bras.config.model import AuthConfig, PoolConfig
from bras.lns.inputs import CoaReceived
from bras.radius.coa_events import Origin
from bras.radius.dynauth import COA_REQUEST
from bras.subscriber.events import Authenticated, AuthOutcome, SubscriberEnded
from tests.support.crash import Mortal
from tests.support.dac import DAC, DAC_SECRET, OURS, with_coa
from tests.support.dynauth import dynamic_request
from tests.support.lacs import SimulatedLac
from tests.support.radius import attribute
from tests.support.rim import Rim, option
from tests.support.world import SimulatedRadius, config

NET = (0xC6336400, 24)


def u32(code: int, value: int) -> bytes:
    return option(code, struct.pack("!I", value))


def route(text: str) -> bytes:
    return option(22, text.encode())


ROUTE = route("198.51.100.0/24 0.0.0.0 1")


def server(**replies: bytes) -> SimulatedRadius:
    """Return a server that says of each user what is given for it."""
    return SimulatedRadius(reply=lambda attributes: (2, replies[attributes[1].decode()]))


def rim_with(radius: SimulatedRadius, **auth: object) -> tuple[Rim, SimulatedLac]:
    pool = PoolConfig("default", ((0x0A400001, 0x0A400002),), hold_down_s=0.0)
    auth_config = AuthConfig(methods=("chap",), **auth)  # type: ignore[arg-type]  # its keys
    rim = Rim(config(auth=auth_config, pool=(pool,)), servers=(radius,))
    return rim, rim.lac()


def last_outcome(rim: Rim) -> AuthOutcome:
    outcome: AuthOutcome = rim.of(Authenticated)[-1].outcome
    return outcome


@pytest.mark.parametrize(
    ("reply", "prefixes"),
    [
        (ROUTE, (NET,)),
        (ROUTE + route("203.0.113.0 255.255.255.248"), (NET, (0xCB007100, 29))),
        (u32(8, 0xC0000209) + u32(9, 0xFFFFFFF8), ((0xC0000208, 29),)),
        (u32(8, 0xC0000209) + u32(9, 0xFFFFFFFF), ()),
        (u32(8, 0xC0000209) + route("198.51.100.0/24 192.0.2.9 1"), (NET,)),
        (u32(9, 0xFFFFFF00), ()),
        (u32(8, 0xC0000209) + u32(9, 0xFFFFFFF8) + ROUTE, (NET, (0xC0000208, 29))),
    ],
)
def test_what_is_routed(reply: bytes, prefixes: tuple[tuple[int, int], ...]) -> None:
    rim, lac = rim_with(server(a=reply))
    lac.dial("a", "pass")
    rim.run(3.0)
    assert rim.entry.prefixes4 == prefixes


@pytest.mark.parametrize("address", [b"", u32(8, 0xC0000209)])
def test_a_gateway_that_is_not_the_subscriber_is_unsupported(address: bytes) -> None:
    rim, lac = rim_with(server(a=address + route("198.51.100.0/24 192.0.2.10 1")))
    lac.dial("a", "pass")
    rim.run(8.0)
    assert (last_outcome(rim), rim.of(Authenticated)[-1].text) == (AuthOutcome.UNSUPPORTED, "unsupported: Framed-Route")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ROUTE, ROUTE),
        (route("10.64.0.2/32"), b""),
        (u32(8, 0xC0000209), route("192.0.2.9/32")),
        (route("192.0.2.9/32"), u32(8, 0xC0000209)),
        (b"", route("10.255.255.1/32")),
    ],
    ids=["route-route", "route-pool", "address-route", "route-address", "ours-route"],
)
def test_another_users_network_is_refused_to_the_newer(first: bytes, second: bytes) -> None:
    rim, lac = rim_with(server(a=first, b=second))
    one = lac.dial("a", "pass")
    rim.run(3.0)
    other = lac.dial("b", "pass")
    rim.run(8.0)
    assert (bool(one.address), bool(other.address)) == (True, False)
    assert last_outcome(rim) is AuthOutcome.DENIED_ROUTE_CONFLICT
    (end,) = rim.of(SubscriberEnded)
    assert end.reason == "authentication_denied_route_conflict"
    assert "another session's" in end.text
    assert rim.lns.core.pools.holder(0, 0x0A400002) is None, "the address that it would have had is free"
    lac.hang_up(one)
    rim.run(5.0)
    if second != route("10.255.255.1/32"):
        again = lac.dial("b", "pass")
        rim.run(3.0)
        assert again.address


@pytest.mark.parametrize("first", [ROUTE, u32(8, 0xC6336408) + u32(9, 0xFFFFFF00)], ids=["route", "netmask"])
def test_who_is_told_the_mask_of_a_network_that_another_has_gets_its_address_alone(first: bytes) -> None:
    """Many servers tell everybody the mask of the pool."""
    rim, lac = rim_with(server(a=first, b=u32(8, 0xC6336409) + u32(9, 0xFFFFFF00)))
    clients = [lac.dial(user, "pass") for user in "ab"]
    rim.run(3.0)
    assert all(client.address for client in clients)
    assert [entry.prefixes4 for entry in rim.plane.entries.values()] == [(NET,), ()]  # type: ignore[union-attr]  # Routes


def test_a_network_within_anothers_is_no_conflict() -> None:
    rim, lac = rim_with(server(a=ROUTE, b=route("198.51.100.128/25")))
    clients = [lac.dial(user, "pass") for user in "ab"]
    rim.run(3.0)
    assert all(client.address for client in clients)


@pytest.mark.parametrize(("policy", "comes_in"), [("replace", True), ("deny", False)])
def test_a_user_who_comes_back_has_its_own_networks_again(policy: str, comes_in: bool) -> None:
    rim, lac = rim_with(server(a=ROUTE), address_conflict=policy)
    lac.dial("a", "pass")
    rim.run(3.0)
    again = lac.dial("a", "pass")
    rim.run(8.0)
    assert bool(again.address) is comes_in
    reasons = [end.reason for end in rim.of(SubscriberEnded)]
    assert reasons == (["address_given_to_new_session"] if comes_in else ["authentication_denied_address_conflict"])
    assert rim.lns.core.pools.networks.holder(0, *NET) == (2 if comes_in else 1)


def test_networks_outlive_the_process(tmp_path: Path) -> None:
    world = Mortal(tmp_path, config(auth=AuthConfig(methods=("chap",))), radius=server(a=ROUTE, b=ROUTE))
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("a", "pass")
    world.run(3.0)
    before = [entry.prefixes4 for entry in world.plane.entries.values()]
    world.kill("unheard")
    world.run(3.0)
    assert [entry.prefixes4 for entry in world.plane.entries.values()] == before == [(NET,)]
    assert world.lns.core.pools.networks.holder(0, *NET) == 1
    other = lac.dial("b", "pass")
    world.run(8.0)
    assert not other.address


def networks_of(record: dict[int, bytes]) -> tuple[bytes | None, bytes | None]:
    return record.get(9), record.get(22)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (b"", (None, None)),
        (ROUTE, (None, b"198.51.100.0/24 0.0.0.0 1")),
        (route("198.51.100.0 255.255.255.0"), (None, b"198.51.100.0/24 0.0.0.0 1")),
        (u32(8, 0xC0000209) + u32(9, 0xFFFFFFF8), (b"\xff\xff\xff\xf8", None)),
        (u32(8, 0xC0000209) + u32(9, 0xFFFFFFFF), (None, None)),
        (u32(9, 0xFFFFFF00), (None, None)),
    ],
)
def test_the_records_say_which_networks_are_behind_it(reply: bytes, told: tuple[bytes | None, bytes | None]) -> None:
    radius = server(user1=reply)
    rim, lac = rim_with(radius)
    client = lac.dial("user1", "pass")
    rim.run(3.0)
    lac.hang_up(client)
    rim.run(3.0)
    assert [networks_of(one) for one in radius.accounting if 1 in one] == [told] * 2


def test_after_a_change_those_that_hold_then() -> None:
    made = with_coa(config())
    rim = Rim(made, servers=(server(user1=ROUTE),))
    lac = rim.lac()
    client = lac.dial("user1", "pass")
    rim.run(3.0)
    request = attribute(1, b"user1") + route("203.0.113.0/29 0.0.0.0 1")
    data = dynamic_request(COA_REQUEST, request, identifier=1, secret=DAC_SECRET)
    rim.give(CoaReceived(Origin(0, OURS, DAC, 40000), data))
    rim.run(1.0)
    lac.hang_up(client)
    rim.run(3.0)
    told = [networks_of(one) for one in rim.radius.accounting if 1 in one]
    assert told == [(None, b"198.51.100.0/24 0.0.0.0 1"), (None, b"203.0.113.0/29 0.0.0.0 1")]
