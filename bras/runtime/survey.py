"""Long lists for one client of the admin socket: chosen and ordered in slices, handed out in pages.

With 50,000 sessions a question takes longer than the loop may be held, so the machine is asked about some hundred at a
time, as many as it answers in about two milliseconds, and the loop turns between two slices.  Only one client's slice
is asked in a turn.
"""

from __future__ import annotations

import asyncio
import heapq
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from bras.lns import listing
from bras.lns.commands import Command, ListSessions, PickSessions, Plain, ShowSessions
from bras.lns.effects import Answer
from bras.lns.fields import RATES
from bras.query.order import Rank
from bras.runtime import clock

Ask = Callable[[Command], Awaitable[Answer]]
Row = dict[str, Plain]

TARGET_S = 0.002
"""How long a slice is to hold the loop."""
FEWEST, MOST = 8, 2000
"""Sessions in a slice."""
SETTLE_S = 1.0
"""Between the two readings that tell rates to who has not looked before."""
_MERGED = 500
"""Ranks that are put in order between two turns of the loop."""


@dataclass(frozen=True, slots=True)
class Listing:
    """List sessions, as the admin socket takes it.

    ``match``, ``sort``: expression and order, see ``bras.query``;  ``most``: rows in all;  ``rates``: with the rates of
    each, whether or not the two ask for them;  ``after``, ``limit``: the page.  The rest is as in ShowSessions.
    """

    after: int = -1
    limit: int = 500
    user: str | None = None
    group: str | None = None
    address: str | None = None
    match: str = ""
    sort: str = ""
    most: int | None = None
    rates: bool = False


class Pace:
    """How many sessions a slice may have."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        """Begin carefully."""
        self.size = 100

    def took(self, seconds: float) -> None:
        """Learn from a slice: half as many, up to twice as many the next time."""
        factor = min(2.0, max(0.5, TARGET_S / max(seconds, 1e-6)))
        self.size = int(min(MOST, max(FEWEST, self.size * factor)))


class Refusal(Exception):
    """The machine refused a question; the answer is its own."""

    def __init__(self, answer: Answer) -> None:
        """Keep the answer."""
        super().__init__()
        self.answer = answer


class Survey:
    """What one client has asked for, and how far it has been told."""

    def __init__(self, ask: Ask, turn: asyncio.Lock, *, settle_s: float = SETTLE_S) -> None:
        """Put questions to ``ask``, one of all clients' in a turn of the loop."""
        self._ask = ask
        self._turn = turn
        self._settle_s = settle_s
        self._plan: Listing | None = None
        self._numbers: list[int] = []
        self._sums: Row = {}
        self._pace: Callable[[], Pace] = Pace
        self.gauges = False
        """It has asked for rates: the machine keeps readings."""

    async def page(self, wish: Listing) -> Answer:
        """Return a page of what is wished for; the list is made anew for the first, and when another is wished for."""
        plan = replace(wish, after=-1, limit=0)
        try:
            if wish.after < 0 or plan != self._plan:
                self._plan = None
                self._numbers = await self._chosen(plan)
                self._plan = plan
            begin = max(0, wish.after) if plan.sort else bisect_right(self._numbers, wish.after)
            numbers = self._numbers[begin : begin + wish.limit]
            rows = await self._rows(numbers)
        except Refusal as refused:
            return refused.answer
        end: int | None = begin + len(numbers)
        following = None if end == len(self._numbers) else end if plan.sort else numbers[-1]
        return Answer(0, ok=True, body={"sessions": rows, "next": following, **self._sums})

    async def _put(self, command: Command, pace: Pace) -> dict[str, Any]:
        """Ask the machine, and let the loop turn."""
        async with self._turn:
            begun_at = clock.now()
            answer = await self._ask(command)
            pace.took(clock.now() - begun_at)
            await asyncio.sleep(0)
        if not answer.ok:
            raise Refusal(answer)
        body: dict[str, Any] = answer.body  # type: ignore[assignment]  # that of these three commands
        return body

    async def _rows(self, numbers: list[int]) -> list[Plain]:
        """Return the rows of those who are still there."""
        rows: list[Plain] = []
        pace = self._pace()
        begin = 0
        while begin < len(numbers):
            part = numbers[begin : begin + pace.size]
            rows += (await self._put(ShowSessions(numbers=tuple(part)), pace))["sessions"]
            begin += len(part)
        return rows

    async def _chosen(self, plan: Listing) -> list[int]:
        """Return the numbers of those who are meant, in order."""
        everyone: list[int] = (await self._put(ListSessions(), Pace()))["numbers"]
        if (plan.rates or listing.used(plan.match, plan.sort) & RATES) and not self.gauges:
            self.gauges = True
            await self._picked(everyone, Listing(rates=True, most=0))
            await asyncio.sleep(self._settle_s)
        return await self._picked(everyone, plan)

    async def _picked(self, everyone: list[int], plan: Listing) -> list[int]:
        """Return the numbers of those who are meant, in order, and sum up what they carry."""
        sums = {"matched": 0, "up_bps": 0.0, "down_bps": 0.0, "packets_s": 0.0}
        runs, pace = Runs(plan.sort, plan.most), self._pace()
        begin = 0
        while begin < len(everyone):
            size = pace.size
            body = await self._put(_question(everyone[begin : begin + size], plan), pace)
            begin += size
            for name, value in sums.items():
                sums[name] = value + body[name]
            runs.add(body["picked"], body["values"])
        self._sums = {**sums, "at": clock.now()}
        return await runs.drawn()


class Runs:
    """What slices have found, each in order, to be one list in order.

    Numbers and values stand in plain lists: an object for each of 50,000 would make the collector look at all of them.
    """

    __slots__ = ("_descends", "_most", "_runs", "_sorts")

    def __init__(self, sort: str, most: int | None) -> None:
        """Begin with none; ``most``: how many are wanted in all."""
        self._sorts = bool(sort)
        self._descends = sort.startswith("-")
        self._most = most
        self._runs: list[tuple[list[int], list[Any]]] = []

    def add(self, numbers: list[int], values: list[Any]) -> None:
        """Take what a slice has found."""
        self._runs.append((numbers, values))
        if self._most is not None and len(self._runs) > 1:
            ranks = list(self._merged())
            self._runs = [([abs(rank[2]) for rank in ranks], [self._value(rank) for rank in ranks])]

    async def drawn(self) -> list[int]:
        """Return the numbers, put in order some at a time."""
        numbers: list[int] = []
        merged = self._merged()
        while True:
            part = [abs(rank[2]) for rank in islice(merged, _MERGED)]
            numbers += part
            if len(part) < _MERGED:
                return numbers
            await asyncio.sleep(0)

    def _merged(self) -> Iterator[Rank]:
        merged = heapq.merge(*(self._ranks(*run) for run in self._runs), reverse=self._descends)
        return merged if self._most is None else islice(merged, self._most)

    def _ranks(self, numbers: list[int], values: list[Any]) -> Iterator[Rank]:
        """Yield by what each is ordered, as ``bras.query.order`` has it."""
        if not self._sorts:
            for number in numbers:
                yield False, 0, number
            return
        sign = -1 if self._descends else 1
        for number, value in zip(numbers, values, strict=True):
            yield (value is None) != self._descends, 0 if value is None else value, sign * number

    def _value(self, rank: Rank) -> Any:
        return None if rank[0] != self._descends else rank[1]


def _question(numbers: list[int], plan: Listing) -> PickSessions:
    return PickSessions(
        tuple(numbers), plan.match, plan.sort, plan.most, plan.user, plan.group, plan.address, plan.rates
    )
