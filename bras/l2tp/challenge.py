"""Tunnel authentication (RFC 2661 section 5.1.1): a CHAP-like challenge and response.

A group can have several secrets while one is being replaced: the first one is used for
what we answer, any of them is accepted from the peer.
"""

from __future__ import annotations

import hmac
from hashlib import md5

from bras.ids import Entropy
from bras.l2tp import avp
from bras.l2tp.constants import AvpType
from bras.secret import Secret

CHALLENGE_OCTETS = 16


def response(message_type: int, secret: Secret, challenge: bytes) -> bytes:
    """Answer ``challenge`` in a message of ``message_type``, which is the CHAP identifier.

    RFC 2661 section 4.4.3: 2 when the answer travels in an SCCRP, 3 in an SCCCN.
    """
    return md5(bytes((message_type,)) + secret.reveal() + challenge, usedforsecurity=False).digest()


class Authentication:
    """The authentication of one tunnel, in both directions."""

    __slots__ = ("_secrets", "challenge", "proven")

    def __init__(self, secrets: tuple[Secret, ...], entropy: Entropy) -> None:
        """Make a challenge if there is a secret to prove."""
        self._secrets = secrets
        self.challenge = entropy(CHALLENGE_OCTETS) if secrets else b""
        """What we ask the peer; empty: nothing."""
        self.proven = 0
        """Which secret the peer has proven to know."""

    @property
    def ordered(self) -> tuple[Secret, ...]:
        """Return the secrets, the likeliest first."""
        return (*self._secrets[self.proven : self.proven + 1], *self._secrets)

    def challenge_avp(self) -> bytes:
        """Return our Challenge AVP, empty without a secret."""
        return avp.octets(AvpType.CHALLENGE, self.challenge) if self.challenge else b""

    def answer_avp(self, message_type: int, challenge: bytes | None) -> bytes:
        """Return the Challenge Response AVP for the peer's challenge, empty without one.

        For an answer there must be a secret.
        """
        if challenge is None:
            return b""
        answer = response(message_type, self._secrets[self.proven], challenge)
        return avp.octets(AvpType.CHALLENGE_RESPONSE, answer)

    def accepts(self, message_type: int, answer: bytes) -> bool:
        """Judge the peer's answer (empty: none) to our challenge, if there was one.

        Every secret is compared, each in constant time.
        """
        if not self.challenge:
            return True
        accepted = False
        for number, secret in enumerate(self._secrets):
            if hmac.compare_digest(response(message_type, secret, self.challenge), answer):
                self.proven = number
                accepted = True
        return accepted
