"""What is told of a negotiation of LCP: options that somebody did not want, and what was agreed on."""

from __future__ import annotations

from bras.ppp import packet
from bras.ppp.constants import CONFIGURE_NAK, CONFIGURE_REJECT, CONFIGURE_REQUEST, NO_MAGIC
from bras.ppp.events import LcpOpened, LcpRefused, LinkEvent
from bras.ppp.lcp import Lcp
from bras.ppp.negotiation import Output
from bras.ppp.phases import LinkFacts

_REFUSALS = (CONFIGURE_NAK, CONFIGURE_REJECT)


def facts(options: Lcp, round_trip_s: float) -> LinkFacts:
    """Return what was negotiated, as it is shown."""
    magic = int.from_bytes(options.magic, "big")
    return LinkFacts(options.agreed_method, magic, options.peer_mru, options.acfc, options.pfc, round_trip_s)


def opened(options: Lcp) -> LcpOpened:
    """Return what both sides have agreed on."""
    has_magic = options.magic != NO_MAGIC
    return LcpOpened(options.agreed_method, options.mru, options.peer_mru, options.acfc, options.pfc, has_magic)


def tell_refusals(events: list[LinkEvent], code: int, data: bytes, outputs: list[Output]) -> None:
    """Add to what came of a packet what the client did not like of our options in it, or we of its."""
    if code in _REFUSALS:
        events.insert(0, LcpRefused(True, code, data))
    elif code == CONFIGURE_REQUEST:
        for output in outputs:
            if isinstance(output, bytes) and output[0] in _REFUSALS:
                events.append(LcpRefused(False, output[0], output[packet.HEADER_OCTETS :]))
