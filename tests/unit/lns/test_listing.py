from __future__ import annotations

from typing import Any

import pytest

from bras.forwarding.entry import Counters
from bras.lns.commands import ForgetRates, ListSessions, PickSessions, ShowSessions
from bras.lns.listing import used
from bras.query.lexer import QueryError
from bras.wire import ipv4_text
from tests.support.rim import Rim
from tests.unit.lns.test_show import rows, world


def _numbers(rim: Rim) -> tuple[int, ...]:
    body: Any = rim.answers[rim.ask(ListSessions())].body
    return tuple(body["numbers"])


def _pick(rim: Rim, **wishes: Any) -> dict[str, Any]:
    body: Any = rim.answers[rim.ask(PickSessions(_numbers(rim), **wishes))].body
    return dict(body)


def _users(rim: Rim, **wishes: Any) -> list[str]:
    picked = tuple(_pick(rim, **wishes)["picked"])
    return [row["user"] for row in rows(rim, ShowSessions(numbers=picked))]


def _feed(rim: Rim, *octets: int) -> None:
    for slot, count in zip(sorted(rim.plane.entries), octets, strict=True):
        rim.plane.feed(slot, Counters(down_octets4=count, down_packets4=1))


def test_numbers_are_in_order() -> None:
    rim, _, _ = world()
    assert list(_numbers(rim)) == sorted(rim.lns.core.registry.by_number)
    assert len(_numbers(rim)) == 3


def test_who_ends_is_listed_no_more_and_leaves_no_rates() -> None:
    rim, lac, clients = world()
    _pick(rim, rates=True)
    assert len(rim.lns.core.gauges) == 3
    lac.hang_up(clients[1])
    rim.run(5.0)
    assert list(_numbers(rim)) == sorted(rim.lns.core.registry.by_number)
    assert len(_numbers(rim)) == len(rim.lns.core.gauges) == 2


@pytest.mark.parametrize(
    ("wishes", "users"),
    [
        ({}, ["user1", "user2", "user3"]),
        ({"most": 2}, ["user1", "user2"]),
        ({"most": 0}, []),
        ({"match": "user=~[23]"}, ["user2", "user3"]),
        ({"match": "user=~[23]", "sort": "-user"}, ["user3", "user2"]),
        ({"sort": "-user", "most": 1}, ["user3"]),
        ({"sort": "-down"}, ["user2", "user3", "user1"]),
        ({"sort": "down", "match": "down>1k"}, ["user3", "user2"]),
        ({"user": "user2"}, ["user2"]),
        ({"group": "any"}, ["user1", "user2", "user3"]),
        ({"group": "none"}, []),
        ({"address": "nonsense"}, []),
        ({"user": "user2", "match": "user==user3"}, []),
    ],
)
def test_who_is_picked(wishes: dict[str, Any], users: list[str]) -> None:
    rim, _, _ = world()
    _feed(rim, 500, 9000, 3000)
    assert _users(rim, **wishes) == users


def test_by_address() -> None:
    rim, _, clients = world()
    assert _users(rim, address=ipv4_text(clients[1].address)) == ["user2"]


def test_counters_are_read_only_where_they_are_asked_for() -> None:
    rim, _, _ = world()
    rim.reads.clear()
    _pick(rim, match="user==user1")
    assert not any(slots for _, slots in rim.reads)
    _pick(rim, match="down>0")
    assert [len(slots) for _, slots in rim.reads if slots] == [3]


def test_rates_and_their_sum_over_those_who_match() -> None:
    rim, _, _ = world()
    assert _pick(rim, rates=True)["down_bps"] == 0.0
    _feed(rim, 1000, 2000, 4000)
    rim.run(2.0)
    body = _pick(rim, match="down_rate>5k", sort="-down_rate")
    assert body["picked"] == [_numbers(rim)[2], _numbers(rim)[1]]
    assert body["values"] == pytest.approx([16000.0, 8000.0], rel=0.01)
    assert (body["matched"], body["down_bps"], body["up_bps"], body["packets_s"]) == (
        2,
        pytest.approx(24000.0, rel=0.01),
        0.0,
        pytest.approx(1.0, rel=0.01),
    )
    (row,) = rows(rim, ShowSessions(user="user3"))
    assert row["down_bps"] == pytest.approx(16000.0, rel=0.01)
    assert (row["up_bps"], row["packets_s"]) == (0.0, pytest.approx(0.5, rel=0.01))


def test_rates_are_kept_only_while_somebody_looks() -> None:
    rim, _, _ = world()
    _pick(rim)
    assert not len(rim.lns.core.gauges)
    _pick(rim, rates=True)
    assert len(rim.lns.core.gauges) == 3
    assert rim.answers[rim.ask(ForgetRates())].body == {}
    assert not len(rim.lns.core.gauges)


def test_those_who_are_gone_meanwhile_are_left_out() -> None:
    rim, _, _ = world()
    numbers = (*_numbers(rim), 4711)
    body: Any = rim.answers[rim.ask(PickSessions(numbers, rates=True))].body
    assert body["matched"] == 3
    assert [row["user"] for row in rows(rim, ShowSessions(numbers=(4711, numbers[2], numbers[0])))] == [
        "user3",
        "user1",
    ]


def test_an_expression_that_makes_no_sense_is_refused_in_words() -> None:
    rim, _, _ = world(1)
    answer = rim.answers[rim.ask(PickSessions((), match="usr==1"))]
    assert not answer.ok
    assert "no field 'usr'" in str(answer.body)


def test_which_fields_are_looked_at() -> None:
    assert used("user==a or down>1", "-rate") == {"user", "down", "rate"}
    assert used("", "") == frozenset()
    with pytest.raises(QueryError):
        used("", "nonsense")
