"""MD4 against RFC 1320's own vectors, and against pycryptodome."""

from __future__ import annotations

import pytest
from Crypto.Hash import MD4

from bras.ppp import md4
from tests.vectors import ppp_mschap


@pytest.mark.parametrize(("message", "digest"), ppp_mschap.MD4)
def test_the_rfcs_vectors(message: bytes, digest: str) -> None:
    assert md4.digest(message).hex() == digest


@pytest.mark.parametrize("length", [0, 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 200])
def test_every_padding(length: int) -> None:
    message = bytes(range(length))
    assert md4.digest(message) == MD4.new(message).digest()
