"""What five LACs and one LNS put on the wire, octet by octet, as their encoders make it.

Derived from the source of each by following its encoder for a tunnel with one call: which
AVPs, in which order, with which M bits and values; ids, challenges and host names of ours
stand where they draw or configure them.  All of them write C802 and the exact length into
the header, which is therefore built here.  ``{tunnel}`` and ``{session}`` are the ids that
we assign, ``{response}`` the answer to our challenge.

- accel-ppp 89637ee2, accel-pppd/ctrl/l2tp/l2tp.c (l2tp_send_SCCRQ to l2tp_send_ICCN, StopCCN) and packet.c.
- mpd5, src/l2tp.c and src/l2tp_ctrl.c (ppp_l2tp_ctrl_create, ppp_l2tp_initiate, ppp_l2tp_connected):
  one list of AVPs goes into the SCCRQ and again, whole, into the SCCCN; the M bit is the caller's.
- go-l2tp 0f3bb65 (kl2tpd), l2tp/msg.go (newV2Sccrq to newV2Iccn) and the M bits of l2tp/avp.go.
- lwIP, src/netif/ppp/pppol2tp.c and its constants in pppol2tp.h; LCP of lcp.c (lcp_addci), IPCP of ipcp.c.
- Android's mtpd, l2tp.c (l2tp_connect, l2tp_process, l2tp_shutdown).
- bngblaster 17f4fcaf as LNS, bbl_l2tp_avp.c (bbl_l2tp_avp_encode_attributes).
"""

from __future__ import annotations

from dataclasses import dataclass

TUNNEL_ID = 0x2F01
"""The id that each of these peers assigns to the tunnel."""
SESSION_ID = 0x00C7
"""The same of the call."""
SECRET = b"tunsecret"
CHALLENGE_16 = "000102030405060708090a0b0c0d0e0f"
CHALLENGE_23 = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6"


@dataclass(frozen=True, slots=True)
class Lac:
    """A LAC's messages without their headers, and what it needs of an LNS."""

    name: str
    sccrq: str
    scccn: str
    icrq: str
    iccn: str
    stopccn: str
    tx_connect_speed_bps: int
    framing_type: int
    challenge: str = ""
    """What it asks us, in hexadecimal; empty: it has no secret."""
    window: int = 4
    """Messages that it takes before it must have acknowledged the first."""
    waits_for_zlb: bool = False
    """It sends its next message only when the last one is acknowledged."""
    needs: frozenset[int] = frozenset({2, 3, 7, 9})
    """Attributes without which it refuses an SCCRP."""
    knows: frozenset[int] = frozenset({0, 2, 3, 4, 6, 7, 8, 9, 10, 11, 13, 36})
    """Attributes that it takes with the M bit in an SCCRP."""
    strict_m_bits: bool = False
    """It refuses an AVP whose M bit is not that of RFC 2661 section 4.4."""


ACCEL_PPP = Lac(
    "accel-ppp",
    sccrq="8008 0000 0000 0001  8008 0000 0002 0100  800f 0000 0007 616363656c2d707070  800a 0000 0003 00000003"
    "8008 0000 0009 2f01  000f 0000 0008 616363656c2d707070  8008 0000 000a 0010  801d 0000 000b" + CHALLENGE_23,
    scccn="8008 0000 0000 0003  8016 0000 000d {response}",
    icrq="8008 0000 0000 000a  8008 0000 000e 00c7  800a 0000 000f 00000000",
    iccn="8008 0000 0000 000c  800a 0000 0018 000003e8  800a 0000 0013 00000003",
    stopccn="8008 0000 0000 0004  8008 0000 0009 2f01  800a 0000 0001 0001 0000",
    tx_connect_speed_bps=1000,
    framing_type=3,
    challenge=CHALLENGE_23,
    window=16,
    strict_m_bits=True,
)
"""Its challenge has 16 to 143 octets; by default it refuses a whole message for one wrong M bit."""

_MPD_AVPS = (
    "8009 0000 0007 6d7064  8011 0000 0008 46726565425344204d5044  800a 0000 0004 00000003  8008 0000 000a 0008"
    "8008 0000 0002 0100  800a 0000 0003 00000003  8008 0000 0009 2f01  8016 0000 000b" + CHALLENGE_16
)
MPD5 = Lac(
    "mpd5",
    sccrq="8008 0000 0000 0001" + _MPD_AVPS,
    scccn="8008 0000 0000 0003" + _MPD_AVPS + "0016 0000 000d {response}",
    icrq="8008 0000 0000 000a  8008 0000 000e 00c7  800a 0000 000f 00895440  800d 0000 0016 35353531323334",
    iccn="8008 0000 0000 000c  800a 0000 0018 00989680  800a 0000 0013 00000001",
    stopccn="8008 0000 0000 0004  8008 0000 0009 2f01  800a 0000 0001 0001 0000",
    tx_connect_speed_bps=10_000_000,
    framing_type=1,
    challenge=CHALLENGE_16,
    window=8,
)
"""Vendor Name with the M bit; all of the SCCRQ again in the SCCCN, and a Challenge Response without the M bit."""

