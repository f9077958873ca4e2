"""What people call the attributes, messages and vendors, and which section of an RFC defines each.

For the Error Message of a StopCCN or CDN, for log lines and for ``show``: who reads that a
LAC's message was refused wants to know which AVP it was, and where to read about it.
"""

from __future__ import annotations

from typing import Final

from bras.l2tp.constants import AvpType, LineAvp, MessageType

AVP_FORMAT: Final = "RFC 2661 section 4.1"
MANDATORY: Final = "RFC 2661 section 4.2"
HIDING: Final = "RFC 2661 section 4.3"
MESSAGE_TYPE: Final = "RFC 2661 section 4.4.1"

_SPELLED: Final[dict[int, str]] = {
    AvpType.TIE_BREAKER: "Tie Breaker",
    AvpType.ASSIGNED_TUNNEL_ID: "Assigned Tunnel ID",
    AvpType.Q931_CAUSE_CODE: "Q.931 Cause Code",
    AvpType.ASSIGNED_SESSION_ID: "Assigned Session ID",
    AvpType.MINIMUM_BPS: "Minimum BPS",
    AvpType.MAXIMUM_BPS: "Maximum BPS",
    AvpType.SUB_ADDRESS: "Sub-Address",
    AvpType.PHYSICAL_CHANNEL_ID: "Physical Channel ID",
    AvpType.PRIVATE_GROUP_ID: "Private Group ID",
    AvpType.INITIAL_RECEIVED_LCP_CONFREQ: "Initial Received LCP CONFREQ",
    AvpType.LAST_SENT_LCP_CONFREQ: "Last Sent LCP CONFREQ",
    AvpType.LAST_RECEIVED_LCP_CONFREQ: "Last Received LCP CONFREQ",
    AvpType.PROXY_AUTHEN_ID: "Proxy Authen ID",
    AvpType.ACCM: "ACCM",
    AvpType.PPP_DISCONNECT_CAUSE: "PPP Disconnect Cause Code",
    AvpType.TX_CONNECT_SPEED_BPS: "Tx Connect Speed BPS",
    AvpType.RX_CONNECT_SPEED_BPS: "Rx Connect Speed BPS",
}
"""Names that are not just the words of the constant."""

_SECTIONS: Final[tuple[tuple[str, tuple[int, ...]], ...]] = (
    ("4.4.1", (0, 36)),
    ("4.4.2", (1,)),
    ("4.4.3", (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13)),
    ("4.4.4", (12, 14, 15, 16, 17, 18, 19, 21, 22, 23, 24, 25, 37, 38, 39)),
    ("4.4.5", (26, 27, 28, 29, 30, 31, 32, 33)),
    ("4.4.6", (34, 35)),
)
_SECTION_OF: Final[dict[int, str]] = {
    number: f"RFC 2661 section {section}" for section, numbers in _SECTIONS for number in numbers
}
_SECTION_OF[AvpType.PPP_DISCONNECT_CAUSE] = "RFC 3145 section 2"
_SECTION_OF.update(dict.fromkeys((74, 75), "RFC 3931"))
_SECTION_OF.update(dict.fromkeys((97, 98, *map(int, LineAvp)), "RFC 5515"))
_NAMES: Final = {int(kind): _SPELLED.get(kind, kind.name.replace("_", " ").title()) for kind in AvpType}
_NAMES.update({int(kind): kind.name.replace("_", "-").title() for kind in LineAvp})

_MESSAGE_SECTIONS: Final[dict[int, str]] = {
    MessageType.SCCRQ: "6.1",
    MessageType.SCCRP: "6.2",
    MessageType.SCCCN: "6.3",
    MessageType.STOPCCN: "6.4",
    MessageType.HELLO: "6.5",
    MessageType.ICRQ: "6.6",
    MessageType.ICRP: "6.7",
    MessageType.ICCN: "6.8",
    MessageType.OCRQ: "6.9",
    MessageType.OCRP: "6.10",
    MessageType.OCCN: "6.11",
    MessageType.CDN: "6.12",
    MessageType.WEN: "6.13",
    MessageType.SLI: "6.14",
}
_MESSAGES: Final = {MessageType.STOPCCN: "StopCCN", MessageType.HELLO: "Hello"}

_VENDORS: Final = {
    9: "Cisco",
    311: "Microsoft",
    529: "Ascend",
    2352: "Redback",
    2636: "Juniper",
    3561: "Broadband Forum",
    4874: "Juniper, Unisphere",
    6527: "Nokia",
    14988: "MikroTik",
    55999: "accel-ppp",
}
"""Private enterprise numbers of those who make LACs, as IANA lists them."""


def name_of(attribute: int) -> str:
    """Return an attribute's name; of one that is not known here its vendor and number.

    ``attribute`` is vendor times 65536 plus the Attribute Type.
    """
    return _NAMES.get(attribute) or f"AVP {attribute & 0xFFFF} of {vendor_of(attribute)}"


def section_of(attribute: int) -> str:
    """Return where an attribute is defined: "RFC 2661 section 4.4.3"; nothing for one that is not known here."""
    return _SECTION_OF.get(attribute, "")


def vendor_of(attribute: int) -> str:
    """Return the vendor of an attribute by number, and by name where it is known: "vendor 9 (Cisco)"."""
    vendor = attribute >> 16
    return f"vendor {vendor} ({_VENDORS[vendor]})" if vendor in _VENDORS else f"vendor {vendor}"


def message_name(kind: int) -> str:
    """Return the name of a Message Type as RFC 2661 writes it."""
    return _MESSAGES.get(MessageType(kind)) or MessageType(kind).name


def message_section(kind: int) -> str:
    """Return where a Message Type is defined: "RFC 2661 section 6.1"; those of CSUN and CSURQ have no number here."""
    section = _MESSAGE_SECTIONS.get(kind)
    return f"RFC 2661 section {section}" if section else "RFC 5515"
