"""Groups of LACs and their limits."""

from __future__ import annotations

import pytest

from bras.config.model import LacConfig, LnsConfig
from bras.l2tp.admission import NO_ROOM, Census, Groups
from bras.l2tp.events import Path


def at(remote: str, local: str = "192.0.2.254") -> Path:
    return Path(0, local, 1701, remote, 1701)


GROUPS = (
    LacConfig("paris", address=("192.0.2.0/25",), hostname="lac-*"),
    LacConfig("oslo", address=("192.0.2.0/24", "2001:db8::/48"), hostname="*.no"),
    LacConfig("rest", address=("192.0.2.0/24", "2001:db8::/32"), hostname="*"),
)


@pytest.mark.parametrize(
    ("address", "hostname", "group"),
    [
        ("192.0.2.1", "lac-1", "paris"),
        ("192.0.2.127", "lac-1.no", "paris"),
        ("192.0.2.128", "lac-1.no", "oslo"),
        ("192.0.2.1", "x.no", "oslo"),
        ("192.0.2.1", "X.NO", "rest"),
        ("192.0.2.1", "line\nbreak.no", "oslo"),
        ("192.0.3.1", "lac-1", None),
        ("2001:db8::1", "x.no", "oslo"),
        ("2001:db8:1::1", "x.no", "rest"),
        ("2001:db9::1", "x.no", None),
        ("fe80::1%eth0", "x", None),
        ("::ffff:192.0.2.1", "lac-1", "paris"),
        ("::192.0.2.1", "lac-1", None),
    ],
)
def test_the_first_group_by_prefix_and_pattern_is_taken(address: str, hostname: str, group: str | None) -> None:
    found = Groups(GROUPS).match(at(address), hostname)
    assert (found.name if found else None) == group


def test_by_default_every_address_and_name_matches() -> None:
    groups = Groups((LacConfig("any"),))
    assert groups.match(at("203.0.113.1"), "") is not None
    assert groups.match(at("2001:db8::1"), "x") is not None


@pytest.mark.parametrize(
    ("local", "group"),
    [
        ("192.0.2.254", "first"),
        ("::ffff:192.0.2.254", "first"),
        ("2001:db8::fe", "second"),
        ("2001:db8:0:0::fe", "second"),
        ("192.0.2.253", "third"),
        ("2001:db8::fd", None),
    ],
)
def test_only_calls_to_an_address_of_the_group_match(local: str, group: str | None) -> None:
    groups = Groups((
        LacConfig("first", local=("192.0.2.1", "192.0.2.254")),
        LacConfig("second", local=("2001:db8::fe",)),
        LacConfig("third", local=("192.0.2.253",)),
    ))  # fmt: skip
    found = groups.match(at("198.51.100.1", local), "x")
    assert (found.name if found else None) == group


def test_a_group_that_is_configured_no_more_lives_on() -> None:
    assert Groups(GROUPS).named("oslo") is GROUPS[1]
    assert Groups(GROUPS).named("gone") == LacConfig("gone")


def test_the_census_counts_by_group_and_in_all() -> None:
    census = Census(LnsConfig((), max_tunnels=3, max_sessions=10))
    small = LacConfig("small", max_tunnels=1, max_sessions=3)
    large = LacConfig("large")
    census.count(1, "small", "192.0.2.1", 2)
    census.count(2, "large", "192.0.2.2", 5)
    census.count(2, "large", "192.0.2.2", 6)
    assert (census.tunnels, census.sessions) == (2, 8)
    assert census.tunnels_of == {"small": 1, "large": 1}
    assert census.sessions_of == {"small": 2, "large": 6}
    assert (census.room(small, at("192.0.2.1")), census.room(large, at("192.0.2.1"))) == (1, 2)
    assert census.full(small, "192.0.2.9", 0) == NO_ROOM
    assert census.full(small, "192.0.2.9", 1) is None
    assert census.full(large, "192.0.2.9", 0) is None
    census.count(3, "large", "192.0.2.2", 0)
    assert census.full(large, "192.0.2.9", 0) == NO_ROOM
    census.forget(2, "large", "192.0.2.2")
    census.forget(2, "large", "192.0.2.2")
    assert (census.tunnels, census.sessions) == (2, 2)
    assert census.sessions_of == {"small": 2, "large": 0}


def test_the_census_counts_the_tunnels_of_one_lac_in_a_group() -> None:
    census = Census(LnsConfig(()))
    group = LacConfig("any", max_tunnels_per_lac=2)
    for tunnel_id, name, remote in ((1, "any", "192.0.2.1"), (2, "any", "192.0.2.1"), (3, "other", "192.0.2.2")):
        census.count(tunnel_id, name, remote, 0)
    full = census.full(group, "192.0.2.1", 0)
    assert full is not None
    assert full.text == "tunnel limit of this LAC reached"
    assert census.full(group, "192.0.2.1", 1) is None
    assert census.full(group, "192.0.2.2", 0) is None
    census.forget(1, "any", "192.0.2.1")
    assert census.full(group, "192.0.2.1", 0) is None


def test_the_census_counts_the_sessions_of_one_address_over_all_its_tunnels() -> None:
    census = Census(LnsConfig(()), by_host=True)
    one, many = LacConfig("one", one_session_per_host=True), LacConfig("many")
    census.count(1, "one", "192.0.2.1", 0)
    census.count(2, "many", "192.0.2.1", 0)
    assert census.room(one, at("192.0.2.1")) == 1
    census.count(2, "many", "192.0.2.1", 2)
    assert census.room(one, at("192.0.2.1")) == -1
    assert census.room(one, at("192.0.2.2")) == 1
    assert census.room(many, at("192.0.2.1")) > 60000
    census.forget(2, "many", "192.0.2.1")
    assert census.room(one, at("192.0.2.1")) == 1


def test_the_census_keeps_nothing_of_a_lac_that_has_nothing() -> None:
    census = Census(LnsConfig(()), by_host=True)
    for number in range(100):
        census.count(number, "any", f"192.0.2.{number}", 1)
        census.count(number, "any", f"192.0.2.{number}", 0)
        census.forget(number, "any", f"192.0.2.{number}")
    assert (census._tunnels_at, census._sessions_at) == ({}, {})
