"""Instants as ISO 8601 writes them, with a zone: 2026-12-31T23:59:59+01:00."""

from __future__ import annotations

import re
from typing import Final

_FORM: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:(Z)|([+-])(\d\d):?(\d\d))",
    re.ASCII | re.IGNORECASE,
)
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def instant(text: str) -> float:
    """Return the seconds since 1970 (UTC); raises ValueError for what is none, or has no zone."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no date and time with a zone")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    if not (1 <= month <= 12 and 1 <= day <= _days(year, month) and hour <= 23 and minute <= 59 and second <= 60):
        raise ValueError(f"{text!r} is no date and time")
    _, sign, hours, minutes = found.groups()[6:]
    east_s = (int(hours) * 60 + int(minutes)) * 60 if sign else 0
    seconds = ((_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    return float(seconds + east_s if sign == "-" else seconds - east_s)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days(year: int, month: int) -> int:
    return 29 if month == 2 and _is_leap(year) else _DAYS[month - 1]


def _since_1970(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a day of the Gregorian calendar."""
    before = year - 1
    years = before * 365 + before // 4 - before // 100 + before // 400
    return years - 719162 + sum(_days(year, one) for one in range(1, month)) + day - 1
