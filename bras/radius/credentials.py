"""What a client offered, as RADIUS carries it.

The password of PAP is hidden anew for each server (RFC 2865 section 5.2); everything else
is the same for all of them.  Microsoft's layouts are those of RFC 2548 section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from bras.radius.codec import Codec, SharedSecret

MAX_PASSWORD_OCTETS = 128
"""RFC 2865 section 5.2."""


@dataclass(frozen=True, slots=True)
class Pap:
    """PAP (RFC 1334)."""

    password: bytes

    def __repr__(self) -> str:
        """Leave the password out."""
        return "Pap(***)"


@dataclass(frozen=True, slots=True)
class Chap:
    """CHAP with MD5 (RFC 1994)."""

    identifier: int
    challenge: bytes
    response: bytes
    """16 octets."""


@dataclass(frozen=True, slots=True)
class MsChap:
    """MS-CHAPv1 (RFC 2433)."""

    identifier: int
    challenge: bytes
    response: bytes
    """49 octets as PPP carries them: LM response, NT response, flags."""


@dataclass(frozen=True, slots=True)
class MsChap2:
    """MS-CHAPv2 (RFC 2759)."""

    identifier: int
    challenge: bytes
    response: bytes
    """49 octets as PPP carries them: peer challenge, reserved, NT response, flags."""


Credentials = Pap | Chap | MsChap | MsChap2


def hide(password: bytes, authenticator: bytes, secret: SharedSecret) -> bytes:
    """Hide a password (RFC 2865 section 5.2): 16 to 128 octets."""
    padded = password.ljust((len(password) + 15) // 16 * 16 or 16, b"\0")
    hidden, previous = b"", authenticator
    for offset in range(0, len(padded), 16):
        previous = _xor(padded[offset : offset + 16], secret.mask(previous))
        hidden += previous
    return hidden


def reveal(hidden: bytes, authenticator: bytes, secret: SharedSecret) -> bytes:
    """Undo ``hide``; the padding of zeros stays."""
    padded, previous = b"", authenticator
    for offset in range(0, len(hidden), 16):
        block = hidden[offset : offset + 16]
        padded += _xor(block, secret.mask(previous))
        previous = block
    return padded


def _xor(one: bytes, other: bytes) -> bytes:
    """Combine two blocks of 16 octets."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(16, "big")


class CredentialEncoder:
    """Makes the attributes of credentials."""

    __slots__ = ("_challenge", "_ms_challenge", "_ms_response", "_ms_response2", "_password", "_response")

    def __init__(self, codec: Codec) -> None:
        """Take the encoders from the dictionary."""
        self._password = codec.encoder("User-Password", "string")
        self._response = codec.encoder("CHAP-Password", "octets")
        self._challenge = codec.encoder("CHAP-Challenge", "octets")
        self._ms_challenge = codec.encoder("MS-CHAP-Challenge", "octets")
        self._ms_response = codec.encoder("MS-CHAP-Response", "octets")
        self._ms_response2 = codec.encoder("MS-CHAP2-Response", "octets")

    def constant(self, credentials: Credentials) -> bytes:
        """Return the attributes that are the same for each server; for PAP there are none.

        RFC 2548 puts the flags before the response, PPP puts them after it; version 2 has
        the flags octet at the same place, always zero.
        """
        if isinstance(credentials, Chap):
            response = self._response(bytes((credentials.identifier,)) + credentials.response)
            return response + self._challenge(credentials.challenge)
        if isinstance(credentials, MsChap2):
            value = bytes((credentials.identifier, 0)) + credentials.response[:48]
            return self._ms_challenge(credentials.challenge) + self._ms_response2(value)
        if isinstance(credentials, MsChap):
            value = bytes((credentials.identifier,)) + credentials.response[48:49] + credentials.response[:48]
            return self._ms_challenge(credentials.challenge) + self._ms_response(value)
        if isinstance(credentials, Pap):
            return b""
        assert_never(credentials)

    def password(self, password: bytes, authenticator: bytes, secret: SharedSecret) -> bytes:
        """Return the User-Password attribute for one server."""
        return self._password(hide(password, authenticator, secret))
