from __future__ import annotations

from typing import Any

import pytest

from bras.forwarding.entry import Counters
from bras.ids import session_of, tunnel_of
from bras.lns.commands import PickSessions
from bras.lns.fields import COUNTED, FIELDS, RATES, Glance
from bras.query.kinds import Kind
from tests.support.rim import Rim


def _seen(rim: Rim, *, gauged: bool = True) -> Glance:
    (one,) = rim.lns.core.registry.by_number.values()
    return Glance(one, rim.lns.core.gauges.of(one.number) if gauged else None, rim.now)


def _up() -> Rim:
    """A session that has carried something between two readings, two seconds apart."""
    rim = Rim()
    rim.up("user1")
    (number,) = rim.lns.core.registry.by_number
    rim.ask(PickSessions((number,), rates=True))
    (slot,) = rim.plane.entries
    rim.plane.feed(slot, Counters(1000, 10, 4000, 30, 500, 5, 1000, 5))
    rim.run(2.0)
    rim.ask(PickSessions((number,), rates=True))
    return rim


def test_every_field_of_a_session_that_is_up() -> None:
    rim = _up()
    seen = _seen(rim)
    one = seen.subscriber
    one.standing.round_trip_s = 0.0125
    for number, trip in ((1, 0.5), (2, 0.25), (3, None), (4, 0.75)):
        one.link.keepalive.sent(number, now=1.0)
        if trip is not None:
            one.link.keepalive.replied(number, now=1.0 + trip)
    values = {name: field.get(seen) for name, field in FIELDS.items()}
    uptime = values.pop("uptime")
    assert isinstance(uptime, float)
    assert 1.9 < uptime < 10
    for name, expected in {"up_rate": 6000.0, "down_rate": 20000.0, "rate": 26000.0, "packet_rate": 25.0}.items():
        assert values.pop(name) == pytest.approx(expected, rel=0.01)
    assert values == {
        "session": one.session_id,
        "user": "user1",
        "lac": "any",
        "address": "10.64.0.1",
        "state": "up",
        "down": 5000,
        "up": 1500,
        "octets": 6500,
        "echo": 12.5,
        "echo_min": 250.0,
        "echo_mean": 500.0,
        "echo_max": 750.0,
        "loss": 25.0,
        "method": one.who.method,
        "calling": one.line.calling_number,
        "called": one.line.called_number,
        "lac_address": "198.18.0.2",
        "lac_hostname": one.line.peer_name,
        "tunnel": tunnel_of(one.leg.key),
        "call": session_of(one.leg.key),
        "down_packets": 35,
        "up_packets": 15,
        "packets": 50,
    }
    assert all(values[name] for name in ("method", "calling", "called", "lac_hostname", "tunnel", "call"))


def test_what_a_session_that_is_not_up_has_not() -> None:
    rim = Rim()
    rim.line()
    rim.run(0.5)
    seen = _seen(rim)
    missing = {name for name, field in FIELDS.items() if field.get(seen) is None}
    assert missing == {"address", "uptime", "echo", "echo_min", "echo_mean", "echo_max", "loss", *RATES}
    assert FIELDS["state"].get(seen) == "link"


def test_values_are_of_their_kind() -> None:
    seen = _seen(_up())
    kinds: dict[Kind, Any] = {Kind.TEXT: str, Kind.ADDRESS: str}
    for field in FIELDS.values():
        value = field.get(seen)
        assert value is None or isinstance(value, kinds.get(field.kind, (int, float)))


def test_what_needs_the_counters() -> None:
    assert RATES < COUNTED < FIELDS.keys()
