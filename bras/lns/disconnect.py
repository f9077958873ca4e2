"""Between the ends of sessions and the PPP Disconnect Cause Code AVP of CDN (RFC 3145), both ways.

The LAC's word is taken for accounting and logs.  Ours tells the LAC's operator what he
cannot see: what became of PPP.  It has no other effect at either end.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bras.l2tp.disconnect import Direction, Disconnect, DisconnectCode
from bras.ppp.constants import CHAP, IPCP, LCP, PAP
from bras.subscriber.ends import ENDS
from bras.subscriber.events import Phase, TerminateCause
from bras.subscriber.parts import End
from bras.subscriber.subscriber import Subscriber

_AUTHENTICATION: Final = -1
"""Stands for the protocol by which the client proves itself: PAP or CHAP."""
_C: Final = DisconnectCode
_PEER: Final = Direction.PEER
_LOCAL: Final = Direction.LOCAL


class Told(NamedTuple):
    """What we say of one kind of end."""

    code: int
    protocol: int = 0
    direction: int = Direction.BOTH


_ADMINISTRATIVE: Final = Told(_C.ADMINISTRATIVE)
_TERMINATED: Final = Told(_C.NORMAL, 0, _LOCAL)
_REFUSED: Final = Told(_C.AUTHENTICATION_FAILED, _AUTHENTICATION, _LOCAL)
_NO_ADDRESS: Final = Told(_C.NO_PERMITTED_ADDRESS, IPCP, _LOCAL)

SENT: Final[dict[str, Told]] = {
    # The client, or what it negotiates.
    "client_terminated": Told(_C.NORMAL, 0, _PEER),
    "closed": _TERMINATED,
    "authentication_refused": Told(_C.AUTHENTICATION_FAILED, _AUTHENTICATION, _PEER),
    "authentication_timeout": Told(_C.AUTHENTICATION_TIMEOUT, _AUTHENTICATION, _PEER),
    "no_common_authentication": Told(_C.AUTHENTICATION_PROTOCOL_REFUSED, _AUTHENTICATION, _PEER),
    "lcp_failed": Told(_C.LCP_TIMEOUT, LCP, _LOCAL),
    "echo_timeout": Told(_C.ECHO_TIMEOUT, LCP, _PEER),
    "loopback": Told(_C.LOOPBACK, LCP, _PEER),
    "protocol_rejected": Told(_C.AUTHENTICATION_PROTOCOL_REFUSED, _AUTHENTICATION, _PEER),
    "ipcp_failed": Told(_C.NO_NCP, IPCP, _PEER),
    # RADIUS, the local users and the pools: outcomes of an authentication.
    "authentication_rejected": Told(_C.AUTHENTICATION_FAILED, _AUTHENTICATION, _PEER),
    "authentication_unanswered": _REFUSED,
    "authentication_no_address": _NO_ADDRESS,
    "authentication_denied_single_session": _ADMINISTRATIVE,
    "authentication_denied_address_conflict": _NO_ADDRESS,
    "authentication_unknown_pool": _NO_ADDRESS,
    "authentication_unknown_profile": _REFUSED,
    "authentication_unsupported": _REFUSED,
    "authentication_denied_port_limit": _ADMINISTRATIVE,
    "authentication_denied_route_conflict": _NO_ADDRESS,
    # Our own time and policy.
    "session_timeout": _TERMINATED,
    "session_terminate_time": _TERMINATED,
    "idle_timeout": _TERMINATED,
    "quota_exhausted": _ADMINISTRATIVE,
    "data_plane_refused": Told(_C.NO_INFORMATION),
    "accounting_unanswered": Told(_C.NO_INFORMATION),
    "user_changed": _ADMINISTRATIVE,
    "address_changed": _ADMINISTRATIVE,
    "replaced_by_new_session": _ADMINISTRATIVE,
    "address_given_to_new_session": _ADMINISTRATIVE,
    "disconnected_by_operator": _ADMINISTRATIVE,
    "disconnected_by_radius": _ADMINISTRATIVE,
    "shutdown": _ADMINISTRATIVE,
}
"""By the reason of an end; a set-up that takes too long is told by how far it had come."""

TOO_SLOW: Final[dict[Phase, Told]] = {
    Phase.LINK: Told(_C.LCP_TIMEOUT, LCP, _PEER),
    Phase.AUTHENTICATING: Told(_C.AUTHENTICATION_TIMEOUT, _AUTHENTICATION, _LOCAL),
    Phase.ADDRESSING: _NO_ADDRESS,
    Phase.NETWORK: Told(_C.NCP_TIMEOUT, IPCP, _PEER),
    Phase.PROGRAMMING: Told(_C.NO_INFORMATION),
}
_BY_CAUSE: Final[dict[TerminateCause, Told]] = {
    TerminateCause.USER_REQUEST: Told(_C.NORMAL, 0, _PEER),
    TerminateCause.ADMIN_RESET: _ADMINISTRATIVE,
    TerminateCause.ADMIN_REBOOT: _ADMINISTRATIVE,
    TerminateCause.NAS_REQUEST: _ADMINISTRATIVE,
}
_UNKNOWN: Final = Told(_C.NO_INFORMATION)


def heard(disconnect: Disconnect) -> str | None:
    """Return the word of the table of ends for what the LAC says; ``None``: nothing, so see the Result Code."""
    reason = f"lac_ppp_{disconnect.word}"
    return reason if reason in ENDS else None


def told(subscriber: Subscriber) -> Disconnect | None:
    """Return what our CDN says of a subscriber's PPP that has ended."""
    end = subscriber.standing.end
    if end is None:
        return None
    code, protocol, direction = _of(end)
    if protocol == _AUTHENTICATION:
        method = subscriber.who.method or next(iter(subscriber.settings.link.methods), "")
        protocol = PAP if method == "pap" else CHAP
    return Disconnect(code, protocol, direction, end.text or end.reason.replace("_", " "))


def _of(end: End) -> Told:
    if end.reason == "setup_timeout":
        return TOO_SLOW.get(end.phase, _UNKNOWN)
    return SENT.get(end.reason) or _BY_CAUSE.get(end.cause, _UNKNOWN)
