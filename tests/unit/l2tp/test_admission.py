"""Groups of LACs and their limits."""

from __future__ import annotations

import pytest

from bras.config.model import LacConfig, LnsConfig
from bras.l2tp.admission import Census, Groups

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
    found = Groups(GROUPS).match(address, hostname)
    assert (found.name if found else None) == group


def test_by_default_every_address_and_name_matches() -> None:
    groups = Groups((LacConfig("any"),))
    assert groups.match("203.0.113.1", "") is not None
    assert groups.match("2001:db8::1", "x") is not None


def test_a_group_that_is_configured_no_more_lives_on() -> None:
    assert Groups(GROUPS).named("oslo") is GROUPS[1]
    assert Groups(GROUPS).named("gone") == LacConfig("gone")


def test_the_census_counts_by_group_and_in_all() -> None:
    census = Census(LnsConfig((), max_tunnels=3, max_sessions=10))
    small = LacConfig("small", max_tunnels=1, max_sessions=3)
    large = LacConfig("large")
    census.count(1, "small", 2)
    census.count(2, "large", 5)
    census.count(2, "large", 6)
    assert (census.tunnels, census.sessions) == (2, 8)
    assert census.tunnels_of == {"small": 1, "large": 1}
    assert census.sessions_of == {"small": 2, "large": 6}
    assert (census.room(small), census.room(large)) == (1, 2)
    assert census.full(small, 0)
    assert not census.full(small, 1)
    assert not census.full(large, 0)
    census.count(3, "large", 0)
    assert census.full(large, 0)
    census.forget(2, "large")
    census.forget(2, "large")
    assert (census.tunnels, census.sessions) == (2, 2)
    assert census.sessions_of == {"small": 2, "large": 0}
