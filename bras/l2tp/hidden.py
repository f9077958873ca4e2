"""Hidden AVPs (RFC 2661 section 4.3): revealed on receive, never sent.

The length inside a hidden value is the output of a cipher: with a wrong secret it is
noise, so it is compared with what is there before it bounds a read.
"""

from __future__ import annotations

from hashlib import md5

from bras.l2tp.avp import MANDATORY_BIT, RULES, Avps, HiddenAvp
from bras.l2tp.constants import ErrorCode
from bras.l2tp.names import HIDING, name_of
from bras.secret import Secret

_BLOCK_OCTETS = 16


def reveal(avps: Avps, secrets: tuple[Secret, ...]) -> None:
    """Put every hidden value in its place; the first of ``secrets`` that makes sense is taken.

    A hidden AVP with the M bit that no secret opens becomes the message's violation; one
    without is ignored.
    """
    if avps.hidden is None:
        return
    for hidden in avps.hidden:
        value = _open(hidden, secrets)
        flags = MANDATORY_BIT if hidden.mandatory else 0
        if value is None:
            hint = "is the secret the same at both ends?" if secrets else "there is no secret for it here"
            text = f"hidden {name_of(hidden.attribute)} cannot be read: {hint}"
            avps.fault(flags, ErrorCode.OUT_OF_RANGE, text, hidden.attribute, HIDING)
        else:
            avps.put(flags, hidden.attribute, value)
    avps.hidden = None


def _open(hidden: HiddenAvp, secrets: tuple[Secret, ...]) -> bytes | None:
    rule = RULES[hidden.attribute]
    for secret in secrets:
        plain = _decipher(hidden, secret.reveal())
        size = int.from_bytes(plain[:2], "big")
        if size <= len(plain) - 2 and rule.minimum_octets <= size <= rule.maximum_octets:
            return plain[2 : 2 + size]
    return None


def _decipher(hidden: HiddenAvp, secret: bytes) -> bytes:
    attribute = (hidden.attribute & 0xFFFF).to_bytes(2, "big")
    pad = md5(attribute + secret + hidden.random_vector, usedforsecurity=False).digest()
    plain = bytearray()
    for start in range(0, len(hidden.octets), _BLOCK_OCTETS):
        block = hidden.octets[start : start + _BLOCK_OCTETS]
        plain += bytes(octet ^ key for octet, key in zip(block, pad, strict=False))
        pad = md5(secret + block, usedforsecurity=False).digest()
    return bytes(plain)
