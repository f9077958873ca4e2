"""Answers to questions, as plain data; the row keys are the contract of ``lns.commands``."""

from __future__ import annotations

from itertools import islice

from bras.ids import number_of, session_of, tunnel_of
from bras.lns import groups, listing, readings, spool, tables, tunnels
from bras.lns.commands import (
    ForgetRates,
    ListSessions,
    PickSessions,
    Plain,
    ShowCoa,
    ShowGroup,
    ShowGroups,
    ShowLacs,
    ShowPools,
    ShowRadius,
    ShowSession,
    ShowSessions,
    ShowSpool,
    ShowTunnel,
    ShowTunnels,
    TakeCensus,
    TakeReadings,
)
from bras.lns.core import Core
from bras.lns.detail import detail
from bras.lns.effects import Answer
from bras.lns.gauges import carried
from bras.query.lexer import QueryError
from bras.subscriber.subscriber import Subscriber
from bras.wire import ipv4_of, ipv4_text

MOST_DETAILS = 16
MOST_ROWS = 1000

AboutLacs = ShowTunnels | ShowTunnel | ShowLacs | ShowGroups | ShowGroup
Listed = ShowSessions | ShowSession | PickSessions
"""Questions that wait for fresh counters."""
ForScrapes = TakeCensus | TakeReadings
Question = AboutLacs | Listed | ListSessions | ForgetRates | ShowPools | ShowRadius | ShowCoa | ShowSpool | ForScrapes
Row = dict[str, Plain]


def answer(core: Core, identifier: int, question: Question, now: float) -> Answer:
    """Answer a question about what is there now."""
    match question:
        case ShowSessions() | ListSessions() | PickSessions() | ForgetRates():
            return _answer_about_many(core, identifier, question, now)
        case ShowSession():
            chosen = select(core, question.selector)[:MOST_DETAILS]
            if not chosen:
                return _nothing(identifier, f"no session matches {question.selector!r}")
            details: list[Plain] = [_row(core, sub, now) | detail(core, sub, now) for sub in chosen]
            body: Plain = {"sessions": details}
        case ShowTunnels() | ShowTunnel() | ShowLacs() | ShowGroups() | ShowGroup():
            return _answer_about_lacs(core, identifier, question, now)
        case ShowPools():
            body = {"pools": tables.plain(core.pools.rows(now=now))}
        case ShowRadius():
            body = {"servers": tables.plain(core.exchanges.rows(now=now))}
        case ShowCoa():
            body = {"clients": tables.plain(core.coa.server.rows() if core.coa is not None else [])}
        case ShowSpool():
            body = spool.shown(core, now)
        case TakeCensus():
            body = tables.census(core, now)
        case TakeReadings():
            body = readings.readings(core, question)
    return Answer(identifier, ok=True, body=body)


def _answer_about_many(
    core: Core, identifier: int, question: ShowSessions | ListSessions | PickSessions | ForgetRates, now: float
) -> Answer:
    try:
        match question:
            case ShowSessions():
                body: Plain = _sessions(core, question, now)
            case ListSessions():
                body = {"numbers": listing.numbers(core, question)}
            case PickSessions():
                body = listing.pick(core, question, now)
            case ForgetRates():
                core.gauges.clear()
                body = {}
    except QueryError as wrong:
        return _nothing(identifier, str(wrong))
    return Answer(identifier, ok=True, body=body)


def _answer_about_lacs(core: Core, identifier: int, question: AboutLacs, now: float) -> Answer:
    match question:
        case ShowTunnels():
            body: Plain = {"tunnels": tunnels.listed(core, question, now)}
        case ShowTunnel():
            found = tunnels.details(core, question.selector, now)
            if not found:
                return _nothing(identifier, tunnels.nothing(core, question.selector, now))
            body = {"tunnels": found}
        case ShowLacs():
            body = {"lacs": tables.lacs(core, now), "forgotten": core.registry.lacs.forgotten}
        case ShowGroups():
            body = {"groups": tables.groups(core)}
        case ShowGroup():
            group = groups.detail(core, question.name)
            if group is None:
                names = ", ".join(one.name for one in core.config.lac) or "none"
                return _nothing(identifier, f"no [[lac]] group is named {question.name!r}; there are: {names}")
            body = {"groups": [group]}
    return Answer(identifier, ok=True, body=body)


