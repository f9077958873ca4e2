"""Call messages as particular implementations send them, written out octet by octet.

- l2tpns 2.2 (l2tpns.c, ``processudp`` and ``control16``): a CDN that refuses an ICRQ has a Result Code without the
  M bit and no Assigned Session ID.
- SoftEther VPN 5 (IPsec_L2TP.c): Assigned Session ID first, Result Code 3 with an Error Code 0, and a PPP Disconnect
  Cause Code whose protocol is always LCP and which has no text.
- xl2tpd 1.3 (control.c, ``call_close``): Result Code, Error Code and "Server closing", then Assigned Session ID; the
  header has Session ID 0 while the peer's is not known.
- Cisco AS5300: connect speeds in decimal digits (l2tpns.c says so where it reads them).
- Wireshark's packet-l2tp.c for the layout of 74 and 75 (RFC 3931), 64 bits each.
"""

from __future__ import annotations

L2TPNS_REFUSAL = bytes.fromhex(
    "8008 0000 0000 000e"  # Message Type CDN
    "0008 0000 0001 0004"  # Result Code 4, M clear
)


def softether_cdn(session_id: int) -> bytes:
    """PPP ended by its echoes, at the peer."""
    return bytes.fromhex(
        "8008 0000 0000 000e"
        f"8008 0000 000e {session_id:04x}"  # Assigned Session ID
        "800a 0000 0001 0003 0000"  # Result Code 3, Error Code 0
        "000b 0000 002e 0008 c021 01"  # PPP Disconnect Cause Code 8, LCP, at the peer
    )


def xl2tpd_cdn(session_id: int) -> bytes:
    """Hung up by the operator."""
    return bytes.fromhex(
        "8008 0000 0000 000e"
        "8018 0000 0001 0001 0000 53657276657220636c6f73696e67"  # Result Code 1, "Server closing"
        f"8008 0000 000e {session_id:04x}"
    )


AS5300_ICCN = bytes.fromhex(
    "8008 0000 0000 000c"
    "800b 0000 0018 3331323030"  # Tx Connect Speed "31200"
    "800a 0000 0013 00000002"  # Framing Type asynchronous
    "000b 0000 0026 3234303030"  # Rx Connect Speed "24000"
)
AS5300_SLOW_ICCN = bytes.fromhex(
    "8008 0000 0000 000c"
    "800a 0000 0018 39363030"  # "9600": as a number of 32 bits 959,852,592
    "800a 0000 0013 00000002"
)
WIDE_ICCN = bytes.fromhex(
    "8008 0000 0000 000c"
    "800a 0000 0013 00000001"
    "800e 0000 004a 00000002540be400"  # Tx Connect Speed BPS 10,000,000,000, M set
    "800e 0000 004b 0000000077359400"  # Rx Connect Speed BPS 2,000,000,000
)
ICCN_WITH_STRANGERS = bytes.fromhex(
    "8008 0000 0000 000c"
    "800a 0000 0018 000f4240"
    "800a 0000 0013 00000001"
    "8008 0000 000e 0001"  # Assigned Session ID: of ICRQ
    "8009 0000 0016 313233"  # Calling Number: of ICRQ
    "8008 0000 0009 0001"  # Assigned Tunnel ID: of SCCRQ
    "8008 0000 000a 0004"  # Receive Window Size: of SCCRQ
    "8008 0000 0002 0100"  # Protocol Version
)
