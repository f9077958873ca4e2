"""The sockets towards the RADIUS servers: connected, opened when first used, 256 requests each."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

from bras.config.radius import RadiusServerConfig
from bras.lns.inputs import Input, RadiusReceived, SendFailed
from bras.radius.events import Kind, SendRadius

REPLY_OCTETS = 4096
"""The longest RADIUS packet (RFC 2865 section 3)."""
REPLIES_A_WAKE = 64

Key = tuple[int, Kind, int]


class RadiusSockets:
    """All sockets towards all servers; ``watch`` and ``unwatch`` tell the loop of a descriptor."""

    __slots__ = ("_servers", "_sockets", "_unwatch", "_watch")

    def __init__(self, watch: Callable[[int, Key], None], unwatch: Callable[[int], None]) -> None:
        """Open nothing yet."""
        self._servers: Mapping[int, RadiusServerConfig] = {}
        self._sockets: dict[Key, socket.socket] = {}
        self._watch = watch
        self._unwatch = unwatch

    def serve(self, servers: Mapping[int, RadiusServerConfig]) -> None:
        """Send to these servers, by their numbers, from now on, and hear no others."""
        self._servers = servers
        for key in [key for key in self._sockets if key[0] not in servers]:
            self._shut(self._sockets.pop(key))

    def send(self, effect: SendRadius) -> Input | None:
        """Send a request; what the kernel refuses at once comes back as an input."""
        key = (effect.server, effect.kind, effect.socket)
        try:
            connected = self._sockets.get(key) or self._open(key)
            connected.send(effect.data)
        except BlockingIOError:
            return None  # the kernel's buffer is full: as good as lost on the way, it is sent again
        except ConnectionRefusedError:  # ICMP to an earlier request
            return SendFailed(effect.server, effect.kind, effect.socket)
        except OSError:  # perhaps our own address is gone that it is bound to: the next one opens another
            if key in self._sockets:
                self._shut(self._sockets.pop(key))
            return SendFailed(effect.server, effect.kind, effect.socket)
        return None

    def _open(self, key: Key) -> socket.socket:
        server = self._servers[key[0]]
        port = server.auth_port if key[1] is Kind.AUTH else server.acct_port
        family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            if server.source is not None:
                opened.bind(_at(server.source, 0))
            opened.connect(_at(server.address, port))
        except OSError:
            opened.close()
            raise
        self._sockets[key] = opened
        self._watch(opened.fileno(), key)
        return opened

    def fileno(self, key: Key) -> int:
        """Return the descriptor of a socket; -1 if it is not open."""
        opened = self._sockets.get(key)
        return -1 if opened is None else opened.fileno()

    def drain(self, key: Key) -> list[Input]:
        """Read the replies that wait on a socket, at most a bite."""
        inputs: list[Input] = []
        server, kind, index = key
        receive = self._sockets[key].recv
        for _ in range(REPLIES_A_WAKE):
            try:
                data = receive(REPLY_OCTETS)
            except BlockingIOError:
                break
            except OSError:  # ICMP: nobody listens there, or it cannot be reached
                inputs.append(SendFailed(server, kind, index))
                continue
            inputs.append(RadiusReceived(server, kind, index, data))
        return inputs

    def close(self) -> None:
        """Close them all."""
        for opened in self._sockets.values():
            self._shut(opened)
        self._sockets.clear()

    def _shut(self, opened: socket.socket) -> None:
        self._unwatch(opened.fileno())
        opened.close()


def _at(address: str, port: int) -> tuple[Any, ...]:
    """Return where the kernel finds an address, on which link it may be (``fe80::1%eth0``); nothing is looked up."""
    return socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0][4]
