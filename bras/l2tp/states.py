"""The state tables of RFC 2661 section 7, as it prints them.

``Tunnel`` and ``Call`` run these tables; the one change of state that is not in them is a
tunnel that vanishes, because its peer is lost or has begun anew.  A pair that no row names
leaves the state as it is.  An ICRQ that is not acceptable makes no ``Call``: its owner sends
the CDN.  ``IDLE`` is what is not there, or not any more.
Outgoing calls (section 7.5) have no table: they are refused.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class TunnelState(IntEnum):
    """States of a control connection (RFC 2661 section 7.2.1)."""

    IDLE = 0
    WAIT_CTL_REPLY = 1
    WAIT_CTL_CONN = 2
    ESTABLISHED = 3


class TunnelInput(IntEnum):
    """What happens to a control connection."""

    OPEN = 0
    RECEIVE_SCCRQ_ACCEPTABLE = 1
    RECEIVE_SCCRQ = 2
    """In a tunnel that exists already."""
    LOSE_TIE = 3
    RECEIVE_SCCRP_ACCEPTABLE = 4
    RECEIVE_SCCRP_NOT_ACCEPTABLE = 5
    RECEIVE_SCCCN_ACCEPTABLE = 6
    RECEIVE_SCCCN_NOT_ACCEPTABLE = 7
    RECEIVE_STOPCCN = 8
    CLOSE = 9
    """Admin tunnel close, or a fault of the peer's (section 7.1)."""


class TunnelAction(IntEnum):
    """What there is to do."""

    NONE = 0
    SEND_SCCRQ = 1
    SEND_SCCRP = 2
    SEND_SCCCN = 3
    """And send tunnel-open to waiting calls."""
    OPEN_CALLS = 4
    SEND_STOPCCN = 5
    """And clean up."""
    CLEAN_UP = 6


TUNNEL_TABLE: Final[dict[tuple[int, int], tuple[TunnelAction, TunnelState]]] = {  # RFC 2661 section 7.2.1
    (TunnelState.IDLE, TunnelInput.OPEN): (TunnelAction.SEND_SCCRQ, TunnelState.WAIT_CTL_REPLY),
    (TunnelState.IDLE, TunnelInput.RECEIVE_SCCRQ_ACCEPTABLE): (TunnelAction.SEND_SCCRP, TunnelState.WAIT_CTL_CONN),
    (TunnelState.WAIT_CTL_REPLY, TunnelInput.RECEIVE_SCCRP_ACCEPTABLE): (
        TunnelAction.SEND_SCCCN,
        TunnelState.ESTABLISHED,
    ),
    (TunnelState.WAIT_CTL_REPLY, TunnelInput.RECEIVE_SCCRP_NOT_ACCEPTABLE): (
        TunnelAction.SEND_STOPCCN,
        TunnelState.IDLE,
    ),
    (TunnelState.WAIT_CTL_REPLY, TunnelInput.LOSE_TIE): (TunnelAction.CLEAN_UP, TunnelState.IDLE),
    (TunnelState.WAIT_CTL_REPLY, TunnelInput.RECEIVE_SCCCN_ACCEPTABLE): (TunnelAction.SEND_STOPCCN, TunnelState.IDLE),
    (TunnelState.WAIT_CTL_REPLY, TunnelInput.RECEIVE_SCCCN_NOT_ACCEPTABLE): (
        TunnelAction.SEND_STOPCCN,
        TunnelState.IDLE,
    ),
    (TunnelState.WAIT_CTL_REPLY, TunnelInput.RECEIVE_SCCRQ): (TunnelAction.SEND_STOPCCN, TunnelState.IDLE),
    (TunnelState.WAIT_CTL_REPLY, TunnelInput.CLOSE): (TunnelAction.SEND_STOPCCN, TunnelState.IDLE),
    (TunnelState.WAIT_CTL_CONN, TunnelInput.RECEIVE_SCCCN_ACCEPTABLE): (
        TunnelAction.OPEN_CALLS,
        TunnelState.ESTABLISHED,
    ),
    (TunnelState.WAIT_CTL_CONN, TunnelInput.RECEIVE_SCCCN_NOT_ACCEPTABLE): (
        TunnelAction.SEND_STOPCCN,
        TunnelState.IDLE,
    ),
    (TunnelState.WAIT_CTL_CONN, TunnelInput.RECEIVE_SCCRP_ACCEPTABLE): (TunnelAction.SEND_STOPCCN, TunnelState.IDLE),
    (TunnelState.WAIT_CTL_CONN, TunnelInput.RECEIVE_SCCRP_NOT_ACCEPTABLE): (
        TunnelAction.SEND_STOPCCN,
        TunnelState.IDLE,
    ),
    (TunnelState.WAIT_CTL_CONN, TunnelInput.RECEIVE_SCCRQ): (TunnelAction.SEND_STOPCCN, TunnelState.IDLE),
    (TunnelState.WAIT_CTL_CONN, TunnelInput.CLOSE): (TunnelAction.SEND_STOPCCN, TunnelState.IDLE),
    (TunnelState.ESTABLISHED, TunnelInput.CLOSE): (TunnelAction.SEND_STOPCCN, TunnelState.IDLE),
    (TunnelState.ESTABLISHED, TunnelInput.RECEIVE_SCCRQ): (TunnelAction.SEND_STOPCCN, TunnelState.IDLE),
    (TunnelState.ESTABLISHED, TunnelInput.RECEIVE_SCCRP_ACCEPTABLE): (TunnelAction.SEND_STOPCCN, TunnelState.IDLE),
    (TunnelState.ESTABLISHED, TunnelInput.RECEIVE_SCCRP_NOT_ACCEPTABLE): (TunnelAction.SEND_STOPCCN, TunnelState.IDLE),
    (TunnelState.ESTABLISHED, TunnelInput.RECEIVE_SCCCN_ACCEPTABLE): (TunnelAction.SEND_STOPCCN, TunnelState.IDLE),
    (TunnelState.ESTABLISHED, TunnelInput.RECEIVE_SCCCN_NOT_ACCEPTABLE): (TunnelAction.SEND_STOPCCN, TunnelState.IDLE),
    (TunnelState.WAIT_CTL_REPLY, TunnelInput.RECEIVE_STOPCCN): (TunnelAction.CLEAN_UP, TunnelState.IDLE),
    (TunnelState.WAIT_CTL_CONN, TunnelInput.RECEIVE_STOPCCN): (TunnelAction.CLEAN_UP, TunnelState.IDLE),
    (TunnelState.ESTABLISHED, TunnelInput.RECEIVE_STOPCCN): (TunnelAction.CLEAN_UP, TunnelState.IDLE),
}


