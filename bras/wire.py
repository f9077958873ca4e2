"""A bounds-checked cursor over octets.

Every field that comes from the network is read through ``Reader``; a read past the end
raises ``WireError`` with the field's name and octet offset.  All numbers are big-endian.
"""

from __future__ import annotations

from bras.errors import WireError


class Reader:
    """A cursor over ``octets[offset:end]`` that never reads outside."""

    __slots__ = ("_octets", "end", "offset")

    def __init__(self, octets: bytes, offset: int = 0, end: int = -1) -> None:
        """Read from ``offset`` up to ``end`` (exclusive; the end of the octets by default).

        A length field that points outside the octets, or before ``offset``, is a WireError.
        """
        if end < 0:
            end = len(octets)
        if end > len(octets) or not 0 <= offset <= end:
            raise WireError("length", offset)
        self._octets = octets
        self.offset = offset
        self.end = end

    @property
    def remaining(self) -> int:
        """Return how many octets are left."""
        return self.end - self.offset

    def u8(self, field: str) -> int:
        """Read one octet."""
        offset = self.offset
        if offset + 1 > self.end:
            raise WireError(field, offset)
        self.offset = offset + 1
        return self._octets[offset]

    def u16(self, field: str) -> int:
        """Read two octets."""
        offset = self.offset
        if offset + 2 > self.end:
            raise WireError(field, offset)
        self.offset = offset + 2
        return int.from_bytes(self._octets[offset : offset + 2], "big")

    def u32(self, field: str) -> int:
        """Read four octets."""
        offset = self.offset
        if offset + 4 > self.end:
            raise WireError(field, offset)
        self.offset = offset + 4
        return int.from_bytes(self._octets[offset : offset + 4], "big")

    def take(self, count: int, field: str) -> bytes:
        """Read ``count`` octets."""
        offset = self.offset
        if count < 0 or offset + count > self.end:
            raise WireError(field, offset)
        self.offset = offset + count
        return self._octets[offset : offset + count]

    def rest(self) -> bytes:
        """Read all that is left."""
        octets = self._octets[self.offset : self.end]
        self.offset = self.end
        return octets

    def slice(self, count: int, field: str) -> Reader:
        """Return a cursor over the next ``count`` octets and step over them."""
        offset = self.offset
        if count < 0 or offset + count > self.end:
            raise WireError(field, offset)
        self.offset = offset + count
        return Reader(self._octets, offset, offset + count)


def ipv4_text(address: int) -> str:
    """Write an IPv4 address as a dotted quad."""
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


def ipv4_of(text: str) -> int | None:
    """Read a dotted quad; ``None`` when it is none (``ipaddress`` costs ten times this)."""
    parts = text.split(".")
    if len(parts) != 4:
        return None
    address = 0
    for part in parts:
        if not part.isdecimal() or not part.isascii() or len(part) > 3 or int(part) > 255:
            return None
        address = address << 8 | int(part)
    return address
