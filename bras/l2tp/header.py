"""Headers of control and data messages (RFC 2661 section 3.1).

A control message is ``T L S`` with version 2 and twelve octets of header; reserved bits,
and the P bit that has no meaning there, are ignored.  Data messages may carry a length,
sequence numbers and an offset in any combination.
"""

from __future__ import annotations

from struct import Struct

from bras.errors import WireError

VERSION_MASK = 0x000F
VERSION_2 = 2
VERSION_3 = 3
CONTROL_BIT = 0x8000
LENGTH_BIT = 0x4000
SEQUENCE_BIT = 0x0800
OFFSET_BIT = 0x0200
PRIORITY_BIT = 0x0100

CONTROL_FLAGS = CONTROL_BIT | LENGTH_BIT | SEQUENCE_BIT | VERSION_2
CONTROL_OCTETS = 12
_CONTROL_MEANING = CONTROL_BIT | LENGTH_BIT | SEQUENCE_BIT | OFFSET_BIT | VERSION_MASK
CONTROL = Struct("!HHHHHH")
"""Flags and version, Length, Tunnel ID, Session ID, Ns, Nr."""
FIRST_AVP = Struct("!HHHH")
"""AVP flags and length, vendor, attribute type and value of a Message Type AVP."""
DATA = Struct("!HHH")
"""Flags and version, Tunnel ID, Session ID: the whole header of a plain data message."""
FLAGS = Struct("!H")
"""Flags and version: what each message begins with."""
IDS = Struct("!HH")
"""Tunnel ID, Session ID; a plain data message has these six octets of header."""
FLAGS_LENGTH = Struct("!HH")
"""Flags and version, Length."""
NS_NR = Struct("!HH")
"""What follows the ids of a numbered message."""
DATA_OCTETS = 6
_LENGTH_DATA = Struct("!HHHH")
_LENGTH_FLAGS = LENGTH_BIT | VERSION_2
_AVP_MEANING = 0x43FF  # the H bit and the length
_MESSAGE_TYPE_OCTETS = 8


def parse_control(data: bytes) -> tuple[int, int, int, int, int]:
    """Return Length, Tunnel ID, Session ID, Ns and Nr of a control message.

    Octets after ``Length`` are no part of the message.  Raises ``WireError`` when the
    header is malformed (RFC 2661 section 7.1: discard), or when the body does not begin
    with a Message Type AVP (RFC 2661 section 4.4.1); a body of zero length is a ZLB.
    """
    if len(data) < CONTROL_OCTETS:
        raise WireError("header", len(data))
    flags, length, tunnel_id, session_id, ns, nr = CONTROL.unpack_from(data)
    if flags & _CONTROL_MEANING != CONTROL_FLAGS:
        raise WireError("flags", 0)
    if length != CONTROL_OCTETS:
        if length < CONTROL_OCTETS + _MESSAGE_TYPE_OCTETS or length > len(data):
            raise WireError("length", 2)
        avp, vendor, attribute, _ = FIRST_AVP.unpack_from(data, CONTROL_OCTETS)
        if avp & _AVP_MEANING != _MESSAGE_TYPE_OCTETS or vendor or attribute:
            raise WireError("message type", CONTROL_OCTETS)
    return length, tunnel_id, session_id, ns, nr


def parse_data(data: bytes) -> tuple[int, int, int, int, int]:
    """Return Tunnel ID, Session ID, Ns (-1 without S bit), and where the frame begins and ends.

    Raises ``WireError`` when the header or its offset padding does not fit.
    """
    end = len(data)
    if end >= _LENGTH_DATA.size:
        flags, length, tunnel_id, session_id = _LENGTH_DATA.unpack_from(data)
        if flags == _LENGTH_FLAGS and _LENGTH_DATA.size <= length <= end:
            return tunnel_id, session_id, -1, _LENGTH_DATA.size, length
    elif end < DATA_OCTETS:
        raise WireError("header", end)
    flags = data[0] << 8 | data[1]
    need = DATA_OCTETS
    need += 2 if flags & LENGTH_BIT else 0
    need += 4 if flags & SEQUENCE_BIT else 0
    need += 2 if flags & OFFSET_BIT else 0
    if end < need:
        raise WireError("header", end)
    return _parse_optional(data, flags)


def _parse_optional(data: bytes, flags: int) -> tuple[int, int, int, int, int]:
    end = len(data)
    ns = -1
    offset = 2
    if flags & LENGTH_BIT:
        end = data[2] << 8 | data[3]
        offset = 4
    tunnel_id = data[offset] << 8 | data[offset + 1]
    session_id = data[offset + 2] << 8 | data[offset + 3]
    offset += 4
    if flags & SEQUENCE_BIT:
        ns = data[offset] << 8 | data[offset + 1]
        offset += 4
    if flags & OFFSET_BIT:
        offset += 2 + (data[offset] << 8 | data[offset + 1])
    if not offset <= end <= len(data):
        raise WireError("length", 2)
    return tunnel_id, session_id, ns, offset, end
