"""The log lines of LACs that go on from another port (``follow_port``)."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from bras.l2tp import events as l2tp
from bras.telemetry.tally import Handlers


class PortLines:
    """Writes a line when a tunnel has moved; that one may have, which a stranger can feign, is for debug."""

    __slots__ = ("_log",)

    def __init__(self, log: FilteringBoundLogger) -> None:
        """Write to ``log``."""
        self._log = log

    def handlers(self, *, debug: bool) -> Handlers:
        """Return what to call for which fact."""
        handlers: Handlers = {l2tp.TunnelMoved: self.tunnel_moved}
        return handlers | {l2tp.TunnelProbed: self.tunnel_probed} if debug else handlers

    def tunnel_moved(self, fact: l2tp.TunnelMoved) -> None:
        """Write ``tunnel_moved``."""
        self._log.info(
            "tunnel_moved",
            tunnel=fact.tunnel_id,
            lac=fact.group,
            lac_hostname=fact.lac_hostname,
            lac_address=fact.path.remote,
            lac_port=fact.path.remote_port,
            former_port=fact.former_port,
            local_address=fact.path.local,
        )

    def tunnel_probed(self, fact: l2tp.TunnelProbed) -> None:
        """Write ``tunnel_probed``."""
        path = fact.path
        self._log.debug(
            "tunnel_probed",
            tunnel=fact.tunnel_id,
            lac=fact.group,
            lac_address=path.remote,
            lac_port=path.remote_port,
            local_address=path.local,
        )
