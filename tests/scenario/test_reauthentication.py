"""Termination-Action: when its time is over, a client proves itself again and gets what is granted then."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig, UserConfig
from bras.forwarding.entry import Counters
from bras.lns.commands import ShowSession
from bras.radius.events import Kind
from bras.secret import Secret
from bras.subscriber.events import Authenticated, AuthOutcome, SubscriberEnded, TerminateCause
from tests.support.crash import Mortal
from tests.support.lacs import Client, SimulatedLac
from tests.support.rim import CHAP, CONFIGURE_REQUEST, LCP, Rim, option
from tests.support.world import SimulatedRadius, config

METHODS = ["pap", "chap", "mschapv1"]
CHALLENGE = 1


def u32(code: int, value: int) -> bytes:
    return option(code, struct.pack("!I", value))


def rates(up: int, down: int) -> bytes:
    pair = (option(7, struct.pack("!I", up)), option(8, struct.pack("!I", down)))
    return b"".join(option(26, struct.pack("!I", 14122) + one) for one in pair)


def grant(seconds: int, *more: bytes, state: bytes = b"state-1") -> bytes:
    """Return an Accept's attributes: Session-Timeout, Termination-Action, State, and more."""
    return u32(27, seconds) + u32(29, 1) + (option(24, state) if state else b"") + b"".join(more)


def up(method: str, reply: bytes, **sections: object) -> tuple[Rim, Client, SimulatedRadius]:
    server = SimulatedRadius(reply=lambda _: (2, reply))
    rim = Rim(config(auth=AuthConfig(methods=(method,)), **sections), servers=(server,))
    _, client = rim.up(method=method)
    return rim, client, server


def timeout_left(rim: Rim) -> float:
    body: Any = rim.answers[rim.ask(ShowSession("user1"))].body
    left: float = body["sessions"][0]["session_timeout_left_s"]
    return left


@pytest.mark.parametrize("method", METHODS)
def test_the_new_accept_replaces_what_was_granted_and_the_counters_go_on(method: str) -> None:
    rim, client, server = up(method, grant(100, rates(1000, 9000), option(25, b"one")))
    address, (slot,) = client.address, rim.plane.entries
    rim.plane.feed(slot, Counters(up_octets4=500, up_packets4=5))
    server.reply = lambda _: (2, grant(300, rates(2000, 8000), option(25, b"two"), u32(85, 60), state=b"state-2"))
    rim.run(110.0)
    first, second = rim.requests(Kind.AUTH)
    assert 24 not in first.attributes
    assert second.attributes[24] == b"state-1", "the State of the Accept, as it was"
    assert second.attributes[44] == first.attributes[44]
    assert not rim.of(SubscriberEnded)
    assert (client.address, rim.entry.addresses) == (address, (address,))
    assert (rim.entry.rate_up_bps, rim.entry.rate_down_bps) == (2000, 8000)
    assert 280.0 < timeout_left(rim) <= 300.0
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, Counters(up_octets4=70, up_packets4=1))
    server.reply = lambda _: (3, b"")
    rim.run(320.0)
    assert rim.requests(Kind.AUTH)[2].attributes[24] == b"state-2"
    (end,) = rim.of(SubscriberEnded)
    assert end.counters.up_octets4 == 570
    assert end.duration_s > 390.0
    assert server.statuses(b"user1")[0] == 1
    assert set(server.statuses(b"user1")[1:-1]) == {3}, "the interim interval of the second Accept"
    assert server.statuses(b"user1")[-1] == 2
    classes = [one[25] for one in server.accounting if 1 in one]
    assert classes == [b"one"] + [b"two"] * (len(classes) - 1)


@pytest.mark.parametrize("layer", ["lac", "defaults", "radius"])
@pytest.mark.parametrize("method", METHODS)
def test_at_session_timeout(method: str, layer: str) -> None:
    sections: dict[str, object] = {}
    granted = Grant(session_timeout_s=50.0, at_session_timeout="reauthenticate")
    if layer == "lac":
        lac = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=replace(granted, pool="default"))
        sections["lac"] = (lac,)
    elif layer == "defaults":
        sections["defaults"] = granted
    rim, client, _ = up(method, grant(50) if layer == "radius" else b"", **sections)
    rim.run(225.0)
    assert client.address
    assert not rim.of(SubscriberEnded)
    assert len(rim.requests(Kind.AUTH)) == 5
    if method == "pap":
        assert len(rim.frames(LCP, CONFIGURE_REQUEST)) >= 5, "LCP begins anew"
    else:
        assert len(rim.frames(LCP, CONFIGURE_REQUEST)) == 1
        assert len(rim.frames(CHAP, CHALLENGE)) == 5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("action", [b"", u32(29, 0)])
def test_without_it_the_session_ends(method: str, action: bytes) -> None:
    rim, _, _ = up(method, u32(27, 50) + action)
    rim.run(60.0)
    (end,) = rim.of(SubscriberEnded)
    assert (end.cause, round(end.duration_s, 3)) == (TerminateCause.SESSION_TIMEOUT, 50.0)
    assert len(rim.requests(Kind.AUTH)) == 1


@pytest.mark.parametrize("method", METHODS)
def test_a_last_accept_without_a_timeout_lets_it_stay(method: str) -> None:
    rim, client, server = up(method, grant(50))
    server.reply = lambda _: (2, b"")
    rim.run(500.0)
    assert client.address
    assert len(rim.requests(Kind.AUTH)) == 2
    assert not rim.of(SubscriberEnded)


@pytest.mark.parametrize("method", METHODS)
def test_who_is_barred_meanwhile_is_out(method: str) -> None:
    rim, _, server = up(method, grant(50))
    server.reply = lambda _: (3, option(18, b"no more"))
    rim.run(70.0)
    (end,) = rim.of(SubscriberEnded)
    assert (end.reason, end.text) == ("authentication_rejected", "no more")
    assert server.statuses(b"user1") == [1, 2]
    assert not rim.plane.entries


