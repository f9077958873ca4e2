"""The phases of a link, and what it shows of itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class LinkState(Enum):
    """The phases of a link (RFC 1661 section 3.2)."""

    DEAD = "dead"
    ESTABLISH = "establish"
    AUTHENTICATE = "authenticate"
    NETWORK = "network"
    TERMINATE = "terminate"
    ENDED = "ended"
    """Dead again, for good."""


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What was negotiated, for people to see."""

    method: str
    """By which the client proves itself; empty when none is agreed."""
    magic: int
    """Our magic number; 0 when the peer wants none."""
    peer_mru: int
    """Largest payload in octets that the peer said it receives."""
    acfc: bool
    """Whether we may leave FF 03 out."""
    pfc: bool
    """Whether we may send one-octet protocol fields."""
    round_trip_s: float
    """Of the last echo, in seconds; 0 when none was measured."""
