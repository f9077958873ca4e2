"""The effect of each key of ``[radius]`` and ``[[radius.server]]`` that the core knows, seen from outside."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.errors import DropReason
from bras.lns.commands import ShowRadius
from bras.radius.events import Kind, ReplyDropped, ServerAlive, ServerDead
from bras.secret import Secret
from bras.subscriber.events import Authenticated, AuthOutcome, SubscriberUp
from tests.support.rim import Asked, Rim, gaps
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
        assert 100 * (1 + jitter / 2) < max(waits) <= 100 * (1 + jitter)
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
    first, other = SimulatedRadius(silent=True), SimulatedRadius()
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
