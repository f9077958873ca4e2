"""What operators and programs can ask of the machine, and what they are told.

Answers are plain data (``Plain``): what ``--json`` prints.  Long lists come in pages, so
that no question holds the loop: ask again with ``after`` = ``next`` until ``next`` is None.
"""

from __future__ import annotations

from dataclasses import dataclass

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True)
class ShowSessions:
    """List sessions: ``{"sessions": [row...], "next": key | None}``; filters are all-of."""

    after: int = -1
    limit: int = 500
    user: str | None = None
    group: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class ShowSession:
    """Show all of one session: by Acct-Session-Id, by user name, or by address."""

    selector: str


@dataclass(frozen=True, slots=True)
class ShowTunnels:
    """List tunnels: ``{"tunnels": [row...]}``."""


@dataclass(frozen=True, slots=True)
class ShowLacs:
    """List the ``[[lac]]`` groups with what they hold: ``{"lacs": [row...]}``."""


@dataclass(frozen=True, slots=True)
class ShowPools:
    """List pools: ``{"pools": [row...]}``."""


@dataclass(frozen=True, slots=True)
class ShowRadius:
    """List RADIUS servers: ``{"servers": [row...]}``."""


@dataclass(frozen=True, slots=True)
class TakeCensus:
    """Count what is there now, for metrics: see ``Census``; the Answer's body is its fields."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End sessions: by Acct-Session-Id, user name or address; ``{"disconnected": n}``.

    The answer comes when they are wholly gone.
    """

    selector: str


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Refuse new calls, end every session and tunnel; answered when all is gone and told."""


Command = (
    ShowSessions | ShowSession | ShowTunnels | ShowLacs | ShowPools | ShowRadius | TakeCensus | Disconnect | Shutdown
)
