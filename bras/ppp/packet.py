"""Packets of LCP, the NCPs, PAP and CHAP: Code, Identifier, Length, data (RFC 1661 section 5)."""

from __future__ import annotations

import struct
from typing import Final

from bras.errors import WireError

_HEADER: Final = struct.Struct("!BBH")
_pack_header: Final = _HEADER.pack
_unpack_header: Final = _HEADER.unpack_from
HEADER_OCTETS: Final = 4


def parse(octets: bytes, offset: int = 0) -> tuple[int, int, bytes]:
    """Return Code, Identifier and data; octets after Length are padding.  Raises ``WireError``."""
    if len(octets) < offset + HEADER_OCTETS:
        raise WireError("packet header", offset)
    code, identifier, length = _unpack_header(octets, offset)
    begin, end = offset + HEADER_OCTETS, offset + length
    if not begin <= end <= len(octets):
        raise WireError("packet length", offset + 2)
    return code, identifier, octets[begin:end]


def build(code: int, identifier: int, data: bytes = b"") -> bytes:
    """Return the packet."""
    return _pack_header(code, identifier, HEADER_OCTETS + len(data)) + data


def text(octets: bytes) -> str:
    """Return a peer's message as text; what is none (Windows sends numbers) is left out."""
    words = octets.decode("utf-8", "replace").strip()
    return words if words.isprintable() else ""
