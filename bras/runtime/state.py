"""The journal of a running daemon: written each wake, caught up by itself when a disk was full."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from bras.config.model import StateConfig
from bras.store.journal import Journal, Record

log = structlog.get_logger()

RETRY_S = 1.0
"""Seconds between two attempts to catch up."""
OWED = ("record:", "lns")
"""Keys of what outlives a teardown: accounting records that nobody has acknowledged, and their clock."""


class Keeper:
    """Keeps the journal of ``[state]``."""

    __slots__ = ("_waits", "journal")

    def __init__(self, config: StateConfig) -> None:
        """Open the journal; raises JournalError."""
        self.journal = Journal(config.directory)
        self._waits = False

    def write(self, records: Sequence[Record]) -> None:
        """Write a wake's records; a disk that does not take them is told of once, and tried again."""
        if not self.journal.write(records) and not self._waits:
            log.error("journal_behind", failures=self.journal.failures)
            self._wait()

    def _wait(self) -> None:
        self._waits = True
        asyncio.get_running_loop().call_later(RETRY_S, self._catch_up)

    def _catch_up(self) -> None:
        if self.journal.catch_up():
            self._waits = False
            log.info("journal_caught_up", failures=self.journal.failures, octets=self.journal.size)
        else:
            self._wait()

    def figures(self) -> tuple[int, int]:
        """Return (writes that failed, octets of the file), for metrics."""
        return self.journal.failures, self.journal.size

    def close(self, *, ended: bool) -> None:
        """Close the journal; ``ended``: the sessions are over, only what is owed to RADIUS is kept."""
        if ended:
            self.journal.clear(OWED)
        else:
            self.journal.catch_up()
            self.journal.sync()
        self.journal.close()
