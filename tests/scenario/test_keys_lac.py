"""The effect of each key of ``[[lac]]``, seen from outside; the keys of a profile are in test_keys_grant.py."""

from __future__ import annotations

import struct
from dataclasses import replace
from hashlib import md5

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig, LnsConfig, PppConfig
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.errors import DropReason
from bras.l2tp.events import By, Cause, Dropped, TunnelDown, TunnelRefused, TunnelUp
from bras.lns.commands import ShowGroups
from bras.radius.events import Kind
from bras.secret import Secret
from bras.subscriber.events import SubscriberEnded, SubscriberUp
from tests.support.lacs import SimulatedLac
from tests.support.rim import (
    AUTHENTICATION,
    CDN,
    CONFIGURE_REQUEST,
    HELLO,
    ICRP,
    LCP,
    MRU,
    SCCRP,
    STOPCCN,
    Rim,
    gaps,
)
from tests.support.world import LNS_ADDRESS, OTHER_LNS_ADDRESS, RADIUS_SECRET, SimulatedRadius, config

SECRET = (Secret(b"tunsecret"),)
POLICY = Grant(pool="default")


def group(name: str = "any", **keys: object) -> LacConfig:
    keys = {"secrets": SECRET, "grant": POLICY, **keys}
    return LacConfig(name=name, **keys)  # type: ignore[arg-type]  # keys of [[lac]]


def taken(*groups: LacConfig, address: str = "198.18.0.2", hostname: str = "lac1") -> str | None:
    """Return the name of the group in which a LAC found itself; ``None`` when it was refused."""
    rim = Rim(config(lac=groups))
    lac = rim.lac(address=address, hostname=hostname)
    rim.run(2.0)
    if lac.refused:
        (refusal,) = rim.of(TunnelRefused)
        assert refusal.group == ""
        assert rim.controls(STOPCCN)[0].result == (4, 0), "not authorized"
        return None
    (up,) = rim.of(TunnelUp)
    return str(up.group)


def test_name() -> None:
    rim = Rim(config(lac=(group("north"),)))
    rim.up()
    assert [up.group for up in rim.of(SubscriberUp)] == ["north"]
    body = rim.answers[rim.ask(ShowGroups())].body
    assert body["groups"][0]["lac"] == "north"  # type: ignore[index,call-overload]  # plain data


@pytest.mark.parametrize(
    ("prefixes", "address", "welcome"),
    [
        (("198.18.0.0/24",), "198.18.0.2", True),
        (("198.18.0.0/24",), "198.18.1.2", False),
        (("192.0.2.0/24", "198.18.1.2/32"), "198.18.1.2", True),
        (("192.0.2.0/24", "198.18.1.2/32"), "198.18.1.3", False),
        (("::/0",), "198.18.0.2", False),
    ],
)
def test_address(prefixes: tuple[str, ...], address: str, welcome: bool) -> None:
    assert (taken(group(address=prefixes), address=address) == "any") is welcome


@pytest.mark.parametrize(
    ("pattern", "hostname", "welcome"),
    [
        ("*", "anything", True),
        ("isp-*", "isp-1", True),
        ("isp-*", "other-1", False),
        ("lac[0-4]?", "lac47", True),
        ("lac[0-4]?", "lac57", False),
        ("lac", "lac1", False),
    ],
)
def test_hostname(pattern: str, hostname: str, welcome: bool) -> None:
    assert (taken(group(hostname=pattern), hostname=hostname) == "any") is welcome


def test_local() -> None:
    """Two groups of the same LACs, told apart by which address of ours they call."""
    groups = (group("one", local=(LNS_ADDRESS,)), group("other", local=("198.18.0.253", OTHER_LNS_ADDRESS)))
    rim = Rim(config(lac=groups))
    for number, address in enumerate((LNS_ADDRESS, OTHER_LNS_ADDRESS)):
        lac = SimulatedLac(rim, address=f"198.18.0.{2 + number}", lns=address)
        lac.open()
        lac.dial(f"user{number}", "pass")
    rim.run(5.0)
    assert [(up.group, up.path.local) for up in rim.of(TunnelUp)] == [
        ("one", LNS_ADDRESS),
        ("other", OTHER_LNS_ADDRESS),
    ]
    assert [up.group for up in rim.of(SubscriberUp)] == ["one", "other"], "and data goes back the same way"


def test_local_without_a_group() -> None:
    rim = Rim(config(lac=(group(local=(OTHER_LNS_ADDRESS,)),)))
    assert SimulatedLac(rim).open()
    rim.run(2.0)
    assert rim.controls(STOPCCN)[0].result == (4, 0)
    assert not rim.of(TunnelUp)


