"""How often one looks again: at once, then a quarter of a second later at the earliest, in a storm once a second."""

from __future__ import annotations

import ctypes
import os
import struct

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_TIMES = struct.Struct("@llll")
_libc = ctypes.CDLL(None, use_errno=True)
SHORTEST_S = 0.25
LONGEST_S = 1.0


class Timer:
    """A descriptor that becomes readable after a while."""

    __slots__ = ("_fd", "armed")

    def __init__(self) -> None:
        """Make it (``timerfd_create``, which Python 3.11 lacks); raises OSError."""
        self._fd: int = _libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self.armed = False

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def arm(self, seconds: float) -> None:
        """Expire once, after ``seconds``."""
        nanoseconds = max(1, int(seconds * 1e9))
        _libc.timerfd_settime(self._fd, 0, _TIMES.pack(0, 0, *divmod(nanoseconds, 1_000_000_000)), None)
        self.armed = True

    def expired(self) -> bool:
        """Tell, once, whether the time is over."""
        if not self.armed:
            return False
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return False
        self.armed = False
        return True

    def close(self) -> None:
        """Give it back; may be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


class Pace:
    """When one may look again; all instants are of one monotonic clock, in seconds."""

    __slots__ = ("_not_before", "_pause_s")

    def __init__(self) -> None:
        """Begin: at once."""
        self._not_before = 0.0
        self._pause_s = SHORTEST_S

    def wait(self, now: float) -> float:
        """Something has happened: return how long to wait until one looks, 0: not at all."""
        return max(0.0, self._not_before - now)

    def looked(self, now: float, *, waited: bool) -> None:
        """Somebody has looked, at once or after waiting."""
        self._pause_s = min(2 * self._pause_s, LONGEST_S) if waited else SHORTEST_S
        self._not_before = now + self._pause_s
