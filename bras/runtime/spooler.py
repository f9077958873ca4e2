"""The thread of the spool: the loop hands over what is to be on disk, and hears when it is.

What has gathered since the last transaction makes the next one (group commit), so that a slow
disk takes larger batches instead of more time.  SQLite works without Python's lock; the loop is
held for no longer than the thread needs to put the values of some rows together.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

import structlog

from bras.lns.inputs import Input, SpoolFailed, Stored
from bras.runtime import clock
from bras.runtime.spool_work import Asked, SpoolWork
from bras.store.spool import SpoolFile

log = structlog.get_logger()

GATHER_S = 0.005
"""Seconds that more is waited for, before a transaction: it costs as much CPU as ten rows."""
RETRY_S = 1.0
"""Seconds between two attempts at a disk that refuses."""
COUNT_S = 5.0
"""Seconds between two counts, at least."""
COUNT_SHARE = 100
"""A count of a great backlog takes long: the next one comes after so many times what it took, at least."""
CLOSE_WITHIN_S = 2.0
"""Seconds that a disk has at the end to take what it has refused."""

Take = Callable[[list[Input]], None]


class Spooler:
    """The spool of a running daemon."""

    __slots__ = ("_asked", "_at_risk", "_closing_at", "_count_at", "_loop", "_retry_at", "_take", "_thread", "work")

    def __init__(self, file: SpoolFile) -> None:
        """Serve an open file from ``start`` on; until then it is the caller's."""
        self.work = SpoolWork(file)
        self._asked: SimpleQueue[Asked | None] = SimpleQueue()
        self._at_risk = False
        self._closing_at: float | None = None
        self._retry_at = self._count_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._take: Take | None = None
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)

    def start(self, take: Take) -> None:
        """Begin; ``take`` gets on this loop what the machine is to know."""
        self._loop, self._take = asyncio.get_running_loop(), take
        for path in self.work.file.damaged:
            log.error("spool_damaged", moved_to=path)
        self._thread.start()

    @property
    def file(self) -> SpoolFile:
        """Return the file, for reading before ``start``."""
        return self.work.file

    def perform(self, asked: Asked) -> None:
        """Have it done, after all that was asked before; what is asked after ``close`` is left to the journal."""
        self._asked.put(asked)

    async def close(self) -> None:
        """Write all that can be written, and close the file; what the disk does not take is told of."""
        if self._thread.ident is None:
            self.work.file.close()
            return
        self._asked.put(None)
        await asyncio.to_thread(self._thread.join, 2 * CLOSE_WITHIN_S)
        if self._thread.is_alive() or self.work.is_behind:
            log.error("spool_behind", operations=self.work.waiting)

    # -- on the loop

    def _deliver(self, told: list[Input]) -> None:
        for one in told:
            if isinstance(one, SpoolFailed):
                self._at_risk = True
                log.error("spool_at_risk", reason=one.reason)
            elif self._at_risk and isinstance(one, Stored):
                self._at_risk = False
                log.info("spool_safe")
        if self._take is not None:
            self._take(told)

    # -- in the thread

    def _run(self) -> None:
        try:
            while not self._is_done():
                self._tell(self._worked(self._gathered()))
            self.work.file.close()
        finally:
            if (
                not self._is_done()
            ):  # a defect, which Python tells of: the machine must know that nobody stores any more
                self._tell([SpoolFailed("the thread of the spool has ended")])

    def _worked(self, asked: list[Asked]) -> list[Input]:
        told = self.work.do(asked)
        now = clock.now()
        if not self.work.is_behind:
            self._retry_at = now + RETRY_S
        elif now >= self._retry_at or self._closing_at is not None:
            told += self.work.retry()
            self._retry_at = clock.now() + RETRY_S
        if self.work.changed and now >= self._count_at:
            told += self._count()
        return told

    def _tell(self, told: list[Input]) -> None:
        if told and self._loop is not None:
            self._loop.call_soon_threadsafe(self._deliver, told)

    def _gathered(self) -> list[Asked]:
        """Wait for something to do, and a little more; return what is asked, which may be nothing."""
        asked: list[Asked] = []
        try:
            one = self._asked.get(timeout=self._patience())
            if one is not None and self._closing_at is None:
                time.sleep(GATHER_S)
            while True:
                if one is None:
                    self._closing_at = clock.now() + CLOSE_WITHIN_S
                else:
                    asked.append(one)
                one = self._asked.get_nowait()
        except Empty:
            return asked

    def _patience(self) -> float | None:
        """Return how long there is nothing to do unless something is asked; ``None``: for ever."""
        if self._closing_at is not None:
            return RETRY_S / 10
        waits = [self._retry_at] if self.work.is_behind else []
        waits += [self._count_at] if self.work.changed else []
        return max(0.0, min(waits) - clock.now()) if waits else None

    def _count(self) -> list[Input]:
        begun = clock.now()
        counted = self.work.count()
        now = clock.now()
        self._count_at = now + max(COUNT_S, COUNT_SHARE * (now - begun))
        return counted

    def _is_done(self) -> bool:
        """Return whether it is over: all is written, or the disk has had its time."""
        if self._closing_at is None:
            return False
        return not self.work.is_behind or clock.now() >= self._closing_at
