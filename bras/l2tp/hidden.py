"""Hidden AVPs (RFC 2661 section 4.3): what a secret keeps from those who read the wire.

The length inside a hidden value is the output of a cipher: with a wrong secret it is
noise, so it is compared with what is there before it bounds a read.
"""

from __future__ import annotations

from hashlib import md5
from struct import Struct
from typing import Final

from bras.ids import Entropy
from bras.l2tp import avp
from bras.l2tp.avp import (
    HEADER_OCTETS,
    HIDDEN_BIT,
    LENGTH_BITS,
    MANDATORY_BIT,
    MAX_VALUE_OCTETS,
    RULES,
    Avps,
    HiddenAvp,
)
from bras.l2tp.challenge import Authentication
from bras.l2tp.constants import AvpType, ErrorCode
from bras.l2tp.names import HIDING, name_of
from bras.secret import Secret

_BLOCK_OCTETS: Final = 16
_VECTOR_OCTETS: Final = 16
_SIZE_OCTETS: Final = 2
_HEADER: Final = Struct("!HI")
_TYPE: Final = 0xFFFF
"""The attribute without its vendor: this alone goes into the key."""


def reveal(avps: Avps, secrets: tuple[Secret, ...]) -> int | None:
    """Put every hidden value in its place; return the number of the secret that opened them.

    A peer hides with one secret, so the first of ``secrets`` that makes sense of the whole
    message is taken, else the one that makes sense of most of it.  A hidden AVP with the M
    bit that it does not open becomes the message's violation; one without is ignored.
    """
    if avps.hidden is None:
        return None
    best: list[bytes | None] = [None] * len(avps.hidden)
    opened_by = None
    for number, secret in enumerate(secrets):
        values = [_open(hidden, secret.reveal()) for hidden in avps.hidden]
        if values.count(None) < best.count(None):
            best, opened_by = values, number
        if None not in values:
            break
    for hidden, value in zip(avps.hidden, best, strict=True):
        flags = MANDATORY_BIT if hidden.mandatory else 0
        if value is None:
            hint = "is the secret the same at both ends?" if secrets else "there is no secret for it here"
            text = f"hidden {name_of(hidden.attribute)} cannot be read: {hint}"
            avps.fault(flags, ErrorCode.OUT_OF_RANGE, text, hidden.attribute, HIDING)
        else:
            avps.put(flags, hidden.attribute, value)
    avps.hidden = None
    return opened_by


def _open(hidden: HiddenAvp, secret: bytes) -> bytes | None:
    rule = RULES[hidden.attribute]
    plain = _mix(hidden.attribute, hidden.octets, secret, hidden.random_vector, deciphering=True)
    size = int.from_bytes(plain[:_SIZE_OCTETS], "big")
    if size > len(plain) - _SIZE_OCTETS or not rule.minimum_octets <= size <= rule.maximum_octets:
        return None
    return plain[_SIZE_OCTETS : _SIZE_OCTETS + size]


def _mix(attribute: int, octets: bytes, secret: bytes, random_vector: bytes, *, deciphering: bool) -> bytes:
    """Encipher or decipher: the key of a block is made of the ciphered block before it."""
    key = md5((attribute & _TYPE).to_bytes(2, "big") + secret + random_vector, usedforsecurity=False).digest()
    mixed = bytearray()
    for start in range(0, len(octets), _BLOCK_OCTETS):
        block = octets[start : start + _BLOCK_OCTETS]
        other = bytes(octet ^ pad for octet, pad in zip(block, key, strict=False))
        mixed += other
        key = md5(secret + (block if deciphering else other), usedforsecurity=False).digest()
    return bytes(mixed)


class Hiding:
    """Hides what one tunnel sends."""

    __slots__ = ("_authentication", "_entropy")

    def __init__(self, authentication: Authentication, entropy: Entropy) -> None:
        """Hide with the secret that ``authentication`` has found."""
        self._authentication = authentication
        self._entropy = entropy

    @property
    def agreed(self) -> bool:
        """Return whether the peer has proven that it knows the secret."""
        return bool(self._authentication.proof)

    def hide(self, avps: bytes) -> bytes:
        """Return a message's AVPs with all those hidden that may be, behind one Random Vector.

        Whatever hides nothing comes back as it is: a message of which nothing may be hidden, and
        one to a peer with which we have no secret in common (any more).  An AVP too long to be
        hidden (over 1015 octets) is sent as it is, too.
        """
        secret = self._authentication.secret
        if secret is None:
            return avps
        parts: list[bytes] = []
        vector = b""
        offset = 0
        while offset < len(avps):
            flags, attribute = _HEADER.unpack_from(avps, offset)
            end = offset + (flags & LENGTH_BITS)
            rule = RULES.get(attribute)
            if rule is None or not rule.hideable or end - offset > LENGTH_BITS - _SIZE_OCTETS:
                parts.append(avps[offset:end])
            else:
                if not vector:
                    vector = self._entropy(_VECTOR_OCTETS)
                    parts.append(avp.octets(AvpType.RANDOM_VECTOR, vector))
                plain = self._padded(avps[offset + HEADER_OCTETS : end])
                cipher = _mix(attribute, plain, secret.reveal(), vector, deciphering=False)
                kept = flags & MANDATORY_BIT | HIDDEN_BIT
                parts += (_HEADER.pack(kept | HEADER_OCTETS + len(cipher), attribute), cipher)
            offset = end
        return b"".join(parts)

    def _padded(self, value: bytes) -> bytes:
        """Return the subformat: length, value, and padding up to whole blocks, so that lengths tell little."""
        plain = len(value).to_bytes(_SIZE_OCTETS, "big") + value
        padding = min(-len(plain) % _BLOCK_OCTETS, MAX_VALUE_OCTETS - len(plain))
        return plain + self._entropy(padding)
