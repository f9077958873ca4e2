"""The journal of a running daemon: written each wake, synced now and then, kept short, caught up with the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from bras.config.daemon import StateConfig
from bras.store.journal import Fresh, Journal, Record, rewrite, sync

log = structlog.get_logger()

RETRY_S = 1.0
"""Seconds between two attempts to catch up."""
REWRITE_RETRY_S = 60.0
"""Seconds after a fresh file failed until the next is begun."""
OWED = ("record:", "lns")
"""Keys of what outlives a teardown: accounting records that nobody has acknowledged, and their clock."""


class Keeper:
    """Keeps the journal of ``[state]``."""

    __slots__ = (
        "_checkpoint_s",
        "_closing",
        "_doubted",
        "_rewriting",
        "_rewritten_at",
        "_syncing",
        "_waits",
        "journal",
    )

    def __init__(self, config: StateConfig) -> None:
        """Open the journal; raises JournalError."""
        self.journal = Journal(config.directory)
        self._checkpoint_s = config.checkpoint_s
        self._closing = self._doubted = False
        self._syncing: asyncio.Future[None] | None = None
        self._waits = False
        self._rewriting: asyncio.Future[Fresh] | None = None
        self._rewritten_at = -REWRITE_RETRY_S

    def start(self) -> None:
        """Begin to put the file out of a power cut's reach now and then; must be called on the loop."""
        asyncio.get_running_loop().call_later(self._checkpoint_s, self._checkpoint)

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
            self._doubted = False
        except OSError:
            self.journal.failures += 1

    # -- a checkpoint, by a thread while we go on

    def _checkpoint(self) -> None:
        if self._closing:
            return
        asyncio.get_running_loop().call_later(self._checkpoint_s, self._checkpoint)
        if self._doubted:
            self._replace()
        elif self._syncing is None:
            self._begin_syncing()

    def _begin_syncing(self) -> None:
        try:
            descriptor = self.journal.duplicate()
        except OSError as wrong:
            self._not_synced(wrong)
            return
        path = self.journal.path
        self._syncing = asyncio.get_running_loop().run_in_executor(None, sync, descriptor, path)
        self._syncing.add_done_callback(self._synced)

    def _synced(self, future: asyncio.Future[None]) -> None:
        self._syncing = None
        try:
            future.result()
        except OSError as wrong:
            self._not_synced(wrong)

    def _not_synced(self, wrong: OSError) -> None:
        """Begin a fresh file: what the disk did not take the kernel may have given up, and would not try again."""
        self.journal.failures += 1
        log.error("checkpoint_failed", reason=str(wrong))
        self._doubted = True
        self._replace()

    def _replace(self) -> None:
        if self._rewriting is None and not self._closing:
            self._begin_rewriting()

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
        self._closing = True
        busy = [future for future in (self._rewriting, self._syncing) if future is not None]
        if busy:
            await asyncio.wait(busy)
        self._waits = True
        if ended:
            try:
                self.journal.clear(OWED)
            except OSError:
                self.journal.failures += 1
        if not self.journal.catch_up():
            log.error("journal_behind", failures=self.journal.failures)
        self._begin_syncing()
        if self._syncing is not None:
            await asyncio.wait([self._syncing])
        self.journal.close()
