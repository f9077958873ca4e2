"""What the four methods have in common: what they say, and what each must be able to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from bras.errors import DropReason
from bras.ppp.events import Credentials


@dataclass(frozen=True, slots=True)
class Verdict:
    """Client role: what the server, or we about the server, decided."""

    accepted: bool
    message: bytes


Outcome: TypeAlias = bytes | Credentials | Verdict | DropReason
"""A packet to send, credentials to decide, a verdict, or why the packet was dropped."""


class Authentication(Protocol):
    """One side of one method, for the time of one LCP agreement."""

    @property
    def protocol(self) -> int:
        """Return PAP's or CHAP's protocol number."""

    def start(self) -> bytes:
        """Return the first packet to send; empty when the peer begins."""

    def handle_timeout(self) -> bytes | None:
        """Return what to send when nothing came (empty: nothing), or ``None`` to give up."""

    def receive(self, code: int, identifier: int, data: bytes) -> Outcome:
        """Take a packet; raises ``WireError``."""

    def save(self) -> list[Any]:
        """Return the state as plain data."""


class Authenticator(Authentication, Protocol):
    """The side that demands proof."""

    @property
    def pending(self) -> bool:
        """Return whether credentials were offered and not decided."""

    def decide(self, accepted: bool, message: bytes, ms_chap: bytes) -> bytes:
        """Return the packet that tells the peer; ``ms_chap``: MS-CHAP's own words, empty if there are none."""
