"""The Password Authentication Protocol, both sides (RFC 1334 section 2)."""

from __future__ import annotations

from typing import Any, Final

from bras.errors import DropReason
from bras.ppp import packet
from bras.ppp.authentication import Outcome, Verdict
from bras.ppp.constants import PAP
from bras.ppp.events import PapCredentials
from bras.ppp.settings import ClientIdentity
from bras.wire import Reader

AUTHENTICATE_REQUEST: Final = 1
AUTHENTICATE_ACK: Final = 2
AUTHENTICATE_NAK: Final = 3
_MOST_OCTETS: Final = 255


def parse_request(data: bytes) -> PapCredentials:
    """Read an Authenticate-Request's Peer-ID and Password; raises ``WireError``."""
    reader = Reader(data)
    name = reader.take(reader.u8("Peer-ID Length"), "Peer-ID")
    password = reader.take(reader.u8("Passwd-Length"), "Password")
    return PapCredentials(name, password)


def build_request(identifier: int, name: bytes, password: bytes) -> bytes:
    """Return an Authenticate-Request; of name and password 255 octets count."""
    return packet.build(AUTHENTICATE_REQUEST, identifier, _with_length(name) + _with_length(password))


def _with_length(octets: bytes) -> bytes:
    octets = octets[:_MOST_OCTETS]
    return bytes((len(octets),)) + octets


class PapServer:
    """Waits for a request, and answers each later copy of it as the first one was decided."""

    __slots__ = ("_answer", "_attempts", "_identifier", "pending")

    protocol: Final = PAP

    def __init__(self, attempts: int) -> None:
        """Wait for at most ``attempts`` timeouts."""
        self._attempts = attempts
        self._identifier = 0
        self._answer: tuple[int, bytes] | None = None
        self.pending = False

    def start(self) -> bytes:
        """The client begins."""
        return b""

    def repeat(self) -> bytes:
        """Return Authenticate-Ack, if that was the decision."""
        answer = self._answer
        return packet.build(answer[0], self._identifier, answer[1]) if answer and answer[0] == AUTHENTICATE_ACK else b""

    def handed_over(self, identifier: int) -> None:
        """Somebody else has taken a request with ``identifier``, and it is being judged."""
        self._identifier = identifier
        self.pending = True

    def handle_timeout(self) -> bytes | None:
        """Wait a while longer."""
        self._attempts -= 1
        return b"" if self._attempts > 0 else None

    def receive(self, code: int, identifier: int, data: bytes) -> Outcome:
        """Take a request; a copy gets the same answer, or waits for it (RFC 1334 section 2.2.1)."""
        if code != AUTHENTICATE_REQUEST:
            return DropReason.UNEXPECTED_PACKET
        credentials = parse_request(data)
        self._identifier = identifier  # the answer carries that of the latest copy
        if self._answer is not None:
            return packet.build(self._answer[0], identifier, self._answer[1])
        if self.pending:
            return DropReason.UNEXPECTED_PACKET
        self.pending = True
        return credentials

    def decide(self, accepted: bool, message: bytes, ms_chap: bytes) -> bytes:
        """Return Authenticate-Ack or Authenticate-Nak with the message (RFC 1334 section 2.2.2)."""
        self.pending = False
        self._answer = (AUTHENTICATE_ACK if accepted else AUTHENTICATE_NAK, _with_length(message))
        return packet.build(self._answer[0], self._identifier, self._answer[1])

    def save(self) -> list[Any]:
        """Return the state as plain data."""
        return [
            list(self._answer) if self._answer is not None else None,
            self._attempts,
            self._identifier,
            self.pending,
        ]

    @classmethod
    def restore(cls, data: list[Any]) -> PapServer:
        """Return the machine that ``save`` described."""
        self = cls(data[1])
        self._answer = (data[0][0], data[0][1]) if data[0] is not None else None
        self._identifier = data[2]
        self.pending = data[3]
        return self


class PapClient:
    """Sends name and password until the server answers."""

    __slots__ = ("_attempts", "_identifier", "_identity")

    protocol: Final = PAP

    def __init__(self, identity: ClientIdentity, attempts: int) -> None:
        """Send at most ``attempts`` requests."""
        self._identity = identity
        self._attempts = attempts
        self._identifier = 0

    def start(self) -> bytes:
        """Send the first request, each with an identifier of its own (RFC 1334 section 2.2.1)."""
        self._attempts -= 1
        self._identifier = self._identifier + 1 & 0xFF
        return build_request(self._identifier, self._identity.user, self._identity.password.reveal())

    def handle_timeout(self) -> bytes | None:
        """Send another request."""
        return self.start() if self._attempts > 0 else None

    def receive(self, code: int, identifier: int, data: bytes) -> Outcome:
        """Take the server's answer."""
        if code not in (AUTHENTICATE_ACK, AUTHENTICATE_NAK) or identifier != self._identifier:
            return DropReason.UNEXPECTED_PACKET
        return Verdict(code == AUTHENTICATE_ACK, data[1 : 1 + data[0]] if data else b"")

    def save(self) -> list[Any]:
        """Return the state as plain data."""
        return [self._attempts, self._identifier]

    @classmethod
    def restore(cls, data: list[Any], identity: ClientIdentity) -> PapClient:
        """Return the machine that ``save`` described."""
        self = cls(identity, data[0])
        self._identifier = data[1]
        return self
