"""Numbers of RFC 2661 and of what came after it: message types, attribute types, result and error codes."""

from __future__ import annotations

from enum import IntEnum


class MessageType(IntEnum):
    """Control message types (RFC 2661 section 3.2, RFC 5515)."""

    SCCRQ = 1
    SCCRP = 2
    SCCCN = 3
    STOPCCN = 4
    HELLO = 6
    OCRQ = 7
    OCRP = 8
    OCCN = 9
    ICRQ = 10
    ICRP = 11
    ICCN = 12
    CDN = 14
    WEN = 15
    SLI = 16
    CSUN = 28  # RFC 5515
    CSURQ = 29


class AvpType(IntEnum):
    """Attribute types of vendor 0 (RFC 2661 sections 4.4.1 to 4.4.6, and later RFCs)."""

    MESSAGE_TYPE = 0  # section 4.4.1
    RANDOM_VECTOR = 36
    RESULT_CODE = 1  # section 4.4.2
    PROTOCOL_VERSION = 2  # section 4.4.3
    FRAMING_CAPABILITIES = 3
    BEARER_CAPABILITIES = 4
    TIE_BREAKER = 5
    FIRMWARE_REVISION = 6
    HOST_NAME = 7
    VENDOR_NAME = 8
    ASSIGNED_TUNNEL_ID = 9
    RECEIVE_WINDOW_SIZE = 10
    CHALLENGE = 11
    CHALLENGE_RESPONSE = 13
    Q931_CAUSE_CODE = 12  # section 4.4.4
    ASSIGNED_SESSION_ID = 14
    CALL_SERIAL_NUMBER = 15
    MINIMUM_BPS = 16
    MAXIMUM_BPS = 17
    BEARER_TYPE = 18
    FRAMING_TYPE = 19
    CALLED_NUMBER = 21
    CALLING_NUMBER = 22
    SUB_ADDRESS = 23
    TX_CONNECT_SPEED = 24
    RX_CONNECT_SPEED = 38
    PHYSICAL_CHANNEL_ID = 25
    PRIVATE_GROUP_ID = 37
    SEQUENCING_REQUIRED = 39
    INITIAL_RECEIVED_LCP_CONFREQ = 26  # section 4.4.5
    LAST_SENT_LCP_CONFREQ = 27
    LAST_RECEIVED_LCP_CONFREQ = 28
    PROXY_AUTHEN_TYPE = 29
    PROXY_AUTHEN_NAME = 30
    PROXY_AUTHEN_CHALLENGE = 31
    PROXY_AUTHEN_ID = 32
    PROXY_AUTHEN_RESPONSE = 33
    CALL_ERRORS = 34  # section 4.4.6
    ACCM = 35
    PPP_DISCONNECT_CAUSE = 46  # RFC 3145
    TX_CONNECT_SPEED_BPS = 74  # RFC 3931: the same in 64 bits
    RX_CONNECT_SPEED_BPS = 75
    CONNECT_SPEED_UPDATE = 97  # RFC 5515
    CONNECT_SPEED_UPDATE_ENABLE = 98


_ADSL_FORUM = 3561 << 16
"""Vendor ID of the ADSL Forum, above the attribute's number as in an AVP's header."""


class LineAvp(IntEnum):
    """Vendor and attribute types of what is told of an access line (RFC 5515)."""

    AGENT_CIRCUIT_ID = _ADSL_FORUM | 1
    AGENT_REMOTE_ID = _ADSL_FORUM | 2
    ACTUAL_DATA_RATE_UPSTREAM = _ADSL_FORUM | 129
    ACTUAL_DATA_RATE_DOWNSTREAM = _ADSL_FORUM | 130
    MINIMUM_DATA_RATE_UPSTREAM = _ADSL_FORUM | 131
    MINIMUM_DATA_RATE_DOWNSTREAM = _ADSL_FORUM | 132
    ATTAINABLE_DATA_RATE_UPSTREAM = _ADSL_FORUM | 133
    ATTAINABLE_DATA_RATE_DOWNSTREAM = _ADSL_FORUM | 134
    MAXIMUM_DATA_RATE_UPSTREAM = _ADSL_FORUM | 135
    MAXIMUM_DATA_RATE_DOWNSTREAM = _ADSL_FORUM | 136
    MINIMUM_DATA_RATE_UPSTREAM_LOW_POWER = _ADSL_FORUM | 137
    MINIMUM_DATA_RATE_DOWNSTREAM_LOW_POWER = _ADSL_FORUM | 138
    MAXIMUM_INTERLEAVING_DELAY_UPSTREAM = _ADSL_FORUM | 139
    ACTUAL_INTERLEAVING_DELAY_UPSTREAM = _ADSL_FORUM | 140
    MAXIMUM_INTERLEAVING_DELAY_DOWNSTREAM = _ADSL_FORUM | 141
    ACTUAL_INTERLEAVING_DELAY_DOWNSTREAM = _ADSL_FORUM | 142
    ACCESS_LOOP_ENCAPSULATION = _ADSL_FORUM | 144
    ACCESS_LINE_TYPE = _ADSL_FORUM | 145
    IWF_SESSION = _ADSL_FORUM | 254


LINE_RATES = frozenset(range(LineAvp.ACTUAL_DATA_RATE_UPSTREAM, LineAvp.MINIMUM_DATA_RATE_DOWNSTREAM_LOW_POWER + 1))
"""Those of them that are rates in bit/s: 64 bits in L2TP (RFC 5515), 32 in RADIUS (RFC 4679)."""


class StopResult(IntEnum):
    """Result Codes of StopCCN (RFC 2661 section 4.4.2)."""

    GENERAL_REQUEST = 1
    GENERAL_ERROR = 2
    CHANNEL_EXISTS = 3
    NOT_AUTHORIZED = 4
    VERSION_NOT_SUPPORTED = 5
    SHUTTING_DOWN = 6
    FSM_ERROR = 7


class CdnResult(IntEnum):
    """Result Codes of CDN (RFC 2661 section 4.4.2)."""

    LOSS_OF_CARRIER = 1
    GENERAL_ERROR = 2
    ADMINISTRATIVE = 3
    NO_FACILITIES_TEMPORARY = 4
    NO_FACILITIES_PERMANENT = 5
    INVALID_DESTINATION = 6
    NO_CARRIER = 7
    BUSY = 8
    NO_DIAL_TONE = 9
    TIMED_OUT = 10
    NO_FRAMING = 11


class ErrorCode(IntEnum):
    """General Error Codes (RFC 2661 section 4.4.2)."""

    NONE = 0
    NO_CONTROL_CONNECTION = 1
    WRONG_LENGTH = 2
    OUT_OF_RANGE = 3
    INSUFFICIENT_RESOURCES = 4
    INVALID_SESSION_ID = 5
    VENDOR_SPECIFIC = 6
    TRY_ANOTHER = 7
    UNKNOWN_MANDATORY_AVP = 8


PROTOCOL_VERSION = 0x0100
"""Protocol Version AVP: version 1, revision 0 (RFC 2661 section 4.4.3)."""
DEFAULT_PEER_WINDOW = 4
"""Window of a peer that sends no Receive Window Size AVP (RFC 2661 section 4.4.3)."""
TIE_BREAKER_OCTETS = 8
"""Length of the Tie Breaker AVP's value (RFC 2661 section 4.4.3)."""
BOTH_FRAMINGS = 3
"""Asynchronous and synchronous framing (RFC 2661 section 4.4.3)."""
