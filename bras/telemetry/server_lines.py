"""The log lines of RADIUS servers: whether they answer, and whether there is a connection towards them."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from bras.radius import events as radius
from bras.telemetry.tally import Handlers


class ServerLines:
    """Writes a line when a server can be asked, and when and why it cannot."""

    __slots__ = ("_log",)

    def __init__(self, log: FilteringBoundLogger) -> None:
        """Write to ``log``."""
        self._log = log

    def handlers(self) -> Handlers:
        """Return what to call for which fact."""
        return {
            radius.ServerDead: self.server_dead,
            radius.ServerAlive: self.server_alive,
            radius.ConnectionUp: self.connection_up,
            radius.ConnectionDown: self.connection_down,
        }

    def server_dead(self, fact: radius.ServerDead) -> None:
        """Write ``radius_server_dead``."""
        self._log.error("radius_server_dead", server=fact.server, kind=fact.kind.value)

    def server_alive(self, fact: radius.ServerAlive) -> None:
        """Write ``radius_server_alive``."""
        self._log.info("radius_server_alive", server=fact.server, kind=fact.kind.value)

    def connection_up(self, fact: radius.ConnectionUp) -> None:
        """Write ``radius_connection_up``."""
        self._log.info("radius_connection_up", server=fact.server, kind=fact.kind.value)

    def connection_down(self, fact: radius.ConnectionDown) -> None:
        """Write ``radius_connection_down``."""
        self._log.error("radius_connection_down", server=fact.server, kind=fact.kind.value, reason=fact.reason)
