"""The file of ended stories: one JSON object a line, written by a thread of its own, in two generations."""

from __future__ import annotations

import os

import orjson

from bras.telemetry.explanation import explain
from bras.telemetry.pipe import LogPipe
from bras.telemetry.story import Story


class StoryFile(LogPipe):
    """Appends stories to a file; what the disk refuses is lost, and counted as ``dropped``."""

    def __init__(self, path: str, most_octets: int) -> None:
        """Open ``path``, readable by the daemon's user alone; OSError tells why not."""
        self._path = path
        self._most_octets = most_octets
        descriptor = _open(path)
        self._size = os.fstat(descriptor).st_size
        super().__init__(descriptor)

    def put(self, story: Story) -> None:
        """Write a story that is complete; returns before it is written."""
        told = explain(story, story.begun_at, {})
        self.write(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))

    def close(self, timeout_s: float = 1.0) -> None:
        """Write what waits, and close the file."""
        super().close(timeout_s)
        os.close(self._descriptor)

    def _write_all(self, lines: list[bytes]) -> None:
        """Write whole lines, into a fresh file when this one is full."""
        octets = sum(map(len, lines))
        if self._size and self._size + octets > self._most_octets:
            self._begin_anew()
        super()._write_all(lines)
        self._size += octets

    def _begin_anew(self) -> None:
        try:
            os.replace(self._path, f"{self._path}.1")
            fresh = _open(self._path)
        except OSError:
            return  # it goes on in the one that there is, and is tried again with the next lines
        os.dup2(fresh, self._descriptor, inheritable=False)
        os.close(fresh)
        self._size = 0


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
