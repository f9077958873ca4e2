"""PPP frames inside L2TP: FF 03, the protocol field, the packet (RFC 1661 section 2).

On receive both fields may be compressed, whatever was negotiated: it can be told apart,
and real clients compress too early.  On send they are compressed only as negotiated, and
never for LCP (RFC 1661 sections 6.5 and 6.6).
"""

from __future__ import annotations

from typing import Final

from bras.errors import WireError
from bras.ppp.constants import CHAP, IPCP, IPV4, IPV6, IPV6CP, LCP, PAP

ADDRESS_CONTROL: Final = b"\xff\x03"
LCP_HEADER: Final = b"\xff\x03\xc0\x21"


def parse(frame: bytes) -> tuple[int, int]:
    """Return the protocol and the offset of the packet; raises ``WireError``."""
    usual = _USUAL.get(frame[:4])
    if usual is not None:
        return usual
    offset = 2 if frame.startswith(ADDRESS_CONTROL) else 0
    length = len(frame)
    if offset >= length:
        raise WireError("protocol", offset)
    first = frame[offset]
    if first & 1:
        if first == 0xFF:  # never a protocol: it would be taken for an address field
            raise WireError("protocol", offset)
        return first, offset + 1
    if offset + 2 > length or not frame[offset + 1] & 1:
        raise WireError("protocol", offset)
    return first << 8 | frame[offset + 1], offset + 2


def header(protocol: int, acfc: bool, pfc: bool) -> bytes:
    """Return what stands before a packet of ``protocol``."""
    if protocol == LCP:
        return LCP_HEADER
    field = bytes((protocol,)) if pfc and protocol < 0x100 else protocol.to_bytes(2, "big")
    return field if acfc else ADDRESS_CONTROL + field


def _headers(acfc: bool, pfc: bool) -> dict[int, bytes]:
    return {protocol: header(protocol, acfc, pfc) for protocol in (LCP, PAP, CHAP, IPCP, IPV6CP, IPV4, IPV6)}


UNCOMPRESSED: Final = _headers(acfc=False, pfc=False)
_USUAL: Final = {octets: (protocol, len(octets)) for protocol, octets in UNCOMPRESSED.items()}
"""How nearly all frames of a set-up begin, and what ``parse`` makes of it."""
_NEGOTIATED: Final = (UNCOMPRESSED, _headers(True, False), _headers(False, True), _headers(True, True))


def headers(acfc: bool, pfc: bool) -> dict[int, bytes]:
    """Return the shared table of the usual protocols' headers, as negotiated."""
    return _NEGOTIATED[acfc + 2 * pfc]
