"""The errors of bras, and the reasons for which something is dropped.

Three kinds and no more: ``WireError`` (a peer's octets are wrong: a counted drop, never a
traceback), ``ProtocolViolation`` (the owner sends StopCCN, CDN or Terminate-Request with
its code) and ``ConfigError`` (the operator's files).  A failure of kernel, disk or RADIUS
is an input, not an exception.  Anything else that escapes is a defect of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class BrasError(Exception):
    """The base of every error that bras raises on purpose."""


class WireError(BrasError):
    """Octets from the network that do not parse.  Raised by ``bras.wire`` and the codecs."""

    def __init__(self, field: str, offset: int) -> None:
        """Remember which field was wrong and at which octet (from the start of its PDU)."""
        super().__init__(f"{field} at octet {offset}")
        self.field = field
        self.offset = offset


class ProtocolViolation(BrasError):
    """A peer did what its RFC forbids; ``result`` and ``error`` are the codes to answer with."""

    def __init__(self, result: int, error: int, text: str, *, avp: str = "", section: str = "") -> None:
        """Remember the RFC 2661 section 4.4.2 Result Code, Error Code and message.

        ``avp`` names the attribute that is wrong, ``section`` the section of an RFC that says so.
        """
        super().__init__(text)
        self.result = result
        self.error = error
        self.text = text
        self.avp = avp
        self.section = section


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong in a configuration file."""

    file: str
    key: str
    wrong: str
    right: str

    def __str__(self) -> str:
        """Render as ``file: key: what is wrong, what would be right``."""
        return f"{self.file}: {self.key}: {self.wrong}, {self.right}"


class ConfigError(BrasError):
    """Everything wrong in the configuration, all at once."""

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        """Keep the problems in the order in which they were found."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class DropReason(Enum):
    """Why a datagram, frame, packet or reply was dropped; the value is the metric's label."""

    __hash__ = object.__hash__  # members are singletons; Enum's own hash is a Python call

    # l2tp
    SHORT_DATAGRAM = "short_datagram"
    UNKNOWN_VERSION = "unknown_version"
    L2TPV3 = "l2tpv3"
    BAD_HEADER = "bad_header"
    BAD_AVP = "bad_avp"
    UNKNOWN_TUNNEL = "unknown_tunnel"
    UNKNOWN_CALL = "unknown_call"
    WRONG_PEER = "wrong_peer"
    OUTSIDE_WINDOW = "outside_window"
    UNEXPECTED_MESSAGE = "unexpected_message"
    UNKNOWN_MESSAGE = "unknown_message"
    NO_LAC_GROUP = "no_lac_group"
    OUT_OF_ORDER_DATA = "out_of_order_data"
    DUPLICATE_DATA = "duplicate_data"
    UNNUMBERED_DATA = "unnumbered_data"
    TIE = "tie"
    """A SCCRQ that lost to one of ours (RFC 2661 section 4.4.3)."""
    RATE_LIMITED = "rate_limited"
    LOCKED_OUT = "locked_out"
    ANSWER_WITHHELD = "answer_withheld"
    # ppp
    BAD_FRAME = "bad_frame"
    BAD_PACKET = "bad_packet"
    BAD_OPTION = "bad_option"
    UNEXPECTED_PACKET = "unexpected_packet"
    PASSWORD_CHANGE = "password_change"  # no password
    UNKNOWN_PROTOCOL = "unknown_protocol"
    NOT_OPEN = "not_open"
    LOOPBACK = "loopback"
    # radius
    RADIUS_SHORT = "radius_short"
    RADIUS_BAD_LENGTH = "radius_bad_length"
    RADIUS_BAD_ATTRIBUTE = "radius_bad_attribute"
    RADIUS_BAD_AUTHENTICATOR = "radius_bad_authenticator"
    RADIUS_MISSING_MESSAGE_AUTHENTICATOR = "radius_missing_message_authenticator"
    RADIUS_BAD_MESSAGE_AUTHENTICATOR = "radius_bad_message_authenticator"
    RADIUS_UNEXPECTED_CODE = "radius_unexpected_code"
    RADIUS_UNKNOWN_IDENTIFIER = "radius_unknown_identifier"
    RADIUS_DUPLICATE = "radius_duplicate"
    """A true reply to a request that was answered a moment ago."""
    RADIUS_LATE = "radius_late"
    """A true reply to a request that was given up or taken elsewhere a moment ago."""
    RADIUS_UNKNOWN_CLIENT = "radius_unknown_client"
    RADIUS_MISSING_TIMESTAMP = "radius_missing_timestamp"
    RADIUS_STALE = "radius_stale"
    """An Event-Timestamp too far from our clock (RFC 5176 section 6.3)."""
    # data plane
    NOT_PROGRAMMED = "not_programmed"
    SPOOFED_SOURCE = "spoofed_source"
    POLICED_UP = "policed_up"
    POLICED_DOWN = "policed_down"
    TOO_BIG = "too_big"
    BAD_PACKET_HEADER = "bad_packet_header"
    NO_ROUTE = "no_route"
    SEND_FAILED = "send_failed"


class FallbackReason(Enum):
    """Why a packet did not take the data plane's fast path, or took a longer one; the value is the metric's label."""

    __hash__ = object.__hash__  # as above

    CONTROL = "control"
    PPP_CONTROL = "ppp_control"
    FRAGMENT = "fragment"
    UNKNOWN_SESSION = "unknown_session"
    PEER_MISMATCH = "peer_mismatch"
    STALE = "stale"
    NUMBERED = "numbered"
    UNUSUAL_HEADER = "unusual_header"
    LINK_SCOPE = "link_scope"
    TOO_BIG = "too_big"
    NO_SUBSCRIBER = "no_subscriber"
    NO_PATH = "no_path"
    OUTER_FRAGMENT = "outer_fragment"
    SEGMENT = "segment"
    NOT_XDP = "not_xdp"
