"""Which columns each table has, in order; ``rank`` says which ones stay when the terminal is narrow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bras.cli import spool
from bras.cli.human import ago, duration, limited, milliseconds, octets, percent, plain, rate, tally
from bras.query.kinds import Kind, Value
from bras.query.match import Field

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, what it shows of a row, how much it matters, and what it is compared by."""

    title: str
    cell: Callable[[Row], str]
    rank: int
    """Columns of a low rank are kept; 0 always is."""
    value: Callable[[Row], Value]
    kind: Kind = Kind.TEXT
    right: bool = False
    cap: int = 40
    """Characters at most on a terminal."""
    extra: bool = False
    """Shown only when it is asked for."""

    @property
    def name(self) -> str:
        """Return by what it is asked for, and what it is called in expressions."""
        return self.title.replace(" ", "_").replace("/s", "_rate")


def _text(title: str, key: str, rank: int, *, cap: int = 40, kind: Kind = Kind.TEXT) -> Column:
    def cell(row: Row) -> str:
        return plain(row.get(key))

    def value(row: Row) -> Value:
        return plain(row.get(key)) or None

    return Column(title, cell, rank, value, kind, cap=cap)


def _number(
    title: str,
    key: str,
    rank: int,
    kind: Kind = Kind.COUNT,
    shown: Callable[[Any], str] = plain,
    *,
    extra: bool = False,
) -> Column:
    def cell(row: Row) -> str:
        found = row.get(key)  # a daemon of before may not know it
        return "" if found is None else shown(found)

    def value(row: Row) -> Value:
        found: Value = row.get(key)
        return found

    return Column(title, cell, rank, value, kind, right=True, extra=extra)


def _octets(title: str, key: str, rank: int) -> Column:
    return _number(title, key, rank, Kind.OCTETS, octets)


def _seconds(title: str, key: str, rank: int, shown: Callable[[float | None], str] = duration) -> Column:
    return _number(title, key, rank, Kind.SECONDS, shown)


def _milliseconds(title: str, key: str, rank: int, *, extra: bool = False) -> Column:
    return _number(title, key, rank, Kind.MILLISECONDS, milliseconds, extra=extra)


def _rate(title: str, key: str, rank: int) -> Column:
    return _number(title, key, rank, Kind.RATE, rate, extra=True)


def _summed(*keys: str) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        found = [row[key] for key in keys if row.get(key) is not None]
        return sum(found) if len(found) == len(keys) else None

    return value


def _sum(title: str, keys: tuple[str, ...], rank: int, kind: Kind, shown: Callable[[Any], str]) -> Column:
    value = _summed(*keys)

    def cell(row: Row) -> str:
        found = value(row)
        return "" if found is None else shown(found)

    return Column(title, cell, rank, value, kind, right=True, extra=True)


def _whole(value: float) -> str:
    return f"{value:.0f}"


SESSIONS = (
    _text("session", "session", 7),
    _text("user", "user", 0, cap=32),
    _text("lac", "lac", 6, cap=20),
    _text("address", "address", 1, kind=Kind.ADDRESS),
    _text("state", "state", 2),
    _seconds("uptime", "uptime_s", 3),
    _octets("down", "down_octets", 4),
    _octets("up", "up_octets", 5),
    _sum("octets", ("down_octets", "up_octets"), 18, Kind.OCTETS, octets),
    _rate("down rate", "down_bps", 19),
    _rate("up rate", "up_bps", 20),
    _sum("rate", ("down_bps", "up_bps"), 21, Kind.RATE, rate),
    _number("packet rate", "packets_s", 22, Kind.COUNT, _whole, extra=True),
    _milliseconds("echo", "echo_ms", 9),
    _milliseconds("echo min", "echo_min_ms", 24, extra=True),
    _milliseconds("echo mean", "echo_mean_ms", 25, extra=True),
    _milliseconds("echo max", "echo_max_ms", 26, extra=True),
    _number("loss", "echo_loss_percent", 27, Kind.COUNT, percent, extra=True),
    _text("method", "method", 10),
    _text("calling", "calling_number", 8, cap=24),
    _text("called", "called_number", 13, cap=24),
    _text("lac address", "lac_address", 11, kind=Kind.ADDRESS),
    _text("lac hostname", "lac_hostname", 14, cap=24),
    _number("tunnel", "tunnel", 12),
    _number("call", "call", 17),
    _number("down packets", "down_packets", 15),
    _number("up packets", "up_packets", 16),
    _sum("packets", ("down_packets", "up_packets"), 23, Kind.COUNT, plain),
)
RATES = frozenset({"down_rate", "up_rate", "rate", "packet_rate"})
"""Columns of sessions that the daemon knows only while somebody asks."""

