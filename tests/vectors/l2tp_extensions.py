"""AVPs of later RFCs, written out octet by octet.

Layouts after RFC 5515 (rates in 64 bits, delays in 32) and RFC 3145, and after a dissector and a generator that are
not ours: Wireshark 4.0 (packet-l2tp.c: L2TPv2's Connect Speed Update is reserved, Session ID, Tx, Rx) and
RtBrick's BNG Blaster, which sends CSURQ without the M bit and the AVPs as here, M clear.
"""

from __future__ import annotations

CSUN_HEAD = bytes.fromhex("0008 0000 0000 001c")
"""Message Type 28, M clear."""
CSURQ_HEAD = bytes.fromhex("0008 0000 0000 001d")
ENABLE = bytes.fromhex("0006 0000 0062")
"""Connect Speed Update Enable: 98, no value."""


def speed_avp(session_id: int, tx_bps: int, rx_bps: int) -> bytes:
    """Connect Speed Update: 97, 18 octets with its header."""
    words = session_id.to_bytes(2, "big") + tx_bps.to_bytes(4, "big") + rx_bps.to_bytes(4, "big")
    return bytes.fromhex("0012 0000 0061 0000") + words


ACCESS_LINE = bytes.fromhex(
    "0016 0de9 0001 6e6f6465312061746d20312f312f313a"  # Agent-Circuit-Id "node1 atm 1/1/1:"
    "0010 0de9 0002 637573742d3030303432"  # Agent-Remote-Id "cust-00042"
    "000e 0de9 0081 00000000000fa000"  # Actual-Data-Rate-Upstream 1024000
    "000e 0de9 0082 0000000000fa0000"  # Actual-Data-Rate-Downstream 16384000
    "000e 0de9 0085 0000000000124f80"  # Attainable-Data-Rate-Upstream 1200000
    "000a 0de9 008e 00000010"  # Actual-Interleaving-Delay-Downstream 16 ms
    "0009 0de9 0090 000006"  # Access-Loop-Encapsulation: AAL5, not available, Ethernet over AAL5 LLC without FCS
    "000a 0de9 0091 00000003"  # Access line type ADSL2+
    "000a 0de9 00fe 00000001"  # IWF-Session: performed
)
CIRCUIT_ID = b"node1 atm 1/1/1:"
REMOTE_ID = b"cust-00042"
DISCONNECT = bytes.fromhex("000e 0000 002e 0003 0000 01 627965")
"""PPP Disconnect Cause Code: normal, at the peer, "bye"."""
Q931 = bytes.fromhex("8010 0000 000c 0010 45 636c6561726564")
"""Q.931 Cause Code: 16 normal call clearing, in a DISCONNECT, "cleared"."""
