from __future__ import annotations

import pytest

from bras.runtime.entropy import EntropyPool


@pytest.mark.parametrize("count", [0, 1, 16, 4095, 4096, 4097, 10000])
def test_as_many_octets_as_were_asked_for(count):
    assert len(EntropyPool()(count)) == count


def test_no_octet_is_handed_out_twice():
    """Else challenges would repeat: pieces of many sizes, over many pages."""
    entropy = EntropyPool()
    pieces = [entropy(size) for _ in range(200) for size in (16, 100, 17, 33)]
    assert len(set(pieces)) == len(pieces)
    page = EntropyPool()
    first, second = page(4096), page(4096)
    assert first != second
    halves = EntropyPool()
    assert halves(2048) != halves(2048)
