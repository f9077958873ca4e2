"""Configuration options: Type, Length, value (RFC 1661 section 6)."""

from __future__ import annotations

from typing import TypeAlias

from bras.errors import WireError

Option: TypeAlias = tuple[int, bytes]
"""Type and value."""


def parse(data: bytes) -> list[Option]:
    """Return the options in their order; raises ``WireError``."""
    options: list[Option] = []
    offset, end = 0, len(data)
    while offset + 1 < end:
        value = offset + 2
        following = offset + data[offset + 1]
        if not value <= following <= end:
            raise WireError("option length", offset + 1)
        options.append((data[offset], data[value:following]))
        offset = following
    if offset != end:
        raise WireError("option header", offset)
    return options


def build(kind: int, value: bytes = b"") -> bytes:
    """Return the option; ``value`` has 253 octets at most."""
    return bytes((kind, len(value) + 2)) + value


def repeated(options: list[Option]) -> bytes:
    """Return those options, built, whose kind was listed before: nothing is to be listed twice (RFC 1661 section 6).

    Whoever does it gets them back, so that no refusal with hints outgrows its request.
    """
    kinds: set[int] = set()
    again = b""
    for kind, value in options:
        if kind in kinds:
            again += build(kind, value)
        kinds.add(kind)
    return again
