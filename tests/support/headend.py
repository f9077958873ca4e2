"""A headend for the shell's commands: a real machine behind a real admin socket, whose time and traffic go on.

Use it in ``with``: it answers in a thread until the end.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from bras.forwarding.entry import Counters
from bras.lns.commands import Command, Plain
from bras.lns.effects import Answer
from bras.runtime.admin import OVERVIEW, AdminServer
from bras.telemetry.counts import Counts
from bras.telemetry.overview import overview
from tests.support.rim import Rim
from tests.support.world import SimulatedRadius

VERSION = "1.2.3"
OCTETS_S = 125_000
"""What the first session receives in a second; the second twice, and so on."""


class Headend:
    """An LNS with a session for each user name."""

    def __init__(self, path: Path, users: Sequence[str] = ("alice", "bob", "carol"), version: str = VERSION) -> None:
        self.path = path
        self.version = version
        self.rim = Rim(servers=(SimulatedRadius(),))
        self.counts = Counts(["any"], ["radius1"])
        self._told = 0
        self._left_at = time.monotonic()
        lac = self.rim.lac()
        self.clients = [lac.dial(user, "pass") for user in users]
        self.rim.run(3.0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve)
        self._ready = threading.Event()
        self._stop = asyncio.Event()

    def __enter__(self) -> Headend:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _value: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        self._loop.close()

    def _serve(self) -> None:
        self._loop.run_until_complete(self._run())

    async def _run(self) -> None:
        own = {
            "show version": self._version,
            "show dataplane": lambda: {"error": "none"},
            OVERVIEW: self._overview,
        }
        server = AdminServer(str(self.path), self.ask, own)
        await server.start()
        self._ready.set()
        await self._stop.wait()
        await server.close()

    def _version(self) -> Plain:
        return {"version": self.version}

    def _overview(self) -> Plain:
        self._go_on()
        shown: dict[str, Plain] = {"at": self.rim.now, "uptime_s": self.rim.now, "version": self.version}
        return {**shown, **overview(self.counts), "totals": dict(self.rim.plane.totals()._asdict())}

    async def ask(self, command: Command) -> Answer:
        """Answer as the driver does; meanwhile as much time has gone by as has gone by here."""
        self._go_on()
        return self.rim.answers[self.rim.ask(command)]

    def _go_on(self) -> None:
        seconds = time.monotonic() - self._left_at
        self._left_at += seconds
        for place, one in enumerate(self.rim.lns.core.registry.by_number.values(), 1):
            if one.forwarding.slot in self.rim.plane.entries:
                octets = int(OCTETS_S * place * seconds)
                self.rim.plane.feed(one.forwarding.slot, Counters(octets // 10, octets // 1000, octets, octets // 500))
        self.rim.run(seconds)
        self._count()

    def _count(self) -> None:
        """Count the facts that have come since the last time."""
        handlers = self.counts.handlers()
        facts = self.rim.facts[self._told :]
        self._told = len(self.rim.facts)
        for fact in facts:
            if type(fact) in handlers:  # stories have facts of their own
                handlers[type(fact)](fact)
