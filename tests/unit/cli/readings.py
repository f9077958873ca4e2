"""Answers to "show overview", some seconds apart."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def reading(at: float = 100.0, **changes: Any) -> Row:
    totals = {
        f"{way}_{unit}{family}": 0 for way in ("up", "down") for unit in ("octets", "packets") for family in (4, 6)
    }
    return {
        "at": at,
        "uptime_s": at,
        "version": "1.2.3",
        "setups": 0,
        "setup_s": 0.0,
        "ends": 0,
        "authentications": {"accepted": 0, "rejected": 0},
        "calls_refused": 0,
        "radius": [server(), server("acct")],
        "totals": totals | changes.pop("totals", {}),
        "census": {
            "sessions": [
                {"lac": "a", "state": "up", "count": 1000},
                {"lac": "b", "state": "up", "count": 234},
                {"lac": "a", "state": "link", "count": 3},
                {"lac": "a", "state": "network", "count": 2},
                {"lac": "a", "state": "ending", "count": 4},
            ],
            "tunnels": [{"lac": "a", "state": "established", "count": 2}],
            "radius": [standing(), standing("acct")],
        },
    } | changes


def server(kind: str = "auth", **changes: Any) -> Row:
    return {"server": "r1", "kind": kind, "replies": 0, "latency_s": 0.0, "resent": 0, "dropped": 0} | changes


def standing(kind: str = "auth", **changes: Any) -> Row:
    return {"server": "r1", "kind": kind, "up": True, "requests": 0, "in_flight": 0} | changes