@pytest.mark.parametrize("method", METHODS)
def test_another_address_ends_the_session(method: str) -> None:
    rim, _, server = up(method, grant(50))
    server.reply = lambda _: (2, grant(50, u32(8, 0xC0000207)))
    rim.run(70.0)
    (end,) = rim.of(SubscriberEnded)
    assert end.reason == "address_changed"


def test_a_radius_that_is_silent_costs_nobody_the_session_and_is_asked_again() -> None:
    rim, client, server = up("chap", grant(100))
    server.silent = True
    rim.run(240.0)
    assert client.address
    assert not rim.of(SubscriberEnded)
    server.silent = False
    rim.run(90.0)
    assert rim.of(Authenticated)[-1].outcome is AuthOutcome.ACCEPTED
    assert timeout_left(rim) > 0.0
    assert not rim.of(SubscriberEnded)


def test_a_client_that_does_not_answer_is_out() -> None:
    rim, client, _ = up("chap", grant(50))
    client.link.proof.method = None  # it hears no challenge any more
    rim.run(80.0)
    (end,) = rim.of(SubscriberEnded)
    assert end.reason == "authentication_timeout"


@pytest.mark.parametrize("layer", ["radius", "defaults"])
def test_a_session_timeout_of_radius_counts_from_the_accept_that_has_it(layer: str) -> None:
    """Servers that count tell what is left; what is configured is for the whole session."""
    left = [1000]
    server = SimulatedRadius(reply=lambda _: (2, u32(27, left[0]) if layer == "radius" else b""))
    made = config(auth=AuthConfig(methods=("chap",)), defaults=Grant(session_timeout_s=1000.0))
    rim = Rim(made, servers=(server,))
    lac, client = rim.up()
    rim.run(700.0)
    left[0] = 400
    lac.send(client, b"\xff\x03" + struct.pack("!H", LCP) + b"\x01\x99\x00\x0a\x05\x06\x01\x02\x03\x04")
    rim.run(285.0)
    assert not rim.of(SubscriberEnded)
    rim.run(200.0)
    (end,) = rim.of(SubscriberEnded)
    assert end.reason == "session_timeout"
    assert end.duration_s == pytest.approx(1100.0 if layer == "radius" else 1000.0, abs=5.0)


def test_user_names_that_radius_rewrites_stay_rewritten() -> None:
    rim, client, server = up("chap", grant(50, option(1, b"real")))
    rim.run(120.0)
    assert client.address
    assert len(rim.lns.core.registry.of_user("real")) == 1
    assert not rim.lns.core.registry.of_user("user1")
    assert {one[1] for one in server.accounting if 1 in one} == {b"real"}


def test_a_port_limit_of_one_does_not_turn_away_who_proves_itself_again() -> None:
    rim, client, _ = up("chap", grant(50, u32(62, 1)))
    rim.run(120.0)
    assert client.address
    assert not rim.of(SubscriberEnded)


def test_local_users_too() -> None:
    user = UserConfig(
        "user1", Secret(b"pass"), grant=Grant(session_timeout_s=50.0, at_session_timeout="reauthenticate")
    )
    auth = AuthConfig(methods=("chap",), source="local")
    rim = Rim(config(auth=auth, user=(user,)))
    _, client = rim.up(method="chap")
    rim.run(120.0)
    assert client.address
    assert len(rim.frames(CHAP, CHALLENGE)) == 3
    assert not rim.of(SubscriberEnded)


@pytest.mark.parametrize("killed_at_s", [100.0, 140.0, 150.2])
@pytest.mark.parametrize("method", ["pap", "chap"])
def test_the_time_goes_on_over_a_restart(tmp_path: Path, method: str, killed_at_s: float) -> None:
    """Before and while the client proves itself again: what was not decided is asked for once more, with the State."""
    seen: list[bytes | None] = []

    def reply(attributes: dict[int, bytes]) -> tuple[int, bytes]:
        seen.append(attributes.get(24))
        return 2, grant(50)

    configuration = config(auth=AuthConfig(methods=(method,)))
    world = Mortal(tmp_path, configuration, radius=SimulatedRadius(reply=reply, delay_s=0.5))
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass", method=method)
    world.run(killed_at_s)
    world.kill("unheard")
    world.run(120.0)
    assert client.address
    assert not [fact for fact in world.facts if isinstance(fact, SubscriberEnded)]
    assert seen[0] is None
    assert set(seen[1:]) == {b"state-1"}
    assert 4 <= len(seen) <= 6, "every fifty seconds"
    assert world.radius.statuses(b"user1") == [1]


@pytest.mark.parametrize("method", ["pap", "chap"])
def test_what_was_granted_the_second_time_outlives_the_process(tmp_path: Path, method: str) -> None:
    replies = [grant(50, rates(1000, 9000)), grant(3000, rates(1000, 9000), u32(28, 700), state=b"state-2")]

    def reply(_: dict[int, bytes]) -> tuple[int, bytes]:
        return 2, replies.pop(0) if len(replies) > 1 else replies[0]

    world = Mortal(tmp_path, config(auth=AuthConfig(methods=(method,))), radius=SimulatedRadius(reply=reply))
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass", method=method)
    world.run(70.0)
    world.kill("unheard")
    world.run(5.0)
    (subscriber,) = world.lns.core.registry.by_number.values()
    assert subscriber.profile is not None
    assert (subscriber.profile.session_timeout_s, subscriber.profile.idle_timeout_s) == (3000.0, 700.0)
    assert subscriber.who.state == b"state-2"
