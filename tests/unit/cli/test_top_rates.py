from __future__ import annotations

from typing import Any

import pytest

from bras.cli.top_rates import Rates
from tests.unit.cli.readings import reading, server, standing


def _after(seconds: float, **changes: Any) -> Rates:
    rates = Rates()
    rates.take(reading())
    rates.take(reading(100.0 + seconds, **changes))
    return rates


@pytest.mark.parametrize("key", ["setups", "ends", "calls_refused"])
def test_counts_become_rates_by_the_daemons_clock(key: str) -> None:
    rates = _after(4.0, **{key: 10})
    assert rates.of(key) == 2.5
    others = {"setups", "ends", "calls_refused"} - {key}
    assert [rates.of(other) for other in others] == [0.0, 0.0]


def test_nothing_is_known_of_the_first_reading() -> None:
    rates = Rates()
    assert rates.is_new
    rates.take(reading())
    assert rates.is_new
    assert rates.of("setups") is None
    assert rates.traffic("up") == (None, None)
    assert rates.setup_ms() is None
    assert [one.replies_s for one in rates.servers()] == [None, None]
    assert dict(rates.authentications()) == {"accepted": None, "rejected": None}


def test_a_daemon_that_was_started_anew_begins_anew() -> None:
    rates = _after(2.0, setups=10)
    rates.take(reading(103.0, uptime_s=1.0, setups=1))
    assert rates.of("setups") is None
    rates.take(reading(105.0, uptime_s=3.0, setups=5))
    assert rates.of("setups") == 2.0
    rates.take(reading(5.0, setups=0))
    assert rates.of("setups") is None, "the machine was started anew, too"


def test_logins_by_outcome() -> None:
    rates = _after(2.0, authentications={"accepted": 6, "rejected": 0, "unanswered": 2})
    assert rates.authentications() == [("accepted", 3.0), ("rejected", 0.0), ("unanswered", 1.0)]


@pytest.mark.parametrize("family", [4, 6])
def test_traffic_by_direction(family: int) -> None:
    rates = _after(2.0, totals={f"down_octets{family}": 1000, f"down_packets{family}": 10})
    assert rates.traffic("down") == (4000.0, 5.0)
    assert rates.traffic("up") == (0.0, 0.0)
    rates = _after(2.0, totals={f"up_octets{family}": 1000, f"up_packets{family}": 10})
    assert rates.traffic("up") == (4000.0, 5.0)


def test_how_long_a_set_up_took() -> None:
    assert _after(2.0, setups=4, setup_s=1.0).setup_ms() == pytest.approx(250.0)
    assert _after(2.0).setup_ms() is None


def test_sessions_and_tunnels() -> None:
    rates = _after(1.0)
    assert rates.sessions() == {"up": 1234, "coming": 5, "ending": 4}
    assert rates.tunnels() == 2


def test_servers() -> None:
    census = reading()["census"] | {"radius": [standing(in_flight=7), standing("acct", up=False)]}
    told = [server(replies=8, latency_s=0.2, resent=2, dropped=4), server("acct")]
    acct, auth = _after(2.0, radius=told, census=census).servers()
    assert (acct.kind, acct.up, acct.latency_ms) == ("acct", False, None), "those that are down come first"
    assert (auth.replies_s, auth.outstanding, auth.resent_s, auth.dropped_s) == (4.0, 7, 1.0, 2.0)
    assert auth.latency_ms == pytest.approx(25.0)


def test_a_server_that_is_new_since_a_reload() -> None:
    census = reading()["census"] | {"radius": [{**standing(), "server": "r2"}]}
    (one,) = _after(2.0, census=census).servers()
    assert (one.name, one.replies_s, one.latency_ms) == ("r2", None, None)