@pytest.mark.parametrize(("own", "seen"), [("lns.paris.example", b"lns.paris.example"), (None, b"lns1")])
def test_local_hostname(own: str | None, seen: bytes) -> None:
    rim = Rim(config(lac=(group("paris", address=("198.18.0.2/32",), local_hostname=own), group("rest"))))
    rim.lac()
    rim.lac(address="198.18.0.3")
    rim.run(2.0)
    assert rim.controls(SCCRP, "198.18.0.2")[0].avps[7] == seen
    assert rim.controls(SCCRP, "198.18.0.3")[0].avps[7] == b"lns1"


def test_the_first_group_that_matches_is_taken() -> None:
    wide, narrow = group("wide"), group("narrow", address=("198.18.0.2/32",), hostname="lac1")
    assert taken(wide, narrow) == "wide"
    assert taken(narrow, wide) == "narrow"
    assert taken(narrow, wide, hostname="lac2") == "wide"
    assert taken(narrow, wide, address="198.18.0.3") == "wide"


@pytest.mark.parametrize(("secret", "welcome"), [(b"new", True), (b"old", False), (b"older", False)])
def test_secrets(secret: bytes, welcome: bool) -> None:
    """A LAC that asks us for proof, as ours does, knows the secret that is sent: the first."""
    rim = Rim(config(lac=(group(secrets=(Secret(b"new"), Secret(b"old"))),)))
    lac = rim.lac(secret=secret)
    rim.run(2.0)
    assert bool(rim.of(TunnelUp)) is welcome
    assert bool(lac.refused) is not welcome


@pytest.mark.parametrize(("secret", "welcome"), [(b"new", True), (b"old", True), (b"older", False)])
def test_secrets_any_is_accepted(secret: bytes, welcome: bool) -> None:
    """A LAC that asks for no proof may know either one: secrets are replaced without a flag day."""
    rim = Rim(config(lac=(group(secrets=(Secret(b"new"), Secret(b"old"))),)))
    path = (LNS_ADDRESS, 1701, "198.18.0.2", 1701)
    ask = _message(1, 0, 0, 0, _avp(2, b"\1\0"), _avp(3, bytes(4)), _avp(7, b"lac1"), _avp(9, b"\0\x2a"))
    rim.send(path[2], path[3], path[0], path[1], ask)
    rim.run(1.0)
    reply = rim.controls(SCCRP)[0]
    proof = md5(b"\3" + secret + reply.avps[11]).digest()
    ours = int.from_bytes(reply.avps[9], "big")
    rim.send(path[2], path[3], path[0], path[1], _message(3, ours, 1, 1, _avp(13, proof)))
    rim.run(1.0)
    assert bool(rim.of(TunnelUp)) is welcome
    assert bool(rim.controls(STOPCCN)) is not welcome


def _avp(kind: int, value: bytes) -> bytes:
    return struct.pack("!HHH", 0x8000 | 6 + len(value), 0, kind) + value


def _message(kind: int, tunnel_id: int, ns: int, nr: int, *avps: bytes) -> bytes:
    body = _avp(0, kind.to_bytes(2, "big")) + b"".join(avps)
    return struct.pack("!HHHHHH", 0xC802, 12 + len(body), tunnel_id, 0, ns, nr) + body


@pytest.mark.parametrize("hide", [True, False])
def test_hide_avps(hide: bool) -> None:
    """Of two groups one hides what it sends; who does not understand that would not come up."""
    rim = Rim(config(lac=(group("shy", address=("198.18.0.2/32",), hide_avps=hide), group("open"))))
    for address in ("198.18.0.2", "198.18.0.3"):
        lac = rim.lac(address=address)
        lac.dial("user", "pass")
    rim.run(5.0)
    assert len(rim.of(SubscriberUp)) == 2
    for kind, attribute in ((SCCRP, 9), (ICRP, 14)):
        shy, plain = (rim.controls(kind, address)[0].avps for address in ("198.18.0.2", "198.18.0.3"))
        assert (36 in shy, 36 in plain) == (hide, False), "Random Vector"
        assert (len(shy[attribute]), len(plain[attribute])) == (16 if hide else 2, 2)
        assert shy[0] == plain[0], "Message Type must not be hidden"


@pytest.mark.parametrize("secrets", [(), SECRET])
def test_secrets_none_means_no_authentication(secrets: tuple[Secret, ...]) -> None:
    rim = Rim(config(lac=(group(secrets=secrets),)))
    rim.lac(secret=b"")
    rim.run(2.0)
    assert bool(rim.of(TunnelUp)) is not secrets
    assert (11 in rim.controls(SCCRP)[0].avps) is bool(secrets), "Challenge AVP"


