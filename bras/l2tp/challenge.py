"""Tunnel authentication (RFC 2661 section 5.1.1): a CHAP-like challenge and response.

A group can have several secrets while one is being replaced.  Any of them is accepted from
the peer; the one that it has proven is the one with which we answer and hide from then on.
Before it has proven any, that is the one that it is likely to know (``bras.l2tp.rotation``).

Saved is what the peer sent as its proof, never a secret or its place in the configuration:
after a start with other secrets the proof tells which of them the peer knows.
"""

from __future__ import annotations

import hmac
from hashlib import md5

from bras.ids import Entropy
from bras.l2tp import avp
from bras.l2tp.constants import AvpType
from bras.plain import Saved
from bras.secret import Secret

CHALLENGE_OCTETS = 16


def response(message_type: int, secret: Secret, challenge: bytes) -> bytes:
    """Answer ``challenge`` in a message of ``message_type``, which is the CHAP identifier.

    RFC 2661 section 4.4.3: 2 when the answer travels in an SCCRP, 3 in an SCCCN.
    """
    return md5(bytes((message_type,)) + secret.reveal() + challenge, usedforsecurity=False).digest()


class Authentication:
    """The authentication of one tunnel, in both directions."""

    __slots__ = ("_secrets", "challenge", "number", "proof")

    def __init__(self, secrets: tuple[Secret, ...], entropy: Entropy) -> None:
        """Make a challenge if there is a secret to prove."""
        self._secrets = secrets
        self.challenge = entropy(CHALLENGE_OCTETS) if secrets else b""
        """What we ask the peer; empty: nothing."""
        self.proof = b""
        """The peer's right answer; empty while it has given none."""
        self.number: int | None = 0 if secrets else None
        """Which of the secrets the peer knows, or is thought to know; ``None``: none that we know."""

    @property
    def secret(self) -> Secret | None:
        """Return the secret that both ends have, as far as is known; ``None``: there is none."""
        return None if self.number is None else self._secrets[self.number]

    @property
    def ordered(self) -> tuple[Secret, ...]:
        """Return the secrets, the likeliest first."""
        if self.number is None or self.number == 0:
            return self._secrets
        return (self._secrets[self.number], *self._secrets)

    def follow(self, secrets: tuple[Secret, ...]) -> None:
        """Know other secrets from now on, if the one that both ends have is among them; else go on with those known.

        A peer that has proven a secret that is configured no more hides its AVPs with it until the tunnel ends.
        """
        secret = self.secret
        if secret is None or secret in secrets:
            self._secrets = secrets
            self.number = None if secret is None else secrets.index(secret)

    def knows(self, secrets: tuple[Secret, ...]) -> bool:
        """Return whether these are the secrets that it goes by."""
        return self._secrets == secrets

    def challenge_avp(self) -> bytes:
        """Return our Challenge AVP, empty without a secret."""
        return avp.octets(AvpType.CHALLENGE, self.challenge) if self.challenge else b""

    def answer_avp(self, message_type: int, challenge: bytes | None) -> bytes:
        """Return the Challenge Response AVP for the peer's challenge, empty without one.

        For an answer there must be a secret.
        """
        if challenge is None:
            return b""
        answer = response(message_type, self._secrets[self.number or 0], challenge)
        return avp.octets(AvpType.CHALLENGE_RESPONSE, answer)

    def accepts(self, message_type: int, answer: bytes) -> bool:
        """Judge the peer's answer (empty: none) to our challenge, if there was one.

        Every secret is compared, each in constant time.
        """
        if not self.challenge:
            return True
        found = self._proven_by(message_type, answer)
        if found is None:
            return False
        self.number, self.proof = found, answer
        return True

    def _proven_by(self, message_type: int, answer: bytes) -> int | None:
        found = None
        for number, secret in enumerate(self._secrets):
            if hmac.compare_digest(response(message_type, secret, self.challenge), answer) and found is None:
                found = number
        return found

    def save(self) -> Saved:
        """Return plain data, in which there is no secret."""
        return self.challenge, self.proof, self.number

    def resume(self, message_type: int, saved: Saved) -> None:
        """Go on from ``save``, perhaps with other secrets; the proof came in a message of ``message_type``."""
        self.challenge, self.proof, number = saved
        if self.proof:
            self.number = self._proven_by(message_type, self.proof)
        elif not self.challenge:
            self.number = None  # it was asked for no proof, so it may know any secret or none
        else:
            self.number = number if number is not None and number < len(self._secrets) else 0
        if not self._secrets:
            self.number = None
