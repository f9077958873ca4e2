"""Rows of LAC groups, pools and servers, for ``show`` and metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from bras.config.model import LacConfig
from bras.l2tp.facts import TunnelFacts
from bras.l2tp.states import TunnelState
from bras.lns import spool
from bras.lns.commands import Plain
from bras.lns.core import Core
from bras.lns.lacs import Key, Seen, key_of
from bras.subscriber.events import Phase

Row = dict[str, Plain]
Value = None | bool | int | float | str | list[str]
_TUNNEL_STATES: Final = tuple(state for state in TunnelState if state is not TunnelState.IDLE)
"""Those of tunnels that have not ended."""


def host(address: str, port: int) -> str:
    """Write "address:port", or "[address]:port" for IPv6."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def plain(rows: Sequence[Mapping[str, Value]]) -> list[Plain]:
    """Return rows of a neighbour as plain data."""
    return [
        {key: list[Plain](value) if isinstance(value, list) else value for key, value in row.items()} for row in rows
    ]


def lacs(core: Core, now: float) -> list[Plain]:
    """Return a row for each LAC that was seen, and for each group that none has matched yet."""
    standing: dict[tuple[str, str], list[TunnelFacts]] = {}
    for facts in core.endpoint.tunnels():
        standing.setdefault(key_of(facts.path.remote, facts.hostname), []).append(facts)
    locked = locked_out(core, now)
    rows = [lac_row(key, seen, standing.get(key, ()), locked.pop(key, None), now) for key, seen in core.registry.lacs]
    rows += [lac_row(key, Seen("", now, now), (), left_s, now) for key, left_s in locked.items()]
    matched = {row["lac"] for row in rows}
    rows += [_unmatched(group.name) for group in core.config.lac if group.name not in matched]
    rows.sort(key=lambda row: (str(row["lac"]), str(row["lac_hostname"]), str(row["lac_address"])))
    return list[Plain](rows)


def locked_out(core: Core, now: float) -> dict[Key, float]:
    """Return who is locked out, and for how many seconds yet."""
    return {
        key_of(facts.address, facts.hostname): facts.until - now
        for facts in core.endpoint.lockouts()
        if facts.until > now
    }


def lac_row(key: Key, seen: Seen, tunnels: Sequence[TunnelFacts], locked_out_s: float | None, now: float) -> Row:
    """Return a LAC as ``ShowLacs`` promises it; ``tunnels`` are those that it has now."""
    address, hostname = key
    last_at = max((seen.last_at, *(facts.heard_at for facts in tunnels)))
    tunnels_refused: Row = dict(seen.tunnels_refused)
    calls_refused: Row = dict(seen.calls_refused)
    return {
        "lac": seen.group,
        "lac_address": address,
        "lac_hostname": hostname,
        "vendor": next((facts.vendor for facts in tunnels), ""),
        "tunnels": len(tunnels),
        "tunnels_ever": seen.tunnels_ever,
        "sessions": sum(facts.calls for facts in tunnels),
        "tunnels_refused": tunnels_refused,
        "calls_refused": calls_refused,
        "last_refusal": seen.refusal or None,
        "last_reason": seen.reason or None,
        "last_refusal_s": now - seen.refused_at if seen.refused_at is not None else None,
        "locked_out_s": locked_out_s,
        "first_seen_s": now - seen.first_at,
        "last_seen_s": now - last_at,
    }


def _unmatched(group: str) -> Row:
    """Return the row of a group that no LAC has matched yet."""
    return {
        "lac": group,
        "lac_address": None,
        "lac_hostname": None,
        "vendor": "",
        "tunnels": 0,
        "tunnels_ever": 0,
        "sessions": 0,
        "tunnels_refused": {},
        "calls_refused": {},
        "last_refusal": None,
        "last_reason": None,
        "last_refusal_s": None,
        "locked_out_s": None,
        "first_seen_s": None,
        "last_seen_s": None,
    }


def groups(core: Core) -> list[Plain]:
    """Return a row for each LAC group."""
    return [group_row(core, group) for group in core.config.lac]


def group_row(core: Core, group: LacConfig) -> Row:
    """Return a group as ``ShowGroups`` promises it."""
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
    standing, counts, stalled = core.endpoint.standing(), core.registry.counts, Counter(core.endpoint.stalled())
    names = [group.name for group in core.config.lac]
    of_tunnels = dict.fromkeys((*names, *(group for group, _state in standing)))
    of_sessions = dict.fromkeys((*names, *(group for group, _phase in counts)))
    counted: Row = {
        "tunnels": [
            {"lac": group, "state": state.name.lower(), "count": standing.get((group, state), 0)}
            for group in of_tunnels
            for state in _TUNNEL_STATES
        ],
        "stalled": [{"lac": group, "count": stalled[group]} for group in of_tunnels],
        "sessions": [
            {"lac": group, "state": phase.value, "count": counts.get((group, phase), 0)}
            for group in of_sessions
            for phase in Phase
        ],
        "pools": plain(core.pools.rows(now=now)),
        "radius": plain(core.exchanges.census()),
    }
    return counted | spool.census(core, now)
