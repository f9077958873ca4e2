"""Rows of tunnels, LAC groups, pools and servers, for ``show`` and metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bras.config.model import LacConfig
from bras.l2tp.records import TunnelFacts
from bras.lns.commands import Plain
from bras.lns.core import Core
from bras.subscriber.events import Phase

Row = dict[str, Plain]
Value = None | bool | int | float | str | list[str]


def host(address: str, port: int) -> str:
    """Write "address:port", or "[address]:port" for IPv6."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def plain(rows: Sequence[Mapping[str, Value]]) -> list[Plain]:
    """Return rows of a neighbour as plain data."""
    return [
        {key: list[Plain](value) if isinstance(value, list) else value for key, value in row.items()} for row in rows
    ]


def tunnels(core: Core, now: float) -> list[Plain]:
    """Return a row for each tunnel."""
    return [_tunnel(facts, now) for facts in core.endpoint.tunnels()]


def _tunnel(facts: TunnelFacts, now: float) -> Row:
    path = facts.path
    return {
        "tunnel": facts.tunnel_id,
        "peer_tunnel": facts.peer_tunnel_id,
        "state": facts.state.name.lower(),
        "lac": facts.group,
        "hostname": facts.hostname,
        "vendor": facts.vendor,
        "local": host(path.local, path.local_port),
        "remote": host(path.remote, path.remote_port),
        "calls": facts.calls,
        "uptime_s": now - facts.up_at if facts.up_at is not None else None,
        "window": facts.window,
        "in_flight": facts.in_flight,
        "retransmissions": facts.retransmissions,
    }


def lacs(core: Core) -> list[Plain]:
    """Return a row for each LAC group."""
    return [_lac(core, group) for group in core.config.lac]


def _lac(core: Core, group: LacConfig) -> Row:
    counts = core.registry.counts
    sessions = sum(count for (name, _phase), count in counts.items() if name == group.name)
    return {
        "lac": group.name,
        "address": list(group.address),
        "hostname": group.hostname,
        "secret": bool(group.secrets),
        "methods": list(group.methods or core.config.auth.methods),
        "pool": group.grant.pool or core.config.defaults.pool,
        "radius": group.radius,
        "tunnels": core.endpoint.census.tunnels_of.get(group.name, 0),
        "sessions": sessions,
        "up": counts.get((group.name, Phase.UP), 0),
        "max_tunnels": group.max_tunnels,
        "max_sessions": group.max_sessions,
    }


def census(core: Core, now: float) -> Row:
    """Return the counts of what is there now."""
    by_state: dict[tuple[str, str], int] = {}
    for facts in core.endpoint.tunnels():
        key = (facts.group, facts.state.name.lower())
        by_state[key] = by_state.get(key, 0) + 1
    sessions: list[Plain] = [
        {"lac": group, "state": phase.value, "count": count} for (group, phase), count in core.registry.counts.items()
    ]
    return {
        "tunnels": [{"lac": group, "state": state, "count": count} for (group, state), count in by_state.items()],
        "sessions": sessions,
        "pools": plain(core.pools.rows(now=now)),
        "radius": plain(core.exchanges.census()),
    }
