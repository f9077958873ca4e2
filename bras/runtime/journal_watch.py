"""How long the journal's writes take, and how far it is behind."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bras.config.daemon import StateConfig
from bras.runtime import clock
from bras.runtime.state import Keeper
from bras.store.journal import Record
from bras.telemetry.metrics import JournalFigures
from bras.telemetry.tally import Histogram


class WatchedKeeper(Keeper):
    """A Keeper with a watch in its hand."""

    __slots__ = ("_behind_since", "_writes")

    def __init__(self, config: StateConfig, writes: Histogram) -> None:
        """Open the journal, and tell ``writes`` the seconds of each write; raises JournalError."""
        super().__init__(config)
        self._writes = writes
        self._behind_since: float | None = None

    def write(self, records: Sequence[Record]) -> None:
        """Write a wake's records."""
        begun_at = time.perf_counter()
        super().write(records)
        self._writes.observe(time.perf_counter() - begun_at)
        if not self.journal.is_behind:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = clock.now()

    def told(self) -> JournalFigures:
        """Return what metrics tell of the journal."""
        failures, octets = self.figures()
        since = self._behind_since if self.journal.is_behind else None
        return JournalFigures(failures, octets, clock.now() - since if since is not None else 0.0)
