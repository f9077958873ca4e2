"""Where facts arrive: each is counted, and written if there is a line for it."""

from __future__ import annotations

import structlog

from bras.config.model import Config
from bras.lns.effects import Fact
from bras.telemetry.counts import Counts
from bras.telemetry.lines import Lines


class Observer:
    """Takes every ``Report`` of the machine; costs about a microsecond for a fact without a line."""

    __slots__ = ("_count", "_lines", "_write", "counts")

    def __init__(self, counts: Counts, lines: Lines, *, debug: bool = False) -> None:
        """Feed ``counts`` and ``lines``; ``debug`` as in ``Lines.handlers``."""
        self.counts = counts
        self._count = counts.handlers()
        self._lines = lines
        self._write = lines.handlers(debug=debug)

    def follow(self, config: Config) -> None:
        """Go on under another configuration."""
        names = (server.name or server.address for server in config.radius.server)
        self._lines.servers = {name: index for index, name in enumerate(names)}
        self._write = self._lines.handlers(debug=config.log.level == "debug")

    def observe(self, fact: Fact) -> None:
        """Count the fact and write its line."""
        kind = type(fact)
        self._count[kind](fact)
        write = self._write.get(kind)
        if write is not None:
            write(fact)


def make_observer(config: Config) -> Observer:
    """Return an observer for this configuration that writes to the process's logger."""
    servers = [server.name or server.address for server in config.radius.server]
    counts = Counts((lac.name for lac in config.lac), servers, _coa_clients(config))
    return Observer(counts, Lines(structlog.get_logger().bind(), servers=servers), debug=config.log.level == "debug")


def _coa_clients(config: Config) -> list[str]:
    coa = config.radius.coa
    return [] if coa is None else [client.name for client in coa.client]
