"""Facts of which the story of a session is made; the words that they may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bras.ids import CallKey
from bras.subscriber.parts import Line
from bras.value import hasten

Value = None | bool | int | float | str | bytes


@dataclass(frozen=True, slots=True)
class SessionBegun:
    """Fact: a call is established, and a subscriber begins with LCP."""

    number: int
    """The subscriber's, by which all that follows is told."""
    session: str
    """Acct-Session-Id."""
    key: CallKey
    line: Line


@dataclass(frozen=True, slots=True)
class Noted:
    """Fact: something happened to a session."""

    number: int
    word: str
    """One of ``NOTES``."""
    values: tuple[Value, ...]
    """As many as ``NOTES`` says; never a secret."""


NOTES: Final[dict[str, tuple[str, ...]]] = {
    "credentials": ("user", "method", "asked", "again"),
    "waits": ("for_session", "for_user", "reason"),
    "address": ("address", "source"),
    "lcp_refused": ("by_client", "code", "options"),
    "lcp_open": ("method", "mru", "client_mru", "acfc", "pfc", "magic"),
    "lcp_again": (),
    "changed": ("by", "what"),
    "coa": ("client", "asked", "outcome"),
    "moved": ("port",),
    "speeds": ("tx_bps", "rx_bps"),
    "prove_again": (),
    "start_told": ("server", "after_ms"),
}
"""The words, and the names of their values."""

hasten(SessionBegun, Noted)