TUNNELS = (
    _number("tunnel", "tunnel", 0),
    _text("lac", "lac", 5, cap=20),
    _text("hostname", "hostname", 1, cap=32),
    _text("remote", "remote", 2, cap=46),
    _text("state", "state", 3),
    _number("calls", "calls", 4),
    _seconds("uptime", "uptime_s", 6),
    _milliseconds("trip", "smoothed_round_trip_ms", 7),
    _number("resent", "retransmissions", 8),
    _number("in flight", "in_flight", 9),
    _number("queued", "queued", 10),
    _number("window", "window", 11),
    _text("vendor", "vendor", 12, cap=32),
    _text("local", "local", 13),
    _number("peer tunnel", "peer_tunnel", 14),
)


def _refused(row: Row) -> int:
    count: int = sum(row["tunnels_refused"].values()) + sum(row["calls_refused"].values())
    return count


def _last(row: Row) -> str:
    reason = row["last_reason"]
    return f"{reason.replace('_', ' ')}, {ago(row['last_refusal_s'])}" if reason else ""


def _tally(title: str, key: str, rank: int) -> Column:
    return Column(title, lambda row: tally(row[key]), rank, lambda row: tally(row[key]), cap=60)


LACS = (
    _text("lac", "lac", 1, cap=16),
    _text("hostname", "lac_hostname", 0, cap=24),
    _text("address", "lac_address", 2, kind=Kind.ADDRESS),
    _number("tunnels", "tunnels", 3),
    _number("calls", "sessions", 4),
    _seconds("locked", "locked_out_s", 5),
    Column("refused", lambda row: plain(_refused(row)), 6, _refused, Kind.COUNT, right=True),
    Column("last refusal", _last, 7, lambda row: row["last_reason"], cap=28),
    _seconds("seen", "last_seen_s", 8, ago),
    _text("in words", "last_refusal", 9, cap=60),
    _number("ever", "tunnels_ever", 10),
    _seconds("first seen", "first_seen_s", 11, ago),
    _tally("tunnels refused", "tunnels_refused", 12),
    _tally("calls refused", "calls_refused", 13),
    _text("vendor", "vendor", 14, cap=32),
)


def _limited(title: str, key: str, rank: int) -> Column:
    return Column(
        title,
        lambda row: limited(row[key], row[f"max_{key}"]),
        rank,
        lambda row: row[key],
        Kind.COUNT,
        right=True,
    )


GROUPS = (
    _text("group", "lac", 0, cap=24),
    _limited("tunnels", "tunnels", 1),
    _limited("sessions", "sessions", 2),
    _number("up", "up", 3),
    _text("address", "address", 4, cap=44),
    _text("hostname", "hostname", 5, cap=24),
    Column("secret", lambda row: plain(row["secret"]), 9, lambda row: row["secret"], Kind.FLAG),
    _text("methods", "methods", 7),
    _text("pool", "pool", 6, cap=20),
    _text("radius", "radius", 8, cap=20),
)


def _percent(row: Row) -> float | None:
    return 100 * (row["size"] - row["free"]) / row["size"] if row["size"] else None


def _share(row: Row) -> str:
    percent = _percent(row)
    return "" if percent is None else f"{percent:.1f} %"


POOLS = (
    _text("pool", "pool", 0, cap=24),
    _number("used", "used", 1),
    _number("held", "held", 4),
    _number("free", "free", 2),
    _number("size", "size", 5),
    Column("taken", _share, 3, _percent, Kind.COUNT, right=True),
    _number("exhausted", "exhausted", 7),
    _text("next", "next", 8, cap=24),
    _text("ranges", "ranges", 6, cap=60),
)


