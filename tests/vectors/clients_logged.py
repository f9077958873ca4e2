"""What real clients said, from the debug logs of the pppd that served them.

pppd prints each packet by field; here it is octets again.  Sources:

- [XP] "Offering MS-CHAPv2 in pppd causes Windows error 778", Ubuntu Forums, 8 July 2010:
  Windows XP over L2TP/IPsec to xl2tpd and pppd 2.4.5, once with MS-CHAPv2, once with MS-CHAPv1.
- [MP] a log of pptpd and pppd 2.4.4b1 in the Ubuntu Forums, 16 September 2006: a Windows client
  whose dialler bundles links.
"""

from __future__ import annotations

XP_LCP_REQUEST = bytes.fromhex("ff03 c021 01 01 0015 0104 0578 0506 4fa614b1 0702 0802 0d03 06")
"""[XP] MRU 1400, magic, PFC, ACFC, Callback by CBCP."""
XP_LCP_CALLBACK_REJECT = bytes.fromhex("0d03 06")
XP_LCP_REQUEST_2 = bytes.fromhex("ff03 c021 01 02 0012 0104 0578 0506 4fa614b1 0702 0802")
XP_IDENTIFICATION = bytes.fromhex("ff03 c021 0c 03 0012 4fa614b1") + b"MSRASV5.10"
XP_IDENTIFICATION_2 = bytes.fromhex("ff03 c021 0c 04 0019 4fa614b1") + b"MSRAS-0-COMPTECH2"
XP_MS_CHAP_VALUE = bytes.fromhex(
    "0000000000000000000000000000000000000000000000006ccf61cf357b9068cd243bdf21ffd8e796038a49124816bc01"
)
"""[XP] An MS-CHAPv1 Response: no LM response, the NT response, and the flag that says so (RFC 2433 section 4)."""
XP_MS_CHAP_NAME = b"shop"
XP_CCP_REQUEST = bytes.fromhex("ff03 80fd 01 05 000a 1206 01000001")
"""[XP] Stateless MPPC, no MPPE."""
XP_IPCP_REQUEST = bytes.fromhex(
    "ff03 8021 01 06 0022 0306 00000000 8106 00000000 8206 00000000 8306 00000000 8406 00000000"
)
XP_IPCP_REQUEST_2 = bytes.fromhex("ff03 8021 01 08 0016 0306 00000000 8106 00000000 8306 00000000")
XP_TERMINATE = bytes.fromhex("ff03 c021 05 0a 0010 4fa614b1 003ccd74 00000000")
"""[XP] The user hangs up."""
XP_TERMINATE_778 = bytes.fromhex("ff03 c021 05 05 0010 74cd45cf 003ccd74 0000030a")
"""[XP] It does not believe the server's Success (error 778)."""

MP_LCP_REQUEST = bytes.fromhex(
    "ff03 c021 01 00 002c 0506 6f593c72 0702 0802 0d03 06 1104 064e1317 01 48384ca38ec84afe900ba9a87a6a593300000022"
)
"""[MP] Magic, PFC, ACFC, Callback, MRRU 1614, Endpoint-Discriminator of class 1."""
MP_LCP_REJECT = bytes.fromhex("0d03 06 1104 064e 1317 01 48384ca38ec84afe900ba9a87a6a593300000022")
