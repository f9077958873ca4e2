"""A page that is made crosswise: every part of it grows at once, and all of it is one gzip stream at the end.

Samples of a family must stand together, but what is read of a session is for all families.  So each
family is compressed by itself while it grows (RFC 1951 blocks, which can be put one after the other),
and the checksum of the whole (RFC 1952 section 2.3.1) is made of theirs.  Uncompressed, the page of 50,000
sessions would be 60 MB for as long as a slow client takes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
"""gzip, deflate, no name, no time, fastest, unknown system (RFC 1952 section 2.3)."""
_END = b"\x03\x00"
"""A last block that holds nothing (RFC 1951 section 3.2.3)."""
_POLYNOMIAL = 0xEDB88320
_ONE, _OCTET = 1 << 31, 1 << 23
"""x to the power of 0, and of 8: the highest bit is the lowest power."""


class Squeezed:
    """Text that is compressed while it grows."""

    __slots__ = ("_compressor", "check", "octets", "pieces")

    def __init__(self) -> None:
        """Begin empty."""
        self._compressor = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        self.pieces: list[bytes] = []
        """Compressed."""
        self.check = 0
        """CRC-32 of the text."""
        self.octets = 0
        """Of the text."""

    def add(self, text: bytes) -> None:
        """Take more text."""
        self._take(self._compressor.compress(text))
        self.check = zlib.crc32(text, self.check)
        self.octets += len(text)

    def end(self) -> None:
        """Take no more: what there is ends with an octet, and refers to nothing before it."""
        self._take(self._compressor.flush(zlib.Z_FULL_FLUSH))

    def _take(self, piece: bytes) -> None:
        if piece:
            self.pieces.append(piece)

    def text(self) -> Iterator[bytes]:
        """Return the text again, piece by piece."""
        decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
        return map(decompressor.decompress, self.pieces)


def gzipped(parts: Sequence[Squeezed]) -> Iterator[bytes]:
    """Return one gzip stream of all parts, each of which has ended, piece by piece."""
    yield _HEAD
    check = octets = 0
    for part in parts:
        yield from part.pieces
        check = crc_of_both(check, part.check, part.octets)
        octets += part.octets
    yield _END + check.to_bytes(4, "little") + (octets & 0xFFFFFFFF).to_bytes(4, "little")


def crc_of_both(first: int, second: int, octets: int) -> int:
    """Return the CRC-32 of two texts in a row, made of theirs and the octets of the second.

    More text moves what a checksum stands for by eight powers of x an octet, modulo the polynomial.
    """
    power, base = _ONE, _OCTET
    while octets:
        if octets & 1:
            power = _product(power, base)
        base = _product(base, base)
        octets >>= 1
    return _product(first, power) ^ second


def _product(one: int, other: int) -> int:
    """Return the product of two polynomials modulo that of CRC-32, coefficients in reverse order."""
    product = 0
    for bit in range(31, -1, -1):
        if one >> bit & 1:
            product ^= other
        other = other >> 1 ^ (_POLYNOMIAL if other & 1 else 0)
    return product