@pytest.mark.parametrize(
    ("own", "first"),
    [((), b"\xc2\x23\x05"), (("pap",), b"\xc0\x23"), (("mschapv2", "pap"), b"\xc2\x23\x81")],
)
def test_methods(own: tuple[str, ...], first: bytes) -> None:
    rim = Rim(config(lac=(group(methods=own),), auth=AuthConfig(methods=("chap",))))
    rim.line()
    rim.run(1.0)
    assert rim.frames(LCP, CONFIGURE_REQUEST)[0].options[AUTHENTICATION] == first


@pytest.mark.parametrize("named", [None, "west"])
def test_radius(named: str | None) -> None:
    servers = (
        RadiusServerConfig("198.18.1.2", Secret(RADIUS_SECRET), "one"),
        RadiusServerConfig("198.18.1.3", Secret(b"other"), "two", group="west"),
    )
    rim = Rim(
        config(lac=(group(radius=named),), radius=RadiusConfig(server=servers)),
        servers=(SimulatedRadius(), SimulatedRadius(secret=b"other")),
    )
    lac, client = rim.up()
    lac.hang_up(client)
    rim.run(2.0)
    asked = 1 if named else 0
    assert {one.server for one in rim.requests(Kind.AUTH)} == {asked}
    assert rim.servers[asked].statuses(b"user1") == [1, 2]
    assert rim.servers[1 - asked].statuses(b"user1") == []


@pytest.mark.parametrize("most", [1, 2, 0])
def test_max_tunnels(most: int) -> None:
    rim = Rim(config(lac=(group("small", address=("198.18.0.0/24",), max_tunnels=most), group("other"))))
    lacs = [rim.lac(address=f"198.18.0.{number}", hostname=f"lac{number}") for number in range(2, 6)]
    others = [rim.lac(address=f"198.18.1.{number}", hostname=f"lac{number}") for number in range(2, 6)]
    rim.run(2.0)
    assert sum(1 for lac in lacs if not lac.refused) == (most or 4)
    assert not any(lac.refused for lac in others), "it is no business of the other group"
    assert {one.result for one in rim.controls(STOPCCN)} == ({(2, 4)} if most else set())


@pytest.mark.parametrize("most", [1, 2, 0])
def test_max_tunnels_per_lac(most: int) -> None:
    """One LAC is one address, whatever its port or Host Name."""
    rim = Rim(config(lac=(group("small", address=("198.18.0.0/24",), max_tunnels_per_lac=most), group("other"))))
    lacs = [
        rim.lac(address=address, port=1701 + number, hostname=f"lac{number}")
        for address in ("198.18.0.2", "198.18.0.3", "198.18.1.2")
        for number in range(3)
    ]
    rim.run(2.0)
    ups = [up.path.remote for up in rim.of(TunnelUp)]
    assert [ups.count(address) for address in ("198.18.0.2", "198.18.0.3", "198.18.1.2")] == [most or 3, most or 3, 3]
    assert {refusal.cause.text for refusal in rim.of(TunnelRefused)} == (
        {"tunnel limit of this LAC reached"} if most else set()
    )
    if most:
        assert {one.result for one in rim.controls(STOPCCN)} == {(2, 4)}
        lacs[0].endpoint.close_tunnel(lacs[0].tunnel_id, Cause(By.LOCAL, 1, 0, ""), now=rim.now)
        lacs[0].take(lacs[0].endpoint.handle_timeout(now=rim.now + 1.0), rim.now)
        rim.run(2.0)
        lacs[2].refused.clear()
        lacs[2].open()
        rim.run(2.0)
        assert not lacs[2].refused, "one has gone"


@pytest.mark.parametrize("one", [True, False])
def test_one_session_per_host(one: bool) -> None:
    """The new one is refused; the old one stays."""
    rim = Rim(config(lac=(group("homes", one_session_per_host=one),)))
    lac, first = rim.up()
    second = lac.dial("user2", "pass")
    another = rim.lac(port=1702, hostname="lac2")
    third = another.dial("user3", "pass")
    elsewhere = rim.lac(address="198.18.0.3", hostname="lac3")
    fourth = elsewhere.dial("user4", "pass")
    rim.run(5.0)
    assert [bool(client.address) for client in (first, second, third, fourth)] == [True, not one, not one, True]
    assert {cdn.result for cdn in rim.controls(CDN)} == ({(4, 0)} if one else set())
    lac.hang_up(first)
    rim.run(5.0)
    another.dial("user5", "pass")
    rim.run(5.0)
    assert rim.of(SubscriberUp)[-1].user == "user5", "it has gone"


