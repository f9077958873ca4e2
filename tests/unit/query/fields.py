"""Rows with a field of each kind."""

from __future__ import annotations

from typing import Any

from bras.query.kinds import Kind
from bras.query.match import Field


def _field(name: str, kind: Kind) -> Field:
    return Field(kind, lambda row: row.get(name))


FIELDS = {
    "user": _field("user", Kind.TEXT),
    "address": _field("address", Kind.ADDRESS),
    "secret": _field("secret", Kind.FLAG),
    "calls": _field("calls", Kind.COUNT),
    "down": _field("down", Kind.OCTETS),
    "rate": _field("rate", Kind.RATE),
    "uptime": _field("uptime", Kind.SECONDS),
    "echo": _field("echo", Kind.MILLISECONDS),
}
ROW: dict[str, Any] = {
    "user": "alice@isp.example",
    "address": "10.64.3.7",
    "secret": True,
    "calls": 12,
    "down": 1_500_000,
    "rate": 2_000_000.0,
    "uptime": 7300.0,
    "echo": 12.5,
}