class CallState(IntEnum):
    """States of a call (RFC 2661 sections 7.4.1 and 7.4.2)."""

    IDLE = 0
    WAIT_TUNNEL = 1
    WAIT_REPLY = 2
    WAIT_CONNECT = 3
    ESTABLISHED = 4


class CallInput(IntEnum):
    """What happens to a call."""

    OPEN = 0
    """LAC: bearer ring."""
    TUNNEL_OPEN = 1
    RECEIVE_ICRQ_ACCEPTABLE = 2
    RECEIVE_ICRQ_NOT_ACCEPTABLE = 3
    RECEIVE_ICRQ = 4
    """For a call that exists already."""
    RECEIVE_ICRP_ACCEPTABLE = 5
    RECEIVE_ICRP_NOT_ACCEPTABLE = 6
    RECEIVE_ICCN_ACCEPTABLE = 7
    RECEIVE_ICCN_NOT_ACCEPTABLE = 8
    RECEIVE_CDN = 9
    CLOSE = 10
    """Local close request, or bearer line drop."""


class CallAction(IntEnum):
    """What the owner has to do; a call that ends is cleaned up by its owner."""

    NONE = 0
    SEND_ICRQ = 1
    SEND_ICRP = 2
    SEND_ICCN = 3
    """And prepare for data."""
    PREPARE_FOR_DATA = 4
    SEND_CDN = 5
    """And clean up."""
    CLEAN_UP = 6


CallTable = dict[tuple[int, int], tuple[CallAction, CallState]]

LAC_TABLE: Final[CallTable] = {  # RFC 2661 section 7.4.1
    (CallState.IDLE, CallInput.OPEN): (CallAction.NONE, CallState.WAIT_TUNNEL),
    (CallState.WAIT_TUNNEL, CallInput.CLOSE): (CallAction.CLEAN_UP, CallState.IDLE),
    (CallState.WAIT_TUNNEL, CallInput.TUNNEL_OPEN): (CallAction.SEND_ICRQ, CallState.WAIT_REPLY),
    (CallState.WAIT_REPLY, CallInput.RECEIVE_ICRP_ACCEPTABLE): (CallAction.SEND_ICCN, CallState.ESTABLISHED),
    (CallState.WAIT_REPLY, CallInput.RECEIVE_ICRP_NOT_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.WAIT_REPLY, CallInput.RECEIVE_ICRQ): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.WAIT_REPLY, CallInput.RECEIVE_CDN): (CallAction.CLEAN_UP, CallState.IDLE),
    (CallState.WAIT_REPLY, CallInput.RECEIVE_ICCN_ACCEPTABLE): (CallAction.CLEAN_UP, CallState.IDLE),
    (CallState.WAIT_REPLY, CallInput.RECEIVE_ICCN_NOT_ACCEPTABLE): (CallAction.CLEAN_UP, CallState.IDLE),
    (CallState.WAIT_REPLY, CallInput.CLOSE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.RECEIVE_CDN): (CallAction.CLEAN_UP, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.RECEIVE_ICRQ): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.RECEIVE_ICRP_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.RECEIVE_ICRP_NOT_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.RECEIVE_ICCN_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.RECEIVE_ICCN_NOT_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.CLOSE): (CallAction.SEND_CDN, CallState.IDLE),
}
LNS_TABLE: Final[CallTable] = {  # RFC 2661 section 7.4.2
    (CallState.IDLE, CallInput.RECEIVE_ICRQ_ACCEPTABLE): (CallAction.SEND_ICRP, CallState.WAIT_CONNECT),
    (CallState.IDLE, CallInput.RECEIVE_ICRQ_NOT_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.WAIT_CONNECT, CallInput.RECEIVE_ICCN_ACCEPTABLE): (CallAction.PREPARE_FOR_DATA, CallState.ESTABLISHED),
    (CallState.WAIT_CONNECT, CallInput.RECEIVE_ICCN_NOT_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.WAIT_CONNECT, CallInput.RECEIVE_ICRQ): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.WAIT_CONNECT, CallInput.RECEIVE_ICRP_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.WAIT_CONNECT, CallInput.RECEIVE_ICRP_NOT_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.WAIT_CONNECT, CallInput.RECEIVE_CDN): (CallAction.CLEAN_UP, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.RECEIVE_CDN): (CallAction.CLEAN_UP, CallState.IDLE),
    (CallState.WAIT_CONNECT, CallInput.CLOSE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.CLOSE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.RECEIVE_ICRQ): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.RECEIVE_ICRP_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.RECEIVE_ICRP_NOT_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.RECEIVE_ICCN_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
    (CallState.ESTABLISHED, CallInput.RECEIVE_ICCN_NOT_ACCEPTABLE): (CallAction.SEND_CDN, CallState.IDLE),
}
