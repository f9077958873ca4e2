"""Accounting records (RFC 2866, RFC 2867, RFC 2869): the attributes of each.

A record is complete but for Acct-Delay-Time, which depends on when it is sent: the
exchange adds that.  Acct-Status-Type is always first, so that the exchange can tell an
Interim-Update, which a later record makes good, from a Start or Stop, which nothing does.
Input is from the subscriber.
"""

from __future__ import annotations

from enum import Enum
from struct import Struct
from typing import Final, NamedTuple

from bras.radius import ipv6_counters
from bras.radius.attributes import MAX_SHARED_OCTETS, without
from bras.radius.codec import HEADER_OCTETS, MAX_OCTETS, Codec
from bras.radius.networks import octets6

DELAY_OCTETS = 6
"""The Acct-Delay-Time that the exchange adds."""
ROOM = MAX_OCTETS - HEADER_OCTETS - DELAY_OCTETS
"""Octets that the attributes of a record may have (RFC 2865 section 3)."""
MOST_REASON: Final = 48
"""Octets of the word for an end."""
MOST_TEXT: Final = 200
"""Octets kept of what somebody said of an end."""
OWN_OCTETS: Final = 12 + 42 + ipv6_counters.MOST_OCTETS + 6 + 8 + MOST_REASON
"""What a record has of its own, at most; the text goes where there is room."""
FRAMED_IP_ADDRESS = 8
_U32 = 0xFFFFFFFF
_status_and_time = Struct("!BBIBBI").pack
_one = Struct("!BBI").pack
_usage = Struct("!" + "2sI" * 7).pack
_NO_IPV6 = (0, 0, 0, 0)


START = 1
STOP = 2
INTERIM_UPDATE = 3
ACCOUNTING_ON = 7
ACCOUNTING_OFF = 8
TUNNEL_START, TUNNEL_STOP, TUNNEL_REJECT = 9, 10, 11
LINK_START, LINK_STOP, LINK_REJECT = 12, 13, 14
"""Acct-Status-Type (RFC 2866 section 5.1, RFC 2867 section 3)."""
STOP_OF: Final = {START: STOP, TUNNEL_START: TUNNEL_STOP, LINK_START: LINK_STOP}
"""How what one of them has begun is ended."""
CLASS: Final = 25


class Authentic(Enum):
    """Acct-Authentic (RFC 2866 section 5.6)."""

    RADIUS = 1
    LOCAL = 2


class Usage(NamedTuple):
    """What a session has carried so far, in 64 bits."""

    session_time_s: float
    up_octets: int
    up_packets: int
    down_octets: int
    down_packets: int
    up_octets6: int = 0
    """Of ``up_octets`` those of IPv6, and so on."""
    up_packets6: int = 0
    down_octets6: int = 0
    down_packets6: int = 0


