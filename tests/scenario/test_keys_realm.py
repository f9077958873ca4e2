"""The effect of each key of ``[[realm]]``, and of those of ``[[lac]]`` that choose RADIUS servers beside ``radius``."""

from __future__ import annotations

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig, UserConfig
from bras.config.radius import RadiusConfig, RadiusServerConfig, RealmConfig
from bras.radius.events import Kind
from bras.secret import Secret
from bras.subscriber.events import SubscriberUp
from tests.support.rim import Rim
from tests.support.world import RADIUS_SECRET, SimulatedRadius, config

SERVERS = tuple(
    RadiusServerConfig(f"198.18.1.{number}", Secret(RADIUS_SECRET), group or "none", group=group)
    for number, group in enumerate((None, "west", "east", "books"), 2)
)
NONE, WEST, EAST, BOOKS = range(4)
USER_NAME = 1


def rim(*realms: RealmConfig, **lac: object) -> Rim:
    group = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"), **lac)  # type: ignore[arg-type]  # keys of [[lac]]
    made = config(
        lac=(group,),
        radius=RadiusConfig(server=SERVERS),
        realm=realms,
        auth=AuthConfig(methods=("pap",)),
    )
    return Rim(made, servers=tuple(SimulatedRadius() for _ in SERVERS))


def whole(rim: Rim, user: str) -> tuple[set[int], set[int], set[bytes]]:
    """Play a session from its beginning to its end; return who was asked, who was told, and of whom."""
    lac, client = rim.up(user, method="pap")
    rim.run(2.0)
    lac.hang_up(client)
    rim.run(3.0)
    about = [one for one in rim.asked if USER_NAME in one.attributes]
    asked = {one.server for one in about if one.kind is Kind.AUTH}
    told = [one for one in about if one.kind is Kind.ACCT]
    assert sorted(one.attributes[40][-1] for one in told) == [1, 2], "Start and Stop"
    assert [fact.user for fact in rim.of(SubscriberUp)] == [user], "people see what the client gave"
    return asked, {one.server for one in told}, {one.attributes[USER_NAME] for one in about}


@pytest.mark.parametrize("group", [None, "books"])
def test_lac_radius_accounting(group: str | None) -> None:
    asked, told, _ = whole(rim(radius="west", radius_accounting=group), "joe")
    assert (asked, told) == ({WEST}, {BOOKS if group else WEST})


@pytest.mark.parametrize(
    ("user", "asked"),
    [("joe@one.example", EAST), ("joe@ONE.example", EAST), ("joe@two.example", WEST), ("joe", WEST)],
)
def test_name(user: str, asked: int) -> None:
    assert whole(rim(RealmConfig("One.Example", radius="east"), radius="west"), user)[0] == {asked}


@pytest.mark.parametrize(("user", "asked"), [("joe@any.example", EAST), ("joe@one.example", NONE), ("joe", WEST)])
def test_the_name_of_all_others(user: str, asked: int) -> None:
    """A realm of its own section is not another one; a realm's section without group leaves it to the LAC's."""
    realms = (RealmConfig("*", radius="east"), RealmConfig("one.example"))
    made = rim(*realms, radius=None if asked == NONE else "west")
    assert whole(made, user)[0] == {asked}


def test_radius() -> None:
    """Before the LAC's, for accounting too."""
    made = rim(RealmConfig("one.example", radius="east"), radius="west", radius_accounting="books")
    asked, told, _ = whole(made, "joe@one.example")
    assert (asked, told) == ({EAST}, {EAST})


def test_radius_accounting() -> None:
    made = rim(RealmConfig("one.example", radius_accounting="books"), radius="west")
    asked, told, _ = whole(made, "joe@one.example")
    assert (asked, told) == ({WEST}, {BOOKS})


@pytest.mark.parametrize(("strip", "sent"), [(True, b"joe"), (False, b"joe@One.example")])
def test_strip(strip: bool, sent: bytes) -> None:
    """In requests and records; the client's own name is what people see."""
    assert whole(rim(RealmConfig("one.example", strip=strip)), "joe@One.example")[2] == {sent}


def test_local_users_are_found_by_the_name_that_the_client_gave() -> None:
    made = rim(RealmConfig("one.example", strip=True))
    local = Config(
        lns=made.configuration.lns,
        lac=made.configuration.lac,
        pool=made.configuration.pool,
        radius=made.configuration.radius,
        realm=made.configuration.realm,
        auth=AuthConfig(methods=("pap",), source="local"),
        user=(UserConfig("joe@one.example", Secret(b"pass")),),
    )
    made = Rim(local, servers=made.servers)
    _, told, names = whole(made, "joe@one.example")
    assert (told, names) == ({NONE}, {b"joe"})


@pytest.mark.parametrize(
    ("realm", "user", "asked", "sent"),
    [
        (None, "joe", WEST, b"joe"),
        ("two.example", "joe", WEST, b"joe@two.example"),
        ("one.example", "joe", EAST, b"joe"),
        ("one.example", "joe@two.example", WEST, b"joe@two.example"),
    ],
)
def test_lac_default_realm(realm: str | None, user: str, asked: int, sent: bytes) -> None:
    made = rim(RealmConfig("one.example", radius="east", strip=True), radius="west", default_realm=realm)
    servers, _, names = whole(made, user)
    assert (servers, names) == ({asked}, {sent})
