"""Figures as people read them."""

from __future__ import annotations

_UNITS = ("", "k", "M", "G", "T", "P", "E")


def octets(count: float) -> str:
    """Return octets with a decimal unit: 1536000 -> "1.54 MB"."""
    return _scaled(count, "B")


def rate(bits_s: float) -> str:
    """Return bits a second with a decimal unit: 10000000 -> "10.0 Mbit/s"."""
    return _scaled(bits_s, "bit/s")


def _scaled(value: float, unit: str) -> str:
    step = 0
    while value >= 999.5 and step < len(_UNITS) - 1:
        value /= 1000
        step += 1
    if step == 0:
        return f"{value:.0f} {unit}"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {_UNITS[step]}{unit}"


def duration(seconds: float | None) -> str:
    """Return the two largest units: 100000 -> "1d 03h"; nothing for None."""
    if seconds is None:
        return ""
    whole = int(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d {hours:02}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    if minutes:
        return f"{minutes}m {whole % 60:02}s"
    return f"{whole}s"


def seconds(value: float) -> str:
    """Return a setting in seconds, with what is below one: 0.5 -> "0.5s", 90 -> "1m 30s"."""
    return duration(value) if value >= 60 else f"{value:g}s"


def ago(elapsed_s: float | None) -> str:
    """Return how long ago something was: 61.0 -> "1m 01s ago"; nothing for None."""
    return "" if elapsed_s is None else f"{duration(elapsed_s)} ago"


def tally(counts: dict[str, int]) -> str:
    """Return counts by name, the largest first: "3 limit, 1 bad message"; nothing for none."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in ordered)


def milliseconds(value: float | None) -> str:
    """Return milliseconds: 12.345 -> "12.3 ms"; nothing for None."""
    return "" if value is None else f"{value:.1f} ms"


def plain(value: object) -> str:
    """Return any value as text; nothing for None."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(plain(item) for item in value)
        case _:
            return str(value)


def limited(count: int, limit: int) -> str:
    """Return a count with the limit that it has: "12 / 100"; a limit of 0 is none."""
    return f"{count} / {limit}" if limit else str(count)


def percent(value: float) -> str:
    """Return a share of a hundred: 1.25 -> "1.3%", 0 -> "0%"."""
    return f"{value:.1f}%" if 0.0 < value < 100.0 else f"{value:.0f}%"