class AccountingRecords:
    """Makes the attributes of accounting records."""

    __slots__ = (
        "_address",
        "_authentic",
        "_class",
        "_delegated",
        "_end",
        "_ipv6",
        "_lost",
        "_prefix",
        "_session_id",
        "_status",
        "_time",
        "_usage_heads",
    )

    def __init__(self, codec: Codec, ipv6: str = "bras") -> None:
        """Take codes and encoders from the dictionary; ``ipv6``: see ``bras.radius.ipv6_counters``."""
        self._status = codec.code("Acct-Status-Type", "integer")[1]
        self._time = codec.code("Event-Timestamp", "date")[1]
        self._end = _EndEncoder(codec)
        self._ipv6 = ipv6_counters.encoder_of(ipv6, codec)
        self._authentic = codec.encoder("Acct-Authentic", "integer")
        self._address = codec.encoder("Framed-IP-Address", "ipaddr")
        self._class = codec.encoder("Class", "octets")
        self._prefix = codec.encoder("Framed-IPv6-Prefix", "ipv6prefix")
        self._delegated = codec.encoder("Delegated-IPv6-Prefix", "ipv6prefix")
        self._lost = codec.encoder("Acct-Tunnel-Packets-Lost", "integer")
        self._session_id = codec.encoder("Acct-Session-Id", "string")
        self._usage_heads = tuple(
            bytes((codec.code(name, "integer")[1], 6))
            for name in (
                "Acct-Session-Time",
                "Acct-Input-Octets",
                "Acct-Output-Octets",
                "Acct-Input-Packets",
                "Acct-Output-Packets",
                "Acct-Input-Gigawords",
                "Acct-Output-Gigawords",
            )
        )

    def session(self, identity: bytes, address: int, classes: tuple[bytes, ...], authentic: Authentic) -> bytes:
        """Return the attributes that all records of a session share.

        ``identity``: ``Blobs.accounting``; ``address``: the subscriber's, 0 without one.
        Class is returned octet by octet (RFC 2865 section 5.25); what would make a record
        longer than a packet may be is left out, from the end.
        """
        shared = identity + self._authentic(authentic.value)
        if address:
            shared += self._address(address)
        return self._with_classes(shared, classes)

    def reclass(self, session: bytes, classes: tuple[bytes, ...]) -> bytes:
        """Return the attributes that ``session`` made, with other Class attributes."""
        return self._with_classes(without(session, CLASS), classes)

    def readdress(self, session: bytes, address: int, classes: tuple[bytes, ...]) -> bytes:
        """Return the attributes that ``session`` made, with another address."""
        others = without(without(session, CLASS), FRAMED_IP_ADDRESS)
        return self._with_classes(others + self._address(address), classes)

    def _with_classes(self, shared: bytes, classes: tuple[bytes, ...]) -> bytes:
        """Add Class attributes, as many as there is room for."""
        room = ROOM - OWN_OCTETS - len(shared)
        for octets in classes:
            attribute = self._class(octets)
            room -= len(attribute)
            if room < 0:
                break
            shared += attribute
        return shared

    def with_prefixes(self, identity: bytes, of_the_link: tuple[str, ...], delegated: tuple[str, ...]) -> bytes:
        """Add IPv6 prefixes (RFC 3162 section 2.3, RFC 4818 section 3), as many as a record has room for."""
        if not of_the_link and not delegated:
            return identity
        encoded = [self._prefix(octets6(prefix)) for prefix in of_the_link]
        for attribute in encoded + [self._delegated(octets6(prefix)) for prefix in delegated]:
            if len(identity) + len(attribute) <= MAX_SHARED_OCTETS:
                identity += attribute
        return identity

    def record(
        self,
        status: int,
        session: bytes,
        usage: Usage | None,
        cause: int = 0,
        reason: str = "",
        text: str = "",
        *,
        event_at: float,
    ) -> bytes:
        """Build a Start (without ``usage``), Interim-Update or Stop (with ``cause``, its Acct-Terminate-Cause).

        ``event_at`` is when it happened, in seconds since 1970 (UTC); ``reason`` and ``text``
        say more exactly why it ended.
        """
        attributes = _status_and_time(self._status, 6, status, self._time, 6, int(event_at) & _U32) + session
        if usage is not None:
            attributes += self._usage(usage)
            if usage[5:] != _NO_IPV6 and len(attributes) + ipv6_counters.MOST_OCTETS + 6 <= ROOM:
                attributes += self._ipv6(*usage[5:])
        return self._end.add(attributes, cause, reason, text) if cause else attributes

    def server_record(self, status: int, nas: bytes, session_id: str, cause: int = 0, *, event_at: float) -> bytes:
        """Build an Accounting-On, which ends whatever was open before, or an Accounting-Off.

        ``nas``: ``IdentityEncoder.nas``.  Every Accounting-Request must have an
        Acct-Session-Id (RFC 2866 section 5.5), these too.
        """
        return self.record(status, nas + self._session_id(session_id), None, cause, event_at=event_at)

    def lost(self, packets: int) -> bytes:
        """Encode how many packets were lost on a link whose packets are numbered (RFC 2867 section 4.2)."""
        return self._lost(packets)

    def _usage(self, usage: Usage) -> bytes:
        """Encode time and counters; octets go in 64 bits (RFC 2869 sections 5.1 and 5.2)."""
        seconds, up_octets, up_packets, down_octets, down_packets, *_ = usage
        time, up, down, up_count, down_count, up_giga, down_giga = self._usage_heads
        return _usage(
            time, int(seconds) & _U32,
            up, up_octets & _U32, down, down_octets & _U32,
            up_count, up_packets & _U32, down_count, down_packets & _U32,
            up_giga, up_octets >> 32 & _U32, down_giga, down_octets >> 32 & _U32,
        )  # fmt: skip


class _EndEncoder:
    """Says why something ended: its cause for every server, the exact reason for those who know ours."""

    __slots__ = ("_cause", "_reason", "_text")

    def __init__(self, codec: Codec) -> None:
        self._cause = codec.code("Acct-Terminate-Cause", "integer")[1]
        self._reason = codec.encoder("Bras-Terminate-Reason", "string")
        self._text = codec.encoder("Bras-Terminate-Text", "string")

    def add(self, attributes: bytes, cause: int, reason: str, text: str) -> bytes:
        """Add the cause, and of the rest what there is room for."""
        attributes += _one(self._cause, 6, cause)
        for more in (self._reason(reason), self._text(_fit(text)) if text else b""):
            if len(attributes) + len(more) <= ROOM:
                attributes += more
        return attributes


def _fit(text: str) -> str:
    """Return what somebody said in a line of a bounded length; he may have sent any octets."""
    if not text.isprintable():
        text = "".join(one if one.isprintable() else " " for one in text)
    return text.encode("utf-8", "replace")[:MOST_TEXT].decode("utf-8", "ignore").strip()
