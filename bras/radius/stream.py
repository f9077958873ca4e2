"""RADIUS in a stream of octets: where one packet ends and the next begins (RFC 6613 section 2.1).

Nothing but the Length field says so.  Once it makes no sense the stream cannot be understood
any more, and what carries it has to be closed (RFC 6613 section 2.6.4).
"""

from __future__ import annotations

from bras.radius.codec import HEADER_OCTETS

MAX_PACKET_OCTETS = 4096
"""The longest RADIUS packet (RFC 2865 section 3)."""


class Frames:
    """Takes a stream apart."""

    __slots__ = ("_rest", "wrong")

    def __init__(self) -> None:
        """Begin before the first packet."""
        self._rest = b""
        self.wrong = ""
        """Why nothing more can be understood; empty while all is well."""

    def feed(self, octets: bytes) -> list[bytes]:
        """Return the packets that are complete now."""
        if self.wrong:
            return []
        stream = self._rest + octets if self._rest else octets
        packets: list[bytes] = []
        at, size = 0, len(stream)
        while size - at >= 4:
            length = stream[at + 2] << 8 | stream[at + 3]
            if not HEADER_OCTETS <= length <= MAX_PACKET_OCTETS:
                self.wrong = f"a packet says that it has {length} octets"
                break
            if size - at < length:
                break
            packets.append(stream[at : at + length])
            at += length
        self._rest = b"" if self.wrong else stream[at:]
        return packets
