"""What the emulated LAC is to do: one frozen value, made by the command line or a test."""

from __future__ import annotations

from dataclasses import dataclass

from bras.config.model import Listen
from bras.lab.namespaces import LabError
from bras.lab.traffic import PingPlan, StreamPlan

METHODS = ("mschapv2", "mschapv1", "chap", "pap")


@dataclass(frozen=True, slots=True)
class LacPlan:
    """Tunnels, calls, subscribers and their traffic."""

    lns: Listen
    """Address and port of the LNS."""
    secret: str = ""
    """Tunnel secret; empty: no tunnel authentication."""
    hostname: str = "lac%d"
    """Host Name AVP; ``%d`` becomes the number of the tunnel, from 1."""
    tunnels: int = 1
    sessions: int = 1
    """Calls in all, spread evenly over the tunnels."""
    window: int = 4
    """Receive window that is advertised."""
    methods: tuple[str, ...] = ("chap",)
    """Authentication methods; subscribers take them in turn, each insists on its own."""
    user: str = "user%d"
    """User name; ``%d`` becomes the number of the subscriber, from 1."""
    password: str = "pass"
    calling_number: str = "555%06d"
    called_number: str = "100"
    rate: float = 0.0
    """New calls a second; 0: all at once."""
    mru: int = 1460
    """Largest PPP payload in octets that subscribers ask for."""
    ping: PingPlan | None = None
    stream: StreamPlan | None = None
    hold_s: float | None = 0.0
    """Seconds for which sessions are held once all are up and have pinged; ``None``: until told to end."""
    setup_timeout_s: float = 30.0
    """Seconds after which a call that is not up is given up."""
    proxy: bool = False
    """Whether the LAC does LCP and authentication itself before it calls, and tells of both in the ICCN."""
    max_loss: float = 0.0
    """Share of echoes that may be lost without the run counting as failed."""

    def __post_init__(self) -> None:
        """Refuse what cannot be: raises ``LabError``."""
        for method in self.methods:
            if method not in METHODS:
                raise LabError(f"method {method}: one of {', '.join(METHODS)} would be right")
        if not self.methods or self.tunnels < 1 or self.sessions < 0:
            raise LabError("at least one method and one tunnel, and no negative number of sessions, would be right")
        if not 1 <= self.window <= 32768:
            raise LabError(f"window {self.window}: 1 to 32768 would be right")
        for pattern in (self.hostname, self.user, self.password, self.calling_number, self.called_number):
            numbered(pattern, 1)


def numbered(pattern: str, number: int) -> str:
    """Put a number into a pattern such as ``user%d``; a pattern without ``%`` is itself."""
    if "%" not in pattern:
        return pattern
    try:
        return pattern % number
    except (TypeError, ValueError) as error:
        raise LabError(f"{pattern}: {error}; one %d (or %06d) would be right") from None
