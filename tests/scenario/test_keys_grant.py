"""The effect of each key of a profile, wherever it is given, and of each key of ``[[pool]]``, seen from outside."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig, PoolConfig, ProfileConfig, UserConfig
from bras.config.radius import RadiusConfig
from bras.forwarding.entry import Counters
from bras.lns.commands import ShowPools, ShowSession
from bras.radius.events import Kind
from bras.secret import Secret
from bras.subscriber.events import Authenticated, AuthOutcome, SubscriberEnded, TerminateCause
from bras.wire import ipv4_of
from tests.support.lacs import Client, SimulatedLac
from tests.support.rim import CONFIGURE_NAK, IPCP, Rim, gaps, option
from tests.support.world import SimulatedRadius, config

SECRETS = (Secret(b"tunsecret"),)
LAYERS = ["lac", "defaults", "profile", "user", "profile of the user"]
OWN_LAYERS = ["profile", "user", "profile of the user"]
"""Where ``address``, which no two subscribers can have, may be given."""


def given(layer: str, **keys: object) -> Config:
    """Return a configuration in which one layer grants ``keys``, and the group a pool."""
    grant = Grant(**keys)  # type: ignore[arg-type]  # keys of a profile
    group = LacConfig("any", secrets=SECRETS, grant=Grant(pool=None if "pool" in keys else "default"))
    base = config(auth=AuthConfig(methods=("pap",)), lac=(group,))
    if layer == "lac":
        pool_too = {"pool": "default", **keys}
        return replace(base, lac=(replace(group, grant=replace(grant, pool=pool_too["pool"])),))  # type: ignore[arg-type]  # a name
    if layer == "defaults":
        return replace(base, defaults=grant)
    if layer == "profile":
        return replace(base, profile=(ProfileConfig("gold", grant),))
    user = UserConfig("user1", Secret(b"pass"), profile="gold" if layer != "user" else None)
    base = replace(base, auth=AuthConfig(methods=("pap",), source="local"), radius=RadiusConfig())
    if layer == "user":
        return replace(base, user=(replace(user, grant=grant),))
    return replace(base, user=(user,), profile=(ProfileConfig("gold", grant),))


def world(configuration: Config) -> Rim:
    """Return a world whose RADIUS server names the profile gold, if there is one."""
    named = option(26, struct.pack("!I", 32473) + option(1, b"gold")) if configuration.profile else b""
    return Rim(configuration, servers=(SimulatedRadius(reply=lambda _: (2, named)),))


def bring_up(configuration: Config, *, wanted: int = 0) -> tuple[Rim, SimulatedLac, Client]:
    """Let user1 in."""
    rim = world(configuration)
    lac = rim.lac()
    client = lac.dial("user1", "pass", method="pap", wanted=wanted)
    rim.run(3.0)
    return rim, lac, client


def granted(layer: str, **keys: object) -> Rim:
    """Return the world in which user1 came up."""
    rim, _, client = bring_up(given(layer, **keys))
    assert client.address
    return rim


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(
    ("key", "default", "value"),
    [
        ("rate_up_bps", 0, 7_000_000),
        ("rate_down_bps", 0, 50_000_000),
        ("burst_up_octets", 16000, 99_999),
        ("burst_down_octets", 16000, 88_888),
        ("source_check", True, False),
        ("mark", 0, 0xFFFFFFFF),
        ("priority", 0, 0x10010),
    ],
)
def test_what_the_data_plane_is_told(layer: str, key: str, default: object, value: object) -> None:
    assert getattr(granted(layer).entry, key) == default
    entry = granted(layer, **{key: value}).entry
    assert getattr(entry, key) == value
    others = {"rate_up_bps", "rate_down_bps", "burst_up_octets", "burst_down_octets"} - {key}
    share = {"rate_down_bps": "burst_down_octets", "rate_up_bps": "burst_up_octets"}.get(key)
    for other in others - {share}:
        assert getattr(entry, other) == getattr(granted(layer).entry, other), "up and down are two things"


@pytest.mark.parametrize(("layer", "source"), [("lac", "lac"), ("user", "user"), ("profile", "profile gold")])
def test_mark_and_priority_are_shown(layer: str, source: str) -> None:
    rim = granted(layer, mark=7, priority=0x10010)
    body: Any = rim.answers[rim.ask(ShowSession("user1"))].body
    shown = body["sessions"][0]["profile"]
    assert (shown["mark"], shown["priority"]) == (
        {"value": 7, "source": source},
        {"value": 0x10010, "source": source},
    )


def test_asymmetric_rates_and_their_bursts() -> None:
    entry = granted("lac", rate_up_bps=8_000_000, rate_down_bps=80_000_000).entry
    assert (entry.rate_up_bps, entry.rate_down_bps) == (8_000_000, 80_000_000)
    assert (entry.burst_up_octets, entry.burst_down_octets) == (250_000, 2_500_000), "a quarter second"


@pytest.mark.parametrize("layer", OWN_LAYERS)
@pytest.mark.parametrize("address", ["10.64.7.7", "192.0.2.7"])
def test_address(layer: str, address: str) -> None:
    """In a pool or not."""
    number = ipv4_of(address)
    rim, lac, client = bring_up(given(layer, address=number))
    assert client.address == number
    assert rim.entry.addresses == (number,)
    assert rim.lns.core.pools.holder(0, number or 0) == 1
    lac.hang_up(client)
    rim.run(5.0)
    assert rim.lns.core.pools.holder(0, number or 0) is None


def pool(name: str, first: str, last: str, **keys: object) -> PoolConfig:
    bounds = (ipv4_of(first) or 0, ipv4_of(last) or 0)
    keys = {"hold_down_s": 0.0, **keys}
    return PoolConfig(name, (bounds,), **keys)  # type: ignore[arg-type]  # keys of [[pool]]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", ["default", "other"])
def test_pool(layer: str, name: str) -> None:
    pools = (pool("default", "10.64.0.1", "10.64.0.9"), pool("other", "10.65.0.1", "10.65.0.9"))
    _, _, client = bring_up(replace(given(layer, pool=name), pool=pools))
    assert client.address == ipv4_of("10.64.0.1" if name == "default" else "10.65.0.1")


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("seconds", [30.0, 90.0, 0.0])
def test_session_timeout_s(layer: str, seconds: float) -> None:
    rim = granted(layer, session_timeout_s=seconds)
    rim.run(120.0)
    ends = [(end.cause, round(end.duration_s, 3)) for end in rim.of(SubscriberEnded)]
    assert ends == ([(TerminateCause.SESSION_TIMEOUT, seconds)] if seconds else [])


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("seconds", [30.0, 90.0, 0.0])
def test_idle_timeout_s(layer: str, seconds: float) -> None:
    rim = granted(layer, idle_timeout_s=seconds)
    (slot,) = rim.plane.entries
    rim.run(15.0)
    rim.plane.feed(slot, Counters(up_packets4=1, up_octets4=64))
    rim.run(180.0)
    ends = [(end.cause, end.duration_s) for end in rim.of(SubscriberEnded)]
    if not seconds:
        assert not ends
        return
    ((cause, duration_s),) = ends
    assert cause is TerminateCause.IDLE_TIMEOUT
    interval_s = rim.configuration.dataplane.counter_interval_s
    assert 15.0 + seconds <= duration_s <= 20.0 + seconds + interval_s


@pytest.mark.parametrize("layer", ["lac", "defaults", "profile"])
@pytest.mark.parametrize("seconds", [60.0, 300.0, 0.0])
def test_interim_interval_s(layer: str, seconds: float) -> None:
    configuration = given(layer, interim_interval_s=seconds)
    configuration = replace(configuration, radius=replace(configuration.radius, interim_jitter=0.0))
    rim, _, _ = bring_up(configuration)
    rim.run(1000.0)
    records = [one for one in rim.requests(Kind.ACCT) if one.attributes[40][-1] == 3]
    assert len(records) == (1000 // seconds if seconds else 0)
    assert set(gaps(one.at for one in records)) == ({seconds} if seconds else set())


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("key", "codes"), [("dns", (129, 131)), ("nbns", (130, 132))])
def test_dns_and_nbns(layer: str, key: str, codes: tuple[int, int]) -> None:
    """Told by IPCP; stronger than those of [ppp]."""
    configuration = given(layer, **{key: ("192.0.2.1", "192.0.2.2")})
    section = replace(configuration.ppp, dns=("192.0.2.53",), nbns=("192.0.2.54",))
    rim = world(replace(configuration, ppp=section))
    line = rim.line()
    rim.run(0.2)
    line.agree()
    line.login()
    answer = line.addresses(*(option(code, bytes(4)) for code in codes))
    assert answer[0] == bytes((CONFIGURE_NAK,))
    assert [answer[code] for code in codes] == [bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("allowed", [True, False])
def test_accept_client_address(layer: str, allowed: bool) -> None:
    rim, _, client = bring_up(given(layer, accept_client_address=allowed), wanted=0x0A400909)
    assert client.address == (0x0A400909 if allowed else 0x0A400001)
    assert rim.entry.addresses == (client.address,)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("vrf", [0, 7])
def test_vrf(layer: str, vrf: int) -> None:
    pools = (pool("default", "10.64.0.1", "10.64.0.9", vrf=vrf),)
    rim, lac, client = bring_up(replace(given(layer, vrf=vrf), pool=pools))
    assert rim.entry.vrf == vrf
    assert rim.lns.core.pools.holder(vrf, client.address) == 1
    lac.hang_up(client)
    rim.run(5.0)
    assert rim.lns.core.pools.rows(now=rim.now)[0]["used"] == 0


# -- networks, packet sizes, how long and how much


NET = (0xC6336400, 24)
"""198.51.100.0/24."""


@pytest.mark.parametrize("layer", OWN_LAYERS)
@pytest.mark.parametrize("length", [32, 29])
def test_prefix_length(layer: str, length: int) -> None:
    """The network round the address; of one from a pool there is none."""
    entry = granted(layer, address=0xC6336409, prefix_length=length).entry
    assert entry.prefixes4 == (((0xC6336408, 29),) if length == 29 else ())
    assert granted(layer, prefix_length=length).entry.prefixes4 == ()


@pytest.mark.parametrize("layer", OWN_LAYERS)
def test_routes(layer: str) -> None:
    rim, lac, client = bring_up(given(layer, routes=(NET, (client_address(), 32))))
    assert rim.entry.prefixes4 == (NET,), "its own address is no network behind it"
    assert rim.lns.core.pools.networks.holder(0, *NET) == 1
    shown: Any = rim.answers[rim.ask(ShowSession("user1"))].body
    assert shown["sessions"][0]["profile"]["routes"]["value"] == ["198.51.100.0/24", "10.64.0.1/32"]
    lac.hang_up(client)
    rim.run(5.0)
    assert not rim.lns.core.pools.networks


def client_address() -> int:
    return 0x0A400001


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("octets", "mtu"), [(0, 1460), (1400, 1400), (1492, 1460)])
def test_framed_mtu(layer: str, octets: int, mtu: int) -> None:
    """It lowers, and never raises, what the link carries."""
    assert granted(layer, framed_mtu=octets).entry.mtu == mtu


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("idle_direction", ["both", "up", "down"])
@pytest.mark.parametrize("way", ["up", "down"])
def test_idle_direction(layer: str, idle_direction: str, way: str) -> None:
    rim = granted(layer, idle_direction=idle_direction, idle_timeout_s=60.0)
    (slot,) = rim.plane.entries
    for _ in range(10):
        if rim.plane.entries:
            rim.plane.feed(slot, Counters(**{f"{way}_packets4": 1, f"{way}_octets4": 64}))
        rim.run(15.0)
    idles = idle_direction not in ("both", way)
    assert [end.cause for end in rim.of(SubscriberEnded)] == ([TerminateCause.IDLE_TIMEOUT] if idles else [])


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("port_limit", [0, 1, 2])
def test_port_limit(layer: str, port_limit: int) -> None:
    rim, lac, _ = bring_up(given(layer, port_limit=port_limit))
    more = [lac.dial("user1", "pass", method="pap") for _ in range(2)]
    rim.run(5.0)
    allowed = [bool(one.address) for one in more]
    assert allowed.count(True) == (2 if not port_limit else port_limit - 1)
    other = lac.dial("user2", "pass", method="pap") if "user" not in layer else None
    rim.run(8.0)
    assert other is None or other.address, "of one user name"
    refused = rim.of(SubscriberEnded)
    assert [end.reason for end in refused] == ["authentication_denied_port_limit"] * allowed.count(False)
    assert all(f"no more than {port_limit} sessions" in end.text for end in refused)
    outcomes = [fact.outcome for fact in rim.of(Authenticated)]
    assert outcomes.count(AuthOutcome.DENIED_PORT_LIMIT) == allowed.count(False)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(
    ("key", "up", "down", "spent"),
    [
        ("quota_octets", 600, 400, True),
        ("quota_octets", 600, 399, False),
        ("quota_up_octets", 1000, 5000, True),
        ("quota_up_octets", 999, 5000, False),
        ("quota_down_octets", 5000, 1000, True),
        ("quota_down_octets", 5000, 999, False),
    ],
)
def test_quotas(layer: str, key: str, up: int, down: int, spent: bool) -> None:
    """Looked at each time that the counters are read; those of both families count."""
    rim = granted(layer, **{key: 1000})
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, Counters(up_octets4=up - 100, up_octets6=100, up_packets4=1, up_packets6=1))
    rim.plane.feed(slot, Counters(down_octets4=100, down_octets6=down - 100, down_packets4=1, down_packets6=1))
    rim.run(2.0 * rim.configuration.dataplane.counter_interval_s)
    ends = rim.of(SubscriberEnded)
    if not spent:
        assert not ends
        return
    (end,) = ends
    assert (end.cause, end.reason) == (TerminateCause.NAS_REQUEST, "quota_exhausted")
    assert "quota of 1000 octets" in end.text
    assert end.counters.up_octets4 + end.counters.up_octets6 == up


# -- [[pool]]


def dial(rim: Rim, lac: SimulatedLac, *users: str) -> list[int]:
    """Let users in one after the other; return their addresses."""
    clients = []
    for user in users:
        clients.append(lac.dial(user, "pass"))
        rim.run(2.0)
    return [client.address for client in clients]


def pools(*configured: PoolConfig, reply: bytes = b"") -> tuple[Rim, SimulatedLac]:
    rim = Rim(config(pool=configured), servers=(SimulatedRadius(reply=lambda _: (2, reply)),))
    return rim, rim.lac()


def numbers(*addresses: str) -> list[int | None]:
    return [ipv4_of(address) for address in addresses]


@pytest.mark.parametrize("name", ["north", "default"])
def test_pool_name(name: str) -> None:
    """Framed-Pool refers to it."""
    there = (pool("default", "10.64.0.1", "10.64.0.9"), pool("north", "10.65.0.1", "10.65.0.9"))
    rim, lac = pools(*there, reply=option(88, name.encode()))
    assert dial(rim, lac, "user1") == numbers("10.65.0.1" if name == "north" else "10.64.0.1")
    rows = rim.answers[rim.ask(ShowPools())].body
    used = {row["pool"]: row["used"] for row in rows["pools"]}  # type: ignore[index,call-overload]  # plain data
    assert used == {"default": int(name == "default"), "north": int(name == "north")}


def test_pool_ranges() -> None:
    two = PoolConfig("default", ((0x0A400005, 0x0A400006), (0x0A410001, 0x0A410001)), hold_down_s=0.0)
    rim, lac = pools(two)
    assert dial(rim, lac, "a", "b", "c", "d") == [*numbers("10.64.0.5", "10.64.0.6", "10.65.0.1"), 0]
    assert rim.of(Authenticated)[-1].outcome is AuthOutcome.NO_ADDRESS


@pytest.mark.parametrize("following", [None, "spare"])
def test_pool_next(following: str | None) -> None:
    rim, lac = pools(pool("default", "10.64.0.1", "10.64.0.1", next=following), pool("spare", "10.65.0.1", "10.65.0.1"))
    assert dial(rim, lac, "a", "b") == numbers("10.64.0.1", "10.65.0.1") if following else [*numbers("10.64.0.1"), 0]


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_pool_hold_down_s(seconds: float) -> None:
    """Others get a held address last, its user gets it back; when the time is over it is like any other."""
    rim, lac = pools(
        pool("default", "10.64.0.1", "10.64.0.1", hold_down_s=seconds, next="spare"),
        pool("spare", "10.65.0.1", "10.65.0.1"),
    )
    first = lac.dial("alice", "pass")
    rim.run(2.0)
    lac.hang_up(first)
    rim.run(5.0)
    assert dial(rim, lac, "bob") == numbers("10.65.0.1" if seconds else "10.64.0.1")
    assert dial(rim, lac, "alice") == numbers("10.64.0.1" if seconds else "10.65.0.1")


@pytest.mark.parametrize("waited_s", [20.0, 31.0])
def test_pool_hold_down_s_ends(waited_s: float) -> None:
    rim, lac = pools(
        pool("default", "10.64.0.1", "10.64.0.1", hold_down_s=30.0, next="spare"),
        pool("spare", "10.65.0.1", "10.65.0.1"),
    )
    first = lac.dial("alice", "pass")
    rim.run(2.0)
    lac.hang_up(first)
    rim.run(waited_s)
    assert dial(rim, lac, "bob") == numbers("10.65.0.1" if waited_s < 30 else "10.64.0.1")


def test_ipcp_speaks_for_the_pool() -> None:
    rim, lac = pools(pool("default", "10.64.0.7", "10.64.0.7"))
    dial(rim, lac, "a")
    nak = rim.frames(IPCP, CONFIGURE_NAK)[0]
    assert nak.options[3] == bytes((10, 64, 0, 7))
