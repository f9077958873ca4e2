"""An address to listen on, which several sections have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listen:
    """An address and port to listen on."""

    address: str
    port: int
