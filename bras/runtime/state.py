"""The journal of a running daemon: written each wake, kept short, caught up when a disk was full."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from bras.config.daemon import StateConfig
from bras.store.journal import Fresh, Journal, Record, rewrite

log = structlog.get_logger()

RETRY_S = 1.0
"""Seconds between two attempts to catch up."""
REWRITE_RETRY_S = 60.0
"""Seconds after a fresh file failed until the next is begun."""
OWED = ("record:", "lns")
"""Keys of what outlives a teardown: accounting records that nobody has acknowledged, and their clock."""


class Keeper:
    """Keeps the journal of ``[state]``."""

    __slots__ = ("_rewriting", "_rewritten_at", "_waits", "journal")

    def __init__(self, config: StateConfig) -> None:
        """Open the journal; raises JournalError."""
        self.journal = Journal(config.directory)
        self._waits = False
        self._rewriting: asyncio.Future[Fresh] | None = None
        self._rewritten_at = -REWRITE_RETRY_S

    def write(self, records: Sequence[Record]) -> None:
        """Write a wake's records; a disk that does not take them is told of once, and tried again."""
        if not self.journal.write(records):
            if not self._waits:
                log.error("journal_behind", failures=self.journal.failures)
                self._wait()
        elif self.journal.is_large and self._rewriting is None:
            self._begin_rewriting()

    # -- a fresh file, made by a thread while we go on

    def _begin_rewriting(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._rewritten_at + REWRITE_RETRY_S:
            return
        self._rewritten_at = loop.time()
        self._rewriting = loop.run_in_executor(None, rewrite, self.journal.path, self.journal.size)
        self._rewriting.add_done_callback(self._rewritten)

    def _rewritten(self, future: asyncio.Future[Fresh]) -> None:
        self._rewriting = None
        try:
            self.journal.adopt(future.result())
        except OSError:
            self.journal.failures += 1

    # -- a disk that refuses

    def _wait(self) -> None:
        self._waits = True
        asyncio.get_running_loop().call_later(RETRY_S, self._catch_up)

    def _catch_up(self) -> None:
        if self._rewriting is None and self.journal.catch_up():
            self._waits = False
            log.info("journal_caught_up", failures=self.journal.failures, octets=self.journal.size)
        else:
            self._wait()

    def figures(self) -> tuple[int, int]:
        """Return (writes that failed, octets of the file), for metrics."""
        return self.journal.failures, self.journal.size

    async def close(self, *, ended: bool) -> None:
        """Close the journal; ``ended``: the sessions are over, only what is owed to RADIUS is kept."""
        if self._rewriting is not None:
            await asyncio.wait([self._rewriting])
        self._waits = True
        if ended:
            try:
                self.journal.clear(OWED)
            except OSError:
                self.journal.failures += 1
        if not self.journal.catch_up():
            log.error("journal_behind", failures=self.journal.failures)
        self.journal.sync()
        self.journal.close()
