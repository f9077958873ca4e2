"""All of one tunnel, in the order in which one asks: who, is it well, what is on its way, what went wrong."""

from __future__ import annotations

from typing import Any

from bras.cli.human import ago, duration, milliseconds, plain, tally

Facts = list[tuple[str, str]]
Row = dict[str, Any]


def sections(row: Row) -> list[tuple[str, Facts]]:
    """Return the sections of a ShowTunnel detail."""
    return [
        (f"tunnel {row['tunnel']}", _who(row)),
        ("said of itself", [(avp["avp"], _value(avp)) for avp in row["avps"]]),
        ("control connection", _channel(row)),
        ("keep-alive", _liveness(row)),
        ("this LAC since it was first seen", _history(row["lac_history"])),
    ]


def _who(row: Row) -> Facts:
    return [
        ("state", row["state"]),
        ("lac", row["lac"]),
        ("hostname", row["hostname"]),
        ("remote", row["remote"]),
        ("local", row["local"]),
        ("tunnel id", f"{row['tunnel']}, the LAC's {row['peer_tunnel']}"),
        ("authenticated", _authenticated(row)),
        ("up for", duration(row["uptime_s"])),
        ("since SCCRQ", duration(row["age_s"])),
        ("calls", tally(row["calls_by_state"]) or "none"),
        ("takes the place of", f"tunnel {row['replaces']}" if row["replaces"] else ""),
    ]


def _authenticated(row: Row) -> str:
    us = "we too" if row["challenged_us"] else "we were not asked"
    if not row["authenticated"]:
        return f"the LAC not, {us}"
    number = row["peer_secret"]
    return f"the LAC by {f'secret {number}' if number else 'a secret that is configured no more'}, {us}"


def _value(avp: Row) -> str:
    return f"{avp['value']}  (hidden)" if avp["hidden"] else str(avp["value"])


def _channel(row: Row) -> Facts:
    trip, mean = milliseconds(row["round_trip_ms"]), milliseconds(row["smoothed_round_trip_ms"])
    again = f", the oldest {row['retries']} times" if row["retries"] else ""
    resend = f", again in {duration(row['resend_in_s'])}" if row["retries"] else ""
    return [
        ("round trip", f"{mean}, last {trip}" if trip else ""),
        (
            "window",
            f"{row['window']} of the LAC's {row['peer_window']}, doubles up to {row['threshold']};"
            f" ours {row['receive_window']}",
        ),
        ("next", f"Ns {row['ns']}, Nr {row['nr']}"),
        ("in flight", plain(row["in_flight"])),
        ("queued", plain(row["queued"])),
        ("came too early", plain(row["held"])),
        ("sent again", f"{row['retransmissions']} in all{again}{resend}"),
    ]


def _liveness(row: Row) -> Facts:
    every = f"after {duration(row['hello_interval_s'])} of silence" if row["hello_interval_s"] else "never"
    return [
        ("last heard", ago(row["heard_s"])),
        ("hello", every),
        ("hello on its way", "yes" if row["hello_outstanding"] else ""),
        ("next hello in", duration(row["hello_in_s"])),
        ("without calls", duration(row["idle_s"])),
        ("closes in", duration(row["idle_timeout_left_s"])),
    ]


def _history(lac: Row | None) -> Facts:
    if lac is None:
        return []
    return [
        ("first seen", ago(lac["first_seen_s"])),
        ("tunnels", f"{lac['tunnels']} now, {lac['tunnels_ever']} ever"),
        ("tunnels refused", tally(lac["tunnels_refused"])),
        ("calls refused", tally(lac["calls_refused"])),
        ("locked out for", duration(lac["locked_out_s"])),
        ("last refusal", f"{lac['last_refusal']}, {ago(lac['last_refusal_s'])}" if lac["last_refusal"] else ""),
    ]