def _nothing(identifier: int, words: str) -> Answer:
    error: Row = {"error": words}
    return Answer(identifier, ok=False, body=error)


def select(core: Core, selector: str) -> list[Subscriber]:
    """Find sessions by Acct-Session-Id, IPv4 address or user name."""
    registry = core.registry
    number = number_of(selector)
    if number is not None:
        subscriber = registry.by_number.get(number)
        if subscriber is not None and subscriber.session_id == selector.upper():
            return [subscriber]
    address = ipv4_of(selector)
    if address is not None:
        holder = core.pools.holder(0, address)
        subscriber = registry.by_number.get(holder) if holder is not None else None
        if subscriber is not None:
            return [subscriber]
    return registry.of_user(selector)


def matching(core: Core, wish: Listed) -> list[Subscriber]:
    """Return the subscribers that a question shows, or looks at, in the order of their numbers."""
    if isinstance(wish, ShowSession):
        return select(core, wish.selector)[:MOST_DETAILS]
    if isinstance(wish, PickSessions):
        return listing.to_read(core, wish)
    if wish.numbers is not None:
        by_number = core.registry.by_number
        return [by_number[number] for number in wish.numbers[:MOST_ROWS] if number in by_number]
    limit = max(1, min(wish.limit, MOST_ROWS))
    address = ipv4_of(wish.address) if wish.address is not None else None
    chosen = (
        subscriber
        for number, subscriber in core.registry.by_number.items()
        if number > wish.after
        and (wish.group is None or subscriber.line.group == wish.group)
        and (wish.user is None or subscriber.who.user == wish.user)
        and (wish.address is None or (address is not None and subscriber.address == address))
    )
    return list(islice(chosen, limit))


def _sessions(core: Core, question: ShowSessions, now: float) -> Row:
    chosen = matching(core, question)
    full = question.numbers is None and len(chosen) >= max(1, min(question.limit, MOST_ROWS))
    rows: list[Plain] = [_row(core, subscriber, now) for subscriber in chosen]
    return {"sessions": rows, "next": chosen[-1].number if full else None}


def _row(core: Core, subscriber: Subscriber, now: float) -> Row:
    line, who, key = subscriber.line, subscriber.who, subscriber.leg.key
    total, address = carried(subscriber.forwarding), subscriber.address
    up_at, rtt = subscriber.instants.up_at, subscriber.standing.round_trip_s
    gauge = core.gauges.of(subscriber.number)
    return {
        "key": subscriber.number,
        "session": subscriber.session_id,
        "state": subscriber.phase.value,
        "user": who.user,
        "method": who.method,
        "lac": line.group,
        "lac_hostname": line.peer_name,
        "lac_address": line.peer_address,
        "tunnel": tunnel_of(key),
        "call": session_of(key),
        "calling_number": line.calling_number,
        "called_number": line.called_number,
        "address": ipv4_text(address) if address else None,
        "uptime_s": now - up_at if up_at is not None else None,
        "up_octets": total.up_octets,
        "up_packets": total.up_packets,
        "down_octets": total.down_octets,
        "down_packets": total.down_packets,
        "echo_ms": rtt * 1000.0 if rtt else None,
        **_quality(subscriber),
        "up_bps": gauge.up_bps if gauge is not None else None,
        "down_bps": gauge.down_bps if gauge is not None else None,
        "packets_s": gauge.packets_s if gauge is not None else None,
    }


def _quality(subscriber: Subscriber) -> Row:
    """How well its line has answered of late."""
    quality = subscriber.link.keepalive.quality
    if quality is None:
        return dict.fromkeys(("echo_min_ms", "echo_mean_ms", "echo_max_ms", "echo_loss_percent"))
    least, mean, most = (
        seconds * 1000.0 if quality.answered else None for seconds in (quality.least_s, quality.mean_s, quality.most_s)
    )
    return {"echo_min_ms": least, "echo_mean_ms": mean, "echo_max_ms": most, "echo_loss_percent": quality.loss_percent}
