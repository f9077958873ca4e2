"""Contradictions between servers, groups, realms and LAC groups are found, each once, each at its key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bras.config.model import AuthConfig, LacConfig
from bras.config.radius import RadiusConfig, RadiusGroupConfig, RadiusServerConfig, RealmConfig
from tests.unit.config.test_crosscheck import SERVER, SOUND, problems, user, warnings


def test_a_radius_server_is_good_for_something():
    def serving(*servers: RadiusServerConfig) -> list[str]:
        return problems(radius=RadiusConfig(server=servers))

    useless = replace(SERVER, name="r2", address="192.0.2.6", auth_port=0, acct_port=0)
    assert serving(SERVER, useless) == [
        "radius.server[1].auth_port: it is 0 and acct_port is 0 too, give at least one of the two ports"
    ]
    assert serving(SERVER, replace(SERVER, name="r2", acct_port=0)) == [
        "radius.server[1].address: 192.0.2.5 port 1812 is used by radius.server[0] too, "
        "give each server once in a group"
    ]
    assert serving(replace(SERVER, source="2001:db8::1")) == [
        "radius.server[0].source: 2001:db8::1 and 192.0.2.5 are not of one family, give an IPv4 address"
    ]
    assert serving(replace(SERVER, address="2001:db8::5", source="192.0.2.1"))[0].endswith("give an IPv6 address")
    assert serving(replace(SERVER, acct_port=0), replace(SERVER, name="r2", auth_port=0)) == []
    assert serving(SERVER, replace(SERVER, name="r2", group="g")) == []


def test_somebody_decides_on_every_subscriber():
    none = RadiusConfig()
    two = (LacConfig(name="a", hostname="a"), LacConfig(name="b", hostname="b"))
    no_server = 'radius: no [[radius.server]] without group authenticates, add one, or give auth.source = "local"'
    assert problems(radius=none) == [no_server]
    assert problems(radius=none, lac=two) == [no_server]
    assert problems(radius=none, auth=AuthConfig(source="radius-then-local"), user=(user("u"),)) == [no_server]
    assert problems(radius=none, auth=AuthConfig(source="local"), user=(user("u"),)) == []
    assert problems(auth=AuthConfig(source="local")) == [
        'auth.source: it is "local" and there is no [[user]], add a [[user]]'
    ]
    assert warnings(auth=AuthConfig(source="radius-then-local")) == [
        'auth.source: there is no [[user]] to fall back on, add a [[user]], or give "radius"'
    ]


def test_each_group_of_lacs_has_a_server_that_authenticates():
    only_accounting = replace(SERVER, name="acct", address="192.0.2.6", group="g", auth_port=0)
    lacs = (replace(SOUND.lac[0], hostname="a"), LacConfig(name="b", radius="g"))
    assert problems(lac=lacs, radius=RadiusConfig(server=(SERVER, only_accounting))) == [
        'lac[1].radius: no [[radius.server]] of this group authenticates, add one, or give auth.source = "local"'
    ]
    assert problems(radius=RadiusConfig(server=(replace(SERVER, group="g"),))) == [
        'lac[0].radius: no [[radius.server]] without group authenticates, add one, or give auth.source = "local"'
    ]


def test_a_lac_needs_no_group_where_every_user_has_a_realm_with_one():
    servers = RadiusConfig(server=(replace(SERVER, group="g"),))
    realms = (RealmConfig("*", radius="g"), RealmConfig("x.example", radius="g"))
    lac = (LacConfig("l", default_realm="x.example", methods=("chap",)),)
    assert problems(radius=servers, realm=realms, lac=lac) == []
    assert problems(radius=servers, realm=realms[1:], lac=lac) != []
    assert problems(radius=servers, realm=realms) != [], "of users without a realm"
    assert problems(radius=servers, realm=(*realms, RealmConfig("y.example")), lac=lac) != []


def test_groups_that_are_named_are_there_and_good_for_it():
    only_auth = replace(SERVER, name="auth", address="192.0.2.6", group="auth", acct_port=0)
    only_acct = replace(SERVER, name="acct", address="192.0.2.7", group="acct", auth_port=0)
    servers = RadiusConfig(server=(SERVER, only_auth, only_acct))
    lac = replace(SOUND.lac[0], radius="auth", radius_accounting="acct")
    assert problems(radius=servers, lac=(lac,), realm=(RealmConfig("x", "auth", "acct"),)) == []
    assert problems(radius=servers, lac=(replace(lac, radius_accounting="auth"),)) == [
        "lac[0].radius_accounting: no [[radius.server]] of this group takes accounting records, "
        "add one, or leave it out"
    ]
    assert problems(radius=servers, realm=(RealmConfig("x", "acct", "act"),)) == [
        'realm[0].radius_accounting: "act" is no group of RADIUS servers, did you mean "acct"?',
        'realm[0].radius: no [[radius.server]] of this group authenticates, add one, or give auth.source = "local"',
    ]


def test_a_realm_has_one_section():
    assert problems(realm=(RealmConfig("x.example"), RealmConfig("X.Example"))) == [
        'realm[1].name: "x.example" is the name of realm[0] too, give each a name of its own'
    ]


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ((RadiusGroupConfig(), RadiusGroupConfig("g")), []),
        (
            (RadiusGroupConfig("g"), RadiusGroupConfig("g", "weighted")),
            ['radius.group[1].name: the servers of "g" are told of in radius.group[0] too, give each group once'],
        ),
        (
            (RadiusGroupConfig("h"),),
            ["radius.group[0].name: there is no [[radius.server]] of this group, add one, or leave the group out"],
        ),
    ],
)
def test_a_group_has_one_section_and_servers(groups: tuple[RadiusGroupConfig, ...], said: list[str]):
    servers = (SERVER, replace(SERVER, name="g", group="g"))
    assert problems(radius=RadiusConfig(server=servers, group=groups)) == said


def test_servers_can_have_their_say_in_time():
    assert problems(radius=RadiusConfig(server=(replace(SERVER, timeout_s=5.0, timeout_cap_s=4.0),))) == [
        "radius.server[0].timeout_cap_s: 4 is below timeout_s (5), give at least as much, or 0"
    ]
    assert problems(radius=RadiusConfig(server=(replace(SERVER, timeout_s=5.0, timeout_cap_s=0.0),))) == []
    assert warnings(radius=RadiusConfig(server=(replace(SERVER, timeout_s=5.0),), patience_s=3.0)) == [
        "radius.server[0].timeout_s: 5 is above radius.patience_s (3), give less, or more patience"
    ]


def test_a_name_that_clients_prove_is_not_made_another_one():
    chap, ms_chap = AuthConfig(methods=("chap", "pap")), AuthConfig(methods=("chap", "mschapv2"))
    realm = (RealmConfig("isp.example", strip=True),)
    added = (LacConfig("any", default_realm="isp.example"), LacConfig("old", hostname="x", methods=("chap",)))

    def doubts(**changes: object) -> list[str]:
        return [one.partition(":")[0] for one in warnings(**changes) if "MS-CHAPv2" in one]

    assert doubts(auth=ms_chap, realm=realm) == ["realm[0].strip"]
    assert doubts(auth=ms_chap, realm=(RealmConfig("isp.example"),)) == []
    assert doubts(auth=chap, realm=realm) == []
    assert doubts(auth=ms_chap, lac=added) == ["lac[0].default_realm"]
    assert doubts(auth=ms_chap, lac=added, realm=realm) == ["realm[0].strip"], "added, and taken away again"
    assert doubts(auth=chap, lac=added) == []
    assert doubts(auth=replace(ms_chap, source="local"), realm=realm, user=(user("u"),)) == []
