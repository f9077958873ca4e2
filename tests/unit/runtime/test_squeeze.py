from __future__ import annotations

import gzip
import random
import zlib

import pytest

from bras.runtime.squeeze import Squeezed, crc_of_both, gzipped


def _text(dice: random.Random, lines: int) -> bytes:
    return b"".join(b'bras_x{session="%08X"} %d\n' % (n, dice.randrange(10**12)) for n in range(lines))


@pytest.mark.parametrize("sizes", [(0,), (0, 0, 1), (1, 5000, 0, 20_000), (3,) * 40], ids=str)
def test_what_grew_crosswise_is_one_stream_in_order(sizes: tuple[int, ...]) -> None:
    dice = random.Random(7)
    texts = [_text(dice, size) for size in sizes]
    parts = [Squeezed() for _ in texts]
    for first in range(0, max(map(len, texts)) + 1, 1000):
        for part, text in zip(parts, texts, strict=True):
            part.add(text[first : first + 1000])
    for part in parts:
        part.end()
    assert gzip.decompress(b"".join(gzipped(parts))) == b"".join(texts)
    assert [b"".join(part.text()) for part in parts] == texts
    assert sum(part.octets for part in parts) == sum(map(len, texts))


def test_it_is_kept_small() -> None:
    part = Squeezed()
    part.add(_text(random.Random(7), 10_000))
    part.end()
    assert sum(map(len, part.pieces)) < part.octets / 3


@pytest.mark.parametrize("octets", [0, 1, 2, 3, 255, 256, 65_537])
def test_checksums_of_two_texts_in_a_row(octets: int) -> None:
    dice = random.Random(octets)
    first, second = dice.randbytes(100), dice.randbytes(octets)
    assert crc_of_both(zlib.crc32(first), zlib.crc32(second), octets) == zlib.crc32(first + second)
    assert crc_of_both(0, zlib.crc32(second), octets) == zlib.crc32(second)
