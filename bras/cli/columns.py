"""Which columns each table has, in order; ``rank`` says which ones stay when the terminal is narrow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bras.cli.human import ago, duration, limited, milliseconds, octets, plain, tally

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, what it shows of a row, and how much it matters."""

    title: str
    cell: Callable[[Row], str]
    rank: int
    """Columns of a low rank are kept; 0 always is."""
    right: bool = False
    cap: int = 40
    """Characters at most on a terminal."""


def _key(name: str) -> Callable[[Row], str]:
    return lambda row: plain(row[name])


def _octets(name: str) -> Callable[[Row], str]:
    return lambda row: octets(row[name])


def _uptime(row: Row) -> str:
    return duration(row["uptime_s"])


SESSIONS = (
    Column("session", _key("session"), 7),
    Column("user", _key("user"), 0, cap=32),
    Column("lac", _key("lac"), 6, cap=20),
    Column("address", _key("address"), 1),
    Column("state", _key("state"), 2),
    Column("uptime", _uptime, 3, right=True),
    Column("down", _octets("down_octets"), 4, right=True),
    Column("up", _octets("up_octets"), 5, right=True),
    Column("echo", lambda row: milliseconds(row["echo_ms"]), 9, right=True),
    Column("method", _key("method"), 10),
    Column("calling", _key("calling_number"), 8, cap=24),
    Column("called", _key("called_number"), 13, cap=24),
    Column("lac address", _key("lac_address"), 11),
    Column("lac hostname", _key("lac_hostname"), 14, cap=24),
    Column("tunnel/call", lambda row: f"{row['tunnel']}/{row['call']}", 12, right=True),
    Column("down packets", _key("down_packets"), 15, right=True),
    Column("up packets", _key("up_packets"), 16, right=True),
)

TUNNELS = (
    Column("tunnel", _key("tunnel"), 0, right=True),
    Column("lac", _key("lac"), 5, cap=20),
    Column("hostname", _key("hostname"), 1, cap=32),
    Column("remote", _key("remote"), 2, cap=46),
    Column("state", _key("state"), 3),
    Column("calls", _key("calls"), 4, right=True),
    Column("uptime", _uptime, 6, right=True),
    Column("trip", lambda row: milliseconds(row["smoothed_round_trip_ms"]), 7, right=True),
    Column("resent", _key("retransmissions"), 8, right=True),
    Column("in flight", _key("in_flight"), 9, right=True),
    Column("queued", _key("queued"), 10, right=True),
    Column("window", _key("window"), 11, right=True),
    Column("vendor", _key("vendor"), 12, cap=32),
    Column("local", _key("local"), 13),
    Column("peer tunnel", _key("peer_tunnel"), 14, right=True),
)


def _refused(row: Row) -> str:
    return plain(sum(row["tunnels_refused"].values()) + sum(row["calls_refused"].values()))


def _last(row: Row) -> str:
    reason = row["last_reason"]
    return f"{reason.replace('_', ' ')}, {ago(row['last_refusal_s'])}" if reason else ""


LACS = (
    Column("lac", _key("lac"), 1, cap=16),
    Column("hostname", _key("lac_hostname"), 0, cap=24),
    Column("address", _key("lac_address"), 2, cap=40),
    Column("tunnels", _key("tunnels"), 3, right=True),
    Column("calls", _key("sessions"), 4, right=True),
    Column("locked", lambda row: duration(row["locked_out_s"]), 5, right=True),
    Column("refused", _refused, 6, right=True),
    Column("last refusal", _last, 7, cap=28),
    Column("seen", lambda row: ago(row["last_seen_s"]), 8, right=True),
    Column("in words", _key("last_refusal"), 9, cap=60),
    Column("ever", _key("tunnels_ever"), 10, right=True),
    Column("first seen", lambda row: ago(row["first_seen_s"]), 11, right=True),
    Column("tunnels refused", lambda row: tally(row["tunnels_refused"]), 12, cap=60),
    Column("calls refused", lambda row: tally(row["calls_refused"]), 13, cap=60),
    Column("vendor", _key("vendor"), 14, cap=32),
)

GROUPS = (
    Column("group", _key("lac"), 0, cap=24),
    Column("tunnels", lambda row: limited(row["tunnels"], row["max_tunnels"]), 1, right=True),
    Column("sessions", lambda row: limited(row["sessions"], row["max_sessions"]), 2, right=True),
    Column("up", _key("up"), 3, right=True),
    Column("address", _key("address"), 4, cap=44),
    Column("hostname", _key("hostname"), 5, cap=24),
    Column("secret", _key("secret"), 9),
    Column("methods", _key("methods"), 7),
    Column("pool", _key("pool"), 6, cap=20),
    Column("radius", _key("radius"), 8, cap=20),
)


def _share(row: Row) -> str:
    return f"{100 * (row['size'] - row['free']) / row['size']:.1f} %" if row["size"] else ""


POOLS = (
    Column("pool", _key("pool"), 0, cap=24),
    Column("used", _key("used"), 1, right=True),
    Column("held", _key("held"), 4, right=True),
    Column("free", _key("free"), 2, right=True),
    Column("size", _key("size"), 5, right=True),
    Column("taken", _share, 3, right=True),
    Column("exhausted", _key("exhausted"), 7, right=True),
    Column("next", _key("next"), 8, cap=24),
    Column("ranges", _key("ranges"), 6, cap=60),
)

RADIUS = (
    Column("server", _key("server"), 0, cap=32),
    Column("kind", _key("kind"), 1),
    Column("state", _key("state"), 2),
    Column("requests", _key("requests"), 3, right=True),
    Column("answered", _key("answered"), 5, right=True),
    Column("resent", _key("resent"), 4, right=True),
    Column("dropped", _key("dropped"), 6, right=True),
    Column("in flight", _key("in_flight"), 7, right=True),
    Column("retry in", lambda row: duration(row["dead_left_s"]), 8, right=True),
    Column("probes", lambda row: f"{row['probes_answered']}/{row['probes']}", 11, right=True),
    Column("address", lambda row: f"{row['address']} {row['port']}", 9),
    Column("group", _key("group"), 10, cap=20),
    Column("weight", _key("weight"), 12, right=True),
)
COA = (
    Column("client", _key("client"), 0, cap=32),
    Column("acks", _key("ack"), 1, right=True),
    Column("naks", _key("nak"), 2, right=True),
    Column("pending", _key("pending"), 3, right=True),
    Column("dropped", _key("dropped"), 4, right=True),
    Column("repeated", _key("repeated"), 5, right=True),
    Column("address", lambda row: " ".join(row["address"]), 6, cap=64),
)
