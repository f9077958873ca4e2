"""The sections of the configuration that only the daemon's process acts on; see ``bras.config.model``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AdminConfig:
    """`[admin]`: how `bras show` reaches the daemon."""

    socket: str = "/run/bras/admin.sock"
    """Path of the Unix socket."""


@dataclass(frozen=True, slots=True)
class LogConfig:
    """`[log]`: what is written to stderr."""

    level: str = "info"
    """`debug`, `info`, `warning` or `error`."""
    format: str = "auto"
    """`json`, `console`, `journal` (fields of systemd's journal), or `auto`: `journal` where stderr goes there, `console` on a terminal, `json` elsewhere."""


@dataclass(frozen=True, slots=True)
class StateConfig:
    """`[state]`: sessions that outlive the daemon; without this section nothing is kept."""

    directory: str
    """Directory of the journal, on a local disk; made if it is not there, readable by the daemon's user alone."""
    on_stop: str = "keep"
    """What SIGTERM does: `keep` leaves every tunnel and session to the next start, `teardown` ends them; SIGQUIT always ends them."""
    checkpoint_s: float = 30.0
    """Seconds after which the journal is put out of a power cut's reach again; counters of after the last time are lost with it."""
