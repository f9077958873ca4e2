"""What was counted since the start, in a few figures: two of them, some seconds apart, tell how it goes."""

from __future__ import annotations

from collections import defaultdict

from bras.lns.commands import Plain
from bras.telemetry.counts import Counts, RadiusCounts
from bras.telemetry.tally import Tally


def overview(counts: Counts) -> dict[str, Plain]:
    """Return the counts of "show overview".

    ``setups``, ``ends``: int, sessions that came up, and that ended in any state;  ``authentications``:
    {outcome: int};  ``setup_s``: float, seconds that all set-ups took together;  ``calls_refused``: int;
    ``radius``: [{"server": str, "kind": "auth" | "acct", "replies": int, "latency_s": float (of all replies
    together), "resent": int, "dropped": int}];  ``loop``: {"turns": int, "late": int, "late_s": float}, turns
    of the loop, timers that have fired, and by how much they were late, together.
    """
    lateness = counts.loop.lateness
    subscribers = counts.subscribers
    return {
        "setups": sum(subscribers.setup.counts),
        "setup_s": subscribers.setup.total,
        "ends": sum(subscribers.ended.values()),
        "authentications": dict(_summed(subscribers.authentications, 2)),
        "calls_refused": sum(counts.tunnels.lacs.calls_refused.values()),
        "radius": _radius(counts.radius),
        "loop": {"turns": sum(counts.loop.hold.counts), "late": sum(lateness.counts), "late_s": lateness.total},
    }


def _summed(tally: Tally, place: int) -> dict[str, int]:
    """Sum up by one of the labels."""
    sums: defaultdict[str, int] = defaultdict(int)
    for labels, count in tally.items():
        sums[labels[place]] += count
    return sums


def _radius(counts: RadiusCounts) -> list[Plain]:
    rows: list[Plain] = []
    dropped: defaultdict[tuple[str, str], int] = defaultdict(int)
    for (server, kind, _reason), count in counts.replies_dropped.items():
        dropped[server, kind] += count
    for (server, kind), resent in sorted(counts.resent.items()):
        latency = counts.latency.get((server, kind))
        rows.append(
            {
                "server": server,
                "kind": kind,
                "replies": sum(latency.counts) if latency is not None else 0,
                "latency_s": latency.total if latency is not None else 0.0,
                "resent": resent,
                "dropped": dropped[server, kind],
            }
        )
    return rows
