"""Rows of tunnels, and all of one, for ``show``."""

from __future__ import annotations

from bras.l2tp.facts import TunnelDetail, TunnelFacts
from bras.l2tp.wording import Worded
from bras.lns.commands import Plain, ShowTunnels
from bras.lns.core import Core
from bras.lns.lacs import key_of
from bras.lns.tables import host, lac_row, locked_out

Row = dict[str, Plain]
MOST_DETAILS = 16


def listed(core: Core, wish: ShowTunnels, now: float) -> list[Plain]:
    """Return a row for each tunnel that a question wants, ordered by group, Host Name and id."""
    chosen = [facts for facts in core.endpoint.tunnels() if _wanted(facts, wish)]
    chosen.sort(key=lambda facts: (facts.group, facts.hostname, facts.tunnel_id))
    return [row(facts, now) for facts in chosen]


def _wanted(facts: TunnelFacts, wish: ShowTunnels) -> bool:
    return (
        (wish.group is None or facts.group == wish.group)
        and (wish.hostname is None or facts.hostname == wish.hostname)
        and (wish.address is None or facts.path.remote == wish.address)
    )


def details(core: Core, selector: str, now: float) -> list[Plain]:
    """Return all of the tunnel with this id of ours, or of those of a LAC by its Host Name or address."""
    if selector.isdecimal() and selector.isascii():
        numbers = [int(selector[:8])]
    else:
        numbers = [
            facts.tunnel_id for facts in core.endpoint.tunnels() if selector in (facts.hostname, facts.path.remote)
        ]
    found = (core.endpoint.tunnel(number) for number in sorted(numbers)[:MOST_DETAILS])
    return [_detail(core, detail, now) for detail in found if detail is not None]


def nothing(core: Core, selector: str, now: float) -> str:
    """Say that nothing matches, and of a LAC that was seen what became of it last."""
    latest = None
    for (address, hostname), seen in core.registry.lacs:
        if selector in (address, hostname) and (latest is None or seen.last_at > latest.last_at):
            latest = seen
    if latest is None:
        return f"no tunnel matches {selector!r}; show tunnels lists them"
    words = f"{selector!r} has no tunnel now"
    if latest.refused_at is not None:
        words += f"; last refused {now - latest.refused_at:.0f} s ago: {latest.refusal}"
    return words + _locked(core, selector, now)


def _locked(core: Core, selector: str, now: float) -> str:
    left_s = max((left_s for key, left_s in locked_out(core, now).items() if selector in key), default=0.0)
    return f"; locked out for {left_s:.0f} s" if left_s else ""


def row(facts: TunnelFacts, now: float) -> Row:
    """Return a tunnel as ``ShowTunnels`` promises it."""
    path, channel = facts.path, facts.channel
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
        "uptime_s": _since(facts.up_at, now),
        "window": channel.window,
        "in_flight": channel.in_flight,
        "queued": channel.queued,
        "retransmissions": channel.retransmissions,
        "round_trip_ms": _milliseconds(channel.round_trip_s),
        "smoothed_round_trip_ms": _milliseconds(channel.smoothed_s),
    }


def _detail(core: Core, detail: TunnelDetail, now: float) -> Row:
    facts, channel = detail.facts, detail.facts.channel
    calls: Row = dict(detail.calls.items())
    return row(facts, now) | {
        "avps": [_avp(avp) for avp in detail.avps],
        "authenticated": detail.proven,
        "peer_secret": detail.peer_secret,
        "challenged_us": detail.challenged,
        "receive_window": detail.receive_window,
        "peer_window": channel.peer_window,
        "threshold": channel.threshold,
        "ns": channel.ns,
        "nr": channel.nr,
        "held": channel.held,
        "retries": channel.retries,
        "resend_in_s": _until(detail.retransmit_at, now),
        "age_s": now - facts.created_at,
        "calls_by_state": calls,
        "replaces": detail.replaces or None,
        "lac_history": _history(core, facts, now),
        **_liveness(core, detail, now),
    }


def _avp(avp: Worded) -> Row:
    return {
        "avp": avp.name,
        "vendor": avp.attribute >> 16,
        "type": avp.attribute & 0xFFFF,
        "section": avp.section,
        "mandatory": avp.mandatory,
        "hidden": avp.hidden,
        "value": avp.value,
    }


def _liveness(core: Core, detail: TunnelDetail, now: float) -> Row:
    heard_at, hello_s = detail.facts.heard_at, detail.hello_interval_s
    idle_at, idle_s = detail.idle_since_at, core.config.lns.idle_tunnel_s
    return {
        "heard_s": now - heard_at,
        "hello_interval_s": hello_s,
        "hello_outstanding": detail.hello_outstanding,
        "hello_in_s": _until(heard_at + hello_s, now) if hello_s and not detail.hello_outstanding else None,
        "idle_s": _since(idle_at, now),
        "idle_timeout_left_s": _until(idle_at + idle_s, now) if idle_at is not None and idle_s else None,
    }


def _history(core: Core, facts: TunnelFacts, now: float) -> Row | None:
    seen, key = core.registry.lacs.of(facts.path.remote, facts.hostname), key_of(facts.path.remote, facts.hostname)
    if seen is None:
        return None
    tunnels = [one for one in core.endpoint.tunnels() if key_of(one.path.remote, one.hostname) == key]
    return lac_row(key, seen, tunnels, locked_out(core, now).get(key), now)


def _since(at: float | None, now: float) -> float | None:
    return None if at is None else now - at


def _until(at: float | None, now: float) -> float | None:
    return None if at is None else max(0.0, at - now)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000.0
