from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.radius.iso8601 import instant


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(9999, 12, 30)),
    st.integers(-14 * 60, 14 * 60),
)
def test_as_the_standard_library_reads_it(when: datetime, minutes: int) -> None:
    there = when.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    assert instant(there.isoformat()) == there.timestamp()


@pytest.mark.parametrize(
    "text", ["2026-12-31T23:59:59Z", "2026-12-31t23:59z", "2024-02-29 00:00:00+0130", "2026-01-01T00:00:00.5-03:00"]
)
def test_forms(text: str) -> None:
    expected = datetime.fromisoformat(text.upper()).astimezone(UTC).timestamp()
    assert instant(text) == int(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-12-31T23:59:59",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-12-31T24:00:00Z",
        "2026-12-31",
        "١٢٣٤-12-31T23:59:59Z",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="no date"):
        instant(text)
