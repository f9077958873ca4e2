"""From the ends of calls and tunnels to the words of the table of ends (RFC 2661 section 4.4.2, RFC 3145)."""

from __future__ import annotations

from typing import Final

from bras.l2tp.constants import CdnResult, ErrorCode, StopResult
from bras.l2tp.events import By, Cause
from bras.lns import disconnect

_OUR_ERROR: Final = "internal_error"
"""A general error without an Error Code: ``bras.lns.defect``."""
_THEIR_ERROR: Final = "lac_protocol_error"
BY_PEER: Final[dict[int, str]] = {
    CdnResult.LOSS_OF_CARRIER: "lac_lost_carrier",
    CdnResult.GENERAL_ERROR: "lac_error",
    CdnResult.ADMINISTRATIVE: "lac_hung_up",
    CdnResult.NO_FACILITIES_TEMPORARY: "lac_no_facilities",
    CdnResult.NO_FACILITIES_PERMANENT: "lac_no_facilities",
}
"""Result Codes of a CDN: an LAC whose client hung up sends 1 or 3."""
TUNNEL_BY_PEER: Final[dict[int, str]] = {
    StopResult.GENERAL_ERROR: "lac_tunnel_error",
    StopResult.CHANNEL_EXISTS: "lac_began_anew",
    StopResult.SHUTTING_DOWN: "lac_shutting_down",
    StopResult.FSM_ERROR: "lac_tunnel_error",
}
"""Result Codes of a StopCCN; any other one only says that the tunnel is to go."""
TUNNEL_BY_US: Final[dict[int, str]] = {
    StopResult.GENERAL_REQUEST: "tunnel_idle",
    StopResult.SHUTTING_DOWN: "shutdown",
    StopResult.FSM_ERROR: _THEIR_ERROR,
}


def of_call(cause: Cause) -> str:
    """Return why a call ended.  What the LAC knows of PPP says more than its Result Code (RFC 3145).

    A tunnel that goes takes its calls along: to their subscribers it is the line that was cut.
    """
    if cause.of_tunnel:
        return of_tunnel(cause, cause.stop)
    if cause.by is By.PEER:
        heard = disconnect.heard(cause.disconnect) if cause.disconnect is not None else None
        return heard or BY_PEER.get(cause.result, "lac_error")
    if cause.by is By.LOCAL and cause.result == CdnResult.GENERAL_ERROR:
        return _OUR_ERROR if cause.error == ErrorCode.NONE else _THEIR_ERROR
    return "call_closed"


def of_tunnel(cause: Cause, result: int) -> str:
    """Return why a tunnel ended; ``result``: Result Code of its StopCCN, sent or received."""
    if cause.by is By.TIMEOUT:
        return "tunnel_lost"
    if cause.by is By.PEER:
        return TUNNEL_BY_PEER.get(result, "lac_closed_tunnel")
    if result == StopResult.GENERAL_ERROR:
        return _OUR_ERROR if cause.error == ErrorCode.NONE else _THEIR_ERROR
    return TUNNEL_BY_US.get(result, "tunnel_closed")


def text_of(cause: Cause) -> str:
    """Return all that the peer said in words."""
    said = (cause.text, cause.disconnect.text if cause.disconnect else "", cause.q931.text if cause.q931 else "")
    return "; ".join(dict.fromkeys(text for text in said if text))
