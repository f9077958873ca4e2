"""``show tunnels`` and ``show tunnel``."""

from __future__ import annotations

from typing import Any

import pytest

from bras.config.model import Listen, LnsConfig
from bras.l2tp import avp, messages
from bras.l2tp.events import Path
from bras.lns.commands import Command, ShowLacs, ShowTunnel, ShowTunnels
from tests.support.l2tp import HandLac
from tests.support.rim import Rim
from tests.support.world import LNS_ADDRESS, SimulatedRadius, config


def world(*hostnames: str) -> Rim:
    rim = Rim(servers=(SimulatedRadius(),))
    for number, hostname in enumerate(hostnames):
        lac = rim.lac(address=f"198.18.0.{2 + number}", hostname=hostname)
        lac.dial("user", "pass")
    rim.run(3.0)
    return rim


def rows(rim: Rim, command: Command) -> list[dict[str, Any]]:
    answer: Any = rim.answers[rim.ask(command)]
    assert answer.ok, answer.body
    found: list[dict[str, Any]] = answer.body["tunnels"]
    return found


def test_they_are_sorted_and_filtered() -> None:
    rim = world("b", "a")
    assert [row["hostname"] for row in rows(rim, ShowTunnels())] == ["a", "b"]
    assert [row["hostname"] for row in rows(rim, ShowTunnels(hostname="a"))] == ["a"]
    assert [row["hostname"] for row in rows(rim, ShowTunnels(address="198.18.0.2"))] == ["b"]
    assert rows(rim, ShowTunnels(address="198.18.0.2", hostname="a")) == []
    assert len(rows(rim, ShowTunnels(group="any"))) == 2
    assert rows(rim, ShowTunnels(group="nobody")) == []


def test_a_row_of_a_living_tunnel() -> None:
    (row,) = rows(world("lac1"), ShowTunnels())
    assert (row["state"], row["calls"], row["remote"], row["vendor"]) == ("established", 1, "198.18.0.2:1701", "bras")
    assert row["round_trip_ms"] == pytest.approx(10.0)  # the network's delay, there and back
    assert (row["in_flight"], row["queued"]) == (0, 0)


def test_one_by_id_name_and_address() -> None:
    rim = world("lac1", "lac2")
    (row,) = rows(rim, ShowTunnels(hostname="lac2"))
    for selector in (str(row["tunnel"]), "lac2", "198.18.0.3"):
        (found,) = rows(rim, ShowTunnel(selector))
        assert found.items() >= row.items()


def test_all_of_one() -> None:
    rim = world("lac1")
    (row,) = rows(rim, ShowTunnel("lac1"))
    assert (row["peer_secret"], row["challenged_us"]) == (1, True)
    assert {avp["avp"]: avp["value"] for avp in row["avps"]}["Host Name"] == "lac1"
    assert row["calls_by_state"] == {"established": 1}
    assert (row["hello_interval_s"], row["hello_outstanding"], row["idle_s"]) == (60.0, False, None)
    assert row["hello_in_s"] == pytest.approx(60.0 - row["heard_s"])
    assert (row["lac_history"]["tunnels"], row["lac_history"]["sessions"]) == (1, 1)
    assert "tunsecret" not in str(row)


def test_a_name_that_is_longer_than_any_is_the_same_lacs_everywhere() -> None:
    rim = world("n" * 500)
    (row,) = rows(rim, ShowTunnel("198.18.0.2"))
    assert (row["lac_history"]["tunnels"], row["lac_history"]["sessions"]) == (1, 1)
    body: Any = rim.answers[rim.ask(ShowLacs())].body
    assert [(one["tunnels"], one["sessions"]) for one in body["lacs"]] == [(1, 1)]


def test_a_tunnel_without_calls_says_when_it_is_closed() -> None:
    rim = Rim()
    rim.lac()
    rim.run(21.0)
    (row,) = rows(rim, ShowTunnel("lac1"))
    assert row["idle_s"] + row["idle_timeout_left_s"] == pytest.approx(60.0)


def test_a_lac_that_was_refused_is_answered_for_with_the_reason() -> None:
    rim = Rim()
    rim.lac(secret=b"wrong")
    rim.run(3.0)
    answer: Any = rim.answers[rim.ask(ShowTunnel("lac1"))]
    assert not answer.ok
    assert answer.body["error"].startswith("'lac1' has no tunnel now; last refused 3 s ago: ")


def locked_out(rim: Rim, address: str) -> None:
    """Have the LAC "bad" at ``address`` respond wrongly; it does not challenge us, so it comes so far."""
    lac = HandLac(rim.lns.core.endpoint, Path(0, LNS_ADDRESS, 1701, address, 1701))
    lac.now = rim.now
    lac.sccrq("bad")
    lac.peer_tunnel_id = lac.last().numbers[9]
    lac.say(messages.scccn() + avp.octets(13, bytes(16)))


def test_a_lac_that_is_locked_out_is_shown_with_how_long_yet() -> None:
    rim = Rim()
    rim.lac(hostname="good")
    rim.lac(address="198.18.0.3", hostname="bad", secret=b"wrong")
    rim.run(2.0)
    locked_out(rim, "198.18.0.3")
    body: Any = rim.answers[rim.ask(ShowLacs())].body
    left = {row["lac_hostname"]: row["locked_out_s"] for row in body["lacs"]}
    (facts,) = rim.lns.core.endpoint.lockouts()
    assert left == {"good": None, "bad": pytest.approx(facts.until - rim.now)}
    answer: Any = rim.answers[rim.ask(ShowTunnel("bad"))]
    assert f"; locked out for {left['bad']:.0f} s" in answer.body["error"]


def test_who_is_locked_out_is_shown_even_if_its_row_gave_way() -> None:
    rim = Rim()
    locked_out(rim, "198.18.0.3")
    body: Any = rim.answers[rim.ask(ShowLacs())].body
    assert [row["lac_hostname"] for row in body["lacs"] if row["locked_out_s"]] == ["bad"]


def test_a_lac_that_has_gone_is_answered_for() -> None:
    rim = Rim(config(lns=LnsConfig(listen=(Listen(LNS_ADDRESS, 1701),), idle_tunnel_s=5.0)))
    rim.lac()
    rim.run(7.0)
    answer: Any = rim.answers[rim.ask(ShowTunnel("198.18.0.2"))]
    assert answer.body == {"error": "'198.18.0.2' has no tunnel now"}


@pytest.mark.parametrize("selector", ["0", "65536", "99999999999999999999", "nobody", "", "²", "-1"])
def test_what_matches_nothing_is_said_so(selector: str) -> None:
    rim = world("lac1")
    answer = rim.answers[rim.ask(ShowTunnel(selector))]
    assert not answer.ok
    assert "no tunnel matches" in str(answer.body)
