"""What a server's answer means: ``AnswerReader`` turns a verified reply into ``Accepted`` or ``Rejected``."""

from __future__ import annotations

from bras.config.understood import FURTHER, ORDINARY, REPEATED
from bras.errors import DropReason
from bras.radius.authorization import authorization_of, message_of
from bras.radius.codec import (
    ACCESS_ACCEPT,
    ACCESS_CHALLENGE,
    ACCESS_REJECT,
    Codec,
    Reply,
    ReplyReader,
    SharedSecret,
)
from bras.radius.events import Accepted, Rejected
from bras.radius.further import understand

ANSWER_ATTRIBUTES = {**ORDINARY, "MS-CHAP-Error": "octets", "MS-CHAP2-Success": "octets"}
"""Every attribute that is read on the short way in an answer to an Access-Request."""

MAKES_NO_SENSE = " (its value makes no sense)"


class AnswerReader:
    """Verifies and understands answers to Access-Requests."""

    __slots__ = ("_reader", "ignored")

    def __init__(self, codec: Codec, ignored: frozenset[str] = frozenset()) -> None:
        """Take the attributes from the dictionary; those ``ignored`` may authorise what we lack."""
        self.ignored = ignored
        self._reader = ReplyReader(codec, ANSWER_ATTRIBUTES, REPEATED, FURTHER)

    def read(
        self, data: bytes, authenticator: bytes, secret: SharedSecret, signed: bool, *, key: int, server: str
    ) -> Accepted | Rejected | DropReason:
        """Return what the answer to request ``key`` says, or why it is not believed.

        ``signed``: an answer without Message-Authenticator is not believed.
        """
        reply = self._reader.read(data, authenticator, secret, signed)
        if isinstance(reply, DropReason):
            return reply
        if reply.code == ACCESS_ACCEPT:
            return self._accepted(reply, key, server)
        if reply.code == ACCESS_REJECT:
            return _rejected(reply, key, server, "reject")
        if reply.code == ACCESS_CHALLENGE:
            return _rejected(reply, key, server, "challenge")
        return DropReason.RADIUS_UNEXPECTED_CODE

    def _accepted(self, reply: Reply, key: int, server: str) -> Accepted | Rejected:
        """Understand an Access-Accept; one that authorises what we lack is a Reject (RFC 2865 section 1.1)."""
        authorization = authorization_of(reply, self.ignored)
        if authorization.unsupported:
            senseless = understand(tuple(reply.further)).senseless
            lacking = tuple(name + MAKES_NO_SENSE * (name in senseless) for name in authorization.unsupported)
            return _rejected(reply, key, server, "unsupported", lacking)
        return Accepted(key, server, authorization, reply.octets.get("MS-CHAP2-Success", b"")[1:])


def _rejected(reply: Reply, key: int, server: str, reason: str, lacking: tuple[str, ...] = ()) -> Rejected:
    """Understand an Access-Reject or what counts as one."""
    error = reply.octets.get("MS-CHAP-Error", b"")[1:]
    return Rejected(key, server, message_of(reply), error, reason, lacking)
