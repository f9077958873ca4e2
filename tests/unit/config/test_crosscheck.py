"""Contradictions between sections are found, each once, each at its key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bras.config.crosscheck import crosscheck
from bras.config.findings import Findings
from bras.config.grant import Grant
from bras.config.model import (
    Config,
    DataplaneConfig,
    LacConfig,
    Listen,
    LnsConfig,
    PoolConfig,
    PppConfig,
    ProfileConfig,
    UserConfig,
)
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.secret import Secret

SECRET = Secret(b"s")
SERVER = RadiusServerConfig(address="192.0.2.5", secret=SECRET, name="r1")
SOUND = Config(
    lns=LnsConfig(listen=(Listen("192.0.2.1", 1701),)),
    lac=(LacConfig(name="any"),),
    radius=RadiusConfig(server=(SERVER,)),
)


def user(name: str, **grant: object) -> UserConfig:
    return UserConfig(name=name, password=SECRET, grant=Grant(**grant))  # type: ignore[arg-type]  # keys of a test


def pool(name: str, *ranges: tuple[int, int], next: str | None = None, vrf: int = 0) -> PoolConfig:
    return PoolConfig(name=name, ranges=ranges, next=next, vrf=vrf)


def found(config: Config) -> tuple[list[str], list[str]]:
    findings = Findings("f")
    crosscheck(config, findings)
    return tuple(
        [f"{one.key}: {one.wrong}, {one.right}" for one in kind] for kind in (findings.problems, findings.warnings)
    )


def problems(**changes: object) -> list[str]:
    wrong, doubtful = found(replace(SOUND, **changes))
    assert doubtful == []
    return wrong


def warnings(**changes: object) -> list[str]:
    wrong, doubtful = found(replace(SOUND, **changes))
    assert wrong == []
    return doubtful


def test_a_sound_configuration_is_left_in_peace():
    assert found(SOUND) == ([], [])


def test_a_wildcard_leaves_no_port_for_a_single_address():
    def listening(*listens: Listen) -> list[str]:
        return problems(lns=LnsConfig(listen=listens))

    any4, any6 = Listen("0.0.0.0", 1701), Listen("::", 1701)
    assert listening(Listen("192.0.2.1", 1701), any4) == [
        "lns.listen[0]: port 1701 of 192.0.2.1 is among those of 0.0.0.0, give one of the two"
    ]
    assert len(listening(any6, Listen("2001:db8::1", 1701))) == 1
    assert listening(any4, any6, Listen("192.0.2.1", 1702)) == []
    assert listening(Listen("192.0.2.1", 1701), Listen("192.0.2.2", 1701)) == []


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("lac", {"lac": (LacConfig(name="x", hostname="a"), LacConfig(name="x", hostname="b"))}),
        ("pool", {"pool": (pool("x", (10, 19)), pool("x", (20, 29)))}),
        ("profile", {"profile": (ProfileConfig(name="x"), ProfileConfig(name="x"))}),
        ("user", {"user": (user("x"), user("x"))}),
        (
            "radius.server",
            {
                "radius": RadiusConfig(
                    server=(replace(SERVER, name="x"), replace(SERVER, name="x", address="192.0.2.6"))
                )
            },
        ),
    ],
)
def test_names_are_unique(section, changes):
    assert problems(**changes) == [
        f'{section}[1].name: "x" is the name of {section}[0] too, give each a name of its own'
    ]


def test_stand_ins_for_missing_names_are_not_told_again():
    assert problems(pool=(pool(""), pool("")), user=(user(""), user(""))) == []


def test_caps_are_not_below_what_they_cap():
    assert problems(
        lac=(LacConfig(name="x", retransmit_initial_s=20.0, retransmit_cap_s=8.0),),
        ppp=PppConfig(restart_timer_s=5.0, restart_cap_s=4.0),
    ) == [
        "lac[0].retransmit_cap_s: 8 is below retransmit_initial_s (20), give at least as much",
        "ppp.restart_cap_s: 4 is below restart_timer_s (5), give at least as much",
    ]


def test_accounting_more_often_than_radius_allows_is_doubtful():
    said = warnings(defaults=Grant(interim_interval_s=30.0), user=(user("u", interim_interval_s=0.0),))
    assert said == [
        "defaults.interim_interval_s: 30 is below interim_min_s of [radius]: it counts as 60,"
        " give at least 60, better 600"
    ]
    assert warnings(defaults=Grant(interim_interval_s=30.0), radius=replace(SOUND.radius, interim_min_s=10.0)) == [
        "radius.interim_min_s: 10 is below what RFC 2869 section 5.16 allows, give at least 60"
    ]


def test_every_reference_must_lead_somewhere():
    assert problems(
        lac=(LacConfig(name="l", grant=Grant(pool="defualt"), radius="backp"),),
        radius=RadiusConfig(server=(SERVER, replace(SERVER, name="b", group="backup"))),
        pool=(pool("default", (10, 19), next="more"),),
        profile=(ProfileConfig(name="gold", grant=Grant(pool="x")),),
        user=(replace(user("u", pool="y"), profile="glod"),),
        defaults=Grant(pool="z"),
    ) == [
        'lac[0].pool: "defualt" is no pool, did you mean "default"?',
        'profile[0].pool: "x" is no pool, known are default',
        'user[0].pool: "y" is no pool, known are default',
        'defaults.pool: "z" is no pool, known are default',
        'pool[0].next: "more" is no pool, known are default',
        'user[0].profile: "glod" is no profile, did you mean "gold"?',
        'lac[0].radius: "backp" is no group of RADIUS servers, did you mean "backup"?',
    ]


def test_a_chain_of_pools_comes_to_an_end():
    loop = (pool("a", (1, 1), next="b"), pool("b", (2, 2), next="c"), pool("c", (3, 3), next="b"))
    assert problems(pool=loop) == ['pool[1].next: the chain comes back: b > c > b, leave "next" out of the last pool']
    assert problems(pool=(pool("a", (1, 1), next="a"),)) == [
        'pool[0].next: the chain comes back: a > a, leave "next" out of the last pool'
    ]
    assert problems(pool=(pool("a", (1, 1), next="b"), pool("c", (3, 3), next="b"), pool("b", (2, 2)))) == []


def test_no_address_is_in_two_ranges():
    assert problems(pool=(pool("a", (10, 20)), pool("b", (30, 40), (20, 29)))) == [
        "pool[1].ranges: 0.0.0.20-0.0.0.29 overlaps 0.0.0.10-0.0.0.20 of pool[0], give each address to one pool, once"
    ]
    assert problems(pool=(pool("a", (10, 11)), pool("b", (1, 100)))) == [
        "pool[1].ranges: 0.0.0.1-0.0.0.100 overlaps 0.0.0.10-0.0.0.11 of pool[0], give each address to one pool, once"
    ]
    twice = problems(pool=(pool("a", (1, 100), (5, 6), (50, 60)),))
    assert [said.partition(",")[0] for said in twice] == [
        "pool[0].ranges: 0.0.0.5-0.0.0.6 overlaps 0.0.0.1-0.0.0.100 of pool[0]",
        "pool[0].ranges: 0.0.0.50-0.0.0.60 overlaps 0.0.0.1-0.0.0.100 of pool[0]",
    ]
    assert problems(pool=(pool("a", (10, 20)), pool("b", (21, 30)), pool("c", (10, 20), vrf=7))) == []


def test_a_fixed_address_is_one_subscribers_and_not_ours():
    ours = DataplaneConfig(local_address="10.0.0.1")
    assert problems(dataplane=ours, user=(user("u", address=0x0A000001),)) == [
        "user[0].address: 10.0.0.1 is dataplane.local_address, give another address"
    ]
    assert problems(user=(user("u", address=5), user("v"), user("w", address=5))) == [
        "user[2].address: 0.0.0.5 is the address of user[0] too, give each user an address of its own"
    ]


def test_our_own_address_may_lie_in_a_pool_which_leaves_it_out():
    assert problems(dataplane=DataplaneConfig(local_address="0.0.0.15"), pool=(pool("a", (10, 20)),)) == []


def test_a_group_that_can_never_match_is_doubtful():
    narrow = LacConfig(name="narrow", address=("192.0.2.0/24", "2001:db8::/32"), hostname="lac-*")
    assert warnings(lac=(LacConfig(name="any"), narrow)) == [
        "lac[1]: lac[0] matches first whatever this one would, put the narrower group first"
    ]
    assert warnings(lac=(narrow, LacConfig(name="any"))) == []
    assert warnings(lac=(replace(LacConfig(name="v4"), address=("0.0.0.0/0",)), narrow)) == []
    assert warnings(lac=(replace(LacConfig(name="other"), hostname="x"), narrow)) == []
    assert len(warnings(lac=(narrow, replace(narrow, name="again", address=("192.0.2.128/25",))))) == 1


def test_a_group_for_other_addresses_of_ours_leaves_some_for_the_next():
    first, second = LacConfig(name="first", local=("192.0.2.1",)), LacConfig(name="second", local=("192.0.2.2",))
    lns = LnsConfig(listen=(Listen("0.0.0.0", 1701),))
    assert warnings(lns=lns, lac=(first, second)) == []
    assert warnings(lns=lns, lac=(first, LacConfig(name="rest"))) == []
    assert len(warnings(lns=lns, lac=(first, replace(first, name="again")))) == 1
    assert len(warnings(lns=lns, lac=(LacConfig(name="any"), second))) == 1


def test_a_group_can_only_have_addresses_on_which_we_listen():
    group = LacConfig(name="g", local=("192.0.2.1", "192.0.2.2", "2001:db8::1"))
    assert problems(lac=(group,)) == [
        "lac[0].local[1]: 192.0.2.2 is not among the addresses of lns.listen, give one of those, or listen on it",
        "lac[0].local[2]: 2001:db8::1 is not among the addresses of lns.listen, give one of those, or listen on it",
    ]
    assert len(problems(lac=(group,), lns=LnsConfig(listen=(Listen("0.0.0.0", 1701),)))) == 1
    assert len(problems(lac=(group,), lns=LnsConfig(listen=(Listen("::", 1701),)))) == 2
    assert problems(lac=(group,), lns=LnsConfig(listen=(Listen("0.0.0.0", 1701), Listen("::", 1701)))) == []
    assert problems(lac=(group,), lns=LnsConfig(listen=())) == [], "about a list that is wrong no more is said"


def test_nothing_can_be_hidden_without_a_secret():
    assert problems(lac=(LacConfig(name="g", hide_avps=True),)) == [
        'lac[0].hide_avps: there is no secret to hide with, give "secret", or leave it out'
    ]
    assert problems(lac=(LacConfig(name="g", hide_avps=True, secrets=(SECRET,)),)) == []
    findings = Findings("f")
    findings.wrong("lac[0].secret_file", "it cannot be read", "give another")
    crosscheck(replace(SOUND, lac=(LacConfig(name="g", hide_avps=True),)), findings)
    assert len(findings.problems) == 1, "there was to be one"


def test_without_a_group_of_lacs_nobody_gets_in():
    assert warnings(lac=()) == ["lac: there is no [[lac]]: every tunnel is refused, add a [[lac]]"]


@pytest.mark.parametrize("policy", ["accept", "renegotiate-on-mismatch"])
def test_what_a_lac_says_of_clients_needs_a_secret(policy: str) -> None:
    assert problems(lac=(LacConfig(name="any", proxy=policy),)) == [
        "lac[0].proxy: a LAC that proves nothing is not believed what it says of a client, "
        'add a secret, or give "renegotiate"'
    ]
    assert problems(lac=(LacConfig(name="any", proxy=policy, secrets=(SECRET,)),)) == []


def test_lacs_come_by_other_interfaces_than_our_own() -> None:
    dataplane = DataplaneConfig(interfaces=("eth0", "bras0"), xdp=(("bras0", "full"), ("eth0", "decap")))
    right = "give an interface by which LACs come"
    assert problems(dataplane=dataplane) == [
        f"dataplane.interfaces[1]: bras0 is dataplane.interface, which carries the subscribers, {right}",
        f"dataplane.xdp.bras0: bras0 is dataplane.interface, which carries the subscribers, {right}",
    ]


@pytest.mark.parametrize("backend", ["auto", "ebpf", "tun"])
def test_what_only_one_back_end_does_is_doubtful_with_another(backend: str) -> None:
    dataplane = DataplaneConfig(backend=backend, interfaces=("eth0",), xdp=(("eth0", "full"),))
    said = warnings(dataplane=dataplane, defaults=Grant(mark=7), user=(user("u", mark=0, priority=9),))
    needless = ["dataplane.interfaces", "dataplane.xdp", "user[0].priority", "defaults.mark"]
    words = 'it has no effect with backend = "tun", leave it out, or give backend = "auto"'
    assert said == ([f"{key}: {words}" for key in needless] if backend == "tun" else [])
