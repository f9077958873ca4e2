"""What implementations do differently when they open and close tunnels, octet by octet.

None of these is a capture: each is put together by hand after the source that is named with it
(facts: which AVPs, in which order, with which M bits).  Captures are in the files named so.
"""

from __future__ import annotations

MPD_SCCRQ = bytes.fromhex(
    "c802 0070 0000 0000 0000 0000"
    "8008 0000 0000 0001"  # Message Type SCCRQ
    "8009 0000 0007 627364"  # Host Name "bsd": before Protocol Version
    "8011 0000 0008 46726565425344204d5044"  # Vendor Name "FreeBSD MPD", with the M bit that it must not have
    "800a 0000 0004 00000003"  # Bearer Capabilities
    "8008 0000 000a 0008"  # Receive Window Size
    "8008 0000 0002 0100"  # Protocol Version
    "800a 0000 0003 00000003"  # Framing Capabilities
    "8008 0000 0009 1a2b"  # Assigned Tunnel ID
    "8016 0000 000b 101112131415161718191a1b1c1d1e1f"  # Challenge
)
"""mpd 5, l2tp.c and ppp_l2tp_ctrl.c: the caller's AVPs, then those that every control connection has."""
MPD_SCCCN = bytes.fromhex(
    "c802 0086 0000 0000 0001 0001"
    "8008 0000 0000 0003"  # Message Type SCCCN, and then the same AVPs once more
    "8009 0000 0007 627364"
    "8011 0000 0008 46726565425344204d5044"
    "800a 0000 0004 00000003"
    "8008 0000 000a 0008"
    "8008 0000 0002 0100"
    "800a 0000 0003 00000003"
    "8008 0000 0009 1a2b"
    "8016 0000 000b 101112131415161718191a1b1c1d1e1f"
    "8016 0000 000d"  # Challenge Response: its 16 octets are to be appended
)
"""The same: RFC 2661 section 6.3 lists none of these but the last.  Refusing them locked mpd out of accel-ppp."""

RP_L2TP_SCCRQ = bytes.fromhex(
    "c802 006f 0000 0000 0000 0000"
    "8008 0000 0000 0001"
    "8008 0000 0002 0100"  # Protocol Version
    "800a 0000 0003 00000003"  # Framing Capabilities
    "8008 0000 0007 7270"  # Host Name "rp"
    "8008 0000 0009 0042"  # Assigned Tunnel ID
    "8008 0000 000a 000a"  # Receive Window Size
    "000e 0000 0005 0001020304050607"  # Tie Breaker, in every SCCRQ
    "0023 0000 0008 526f6172696e672050656e6775696e20536f66747761726520496e632e"  # Vendor Name
)
"""rp-l2tp, tunnel.c: no Bearer Capabilities; a Tie Breaker although only it ever asks."""

WINDOWS_STOPCCN = bytes.fromhex(
    "c802 0026 0000 0000 0002 0001"
    "8008 0000 0000 0004"  # Message Type StopCCN
    "8008 0000 0009 ffff"  # Assigned Tunnel ID: of the receiver, to be replaced
    "800a 0000 0001 00060000"  # Result Code 6, Error Code 0
)
"""Microsoft's L2TP client names the receiver's id (xl2tpd, control.c, works round this)."""

STOPCCN_WITHOUT_ID = bytes.fromhex(
    "c802 001c 0000 0000 0002 00018008 0000 0000 00048008 0000 0001 0001"  # Result Code 1, without Error Code
)
"""Accepted with a warning by accel-ppp (l2tp.c, l2tp_recv_StopCCN)."""

SCCRQ_WITHOUT_CAPABILITIES = bytes.fromhex(
    "c802 002d 0000 0000 0000 00008008 0000 0000 00018008 0000 0002 01008009 0000 0007 6c61638008 0000 0009 00c8"
)
"""Neither Framing nor Bearer Capabilities, no Receive Window Size: the least that can be answered."""


def filled(message: bytes, tunnel_id: int, more: bytes = b"", at: bytes = b"") -> bytes:
    """Return a message for the receiver's tunnel, with octets appended or, at a marker, replaced."""
    message = message[:4] + tunnel_id.to_bytes(2, "big") + message[6:]
    if at:
        message = message.replace(at, more)
        more = b""
    message += more
    return message[:2] + len(message).to_bytes(2, "big") + message[4:]
