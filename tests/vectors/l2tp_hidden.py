"""Hidden AVPs and challenge responses made from the RFC's formulas, by code of its own.

Source: RFC 2661 section 4.3 (b1 = MD5(AV + S + RV), c1 = p1 xor b1, bi = MD5(S + c(i-1)))
and section 4.4.3 (CHAP response with the Message Type as identifier), computed here with
big integers instead of the product's octet loops.
"""

from __future__ import annotations

from hashlib import md5


def hide(attribute: int, value: bytes, secret: bytes, random_vector: bytes, padding: bytes = b"") -> bytes:
    """Return the hidden subformat of ``value``."""
    plain = len(value).to_bytes(2, "big") + value + padding
    cipher = b""
    key = md5((attribute & 0xFFFF).to_bytes(2, "big") + secret + random_vector).digest()
    while plain:
        block, plain = plain[:16], plain[16:]
        size = len(block)
        mixed = int.from_bytes(block, "big") ^ int.from_bytes(key[:size], "big")
        cipher += mixed.to_bytes(size, "big")
        key = md5(secret + cipher[-size:]).digest()
    return cipher


def hidden_avp(attribute: int, cipher: bytes, mandatory: bool = True) -> bytes:
    """Return an AVP with the H bit."""
    flags = (0xC000 if mandatory else 0x4000) | (6 + len(cipher))
    return flags.to_bytes(2, "big") + attribute.to_bytes(4, "big") + cipher


# Assigned Tunnel ID 0x1234, hidden; the digests here and below by `openssl md5`.
ASSIGNED_TUNNEL_ID = 9
HIDDEN = bytes.fromhex("c68e6433")
SECRET = b"tunsecret"
RANDOM_VECTOR = bytes(range(16))

CHALLENGE = bytes(range(0xA0, 0xB0))
RESPONSE_IN_SCCRP = bytes.fromhex("174c37053eb4b941c30ccadb5b142687")
RESPONSE_IN_SCCCN = bytes.fromhex("f8b2f2ca3a250cc7039574feed467ca9")
