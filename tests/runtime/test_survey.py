"""Long lists over a real machine: in slices, in order, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bras.forwarding.entry import Counters
from bras.lns.commands import Command, ForgetRates, ListSessions, PickSessions, ShowSessions
from bras.lns.effects import Answer
from bras.runtime.survey import FEWEST, MOST, TARGET_S, Listing, Pace, Survey
from tests.support.rim import Rim
from tests.unit.lns.test_show import world


class Machine:
    """An LNS with some sessions, asked as the admin socket asks."""

    def __init__(self, count: int) -> None:
        self.rim: Rim = world(count)[0]
        self.asked: list[Command] = []
        self.before: Callable[[], None] = lambda: None

    async def ask(self, command: Command) -> Answer:
        self.asked.append(command)
        self.before()
        return self.rim.answers[self.rim.ask(command)]

    def feed(self, **octets: int) -> None:
        for one in self.rim.lns.core.registry.by_number.values():
            self.rim.plane.feed(one.forwarding.slot, Counters(down_octets4=octets.get(one.who.user, 0)))


def run(machine: Machine, use: Callable[[Survey], Awaitable[Any]], slice_size: int = 2) -> Any:
    async def inner() -> Any:
        survey = Survey(machine.ask, asyncio.Lock(), settle_s=0.0)
        survey._pace = lambda: _Steady(slice_size)
        return await asyncio.wait_for(use(survey), 20)

    return asyncio.run(inner())


class _Steady(Pace):
    def __init__(self, size: int) -> None:
        self.size = size

    def took(self, seconds: float) -> None:
        """Learn nothing, so that the slices are known."""


async def all_pages(survey: Survey, wish: dict[str, Any]) -> list[list[str]]:
    pages, after = [], -1
    while True:
        answer = await survey.page(Listing(after=after, **wish))
        assert answer.ok
        body: Any = answer.body
        pages.append([row["user"] for row in body["sessions"]])
        if body["next"] is None:
            return pages
        after = body["next"]


@pytest.mark.parametrize(
    ("wish", "pages"),
    [
        ({"limit": 2}, [["user1", "user2"], ["user3", "user4"], ["user5"]]),
        ({"limit": 5}, [["user1", "user2", "user3", "user4", "user5"]]),
        ({"limit": 2, "sort": "-user"}, [["user5", "user4"], ["user3", "user2"], ["user1"]]),
        ({"limit": 2, "sort": "-down", "most": 3}, [["user3", "user1"], ["user5"]]),
        ({"limit": 2, "sort": "down"}, [["user2", "user4"], ["user5", "user1"], ["user3"]]),
        ({"limit": 2, "match": "down>0"}, [["user1", "user3"], ["user5"]]),
        ({"limit": 9, "match": "user=~[245]", "sort": "user", "most": 2}, [["user2", "user4"]]),
        ({"limit": 9, "most": 1}, [["user1"]]),
        ({"limit": 9, "most": 0}, [[]]),
        ({"limit": 9, "match": "user==nobody"}, [[]]),
        ({"limit": 9, "user": "user3"}, [["user3"]]),
        ({"limit": 9, "group": "nobody"}, [[]]),
        ({"limit": 9, "address": "10.99.0.2"}, [[]]),
    ],
)
def test_pages(wish: dict[str, Any], pages: list[list[str]]) -> None:
    machine = Machine(5)
    machine.feed(user1=500, user3=900, user5=300)
    assert run(machine, lambda survey: all_pages(survey, wish)) == pages


def test_no_slice_is_larger_than_it_may_be() -> None:
    machine = Machine(5)
    run(machine, lambda survey: all_pages(survey, {"limit": 5, "sort": "user"}))
    sizes = [len(one.numbers) for one in machine.asked if isinstance(one, PickSessions)]
    assert sizes == [2, 2, 1]
    assert [len(one.numbers or ()) for one in machine.asked if isinstance(one, ShowSessions)] == [2, 2, 1]


def test_a_list_is_made_once_for_all_its_pages_and_anew_for_another() -> None:
    machine = Machine(3)

    async def use(survey: Survey) -> None:
        await survey.page(Listing(limit=1, sort="user"))
        await survey.page(Listing(after=1, limit=2, sort="user"))
        assert sum(isinstance(one, ListSessions) for one in machine.asked) == 1
        await survey.page(Listing(after=1, limit=2, sort="-user"))
        await survey.page(Listing(limit=2, sort="-user"))
        assert sum(isinstance(one, ListSessions) for one in machine.asked) == 3

    run(machine, use)


def test_sessions_that_end_between_two_pages_are_left_out() -> None:
    machine = Machine(4)

    async def use(survey: Survey) -> list[str]:
        first: Any = (await survey.page(Listing(limit=2))).body
        gone = machine.rim.lns.core.registry.of_user("user3")[0]
        machine.rim.lns.core.registry.remove(gone)
        second: Any = (await survey.page(Listing(after=first["next"], limit=2))).body
        assert second["next"] is None
        return [row["user"] for row in second["sessions"]]

    assert run(machine, use) == ["user4"]


def test_who_asks_for_rates_first_waits_for_two_readings() -> None:
    machine = Machine(3)
    readings = 0

    def before() -> None:
        nonlocal readings
        if isinstance(machine.asked[-1], ListSessions):
            return
        readings += 1
        machine.feed(user2=1000)
        machine.rim.run(1.0)

    machine.before = before

    async def use(survey: Survey) -> None:
        assert not survey.gauges
        body: Any = (await survey.page(Listing(limit=3, sort="-down_rate"))).body
        assert survey.gauges
        assert body["sessions"][0]["user"] == "user2"
        assert body["sessions"][0]["down_bps"] > 0
        assert body["down_bps"] == pytest.approx(sum(row["down_bps"] for row in body["sessions"]))
        assert (body["matched"], body["up_bps"], body["packets_s"]) == (3, 0.0, 0.0)
        before = readings
        await survey.page(Listing(limit=3, sort="-down_rate"))
        assert readings - before == 2 + 2, "two slices to pick, two of rows: it has looked before"

    run(machine, use)
    machine.rim.ask(ForgetRates())


@pytest.mark.parametrize("wish", [{"match": "down_rate>0"}, {"sort": "rate"}, {"rates": True}])
def test_what_asks_for_rates(wish: dict[str, Any]) -> None:
    machine = Machine(1)

    async def use(survey: Survey) -> bool:
        await survey.page(Listing(**wish))
        return survey.gauges

    assert run(machine, use)


def test_a_refusal_is_passed_on() -> None:
    async def ask(_command: Command) -> Answer:
        return Answer(1, False, {"error": "internal error"})

    async def use() -> Answer:
        return await Survey(ask, asyncio.Lock()).page(Listing())

    assert asyncio.run(use()).body == {"error": "internal error"}


def test_slices_grow_and_shrink_with_what_they_take() -> None:
    pace = Pace()
    before = pace.size
    pace.took(TARGET_S / 100)
    assert pace.size == 2 * before
    pace.took(TARGET_S * 100)
    assert pace.size == before
    for _ in range(20):
        pace.took(1.0)
    assert pace.size == FEWEST
    for _ in range(20):
        pace.took(0.0)
    assert pace.size == MOST
