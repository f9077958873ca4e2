"""How requests reach their RADIUS servers: by UDP or by TLS, which nobody else needs to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bras.config.radius import RadiusServerConfig
from bras.lns.inputs import Input
from bras.radius.events import SendRadius
from bras.runtime.radius_udp import Key, RadiusSockets
from bras.runtime.radsec import RadSec


class RadiusWays:
    """The sockets and the connections towards all RADIUS servers."""

    __slots__ = ("_over_tls", "drain", "tls", "udp")

    def __init__(
        self,
        watch: Callable[[int, Key], None],
        unwatch: Callable[[int], None],
        take: Callable[[list[Input]], None],
    ) -> None:
        """Know no server yet; ``watch`` and ``unwatch`` as for ``RadiusSockets``, ``take`` as for ``RadSec``."""
        self.udp = RadiusSockets(watch, unwatch)
        self.tls = RadSec(take)
        self.drain = self.udp.drain
        self._over_tls: frozenset[int] = frozenset()

    def serve(self, servers: Mapping[int, RadiusServerConfig]) -> None:
        """Send to these servers, by their numbers, from now on, and to no others; on the loop."""
        self._over_tls = frozenset(number for number, server in servers.items() if server.transport == "tls")
        self.udp.serve({number: server for number, server in servers.items() if number not in self._over_tls})
        self.tls.serve(servers)

    def send(self, effect: SendRadius) -> Input | None:
        """Send a request; what is known to fail at once comes back as an input."""
        return self.tls.send(effect) if effect.server in self._over_tls else self.udp.send(effect)

    def close(self) -> None:
        """Close all."""
        self.udp.close()
        self.tls.close()
