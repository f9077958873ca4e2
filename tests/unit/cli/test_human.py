from __future__ import annotations

import pytest

from bras.cli.human import ago, duration, limited, milliseconds, octets, plain, rate, seconds, tally


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (1536000, "1.54 MB"),
        (99_940, "99.9 kB"),
        (99_960, "100 kB"),
        (999_600, "1.00 MB"),
        (10**15, "1.00 PB"),
        (2**64, "18.4 EB"),
    ],
)
def test_octets(count: int, text: str) -> None:
    assert octets(count) == text


def test_rate() -> None:
    assert rate(10_000_000) == "10.0 Mbit/s"
    assert rate(64_000) == "64.0 kbit/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0s"), (59.9, "59s"), (61, "1m 01s"), (3600, "1h 00m"), (86399, "23h 59m"), (100000, "1d 03h")],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_milliseconds() -> None:
    assert milliseconds(12.345) == "12.3 ms"
    assert milliseconds(None) == ""


def test_plain() -> None:
    assert [plain(value) for value in (None, True, False, 3, "a", ["a", "b"])] == ["", "yes", "no", "3", "a", "a, b"]


def test_limited() -> None:
    assert limited(3, 100) == "3 / 100"
    assert limited(3, 0) == "3"


def test_ago() -> None:
    assert [ago(value) for value in (None, 0.0, 61)] == ["", "0s ago", "1m 01s ago"]


def test_a_setting_in_seconds() -> None:
    assert [seconds(value) for value in (0.5, 8.0, 90.0)] == ["0.5s", "8s", "1m 30s"]


def test_a_tally_begins_with_the_largest() -> None:
    assert tally({"a_b": 1, "c": 3, "a": 1}) == "3 c, 1 a, 1 a b"
    assert tally({}) == ""
