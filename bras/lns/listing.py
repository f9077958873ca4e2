"""Which sessions a question means: a slice at a time, since there may be very many."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from bras.lns.commands import ListSessions, PickSessions, Plain
from bras.lns.core import Core
from bras.lns.fields import COUNTED, FIELDS, RATES, Glance
from bras.query.lexer import QueryError
from bras.query.match import Match, understand
from bras.query.order import Order, Ranked, first, order
from bras.subscriber.subscriber import Subscriber
from bras.wire import ipv4_of


@lru_cache(maxsize=16)
def matched(text: str) -> Match | None:
    """Return what a match expression means, ``None`` for none; QueryError if it makes no sense."""
    return understand(text, FIELDS) if text else None


@lru_cache(maxsize=16)
def ordered(text: str) -> Order | None:
    """Return what an order means, ``None`` for none; QueryError if it makes no sense."""
    return order(text, FIELDS) if text else None


def used(match: str, sort: str) -> frozenset[str]:
    """Return the fields that an expression and an order look at; QueryError if they make no sense."""
    wanted, wish = matched(match), ordered(sort)
    fields = wanted.fields if wanted is not None else frozenset[str]()
    return fields | {wish.field} if wish is not None else fields


def numbers(core: Core, question: ListSessions) -> list[Plain]:
    """Return the numbers that a ListSessions asks for."""
    if question.user is not None:
        return list[Plain](sorted(core.registry.index.of_user(question.user)))
    return list[Plain](core.registry.index.numbers)


def to_read(core: Core, question: PickSessions) -> list[Subscriber]:
    """Return those whose counters must be read before the question can be answered."""
    try:
        counted = question.rates or bool(used(question.match, question.sort) & COUNTED)
    except QueryError:
        counted = False  # the answer says what is wrong
    if not counted:
        return []
    by_number = core.registry.by_number
    return [by_number[number] for number in question.numbers if number in by_number]


def pick(core: Core, question: PickSessions, now: float) -> dict[str, Plain]:
    """Answer a PickSessions."""
    wish = ordered(question.sort)
    ranked: list[Ranked] = []
    count, up_bps, down_bps, packets_s = 0, 0.0, 0.0, 0.0
    for seen in _glances(core, question, now):
        count += 1
        number, gauge = seen.subscriber.number, seen.gauge
        if gauge is not None:
            up_bps += gauge.up_bps or 0.0
            down_bps += gauge.down_bps or 0.0
            packets_s += gauge.packets_s or 0.0
        ranked.append((wish.rank(seen, number) if wish is not None else (False, 0, number), None))
    descends = wish is not None and wish.descends
    chosen = first(ranked, question.most, descends=descends)
    picked: list[Plain] = [abs(rank[2]) for rank, _ in chosen]
    values: list[Plain] = [None if rank[0] != descends else rank[1] for rank, _ in chosen] if wish is not None else []
    return {
        "picked": picked,
        "values": values,
        "matched": count,
        "up_bps": up_bps,
        "down_bps": down_bps,
        "packets_s": packets_s,
    }


def _glances(core: Core, question: PickSessions, now: float) -> Iterator[Glance]:
    """Yield the sessions of the slice that are meant."""
    match, by_number, gauges = matched(question.match), core.registry.by_number, core.gauges
    rates = question.rates or bool(used(question.match, question.sort) & RATES)
    address = ipv4_of(question.address) if question.address is not None else None
    for number in question.numbers:
        subscriber = by_number.get(number)
        if subscriber is None:
            continue
        seen = Glance(subscriber, gauges.read(subscriber, now) if rates else gauges.of(number), now)
        if (
            (question.user is None or subscriber.who.user == question.user)
            and (question.group is None or subscriber.line.group == question.group)
            and (question.address is None or (address is not None and subscriber.address == address))
            and (match is None or match.holds(seen))
        ):
            yield seen
