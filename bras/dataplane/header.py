"""The headers before a subscriber's packet, in their less usual forms (RFC 2661 section 3.1, RFC 1661 section 6).

The usual form, no optional field and nothing compressed, is found by one look into a table;
every other one is brought to that form here.
"""

from __future__ import annotations

from bras.dataplane.rows import PPP_IPV4, PPP_IPV6

_CONTROL, _LENGTH, _SEQUENCE, _OFFSET = 0x80, 0x40, 0x08, 0x02
_CORE = _CONTROL | _SEQUENCE
_VERSION = 2
_IPV4, _IPV6 = 0x21, 0x57
_PPP = {_IPV4: PPP_IPV4, _IPV6: PPP_IPV6}
_PLAIN = b"\x00\x02"


def locate(data: bytes) -> tuple[bytes, int, int] | None:
    """Return the key of ``Table.calls`` or ``calls6``, and where the packet begins and ends, in octets of ``data``.

    The last octet of the key is that of the PPP protocol, so it tells which.  ``None`` when it is not for the
    data plane: a control message, neither IPv4 nor IPv6, or not a well-formed data message; the core knows
    which, and counts it.  Nor is what is numbered: the core judges its order.
    """
    length = len(data)
    if length < 8 or data[0] & _CORE or data[1] & 0x0F != _VERSION:
        return None
    flags, at, end = data[0], 2, length
    if flags & _LENGTH:
        end = data[2] << 8 | data[3]
        if end > length:
            return None
        at = 4
    call = data[at : at + 4]
    at += 4
    if flags & _OFFSET:
        if at + 2 > end:
            return None
        at += 2 + (data[at] << 8 | data[at + 1])
    at = _past_ppp(data, at, end)
    return (_PLAIN + call + _PPP[data[at - 1]], at, end) if at else None


def _past_ppp(data: bytes, at: int, end: int) -> int:
    """Return where the IP packet of a PPP frame begins; 0 if it carries none."""
    if at + 2 <= end and data[at] == 0xFF and data[at + 1] == 0x03:
        at += 2
    if at + 2 > end:
        return 0
    if data[at] in _PPP:
        return at + 1
    return at + 2 if data[at] == 0 and data[at + 1] in _PPP else 0
