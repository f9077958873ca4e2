"""Answers to accounting records are read some milliseconds late while many are awaited: those of that time in one go.

To be woken, to look what there is, and to wait again costs as much CPU as what an answer is for; nobody waits
for these, and the windows of their servers are wide enough for what comes meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from bras.radius.events import Kind
from bras.runtime.radius_udp import Key

REST_S: Final = 0.002
MANY: Final = 8
"""With fewer records awaited an answer is read at once."""


class Rests:
    """The sockets that nobody listens to for a moment."""

    __slots__ = ("_awaited", "_fileno", "_read", "_resting")

    def __init__(self, read: Callable[[Key], bool], fileno: Callable[[Key], int], awaited: Callable[[], int]) -> None:
        """Know whom to ask.

        ``read`` takes what waits on a socket, and says whether there was anything; ``fileno`` is
        its descriptor, -1 if it is closed; ``awaited``: how many records are.
        """
        self._read = read
        self._fileno = fileno
        self._awaited = awaited
        self._resting: set[Key] = set()

    def watch(self, fileno: int, key: Key) -> None:
        """Listen to a socket."""
        asyncio.get_running_loop().add_reader(fileno, self._readable, key)

    def _readable(self, key: Key) -> None:
        came = self._read(key)
        if came and key[1] is Kind.ACCT and self._awaited() >= MANY and key not in self._resting:
            fileno = self._fileno(key)
            if fileno >= 0:
                loop = asyncio.get_running_loop()
                loop.remove_reader(fileno)
                self._resting.add(key)
                loop.call_later(REST_S, self._rested, key)

    def _rested(self, key: Key) -> None:
        """Read what has come; rest once more, or listen again if it was nothing: perhaps the server is silent."""
        if self._fileno(key) >= 0 and self._read(key) and self._awaited() >= MANY:
            asyncio.get_running_loop().call_later(REST_S, self._rested, key)
            return
        self._resting.discard(key)
        fileno = self._fileno(key)  # what was read may have closed it
        if fileno >= 0:
            self.watch(fileno, key)
