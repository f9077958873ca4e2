"""What ``bras explain`` is told: stories that are meant, and where there is none, what else is known."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bras.lns.commands import Command, Plain, ShowLacs, ShowSession
from bras.lns.effects import Answer
from bras.telemetry.explanation import explain
from bras.telemetry.stories import Stories
from bras.telemetry.story import Story
from bras.telemetry.text import clean

MOST = 100
"""Stories in one answer."""
_LINE = ("echo_ms", "echo_min_ms", "echo_mean_ms", "echo_max_ms", "echo_loss_percent", "echoes_lost")
_OFF = "no stories are kept: set enabled in [story]"

Ask = Callable[[Command], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Explain:
    """Tell the stories of a user, line, session or LAC: ``{"stories": [...], "more": int, ...}``.

    ``last``: so many, the newest.  Without any there are ``since``, from when on stories are known, and ``lacs``:
    rows of ShowLacs of those that were refused of late, or that the question means.
    """

    selector: str
    last: int = 5


class Explainer:
    """Answers ``Explain``."""

    def __init__(self, stories: Stories | None, ask: Ask, wall_clock: Callable[[], float]) -> None:
        """Look into ``stories``, ``None`` where none are kept; LACs are asked for by ``ask``."""
        self._stories = stories
        self._ask = ask
        self._wall_clock = wall_clock

    async def answer(self, wish: Explain) -> tuple[bool, Plain]:
        """Return whether it can be answered, and the body."""
        stories = self._stories
        if stories is None:
            return False, {"error": _OFF}
        newest, count = await _newest(stories, wish)
        now, dead = self._wall_clock(), stories.dead
        told: list[Plain] = [{**explain(story, now, dead), "line": await self._line(story)} for story in newest]
        body: dict[str, Plain] = {"stories": told, "more": count - len(told), "since": stories.since, "now": now}
        if not told:
            body["lacs"] = await self._lacs(wish.selector)
        return True, body

    async def _line(self, story: Story) -> Plain:
        """Return how the line of a session that is up answers; ``None`` of any other."""
        if self._stories is None or self._stories.live.get(story.number) is not story or not story.up:
            return None
        answer = await self._ask(ShowSession(story.session))
        body: Any = answer.body
        return {name: body["sessions"][0][name] for name in _LINE} if answer.ok else None

    async def _lacs(self, selector: str) -> list[Plain]:
        """Return the LACs that a question may mean, or that a subscriber whom nobody has seen may be behind."""
        answer = await self._ask(ShowLacs())
        body: Any = answer.body
        rows = body["lacs"] if answer.ok else []
        meant = [row for row in rows if selector in (row["lac"], row["lac_address"], row["lac_hostname"])]
        refused = [row for row in rows if row["last_refusal"] is not None]
        return [{name: _safe(value) for name, value in row.items()} for row in (meant or refused)[:MOST]]


async def _newest(stories: Stories, wish: Explain) -> tuple[list[Story], int]:
    """Return the newest stories that are meant, the newest last, and how many there are; the loop turns meanwhile."""
    found: list[tuple[float, int, Story]] = []
    count, most = 0, max(1, min(wish.last, MOST))
    for part in stories.search(wish.selector):
        found += [(story.begun_at, story.number, story) for story in part]
        count += len(part)
        found = heapq.nlargest(most, found, key=lambda one: one[:2])
        await asyncio.sleep(0)
    return [story for *_, story in reversed(found)], count


def _safe(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value