def _probes(row: Row) -> str:
    return f"{row['probes_answered']}/{row['probes']}"


RADIUS = (
    _text("server", "server", 0, cap=32),
    _text("kind", "kind", 1),
    _text("state", "state", 2),
    _number("requests", "requests", 3),
    _number("answered", "answered", 5),
    _number("resent", "resent", 4),
    _number("dropped", "dropped", 6),
    _number("in flight", "in_flight", 7),
    _seconds("retry in", "dead_left_s", 8),
    Column("probes", _probes, 11, lambda row: row["probes"], Kind.COUNT, right=True),
    Column("address", lambda row: f"{row['address']} {row['port']}", 9, lambda row: row["address"], Kind.ADDRESS),
    _text("group", "group", 10, cap=20),
    _number("weight", "weight", 12),
)
COA = (
    _text("client", "client", 0, cap=32),
    _number("acks", "ack", 1),
    _number("naks", "nak", 2),
    _number("pending", "pending", 3),
    _number("dropped", "dropped", 4),
    _number("repeated", "repeated", 5),
    Column("address", lambda row: " ".join(row["address"]), 6, lambda row: " ".join(row["address"]), cap=64),
)


SPOOL = (
    Column("group", spool.group, 0, lambda row: row["group"], cap=24),
    _number("owed", "owed", 1),
    _seconds("oldest", "oldest_s", 2),
    _number("starts", "starts", 3),
    _number("interims", "interims", 4),
    _number("stops", "stops", 5),
    _number("announcements", "announcements", 9),
    _number("told", "told", 6),
    _number("in hand", "in_hand", 8),
    _seconds("silent", "silent_s", 7),
    Column("waits for", spool.waits_for, 10, lambda row: row["waits_for"], cap=20),
    _number("acknowledged", "acknowledged", 11),
    _number("coalesced", "coalesced", 12),
    _number("forgotten", "forgotten", 13),
)


@dataclass(frozen=True, slots=True)
class Table:
    """A list that the daemon can be asked for."""

    command: str
    """What it is asked."""
    key: str
    """Where its rows stand in the answer."""
    columns: tuple[Column, ...]
    whole: Callable[[Row], list[tuple[str, list[tuple[str, str]]]]] | None = None
    """Sections of what an answer says beside its rows."""


TABLES = {
    "sessions": Table("show sessions", "sessions", SESSIONS),
    "tunnels": Table("show tunnels", "tunnels", TUNNELS),
    "lacs": Table("show lacs", "lacs", LACS),
    "groups": Table("show groups", "groups", GROUPS),
    "pools": Table("show pools", "pools", POOLS),
    "radius": Table("show radius", "servers", RADIUS),
    "coa": Table("show coa", "clients", COA),
    "spool": Table("show spool", "groups", SPOOL, spool.sections),
}
"""By name of the subcommand of ``bras show``."""


def fields(columns: tuple[Column, ...]) -> dict[str, Field]:
    """Return what rows of a table can be asked for."""
    return {column.name: Field(column.kind, column.value) for column in columns}


class NoSuchColumn(Exception):
    """A name that is no column's; the text says which there are."""


def chosen(columns: tuple[Column, ...], wish: str) -> tuple[Column, ...]:
    """Return the columns of ``a,b,c`` in that order, or with ``+a,b`` the usual ones and these."""
    names = [name.strip() for name in wish.removeprefix("+").split(",") if name.strip()]
    by_name = {column.name: column for column in columns}
    for name in names:
        if name not in by_name:
            raise NoSuchColumn(f"no column {name!r}; there are {', '.join(by_name)}")
    if not names:
        raise NoSuchColumn(f"no column is named; there are {', '.join(by_name)}")
    asked = tuple(by_name[name] for name in dict.fromkeys(names))
    return (*(one for one in columns if not one.extra and one not in asked), *asked) if wish.startswith("+") else asked
