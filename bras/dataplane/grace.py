"""Waiting until no packet is on its way in the kernel with what has just been changed.

A program in the kernel that began before an entry was taken out may still be counting for it.  All
programs run inside RCU read-side sections, so once a grace period has passed the counters are final and
the slot is free.  ``membarrier`` waits for one (MEMBARRIER_CMD_GLOBAL is ``synchronize_rcu``), which
takes milliseconds: a thread does it, and whoever waits is woken by a descriptor.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_NUMBERS = {"x86_64": 324, "aarch64": 283, "riscv64": 283, "ppc64le": 365, "s390x": 356}
_GLOBAL = 1
PAUSE_S = 0.1
"""Waited instead where the kernel will not (it does not with ``nohz_full``): far longer than any packet takes."""

_libc = ctypes.CDLL(None, use_errno=True)


def barrier() -> None:
    """Return when every program that ran in the kernel at the call has ended."""
    number = _NUMBERS.get(platform.machine())
    if number is None or _libc.syscall(number, _GLOBAL, 0, 0) != 0:
        time.sleep(PAUSE_S)


class Grace(Generic[T]):
    """Tells when a grace period has passed since things were handed to it."""

    __slots__ = ("_done", "_event", "_thread", "_wait", "_waiting")

    def __init__(self, wait: Callable[[], None] = barrier) -> None:
        """Begin a thread that calls ``wait`` for each handful of what was handed over."""
        self._wait = wait
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._waiting: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[T] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="grace", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Return the descriptor that is readable when something has had its time."""
        return self._event

    def hand_over(self, thing: T) -> None:
        """Have ``thing`` returned by ``passed`` when every packet of now is through."""
        self._waiting.put(thing)

    def passed(self) -> list[T]:
        """Return, once, what has had its time, in the order in which it was handed over."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._event)
        things: list[T] = []
        with contextlib.suppress(queue.Empty):
            while True:
                things.append(self._done.get_nowait())
        return things

    def close(self) -> None:
        """End the thread; what still waits is returned by nobody."""
        self._waiting.put(None)
        self._thread.join()
        os.close(self._event)

    def _run(self) -> None:
        while True:
            things = [self._waiting.get()]
            with contextlib.suppress(queue.Empty):
                while True:
                    things.append(self._waiting.get_nowait())
            ends = None in things
            self._wait()
            for thing in things:
                if thing is not None:
                    self._done.put(thing)
            os.eventfd_write(self._event, 1)
            if ends:
                return
