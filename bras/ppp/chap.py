"""The Challenge Handshake Authentication Protocol, both sides (RFC 1994), with its MS dialects.

MS-CHAPv1 (RFC 2433) and MS-CHAPv2 (RFC 2759) are CHAP with another algorithm: other sizes
of challenge and response, and words of their own in Success and Failure.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

from bras.errors import DropReason, WireError
from bras.ids import Entropy
from bras.ppp import mschap, packet
from bras.ppp.authentication import Outcome, Verdict
from bras.ppp.constants import CHAP
from bras.ppp.events import ChapCredentials, Credentials, MsChap2Credentials, MsChapCredentials
from bras.ppp.settings import ClientIdentity

CHALLENGE: Final = 1
RESPONSE: Final = 2
SUCCESS: Final = 3
FAILURE: Final = 4
CHANGES_OF_PASSWORD: Final = (5, 6, 7)
"""Change Password of MS-CHAPv1, in two versions (RFC 2433 sections 7 and 8), and of MS-CHAPv2 (RFC 2759 section 7)."""

_CHALLENGE_OCTETS: Final = {"chap": 16, "mschapv1": 8, "mschapv2": 16}
_RESPONSE_OCTETS: Final = {"chap": 16, "mschapv1": 49, "mschapv2": 49}

_SUCCESS: Final = bytes((SUCCESS,))
_MOST_TEXT_OCTETS: Final = 255
"""Of a message, which is for people to read: far below any sane MRU."""


def parse_value(data: bytes) -> tuple[bytes, bytes]:
    """Read Value and Name of a Challenge or Response (RFC 1994 section 4.1); raises ``WireError``."""
    if not data or not 0 < data[0] < len(data):
        raise WireError("Value-Size", 0)
    size = data[0]
    return data[1 : 1 + size], data[1 + size :]


def build_value(code: int, identifier: int, value: bytes, name: bytes) -> bytes:
    """Return a Challenge or Response."""
    return packet.build(code, identifier, bytes((len(value),)) + value + name)


def response_of(identifier: int, secret: bytes, challenge: bytes) -> bytes:
    """Return the MD5 response (RFC 1994 section 4.1)."""
    return hashlib.md5(bytes((identifier,)) + secret + challenge).digest()


def verify(credentials: ChapCredentials, secret: bytes) -> bool:
    """Return whether a CHAP-MD5 response was made with the secret."""
    expected = response_of(credentials.identifier, secret, credentials.challenge)
    return hmac.compare_digest(expected, credentials.response)


class ChapServer:
    """Challenges until a response comes, and repeats its decision to late copies of it."""

    __slots__ = ("_answer", "_attempts", "_challenge", "_entropy", "_identifier", "_method", "_name", "pending")

    protocol: Final = CHAP

    def __init__(self, method: str, name: bytes, attempts: int, entropy: Entropy) -> None:
        """Send at most ``attempts`` challenges under our ``name``."""
        self._method = method
        self._name = name
        self._attempts = attempts
        self._entropy = entropy
        self._identifier = -1
        self._challenge = b""
        self._answer = b""
        self.pending = False

    def start(self) -> bytes:
        """Send a challenge: each with a new identifier and value (RFC 1994 section 4.1)."""
        self._attempts -= 1
        last = self._identifier if self._identifier >= 0 else self._entropy(1)[0]
        self._identifier = last + 1 & 0xFF
        self._challenge = self._entropy(_CHALLENGE_OCTETS[self._method])
        return build_value(CHALLENGE, self._identifier, self._challenge, self._name)

    def again(self, attempts: int) -> bytes:
        """Challenge a client that has proven itself before (RFC 1994 section 2)."""
        self._attempts, self._answer, self.pending = attempts, b"", False
        return self.start()

    def pardon(self) -> None:
        """Forget the challenge: what was answered to it will not be decided."""
        self._challenge, self.pending = b"", False

    def repeat(self) -> bytes:
        """Return Success, if that was the decision."""
        return self._answer if self._answer[:1] == _SUCCESS else b""

    def handed_over(self, identifier: int) -> None:
        """Somebody else has challenged with ``identifier``, and its response is being judged."""
        self._identifier = identifier
        self.pending = True

    def handle_timeout(self) -> bytes | None:
        """Challenge again."""
        return self.start() if self._attempts > 0 else None

    def receive(self, code: int, identifier: int, data: bytes) -> Outcome:
        """Take a response; a copy of one that was decided gets the same answer (RFC 1994 section 4.2)."""
        if code in CHANGES_OF_PASSWORD:
            return DropReason.PASSWORD_CHANGE
        if code != RESPONSE or identifier != self._identifier or self.pending or not (self._challenge or self._answer):
            return DropReason.UNEXPECTED_PACKET
        value, name = parse_value(data)
        if len(value) != _RESPONSE_OCTETS[self._method]:
            raise WireError("Value-Size", 0)
        if self._answer:
            return self._answer
        self.pending = True
        return self._credentials(name, value)

    def _credentials(self, name: bytes, value: bytes) -> Credentials:
        if self._method == "chap":
            return ChapCredentials(name, self._identifier, self._challenge, value)
        if self._method == "mschapv1":
            return MsChapCredentials(name, self._identifier, self._challenge, value)
        return MsChap2Credentials(name, self._identifier, self._challenge, value)

    def decide(self, accepted: bool, message: bytes, ms_chap: bytes) -> bytes:
        """Return Success or Failure (RFC 1994 section 4.2) with the words of the method."""
        message = message[:_MOST_TEXT_OCTETS]
        if self._method != "chap":
            message = self._ms_success(message, ms_chap) if accepted else self._ms_failure(message, ms_chap)
        self.pending = False
        self._challenge = b""
        self._answer = packet.build(SUCCESS if accepted else FAILURE, self._identifier, message)
        return self._answer

    def _ms_success(self, message: bytes, authenticator_response: bytes) -> bytes:
        """Say ``S=… M=…`` (RFC 2759 section 5); MS-CHAPv1 has only a message."""
        if not authenticator_response or self._method == "mschapv1":
            return message
        return authenticator_response + b" M=" + message if message else authenticator_response

    def _ms_failure(self, message: bytes, error: bytes) -> bytes:
        """Say ``E=… R=0 C=… V=…`` (RFC 2433 section 5, RFC 2759 section 6): no second try, for we hang up."""
        if error:
            return error.replace(b" R=1", b" R=0", 1)
        challenge = self._entropy(_CHALLENGE_OCTETS[self._method]).hex().upper().encode()
        if self._method == "mschapv1":
            return b"E=691 R=0 C=" + challenge + b" V=2"
        return b"E=691 R=0 C=" + challenge + b" V=3 M=" + message

    def save(self) -> list[Any]:
        """Return the state as plain data."""
        return [self._answer, self._attempts, self._challenge, self._identifier, self._method, self.pending]

    @classmethod
    def restore(cls, data: list[Any], name: bytes, entropy: Entropy) -> ChapServer:
        """Return the machine that ``save`` described."""
        self = cls("", name, 0, entropy)
        self._answer, self._attempts, self._challenge, self._identifier, self._method, self.pending = data
        return self


class ChapClient:
    """Answers every challenge, and holds the server to its proof where the method has one."""

    __slots__ = ("_attempts", "_entropy", "_expected", "_identifier", "_identity", "_method", "_response")

    protocol: Final = CHAP

    def __init__(self, method: str, identity: ClientIdentity, attempts: int, entropy: Entropy) -> None:
        """Wait for at most ``attempts`` timeouts, or send the response so often."""
        self._method = method
        self._identity = identity
        self._attempts = attempts
        self._entropy = entropy
        self._identifier = 0
        self._response = b""
        self._expected = b""

    def start(self) -> bytes:
        """The server begins."""
        return b""

    def handle_timeout(self) -> bytes | None:
        """Send the response again: its Success may be lost (RFC 1994 section 4.2)."""
        self._attempts -= 1
        return self._response if self._attempts > 0 else None

    def receive(self, code: int, identifier: int, data: bytes) -> Outcome:
        """Take a Challenge, or the decision on our last response."""
        if code == CHALLENGE:
            challenge, _ = parse_value(data)
            return self._respond(identifier, challenge)
        if code not in (SUCCESS, FAILURE) or identifier != self._identifier or not self._response:
            return DropReason.UNEXPECTED_PACKET
        if code == SUCCESS and self._expected and not data.startswith(self._expected):
            return Verdict(False, b"the server does not know our password")
        return Verdict(code == SUCCESS, data)

    def _respond(self, identifier: int, challenge: bytes) -> bytes:
        """Answer a challenge (RFC 1994 section 4.1)."""
        password = self._identity.password.reveal()
        if self._method != "chap" and len(challenge) != _CHALLENGE_OCTETS[self._method]:
            raise WireError("Value-Size", 0)
        if self._method == "mschapv2":
            value = mschap.respond_v2(challenge, self._entropy(16), self._identity.user, password)
            self._expected = mschap.authenticator_response_of(challenge, value, self._identity.user, password)
        elif self._method == "mschapv1":
            value = mschap.respond_v1(challenge, password)
        else:
            value = response_of(identifier, password, challenge)
        self._identifier = identifier
        self._response = build_value(RESPONSE, identifier, value, self._identity.user)
        return self._response

    def save(self) -> list[Any]:
        """Return the state as plain data."""
        return [self._attempts, self._expected, self._identifier, self._method, self._response]

    @classmethod
    def restore(cls, data: list[Any], identity: ClientIdentity, entropy: Entropy) -> ChapClient:
        """Return the machine that ``save`` described."""
        self = cls(data[3], identity, data[0], entropy)
        self._expected, self._identifier, self._response = data[1], data[2], data[4]
        return self
