"""DES against published vectors, and against pycryptodome."""

from __future__ import annotations

import hashlib

import pytest
from Crypto.Cipher import DES

from bras.ppp import des
from tests.vectors import ppp_mschap


@pytest.mark.parametrize(("key", "plain", "cipher"), ppp_mschap.DES)
def test_published_vectors(key: str, plain: str, cipher: str) -> None:
    assert des.encrypt(bytes.fromhex(key), bytes.fromhex(plain)).hex().upper() == cipher


@pytest.mark.parametrize("number", range(50))
def test_the_same_as_pycryptodome(number: int) -> None:
    octets = hashlib.md5(bytes((number,))).digest()
    assert des.encrypt(octets[:8], octets[8:]) == DES.new(octets[:8], DES.MODE_ECB).encrypt(octets[8:])
