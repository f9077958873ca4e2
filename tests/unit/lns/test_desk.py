"""The tables of requests under way, as plain data and under other configurations."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from bras.forwarding.entry import Outcome
from bras.lns.desk import Change, Desk, Stage, Ticket
from bras.plain import decode, encode
from bras.radius.dynauth import Asked, DynamicRequest
from bras.radius.profile import compute
from bras.subscriber.parts import EntryState
from tests.support.dac import with_coa
from tests.support.world import codec, config
from tests.unit.lns.test_registry import Registry, subscriber

RADIUS = with_coa().radius
PROFILE = compute(())


def desk() -> Desk:
    made = Desk.of(RADIUS, codec())
    assert made is not None
    return made


def ticket(number: int, *sessions: int) -> Ticket:
    request = DynamicRequest("aaa", Asked.CHANGE, ((32, b"lns1"),), ((44, b"s"), (1, b"u")), ((27, b"\0\0\0\x09"),))
    made = Ticket(number, request, list(sessions), tuple(f"s{one}" for one in sessions), "u", 130.0)
    made.stage, made.left, made.text = Stage.RESTORING, dict.fromkeys(sessions), "no room"
    made.before = {one: Change(PROFILE, (b"old",)) for one in sessions}
    made.after = {one: Change(PROFILE._replace(pool="x"), (), b"state") for one in sessions}
    return made


def test_there_is_one_where_the_configuration_wants_it() -> None:
    assert Desk.of(config().radius, codec()) is None
    assert Desk.restore(None, config().radius, codec()) is None
    assert isinstance(Desk.restore(None, RADIUS, codec()), Desk)


def test_it_goes_on_from_plain_data() -> None:
    one = desk()
    one.tickets = {7: ticket(7, 1, 2), 9: ticket(9, 2)}
    one.queues = {1: deque([7]), 2: deque([7, 9])}
    for waiting in one.tickets.values():
        one.postpone(waiting, waiting.due_at)
    again = Desk.restore(decode(encode(one.save())), RADIUS, codec())
    assert again is not None
    assert again.tickets == one.tickets
    assert again.queues == one.queues
    assert again.deadline == one.deadline == 130.0
    assert again.save() == one.save()
    assert desk().deadline is None


def test_another_configuration_keeps_what_is_under_way() -> None:
    one = desk()
    one.tickets = {7: ticket(7, 1)}
    assert RADIUS.coa is not None
    wider = replace(RADIUS, coa=replace(RADIUS.coa, window_s=9.0))
    assert Desk.follow(one, wider, codec()) is one
    assert one.tickets
    assert Desk.follow(one, config().radius, codec()) is one, "though nobody may ask any more"
    again = Desk.restore(one.save(), config().radius, codec())
    assert again is not None
    assert again.tickets == one.tickets
    one.tickets.clear()
    assert Desk.restore(one.save(), config().radius, codec()) is None
    assert Desk.follow(one, config().radius, codec()) is None
    assert isinstance(Desk.follow(None, RADIUS, codec()), Desk)


def test_news_are_of_those_who_are_meant() -> None:
    one, registry = desk(), Registry()
    meant, other = subscriber(registry), subscriber(registry)
    one.queues = {meant.number: deque([7])}
    refused = Outcome(0, meant.number, ok=False, reason="no room")
    meant.forwarding.state = EntryState.ACTIVE
    one.programmed(meant, refused)
    one.programmed(other, refused)
    assert (list(one.news), one.refused) == ([meant.number], {}), "that was no change"
    meant.forwarding.state = EntryState.CHANGING
    one.programmed(meant, refused)
    assert one.refused == {meant.number: "no room"}
    one.news.clear()
    one.ended(other.number)
    one.ended(meant.number)
    assert list(one.news) == [meant.number]
