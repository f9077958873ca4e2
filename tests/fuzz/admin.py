"""Requests on the admin socket: any line is answered by a line, and nothing asked changes what it must not."""

from __future__ import annotations

import orjson

from bras.lns.commands import Disconnect
from bras.lns.effects import Answer
from bras.lns.inputs import CommandReceived
from bras.runtime.admin import COMMANDS, BadRequest, parse
from tests.fuzz.harness import Harness
from tests.support.rim import Rim

_KEYS = ("command", "arguments", "after", "limit", "user", "group", "address", "selector")
_WORDS = [f'"{word}"' for word in (*COMMANDS, "show version", *_KEYS, "user1", "any", "10.64.0.1", "tunnel")]


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
        if command is None:
            return
        rim = self.rim
        effects = rim.lns.handle(CommandReceived(7, command), rim.now)
        answers = [effect for effect in effects if isinstance(effect, Answer)]
        if isinstance(command, Disconnect):
            if not answers:
                self._begin()
                return
        else:
            assert len(effects) == 1, "a question changes nothing"
        (answer,) = answers
        assert answer.identifier == 7
        assert orjson.dumps({"ok": answer.ok, "body": answer.body})


def harness(_name: str) -> Harness:
    return Harness(_World().run, 200, tuple(word.encode() for word in _WORDS))