GO_L2TP = Lac(
    "go-l2tp",
    sccrq="8008 0000 0000 0001  0008 0000 0002 0100  800b 0000 0007 6b6c327470  800a 0000 0003 00000003"
    "8008 0000 0009 2f01",
    scccn="8008 0000 0000 0003",
    icrq="8008 0000 0000 000a  8008 0000 000e 00c7  800a 0000 000f 00000001",
    iccn="8008 0000 0000 000c  800a 0000 0018 00000000  800a 0000 0013 00000003",
    stopccn="8008 0000 0000 0004  8008 0000 0009 2f01  800a 0000 0001 0001 0000",
    tx_connect_speed_bps=0,
    framing_type=3,
)
"""Protocol Version without the M bit, no window, a connect speed of zero."""

LWIP = Lac(
    "lwIP",
    sccrq="8008 0000 0000 0001  8008 0000 0002 0100  800a 0000 0003 00000003  800a 0000 0004 00000003"
    "800a 0000 0007 6c774950  000a 0000 0008 6c774950  8008 0000 0009 2f01  8008 0000 000a 0008"
    "8016 0000 000b" + CHALLENGE_16,
    scccn="8008 0000 0000 0003  8016 0000 000d {response}",
    icrq="8008 0000 0000 000a  8008 0000 000e 00c7  800a 0000 000f 5bd1e995",
    iccn="8008 0000 0000 000c  800a 0000 0013 00000001  800a 0000 0018 05f5e100",
    stopccn="8008 0000 0000 0004  8008 0000 0009 2f01  8008 0000 0001 0001",
    tx_connect_speed_bps=100_000_000,
    framing_type=1,
    challenge=CHALLENGE_16,
    window=8,
    waits_for_zlb=True,
)
"""Framing Type before the connect speed."""

MTPD = Lac(
    "mtpd",
    sccrq="8008 0000 0000 0001  8008 0000 0002 0100  800f 0000 0007 616e6f6e796d6f7573  800a 0000 0003 00000003"
    "8008 0000 0009 2f01  8008 0000 000a 0001",
    scccn="8008 0000 0000 0003",
    icrq="8008 0000 0000 000a  8008 0000 000e 00c7  800a 0000 000f 6b8b4567",
    iccn="8008 0000 0000 000c  800a 0000 0018 05f5e100  800a 0000 0013 00000003",
    stopccn="8008 0000 0000 0004  8008 0000 0009 2f01  8008 0000 0001 0006",
    tx_connect_speed_bps=100_000_000,
    framing_type=3,
    window=1,
    waits_for_zlb=True,
    needs=frozenset({9}),
)
"""A window of one both ways: it looks at a message only if its own last one is acknowledged in it."""

LACS = (ACCEL_PPP, MPD5, GO_L2TP, LWIP, MTPD)


@dataclass(frozen=True, slots=True)
class Lns:
    """An LNS's messages without their headers."""

    name: str
    sccrp: str
    icrp: str
    cdn: str


BNGBLASTER = Lns(
    "bngblaster",
    sccrp="8008 0000 0000 0002  8008 0000 0002 0100  800a 0000 0003 00000003  800a 0000 0004 00000001"
    "0008 0000 0006 0001  800a 0000 0007 6c6e7331  0010 0000 0008 626e67626c6173746572  8008 0000 0009 2f01"
    "8008 0000 000a 0004",
    icrp="8008 0000 0000 000b  8008 0000 000e 00c7",
    cdn="8008 0000 0000 000e  8008 0000 000e 00c7  8008 0000 0001 0003",
)


WINDOWS_2000_SCCRQ = (
    "8008 0000 0000 0001  8008 0000 0002 0100  800a 0000 0003 00000001  800a 0000 0004 00000000  0008 0000 0006 0500"
    "800a 0000 0007 4e4f4e45  000f 0000 0008 4d6963726f736f6674  8008 0000 0009 2f01  8008 0000 000a 0008"
)
"""AVP for AVP as a router that received it wrote down, in a manual of Quidway's debugging commands
(`debugging l2tp all`: order, lengths and values; the M bits, which it does not tell, are RFC 2661's)."""

ROUTEROS_CDN = "8008 0000 0000 000e  8008 0000 0001 0003  8008 0000 000e 00c7"
"""RouterOS 6.33: a Result Code of two octets, without Error Code (xl2tpd issue 90, which refuses it:
«avp is incorrect size. 8 < 10»); order and value are ours."""


def datagram(avps: str, ns: int, nr: int, tunnel_id: int, session_id: int = 0, response: bytes = b"") -> bytes:
    """Put a message of these vectors into its header, with our ids and the answer to our challenge."""
    body = bytes.fromhex(avps.replace("{response}", response.hex()))
    words = (0xC802, 12 + len(body), tunnel_id, session_id, ns, nr)
    return b"".join(word.to_bytes(2, "big") for word in words) + body


# PPP of lwIP with PPPOL2TP_DEFMRU and usepeerdns: no FF 03 before any frame, LCP neither (pppol2tp_write).
LWIP_LCP_REQUEST = bytes.fromhex("c021 01 01 000e 0104 05aa 0506 5bd1e995")
LWIP_IPCP_REQUEST = bytes.fromhex("8021 01 01 0016 0306 00000000 8106 00000000 8306 00000000")
LWIP_ECHO_REQUEST = bytes.fromhex("c021 09 00 0008 5bd1e995")
