"""Random octets for the core: the kernel's, fetched a page at a time."""

from __future__ import annotations

import os

_PAGE_OCTETS = 4096


class EntropyPool:
    """An ``Entropy``: each octet is handed out once; a fetch costs a system call only now and then."""

    __slots__ = ("_left", "_page")

    def __init__(self) -> None:
        """Begin empty."""
        self._page = b""
        self._left = 0

    def __call__(self, count: int) -> bytes:
        """Return ``count`` octets that nobody has seen or will see again."""
        if count > self._left:
            if count > _PAGE_OCTETS:
                return os.urandom(count)
            self._page = os.urandom(_PAGE_OCTETS)
            self._left = _PAGE_OCTETS
        end = self._left
        self._left = end - count
        return self._page[end - count : end]
