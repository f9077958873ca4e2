"""What a run of the emulated LAC came to: plain numbers, a table, and whether it passed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.table import Table

from bras.lab.lac import LabLac
from bras.lab.subscriber import LabSubscriber, Stage

Summary = dict[str, Any]
REASONS_SHOWN = 10


def counts(lac: LabLac) -> dict[str, int]:
    """Return what can be shown while it runs, cheaply enough for every second."""
    stages = Counter(one.stage for one in lac.subscribers)
    pings = [one.ping for one in lac.subscribers if one.ping is not None]
    return {
        "tunnels_up": lac.tunnels_up,
        "called": len(lac.subscribers),
        "up": stages[Stage.UP],
        "ended": stages[Stage.ENDED],
        "pings_sent": sum(ping.sent for ping in pings),
        "pings_received": sum(ping.received for ping in pings),
        "pings_lost": sum(ping.lost for ping in pings),
    }


def summarize(lac: LabLac) -> Summary:
    """Return everything, once the run has ended."""
    plan = lac.plan
    came_up = [one for one in lac.subscribers if one.up_at is not None]
    setups = sorted(one.up_at - one.called_at for one in came_up if one.up_at is not None)
    failed = Counter(one.why for one in lac.subscribers if one.why)
    last_up_at = max((one.up_at for one in came_up if one.up_at is not None), default=0.0)
    first_call_at = min((one.called_at for one in lac.subscribers), default=0.0)
    wall_s = max(last_up_at - first_call_at, 0.0)
    summary: Summary = {
        "tunnels": plan.tunnels,
        "tunnels_up": lac.tunnels_up,
        "sessions": plan.sessions,
        "sessions_up": len(came_up),
        "addresses": len({one.network.address for one in came_up}),
        "setup_s": wall_s,
        "setups_per_s": len(came_up) / wall_s if wall_s else 0.0,
        "setup_median_ms": _share(setups, 0.5) * 1e3,
        "setup_99_percent_ms": _share(setups, 0.99) * 1e3,
        "ping": _pings(came_up),
        "stream": _streams(came_up),
        "failures": dict(failed.most_common(REASONS_SHOWN)),
        "complaints": lac.complaints[:REASONS_SHOWN],
    }
    summary["problems"] = _problems(lac, summary, came_up)
    summary["passed"] = not summary["problems"]
    return summary


def _pings(subscribers: list[LabSubscriber]) -> dict[str, float] | None:
    pings = [one.ping for one in subscribers if one.ping is not None]
    if not pings:
        return None
    sent, received = sum(ping.sent for ping in pings), sum(ping.received for ping in pings)
    round_trips = sorted(seconds for ping in pings for seconds in ping.round_trips_s)
    return {
        "sent": sent,
        "received": received,
        "lost": sent - received,
        "without_reply": sum(not ping.received for ping in pings),
        "median_ms": _share(round_trips, 0.5) * 1e3,
        "max_ms": round_trips[-1] * 1e3 if round_trips else 0.0,
    }


def _streams(subscribers: list[LabSubscriber]) -> dict[str, int] | None:
    streams = [one.stream for one in subscribers if one.stream is not None]
    if not streams:
        return None
    return {"sent": sum(one.sent for one in streams), "received": sum(one.received for one in streams)}


def _share(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def _problems(lac: LabLac, summary: Summary, came_up: list[LabSubscriber]) -> list[str]:
    """Say what keeps the run from having passed."""
    plan = lac.plan
    problems = list(lac.complaints[:REASONS_SHOWN])
    if lac.tunnels_up < plan.tunnels:
        problems.append(f"{plan.tunnels - lac.tunnels_up} of {plan.tunnels} tunnels did not come up")
    if len(came_up) < plan.sessions:
        problems.append(f"{plan.sessions - len(came_up)} of {plan.sessions} sessions did not come up")
    dropped = sum(1 for one in came_up if one.why)
    if dropped:
        problems.append(f"{dropped} sessions ended before their subscriber hung up")
    if summary["addresses"] < len(came_up):
        problems.append(f"{len(came_up)} sessions share {summary['addresses']} addresses")
    ping = summary["ping"]
    if ping and ping["without_reply"]:
        problems.append(f"{ping['without_reply']} subscribers never had an echo answered")
    elif ping and ping["lost"] > ping["sent"] * plan.max_loss:
        problems.append(f"{ping['lost']} of {ping['sent']} echoes were lost")
    return problems


def table(summary: Summary) -> Table:
    """Lay a summary out for people."""
    laid = Table(title="bras lab lac", show_header=False, title_justify="left")
    laid.add_column()
    laid.add_column(justify="right")
    laid.add_row("tunnels up", f"{summary['tunnels_up']} of {summary['tunnels']}")
    laid.add_row("sessions up", f"{summary['sessions_up']} of {summary['sessions']}")
    laid.add_row("set-ups", f"{summary['setup_s']:.2f} s, {summary['setups_per_s']:.0f}/s")
    laid.add_row(
        "set-up time", f"median {summary['setup_median_ms']:.0f} ms, 99 %: {summary['setup_99_percent_ms']:.0f} ms"
    )
    if (ping := summary["ping"]) is not None:
        laid.add_row("echoes", f"{ping['sent']:.0f} sent, {ping['received']:.0f} answered, {ping['lost']:.0f} lost")
        laid.add_row("round trip", f"median {ping['median_ms']:.2f} ms, at most {ping['max_ms']:.2f} ms")
    if (stream := summary["stream"]) is not None:
        laid.add_row("UDP packets", f"{stream['sent']} sent, {stream['received']} came back")
    for why, number in summary["failures"].items():
        laid.add_row("failed", f"{number} x {why}")
    for problem in summary["problems"]:
        laid.add_row("problem", problem)
    laid.add_row("result", "passed" if summary["passed"] else "FAILED")
    return laid
