"""The sockets to which CoA- and Disconnect-Requests come (RFC 5176), and from which they are answered.

An answer leaves from the address and the port that were asked: a client takes no other.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from bras.config.listen import Listen
from bras.dataplane.base import Address, source
from bras.lns.inputs import CoaReceived, Input
from bras.radius.coa_events import Origin, SendCoaReply
from bras.runtime.udp import bind, destination

REQUEST_OCTETS = 4096
"""The longest RADIUS packet (RFC 2865 section 3); what is longer comes cut, and is dropped by its length."""
REQUESTS_A_WAKE = 64
_UNSPECIFIED = ("0.0.0.0", "::")  # names of the wildcard, to know it


class CoaSockets:
    """One socket for each address of `[radius.coa]` `listen`, by an index that no other ever has."""

    __slots__ = ("_last", "_sockets", "_unwatch", "_watch", "failed")

    def __init__(self, watch: Callable[[int, int], None], unwatch: Callable[[int], None]) -> None:
        """Listen nowhere yet; ``watch`` has a descriptor drained by its index from now on."""
        self._sockets: dict[int, tuple[Listen, socket.socket]] = {}
        self._last = -1
        self._watch = watch
        self._unwatch = unwatch
        self.failed = 0
        """Answers that the kernel did not take."""

    def bind(self, listen: Sequence[Listen]) -> list[int]:
        """Bind what is not bound yet, and return the new indices; OSError when one cannot be, and then none is."""
        bound = {one for one, _ in self._sockets.values()}
        leaving = [opened for one, opened in self._sockets.values() if one not in listen]
        new: list[int] = []
        try:
            for one in listen:
                if one not in bound:
                    opened = bind(one, one.address in _UNSPECIFIED, leaving)
                    self._last += 1
                    self._sockets[self._last] = one, opened
                    new.append(self._last)
        except (OSError, OverflowError):
            for index in new:
                self._sockets.pop(index)[1].close()
            raise
        return new

    def hear(self) -> None:
        """Take requests from now on, on the loop."""
        for index, (_, opened) in self._sockets.items():
            self._watch(opened.fileno(), index)

    def deafen(self) -> None:
        """Take no more requests; may be called twice."""
        for _, opened in self._sockets.values():
            self._unwatch(opened.fileno())

    def follow(self, listen: Sequence[Listen]) -> None:
        """Listen on other addresses; those that stay are not touched.  OSError: all is as it was."""
        for index in self.bind(listen):
            self._watch(self._sockets[index][1].fileno(), index)
        for index, (one, opened) in list(self._sockets.items()):
            if one not in listen:
                self._unwatch(opened.fileno())
                opened.close()
                del self._sockets[index]

    @property
    def addresses(self) -> list[str]:
        """Return each "address:port" as bound."""
        names = (opened.getsockname()[:2] for _, opened in self._sockets.values())
        return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in names]

    def drain(self, index: int) -> list[Input]:
        """Read the requests that wait, at most a bite."""
        inputs: list[Input] = []
        listen, opened = self._sockets[index]
        wildcard = listen.address in _UNSPECIFIED
        for _ in range(REQUESTS_A_WAKE):
            try:
                data, ancillary, _flags, remote = opened.recvmsg(REQUEST_OCTETS, 128)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error of an earlier answer; the client asks again
            local = destination(ancillary) if wildcard else listen.address
            if local is not None:
                inputs.append(CoaReceived(Origin(index, local, remote[0], remote[1]), data))
        return inputs

    def send(self, effect: SendCoaReply) -> None:
        """Send an answer; one that is lost is asked for again."""
        origin = effect.origin
        if origin.socket not in self._sockets:
            return
        listen, opened = self._sockets[origin.socket]
        remote: Address = (origin.remote, origin.remote_port)
        if opened.family == socket.AF_INET6:
            remote = (origin.remote, origin.remote_port, 0, 0)
        try:
            if listen.address in _UNSPECIFIED:
                opened.sendmsg((effect.data,), source(opened.family, origin.local), 0, remote)
            else:
                opened.sendto(effect.data, remote)
        except OSError:
            self.failed += 1

    def close(self) -> None:
        """Close them all."""
        for _, opened in self._sockets.values():
            opened.close()
        self._sockets.clear()
