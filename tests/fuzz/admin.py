"""Requests on the admin socket: any line is answered by a line, and nothing asked changes what it must not."""

from __future__ import annotations

import asyncio

import orjson

from bras.lns.commands import Command, Disconnect
from bras.lns.effects import Answer
from bras.lns.inputs import CommandReceived
from bras.runtime.admin import NAMES, BadRequest, Reload, parse
from bras.runtime.survey import Listing, Survey
from tests.fuzz.harness import Harness
from tests.support.rim import Rim

_KEYS = (
    "command",
    "arguments",
    "after",
    "limit",
    "user",
    "group",
    "address",
    "selector",
    "dry_run",
    "match",
    "sort",
    "most",
    "rates",
)
_WORDS = [f'"{word}"' for word in (*NAMES, *_KEYS, "user1", "any", "10.64.0.1", "tunnel", "-down_rate", "user=~1")]


class _World:
    """An LNS with two sessions up, made anew when somebody has ended one."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.rim = Rim()
        lac = self.rim.lac()
        for user in ("user1", "user2"):
            lac.dial(user, "pass")
        self.rim.run(3.0)
        assert len(self.rim.plane.entries) == 2

    def run(self, line: bytes) -> None:
        try:
            command = parse(line)
        except BadRequest as wrong:
            assert 0 < len(str(wrong)) < len(line) + 500
            return
        if isinstance(command, (str, Reload)):
            return
        rim = self.rim
        if isinstance(command, Listing):
            self._list(command)
            return
        rim.answers.clear()
        before = rim.lns.save()
        rim.give(CommandReceived(7, command))
        if isinstance(command, Disconnect) and len(rim.plane.entries) < 2:
            self._begin()
            return
        answer = rim.answers[7]
        assert orjson.dumps({"ok": answer.ok, "body": answer.body})
        if rim.reads:
            rim.reads.clear()  # counters were read: their instant is remembered
        else:
            assert rim.lns.save() == before, "a question changes nothing"

    def _list(self, wish: Listing) -> None:
        async def ask(command: Command) -> Answer:
            return self.rim.answers[self.rim.ask(command)]

        async def page() -> Answer:
            return await Survey(ask, asyncio.Lock(), settle_s=0.0).page(wish)

        answer = asyncio.run(page())
        assert answer.ok, "what makes no sense was refused before"
        assert orjson.dumps(answer.body)


def harness(_name: str) -> Harness:
    return Harness(_World().run, 200, tuple(word.encode() for word in _WORDS))
