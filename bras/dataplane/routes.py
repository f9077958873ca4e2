"""Routes to the interface of the subscribers: those of prefixes, and those of single addresses.

What a predecessor has left is found at the start: a route that is there is as good as one that is made,
and one that nobody asks for again can be taken away.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import struct
from collections.abc import Container

from bras.dataplane.rtnetlink import CREATE, EXCLUSIVE, REPLACE, U32, Conversation, attribute, attributes, nested

_ROUTE = struct.Struct("=BBBBBBBBI")
_NEWROUTE, _DELROUTE, _GETROUTE = 24, 25, 26
_RTA_DST, _RTA_OIF, _RTA_PREFSRC, _RTA_METRICS = 1, 4, 7, 8
_RTAX_MTU = 2
_MAIN, _STATIC, _LINK, _UNIVERSE, _UNICAST = 254, 4, 253, 0, 1
_ANY: dict[int, bytes] = {socket.AF_INET: bytes(4), socket.AF_INET6: bytes(16)}
Prefix = tuple[bytes, int]
"""Network and length; the number of octets says which family."""


def text(prefix: Prefix) -> str:
    """Return a prefix as people write it."""
    return f"{ipaddress.ip_address(prefix[0])}/{prefix[1]}"


class Routes:
    """The routes of the main table to one interface."""

    __slots__ = ("_found", "_held", "_index", "_kernel", "_source")

    def __init__(self, kernel: Conversation, index: int, source: bytes) -> None:
        """Find the static ones that there are; our own IPv4 packets leave from ``source``.  Raises OSError."""
        self._kernel, self._index, self._source = kernel, index, source
        self._held = {prefix: mtu for family in _ANY for prefix, mtu in self._there(family).items()}
        self._found = set(self._held)

    def _there(self, family: int) -> dict[Prefix, int]:
        head = _ROUTE.pack(family, 0, 0, 0, _MAIN, 0, 0, 0, 0)
        found = {}
        for body in self._kernel.dump(_GETROUTE, head + attribute(_RTA_OIF, U32.pack(self._index))):
            _, length, _, _, table, protocol, _, _, _ = _ROUTE.unpack_from(body)
            of = attributes(body, _ROUTE.size)
            if (table, protocol, of.get(_RTA_OIF)) == (_MAIN, _STATIC, U32.pack(self._index)):
                mtu = attributes(of.get(_RTA_METRICS, b"")).get(_RTAX_MTU, bytes(4))
                found[of.get(_RTA_DST, _ANY[family]), length] = U32.unpack(mtu)[0]
        return found

    def add(self, prefix: Prefix, mtu: int = 0) -> str:
        """Route a prefix; ``mtu``: to packets of this size at most.  Returns why not, in words, or nothing."""
        self._found.discard(prefix)
        held = self._held.get(prefix)
        if held == mtu:
            return ""
        try:
            how = CREATE | (EXCLUSIVE if held is None else REPLACE)
            self._kernel.request(_NEWROUTE, how, self._body(prefix, mtu))
        except OSError as error:
            why = "there is one already: remove it" if error.errno == errno.EEXIST else error.strerror
            return f"route to {text(prefix)}: {why}"
        self._held[prefix] = mtu
        return ""

    def remove(self, prefix: Prefix) -> None:
        """Take a route away, if it is ours; where the kernel will not, it goes with the interface."""
        if self._held.pop(prefix, None) is not None:
            self._found.discard(prefix)
            with contextlib.suppress(OSError):
                self._kernel.request(_DELROUTE, 0, self._body(prefix, 0))

    def held(self) -> tuple[Prefix, ...]:
        """Return what is routed."""
        return tuple(self._held)

    def sweep(self, kept: Container[Prefix] = ()) -> int:
        """Take away what a predecessor has left and nobody has asked for, but for ``kept``; return how many."""
        unclaimed = [prefix for prefix in self._found if prefix not in kept]
        for prefix in unclaimed:
            self.remove(prefix)
        return len(unclaimed)

    def _body(self, prefix: Prefix, mtu: int) -> bytes:
        network, length = prefix
        if len(network) == len(_ANY[socket.AF_INET]):
            family, scope, source = socket.AF_INET, _LINK, attribute(_RTA_PREFSRC, self._source)
        else:
            family, scope, source = socket.AF_INET6, _UNIVERSE, b""
        head = _ROUTE.pack(family, length, 0, 0, _MAIN, _STATIC, scope, _UNICAST, 0)
        metrics = nested(_RTA_METRICS, attribute(_RTAX_MTU, U32.pack(mtu))) if mtu else b""
        return head + attribute(_RTA_DST, network) + attribute(_RTA_OIF, U32.pack(self._index)) + source + metrics
