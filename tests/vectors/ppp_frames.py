"""Frames in the manner of real clients: what each is, and how it must be read.

Composed by hand, not captured: the option sets are those that pppd 2.4.9 (with and without
its multilink build), Windows and RouterOS are known to ask for; magic numbers, addresses
and names are made up.
"""

from __future__ import annotations

PPPD_LCP_REQUEST = bytes.fromhex("ff03 c021 01 01 0014 0206 00000000 0506 1a2b3c4d 0702 0802")
PPPD_MULTILINK_REQUEST = bytes.fromhex(
    "ff03 c021 01 01 0021 0206 00000000 0506 1a2b3c4d 0702 0802 1104 05dc 1309 03 0200c0a80101"
)
"""MRRU and Endpoint-Discriminator must be rejected, and nothing else."""
PPPD_MULTILINK_REJECT = bytes.fromhex("04 01 0011 1104 05dc 1309 03 0200c0a80101")
PPPD_CCP_REQUEST = bytes.fromhex("ff03 80fd 01 01 000f 1a04 7800 1804 7800 1503 2f")
"""Compression: no NCP of ours."""
PPPD_IPV6CP_REQUEST = bytes.fromhex("ff03 8057 01 01 000e 010a 021122fffe334455")
PPPD_IPCP_REQUEST = bytes.fromhex("ff03 8021 01 01 001c 0206 002d0f01 0306 00000000 8106 00000000 8306 00000000")
"""With Van Jacobson compression, which we do not do."""
PPPD_IPCP_REJECT = bytes.fromhex("04 01 000a 0206 002d0f01")
PPPD_TERMINATE = bytes.fromhex("c021 05 02 0010 5573 6572 2072 6571 7565 7374")
"""«User request», from a pppd that compresses too early: no FF 03 although LCP."""

WINDOWS_LCP_REQUEST = bytes.fromhex("ff03 c021 01 00 0015 0104 0578 0506 0a1b2c3d 0702 0802 0d03 06")
"""MRU 1400, magic, PFC, ACFC, Callback."""
WINDOWS_CALLBACK_REJECT = bytes.fromhex("04 00 0007 0d03 06")
WINDOWS_IDENTIFICATION = bytes.fromhex("ff03 c021 0c 02 0012 0a1b2c3d 4d53 5241 5356 352e 3230")
"""LCP code 12 (RFC 1570 section 2.1): «MSRASV5.20»."""
WINDOWS_TERMINATE = bytes.fromhex("ff03 c021 05 07 0010 0a1b2c3d 003ccd74 00000000")
"""Its reason is a number, not text."""
WINDOWS_IPCP_REQUEST = bytes.fromhex(
    "ff03 8021 01 05 0022 0306 00000000 8106 00000000 8206 00000000 8306 00000000 8406 00000000"
)

ROUTEROS_LCP_REQUEST = bytes.fromhex("ff03 c021 01 01 000e 0104 05aa 0506 7e6d5c4b")
"""MRU 1450 and magic."""
ROUTEROS_IPCP_REQUEST = bytes.fromhex("8021 01 01 000a 0306 00000000")
