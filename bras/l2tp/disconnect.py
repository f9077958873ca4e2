"""Why PPP and the line under a call ended, in the words of others: RFC 3145 and Q.931, both in CDN alone.

Neither changes what a CDN does; both are for accounting, logs and people.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

_HEAD: Final = Struct("!HHB")
_Q931: Final = Struct("!HB")
_MAX_TEXT_OCTETS = 200


class DisconnectCode(IntEnum):
    """Disconnect Codes (RFC 3145 sections 3.1, 3.2, 3.3 and 3.4)."""

    NO_INFORMATION = 0
    ADMINISTRATIVE = 1
    PROXY_LCP_EXPECTED = 2
    """The LNS does not renegotiate LCP, and the LAC sent no proxy LCP AVPs."""
    NORMAL = 3
    """LCP Terminate-Request."""
    ENCRYPTION_REFUSED = 4
    LCP_TIMEOUT = 5
    NO_LCP_PACKETS = 6
    """None that could be understood."""
    LOOPBACK = 7
    """Magic-Number."""
    ECHO_TIMEOUT = 8
    UNEXPECTED_ENDPOINT_DISCRIMINATOR = 9
    UNEXPECTED_MRRU = 10
    UNEXPECTED_SHORT_SEQUENCE_NUMBER = 11
    CALLBACK_REFUSED = 12
    AUTHENTICATION_TIMEOUT = 13
    UNEXPECTED_NAME = 14
    """Of another link in the multilink bundle."""
    AUTHENTICATION_PROTOCOL_REFUSED = 15
    AUTHENTICATION_FAILED = 16
    NCP_TIMEOUT = 17
    NO_NCP = 18
    NO_ACCEPTABLE_ADDRESS = 19
    NO_PERMITTED_ADDRESS = 20


_WORDS: Final = {code.value: code.name.lower() for code in DisconnectCode}


class Direction(IntEnum):
    """At which end of PPP, seen from who sends the CDN (RFC 3145 section 2)."""

    BOTH = 0
    PEER = 1
    LOCAL = 2


class Disconnect(NamedTuple):
    """A PPP Disconnect Cause Code AVP (RFC 3145 section 2)."""

    code: int
    protocol: int = 0
    """Number of the PPP control protocol; 0 where the code is about none."""
    direction: int = Direction.BOTH
    text: str = ""

    @property
    def word(self) -> str:
        """Return a stable word for the code; one that no RFC names is "other"."""
        return _WORDS.get(self.code, "other")

    def build(self) -> bytes:
        """Return the value of the AVP; a long text is cut between characters."""
        text = self.text.encode("utf-8", "replace")[:_MAX_TEXT_OCTETS].decode("utf-8", "ignore").encode()
        return _HEAD.pack(self.code, self.protocol, self.direction) + text

    @classmethod
    def parse(cls, value: bytes) -> Disconnect:
        """Read a value, of which the rules for AVPs have seen that it has five octets at least."""
        code, protocol, direction = _HEAD.unpack_from(value)
        return cls(code, protocol, direction, value[_HEAD.size :].decode("utf-8", "backslashreplace"))


class Q931(NamedTuple):
    """A Q.931 Cause Code AVP: what the telephone network said (RFC 2661 section 4.4.4)."""

    code: int
    message: int
    """The Q.931 message that brought it: 0x45 DISCONNECT, 0x4D RELEASE, 0x5A RELEASE COMPLETE."""
    text: str = ""

    @classmethod
    def parse(cls, value: bytes) -> Q931:
        """Read a value, of which the rules for AVPs have seen that it has three octets at least."""
        code, message = _Q931.unpack_from(value)
        return cls(code, message, value[_Q931.size :].decode("utf-8", "backslashreplace"))