@pytest.mark.parametrize(("mtu", "told"), [(1400, 1360), (None, 1453), (1500, 1460)])
def test_mtu(mtu: int | None, told: int) -> None:
    """What is configured counts, else what was measured; other groups do as they did."""
    groups = (group("tunnelled", address=("198.18.0.2/32",), mtu=mtu), group("other"))
    rim = Rim(config(lac=groups, ppp=PppConfig(mru="auto")), path_mtu=1493)
    for number, address in enumerate(("198.18.0.2", "198.18.0.3")):
        lac = rim.lac(address=address)
        rim.run(1.0)
        lac.dial(f"user{number}", "pass", mru=1500)
        rim.run(3.0)
    first, *_, last = rim.frames(LCP, CONFIGURE_REQUEST)
    assert [int.from_bytes(one.options[MRU], "big") for one in (first, last)] == [told, 1453]
    assert [entry.mtu for entry in rim.plane.entries.values()] == [told, 1453]


@pytest.mark.parametrize("most", [1, 2, 0])
def test_max_sessions(most: int) -> None:
    rim = Rim(config(lac=(group("small", address=("198.18.0.0/24",), max_sessions=most), group("other"))))
    lacs = [rim.lac(), rim.lac(address="198.18.0.3", hostname="lac2"), rim.lac(address="198.18.1.2", hostname="lac3")]
    for number in range(12):
        lacs[number % 3].dial(f"user{number}", "pass")
    rim.run(5.0)
    ups = [up.group for up in rim.of(SubscriberUp)]
    assert (ups.count("small"), ups.count("other")) == (most or 8, 4)
    assert {one.result for one in rim.controls(CDN)} == ({(4, 0)} if most else set())


@pytest.mark.parametrize("seconds", [20.0, 60.0, 0.0])
def test_hello_interval_s(seconds: float) -> None:
    lns = LnsConfig(listen=(), hostname="lns1", idle_tunnel_s=0.0)
    rim = Rim(config(lns=lns, lac=(group(hello_interval_s=seconds),)))
    lac = SimulatedLac(rim)
    lac.group = replace(lac.group, hello_interval_s=0.0)
    lac.open()
    rim.run(500.0)
    hellos = rim.controls(HELLO)
    if seconds:
        assert gaps(one.at for one in hellos[1:]) == [seconds + 0.01] * (len(hellos) - 2), "and its answer's way"
        assert len(hellos) == 500 // (seconds + 0.01)
    else:
        assert not hellos
    assert not rim.of(TunnelDown)


@pytest.mark.parametrize("window", [1, 4, 16])
def test_receive_window(window: int) -> None:
    rim = Rim(config(lac=(group(secrets=(), receive_window=window),)))
    rim.lac(secret=b"")
    rim.run(1.0)
    reply = rim.controls(SCCRP)[0]
    assert int.from_bytes(reply.avps[10], "big") == window
    ours = int.from_bytes(reply.avps[9], "big")
    for ahead in range(1, 20):  # HELLOs with the Ns after the next one, and so on
        rim.send("198.18.0.2", 1701, LNS_ADDRESS, 1701, _message(6, ours, 2 + ahead, 1))
    rim.run(1.0)
    dropped = [fact for fact in rim.of(Dropped) if fact.reason is DropReason.OUTSIDE_WINDOW]
    assert len(dropped) == 19 - (window - 1)


@pytest.mark.parametrize(
    ("keys", "waits"),
    [
        ({}, [1.0, 2.0, 4.0, 8.0, 8.0]),
        ({"retransmit_initial_s": 0.5}, [0.5, 1.0, 2.0, 4.0, 8.0]),
        ({"retransmit_initial_s": 3.0}, [3.0, 6.0, 8.0, 8.0, 8.0]),
        ({"retransmit_cap_s": 20.0}, [1.0, 2.0, 4.0, 8.0, 16.0]),
        ({"max_retransmissions": 2}, [1.0, 2.0]),
        ({"max_retransmissions": 7, "retransmit_cap_s": 10.0}, [1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]),
    ],
)
def test_retransmission(keys: dict[str, float], waits: list[float]) -> None:
    rim = Rim(config(lac=(group(hello_interval_s=30.0, **keys),)))
    lac, _ = rim.up()
    rim.vanish(lac)
    rim.run(300.0)
    hellos = [one.at for one in rim.controls(HELLO)]
    assert gaps(hellos) == waits
    (down,) = rim.of(TunnelDown)
    (end,) = rim.of(SubscriberEnded)
    assert (down.cause.text, end.reason) == ("no answer to Hello", "tunnel_lost")


def test_a_lacs_wrong_secret_costs_nobody_else_anything() -> None:
    rim = Rim(config(lac=(group(),)))
    rim.up()
    wrong = SimulatedLac(rim, address="198.18.0.9", hostname="lac9", secret=b"wrong")
    wrong.open()
    rim.run(5.0)
    assert wrong.refused
    assert not rim.of(SubscriberEnded)
