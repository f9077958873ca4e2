"""How CoA- and Disconnect-Requests come: by UDP or by TLS, which nobody else needs to know."""

from __future__ import annotations

from collections.abc import Callable

from bras.config.coa import CoaConfig
from bras.lns.inputs import Input
from bras.radius.coa_events import SendCoaReply
from bras.runtime.coa_tls import CoaTls
from bras.runtime.coa_udp import CoaSockets


class CoaWays:
    """The sockets and the connections by which they come."""

    __slots__ = ("drain", "tls", "udp")

    def __init__(
        self,
        watch: Callable[[int, int], None],
        unwatch: Callable[[int], None],
        take: Callable[[list[Input]], None],
    ) -> None:
        """Listen nowhere yet; ``watch`` and ``unwatch`` as for ``CoaSockets``, ``take`` as for ``CoaTls``."""
        self.udp = CoaSockets(watch, unwatch)
        self.tls = CoaTls(take)
        self.drain = self.udp.drain

    def bind(self, config: CoaConfig | None) -> None:
        """Bind all addresses; OSError when one cannot be."""
        self.udp.bind(config.listen if config is not None else ())
        self.tls.bind(config)

    def hear(self, config: CoaConfig | None) -> None:
        """Take requests from now on, on the loop."""
        self.udp.hear()
        self.tls.follow(config)

    def follow(self, config: CoaConfig | None) -> None:
        """Listen as another configuration says.  OSError: all is as it was."""
        new = self.tls.bind(config)
        try:
            self.udp.follow(config.listen if config is not None else ())
        except OSError:
            self.tls.unbind(new)
            raise
        self.tls.follow(config)

    @property
    def addresses(self) -> list[str]:
        """Return each "address:port" as bound."""
        return self.udp.addresses + self.tls.addresses

    def send(self, effect: SendCoaReply) -> None:
        """Send an answer the way its request came."""
        if effect.origin.socket < 0:
            self.tls.send(effect)
        else:
            self.udp.send(effect)

    def deafen(self) -> None:
        """Take no more requests; may be called twice."""
        self.udp.deafen()
        self.tls.deafen()

    def close(self) -> None:
        """Close everything."""
        self.udp.close()
        self.tls.close()
