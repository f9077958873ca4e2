"""UDP ports that belong to one tunnel each (RFC 2661 section 8.1): opened and closed as the machine wants it."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping

import structlog

from bras.config.model import Listen
from bras.dataplane.base import DataPlane
from bras.l2tp.events import FIRST_OWN, OpenPort
from bras.lns.inputs import PortOpened
from bras.lns.resume import OwnPort
from bras.runtime.udp import Listener

log = structlog.get_logger()

RESERVED_DESCRIPTORS = 256
"""Left to everything else: RADIUS, the admin socket, metrics, the journal."""
_SHARE = 16
"""One tunnel's receive buffer is this part of that of a socket for all."""


class Ports:
    """Opens and closes sockets among the ``listeners`` of a driver."""

    def __init__(
        self,
        listeners: dict[int, Listener],
        plane: DataPlane,
        *,
        receive_buffer_octets: int,
        watch: Callable[[Listener], None],
        unwatch: Callable[[Listener], None],
        zero_checksums: bool = False,
    ) -> None:
        """Go on after the ports that there are; ``watch`` has a socket drained from now on.

        ``zero_checksums``: all of them take datagrams without UDP checksum over IPv6.
        """
        self.listeners = listeners
        """By index, as paths name them."""
        self._plane = plane
        self._octets = receive_buffer_octets
        self._watch = watch
        self._unwatch = unwatch
        self._dropped = 0
        """Datagrams that the kernel dropped before sockets that are closed."""
        self._next = max([FIRST_OWN - 1, *listeners]) + 1
        self._zero_checksums = False
        self.allow(zero_checksums=zero_checksums)

    def allow(self, *, zero_checksums: bool) -> None:
        """Have all of them take such datagrams, from now on; a socket that does so goes on."""
        if zero_checksums and not self._zero_checksums:
            for listener in self.listeners.values():
                listener.take_zero_checksums()
        self._zero_checksums = zero_checksums

    def open(self, wanted: OpenPort) -> PortOpened:
        """Open a free port of the address that was called, or say why there is none."""
        path, most = wanted.path, descriptors() - RESERVED_DESCRIPTORS
        if len(self.listeners) >= most:
            return PortOpened(path, wanted.data, error="too few file descriptors")
        try:
            listener = own_listener(self._next, Listen(path.local, 0), self._octets)
        except OSError as wrong:
            return PortOpened(path, wanted.data, error=wrong.strerror or "no socket")
        if self._zero_checksums:
            listener.take_zero_checksums()
        self._next += 1
        self.listeners[listener.index] = listener
        self._plane.add_outlet(listener.index, listener.outlet)
        self._watch(listener)
        return PortOpened(path, wanted.data, listener.index, listener.port)

    def close(self, index: int) -> None:
        """Close one; nothing happens when it is closed."""
        listener = self.listeners.pop(index, None)
        if listener is not None:
            self._dropped += listener.dropped
            self._plane.remove_outlet(index)
            self._unwatch(listener)
            listener.close()

    def dropped(self) -> list[tuple[str, int]]:
        """Return each address that all may call, and what the kernel dropped before it; "own" is all the others."""
        rows = [(one.address, one.dropped) for index, one in self.listeners.items() if index < FIRST_OWN]
        if self._next > FIRST_OWN:
            own = (one.dropped for index, one in self.listeners.items() if index >= FIRST_OWN)
            rows.append(("own", self._dropped + sum(own)))
        return rows


class Sockets:
    """The sockets of ``listeners`` as they come and go."""

    def __init__(self, listeners: Mapping[int, Listener]) -> None:
        """Look at ``listeners`` each time."""
        self._listeners = listeners

    def __iter__(self) -> Iterator[socket.socket]:
        """Iterate over those that there are."""
        return (listener.socket for listener in self._listeners.values())


def own_listener(index: int, listen: Listen, receive_buffer_octets: int) -> Listener:
    """Bind a socket for one tunnel; raises OSError."""
    return Listener(index, listen, receive_buffer_octets // _SHARE)


def bind_again(ports: Iterable[OwnPort], receive_buffer_octets: int) -> Iterator[Listener]:
    """Bind the ports of tunnels that a journal has; those that cannot be had are told of and left out."""
    for port in ports:
        try:
            yield own_listener(port.listener, Listen(port.local, port.port), receive_buffer_octets)
        except (OSError, OverflowError) as wrong:
            log.error("port_lost", local=port.local, port=port.port, reason=str(wrong))


def descriptors() -> int:
    """Return how many descriptors the process may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def more_descriptors() -> None:
    """Let the process have as many descriptors as it may without a right."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
