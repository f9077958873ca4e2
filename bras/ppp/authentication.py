"""What the machines of all four methods may answer to a packet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bras.errors import DropReason
from bras.ppp.events import Credentials


@dataclass(frozen=True, slots=True)
class Verdict:
    """Client role: what the server, or we about the server, decided."""

    accepted: bool
    message: bytes


Outcome: TypeAlias = bytes | Credentials | Verdict | DropReason
"""A packet to send, credentials to decide, a verdict, or why the packet was dropped."""
