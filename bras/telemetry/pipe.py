"""A way to stderr that never holds the caller: a bounded queue and one writing thread.

A full pipe (a stuck journal, a stopped terminal) must not stop the loop that answers
LACs.  Lines beyond the bound are dropped and counted.  The thread gathers what comes
within a few milliseconds into one ``write``, so that a burst costs one system call.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from queue import Empty, SimpleQueue

MAX_LINES = 8192
GATHER_S = 0.005


class LogPipe:
    """A binary file object for structlog's ``BytesLogger``, safe to write from any thread."""

    def __init__(self, descriptor: int = 2, *, max_lines: int = MAX_LINES) -> None:
        """Start the thread that writes to ``descriptor``; at most ``max_lines`` wait for it."""
        self.dropped = 0
        """Lines lost since the start, because the reader was too slow or gone."""
        self._descriptor = descriptor
        self._max_lines = max_lines
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> int:
        """Queue a line, or drop and count it when the queue is full; never waits."""
        if self._queue.qsize() >= self._max_lines or self._closing.is_set():
            self.dropped += 1
        else:
            self._queue.put(line)
        return len(line)

    def flush(self) -> None:
        """Do nothing: the thread writes as soon as it can."""

    def close(self, timeout_s: float = 1.0) -> None:
        """Write what waits, for ``timeout_s`` seconds at most, and end the thread."""
        if not self._closing.is_set():
            self._closing.set()
            self._queue.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        last = False
        while not last:
            lines, last = self._gather()
            if lines:
                self._write_all(lines)

    def _gather(self) -> tuple[list[bytes], bool]:
        """Wait for a line, give its followers a moment, and take all; True when it was the end."""
        line = self._queue.get()
        if line is None:
            return [], True
        self._closing.wait(GATHER_S)
        lines = [line]
        with contextlib.suppress(Empty):
            while (line := self._queue.get_nowait()) is not None:
                lines.append(line)
            return lines, True
        return lines, False

    def _write_all(self, lines: list[bytes]) -> None:
        """Write whole; a reader that is gone loses these lines, not the daemon."""
        left = memoryview(b"".join(lines))
        try:
            while left:
                left = left[self._write_some(left) :]
        except OSError:
            self.dropped += len(lines)

    def _write_some(self, octets: memoryview) -> int:
        try:
            return os.write(self._descriptor, octets)
        except BlockingIOError:  # somebody else made the descriptor non-blocking
            select.select([], [self._descriptor], [])
            return 0
