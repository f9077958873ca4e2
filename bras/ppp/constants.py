"""Numbers of PPP, each group with the document that assigns it."""

from __future__ import annotations

from typing import Final

# Protocol field (RFC 1661 section 2).
IPV4: Final = 0x0021
IPV6: Final = 0x0057
IPCP: Final = 0x8021
IPV6CP: Final = 0x8057
LCP: Final = 0xC021
PAP: Final = 0xC023
CHAP: Final = 0xC223
EAP: Final = 0xC227

# Codes of LCP; the NCPs know the first seven (RFC 1661 section 5, RFC 1332 section 2).
CONFIGURE_REQUEST: Final = 1
CONFIGURE_ACK: Final = 2
CONFIGURE_NAK: Final = 3
CONFIGURE_REJECT: Final = 4
TERMINATE_REQUEST: Final = 5
TERMINATE_ACK: Final = 6
CODE_REJECT: Final = 7
PROTOCOL_REJECT: Final = 8
ECHO_REQUEST: Final = 9
ECHO_REPLY: Final = 10
DISCARD_REQUEST: Final = 11
IDENTIFICATION: Final = 12
TIME_REMAINING: Final = 13
"""RFC 1570 section 2.2."""

# Options of LCP (RFC 1661 section 6, RFC 1662 section 7.1).
MRU: Final = 1
ACCM: Final = 2
AUTHENTICATION_PROTOCOL: Final = 3
MAGIC_NUMBER: Final = 5
PFC: Final = 7
ACFC: Final = 8
ENDPOINT_DISCRIMINATOR: Final = 19
"""RFC 1990 section 5.1.3."""

DEFAULT_MRU_OCTETS: Final = 1500
"""MRU of a peer that asks for none (RFC 1661 section 6.1)."""
DEFAULT_ACCM: Final = 0xFFFFFFFF
"""Control characters that a peer wants escaped that says nothing: all of them (RFC 1662 section 7.1)."""
SMALLEST_MRU_OCTETS: Final = 128
"""Smallest MRU that we agree to: less carries no IP worth the name."""
NO_MAGIC: Final = b"\0\0\0\0"
"""Stands in Echo packets while no magic number is negotiated (RFC 1661 section 5.8)."""

# Options of IPCP (RFC 1332 section 3, RFC 1877 section 1).
IP_ADDRESS: Final = 3
PRIMARY_DNS: Final = 129
PRIMARY_NBNS: Final = 130
SECONDARY_DNS: Final = 131
SECONDARY_NBNS: Final = 132

AUTHENTICATION: Final[dict[str, bytes]] = {
    "pap": b"\xc0\x23",
    "chap": b"\xc2\x23\x05",
    "mschapv1": b"\xc2\x23\x80",
    "mschapv2": b"\xc2\x23\x81",
}
"""Value of the Authentication-Protocol option for each method.

RFC 1334 section 2.1, RFC 1994 section 3, RFC 2433 section 3, RFC 2759 section 3.
"""
METHODS: Final[dict[bytes, str]] = {value: name for name, value in AUTHENTICATION.items()}
"""The reverse."""
