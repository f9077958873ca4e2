"""Room on the disk that is kept for the worst hour: a spool that has filled its disk needs some to become smaller."""

from __future__ import annotations

import contextlib
import os

SHARE = 4
"""It takes no more than one part of so many of what is free."""


class Reserve:
    """A file that is there for the room which it takes."""

    __slots__ = ("_octets", "path")

    def __init__(self, path: str, octets: int) -> None:
        """Keep up to so many octets, from ``make`` on."""
        self.path = path
        self._octets = octets

    def make(self) -> None:
        """Take the room, or as much of it as the disk can spare; a disk that has none to spare is left alone."""
        with contextlib.suppress(OSError):  # it is there for what others cannot do; nobody waits for it
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                free = os.fstatvfs(descriptor)
                missing = self._octets - os.fstat(descriptor).st_size
                if missing > 0 and (spared := min(missing, free.f_bavail * free.f_frsize // SHARE)) > 0:
                    os.posix_fallocate(descriptor, self._octets - missing, spared)
            finally:
                os.close(descriptor)

    def release(self) -> None:
        """Give it back to the disk."""
        with contextlib.suppress(OSError):
            os.unlink(self.path)
