from __future__ import annotations

from typing import Any

import pytest

from bras.config.model import AuthConfig
from bras.forwarding.entry import Counters
from bras.lns.commands import Command, ShowSession, ShowSessions
from bras.radius.events import Kind
from bras.wire import ipv4_text
from tests.support.lacs import Client, SimulatedLac
from tests.support.rim import Rim, option
from tests.support.world import SimulatedRadius, config


def world(count: int = 3, reply: bytes = b"") -> tuple[Rim, SimulatedLac, list[Client]]:
    rim = Rim(servers=(SimulatedRadius(reply=lambda _: (2, reply)),))
    lac = rim.lac()
    clients = [lac.dial(f"user{number}", "pass") for number in range(1, count + 1)]
    rim.run(3.0)
    return rim, lac, clients


def rows(rim: Rim, command: Command) -> list[dict[str, Any]]:
    body: Any = rim.answers[rim.ask(command)].body
    found: list[dict[str, Any]] = body["sessions"]
    return found


def users(rim: Rim, command: Command) -> list[str]:
    return [row["user"] for row in rows(rim, command)]


def test_a_session_is_found_by_user_address_and_id() -> None:
    rim, _, clients = world()
    session = rim.lns.core.registry.of_user("user2")[0].session_id
    for selector in ("user2", ipv4_text(clients[1].address), session, session.lower()):
        assert users(rim, ShowSession(selector)) == ["user2"]


@pytest.mark.parametrize(
    "selector", ["", "nobody", "10.255.255.1", "192.0.2.9", "0123456789ABCDEF", "68E000000000FFFF", "not a number 16ch"]
)
def test_what_matches_nothing_is_said_so(selector: str) -> None:
    rim, _, _ = world(1)
    answer = rim.answers[rim.ask(ShowSession(selector))]
    assert not answer.ok
    assert "no session matches" in str(answer.body)


def test_a_user_name_of_sixteen_letters_is_one() -> None:
    rim = Rim()
    rim.up("abcdefabcdefabcd")
    assert users(rim, ShowSession("abcdefabcdefabcd")) == ["abcdefabcdefabcd"]


@pytest.mark.parametrize(("limit", "shown"), [(0, 1), (2, 2), (5000, 3)])
def test_a_page_has_its_limits(limit: int, shown: int) -> None:
    rim, _, _ = world()
    assert len(rows(rim, ShowSessions(limit=limit))) == shown


def test_filters_are_all_of() -> None:
    rim, _, clients = world()
    address = ipv4_text(clients[1].address)
    assert users(rim, ShowSessions(user="user2", address=address)) == ["user2"]
    assert users(rim, ShowSessions(user="user1", address=address)) == []
    assert users(rim, ShowSessions(address="nonsense")) == []
    assert users(rim, ShowSessions(group="any")) == ["user1", "user2", "user3"]


def test_a_session_that_has_nothing_yet() -> None:
    rim = Rim()
    rim.line()
    rim.run(1.0)
    (row,) = rows(rim, ShowSessions())
    assert (row["user"], row["address"], row["uptime_s"], row["echo_ms"]) == ("", None, None, None)
    assert row["state"] == "link"


def test_all_of_a_session() -> None:
    timeouts = option(27, (600).to_bytes(4, "big")) + option(28, (60).to_bytes(4, "big"))
    interim = option(85, (300).to_bytes(4, "big"))
    rim, _, _ = world(1, timeouts + interim + option(25, b"\x00\xffclass"))
    (row,) = rows(rim, ShowSession("user1"))
    assert row["classes"] == [b"\x00\xffclass".hex()]
    assert 590 < row["session_timeout_left_s"] < 600
    assert 50 < row["idle_timeout_left_s"] <= 60
    assert row["accounting"]["state"] == "started"
    assert 260 < row["accounting"]["next_interim_s"] < 330
    assert row["mtu"] == 1460
    assert row["remote"] == "198.18.0.2:1701"
    assert row["profile"]["session_timeout_s"] == {"value": 600.0, "source": "radius"}
    assert row["profile"]["dns"] == {"value": [], "source": "built-in"}


def test_who_decided_under_which_name_and_what_is_left_of_its_quotas() -> None:
    def mikrotik(code: int, octets: int) -> bytes:
        return option(26, (14988).to_bytes(4, "big") + option(code, octets.to_bytes(4, "big")))

    rim, _, _ = world(1, option(1, b"customer 7") + mikrotik(1, 5000) + mikrotik(17, 700))
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, Counters(up_octets4=600, up_packets4=1, down_octets6=90, down_packets6=1))
    rim.run(11.0)
    (row,) = rows(rim, ShowSession("customer 7"))
    assert (row["claimed"], row["decided_by"]) == ("user1", "radius1")
    assert row["quota_left_octets"] == {"both ways": 10, "up": 4400}


def test_an_address_of_a_profile_is_text() -> None:
    rim, _, _ = world(1, option(8, bytes((192, 0, 2, 7))))
    (row,) = rows(rim, ShowSession("user1"))
    assert row["profile"]["address"] == {"value": "192.0.2.7", "source": "radius"}


def test_all_of_a_session_that_is_not_up() -> None:
    """Its client was admitted but does not take its address."""
    rim = Rim(config(auth=AuthConfig(methods=("pap",))))
    line = rim.line()
    rim.run(0.2)
    line.agree()
    line.login()
    assert rim.requests(Kind.AUTH)
    (row,) = rows(rim, ShowSession("user1"))
    assert row["state"] == "network"
    assert (row["mtu"], row["session_timeout_left_s"], row["idle_timeout_left_s"]) == (None, None, None)
    assert row["accounting"] == {"state": "waiting", "interim_interval_s": None, "next_interim_s": None}


def test_a_session_that_is_not_admitted_has_no_profile() -> None:
    rim = Rim()
    rim.line()
    rim.run(0.5)
    (subscriber,) = rim.lns.core.registry.by_number.values()
    (row,) = rows(rim, ShowSession(subscriber.session_id))
    assert row["profile"] == {}
