"""What a server's answer means: ``AnswerReader`` turns a verified reply into ``Accepted`` or ``Rejected``."""

from __future__ import annotations

from bras.errors import DropReason
from bras.radius.authorization import AUTHORIZING, REPEATED, authorization_of, message_of
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

ANSWER_ATTRIBUTES = {**AUTHORIZING, "MS-CHAP-Error": "octets", "MS-CHAP2-Success": "octets"}
"""Every attribute that is understood in an answer to an Access-Request."""


class AnswerReader:
    """Verifies and understands answers to Access-Requests."""

    __slots__ = ("_reader",)

    def __init__(self, codec: Codec) -> None:
        """Take the attributes from the dictionary."""
        self._reader = ReplyReader(codec, ANSWER_ATTRIBUTES, repeated=REPEATED)

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
            return _accepted(reply, key, server)
        if reply.code == ACCESS_REJECT:
            return _rejected(reply, key, server, "reject")
        if reply.code == ACCESS_CHALLENGE:
            return _rejected(reply, key, server, "challenge")
        return DropReason.RADIUS_UNEXPECTED_CODE


def _accepted(reply: Reply, key: int, server: str) -> Accepted | Rejected:
    """Understand an Access-Accept; one that grants what we do not offer is a refusal (RFC 2865 section 1.1)."""
    authorization = authorization_of(reply)
    if authorization.unsupported:
        return _rejected(reply, key, server, "unsupported")
    return Accepted(key, server, authorization, reply.octets.get("MS-CHAP2-Success", b"")[1:])


def _rejected(reply: Reply, key: int, server: str, reason: str) -> Rejected:
    """Understand an Access-Reject or what counts as one."""
    return Rejected(key, server, message_of(reply), reply.octets.get("MS-CHAP-Error", b"")[1:], reason)
