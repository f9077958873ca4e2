"""The table of ends: why a session ends, in one stable word, and what accounting calls that.

The word is in logs, metrics and the Stop (Bras-Terminate-Reason); the Acct-Terminate-Cause
follows from it (RFC 2866 section 5.10).  MANUAL.md has the same table in sentences, and a
test holds it against this one.  Port-Unneeded, Port-Preempted, Port-Suspended, Callback and
Host-Request happen to nobody here: a call has no port, is called back by nobody, and has no
host to log in to.
"""

from __future__ import annotations

from typing import Final

from bras.ppp.events import LinkEnd
from bras.subscriber.events import TerminateCause

_C: Final = TerminateCause

END_OF_LINK: Final[dict[LinkEnd, str]] = {
    LinkEnd.PEER_TERMINATED: "client_terminated",
    LinkEnd.LOCAL_CLOSE: "closed",
    LinkEnd.AUTH_REFUSED: "authentication_refused",
    LinkEnd.AUTH_TIMEOUT: "authentication_timeout",
    LinkEnd.NO_COMMON_AUTH: "no_common_authentication",
    LinkEnd.NEGOTIATION_FAILED: "lcp_failed",
    LinkEnd.ECHO_TIMEOUT: "echo_timeout",
    LinkEnd.LOOPBACK: "loopback",
    LinkEnd.PROTOCOL_REJECTED: "protocol_rejected",
}
"""The word for each end of a link."""

ENDS: Final[dict[str, TerminateCause]] = {
    # The client, or what it negotiates.
    "client_terminated": _C.USER_REQUEST,
    "closed": _C.NAS_REQUEST,
    "authentication_refused": _C.USER_ERROR,
    "authentication_timeout": _C.USER_ERROR,
    "no_common_authentication": _C.USER_ERROR,
    "lcp_failed": _C.USER_ERROR,
    "ipcp_failed": _C.USER_ERROR,
    "protocol_rejected": _C.USER_ERROR,
    "setup_timeout": _C.USER_ERROR,
    "echo_timeout": _C.LOST_CARRIER,
    "loopback": _C.PORT_ERROR,
    # Verdicts on a client that proves itself again: RADIUS, the local users, pools and networks.
    "authentication_rejected": _C.USER_ERROR,
    "authentication_unanswered": _C.SERVICE_UNAVAILABLE,
    "authentication_no_address": _C.SERVICE_UNAVAILABLE,
    "authentication_denied_single_session": _C.NAS_REQUEST,
    "authentication_denied_address_conflict": _C.SERVICE_UNAVAILABLE,
    "authentication_unknown_pool": _C.SERVICE_UNAVAILABLE,
    "authentication_unknown_profile": _C.SERVICE_UNAVAILABLE,
    "authentication_unsupported": _C.SERVICE_UNAVAILABLE,
    "authentication_denied_port_limit": _C.NAS_REQUEST,
    "authentication_denied_route_conflict": _C.SERVICE_UNAVAILABLE,
    # Time and volume.
    "session_timeout": _C.SESSION_TIMEOUT,
    "session_terminate_time": _C.SESSION_TIMEOUT,
    "idle_timeout": _C.IDLE_TIMEOUT,
    "quota_exhausted": _C.NAS_REQUEST,
    # Our own policy.
    "accounting_unanswered": _C.NAS_ERROR,
    "user_changed": _C.NAS_REQUEST,
    "address_changed": _C.NAS_REQUEST,
    "replaced_by_new_session": _C.NAS_REQUEST,
    "address_given_to_new_session": _C.NAS_REQUEST,
    # Operators.
    "disconnected_by_operator": _C.ADMIN_RESET,
    "disconnected_by_radius": _C.ADMIN_RESET,
    "shutdown": _C.ADMIN_REBOOT,
    # What failed on our side.
    "data_plane_refused": _C.NAS_ERROR,
    "internal_error": _C.NAS_ERROR,
    "call_lost": _C.NAS_ERROR,
    "reboot": _C.NAS_REBOOT,
    # The call and its tunnel (RFC 2661 section 4.4.2).
    "call_closed": _C.NAS_REQUEST,
    "lac_protocol_error": _C.PORT_ERROR,
    "lac_lost_carrier": _C.LOST_CARRIER,
    "lac_error": _C.NAS_ERROR,
    "lac_hung_up": _C.USER_REQUEST,
    "lac_no_facilities": _C.SERVICE_UNAVAILABLE,
    "tunnel_closed": _C.NAS_REQUEST,
    "tunnel_idle": _C.IDLE_TIMEOUT,
    "tunnel_lost": _C.LOST_CARRIER,
    "lac_closed_tunnel": _C.LOST_CARRIER,
    "lac_began_anew": _C.LOST_CARRIER,
    "lac_tunnel_error": _C.NAS_ERROR,
    "lac_shutting_down": _C.LOST_SERVICE,
    # What the LAC knows of PPP (RFC 3145 section 3).  "Normal" is the user's wish whichever way it went: had we
    # sent the Terminate-Request, the session would have had its own end already.
    "lac_ppp_administrative": _C.ADMIN_RESET,
    "lac_ppp_proxy_lcp_expected": _C.NAS_ERROR,
    "lac_ppp_normal": _C.USER_REQUEST,
    "lac_ppp_encryption_refused": _C.USER_ERROR,
    "lac_ppp_lcp_timeout": _C.PORT_ERROR,
    "lac_ppp_no_lcp_packets": _C.PORT_ERROR,
    "lac_ppp_loopback": _C.PORT_ERROR,
    "lac_ppp_echo_timeout": _C.LOST_CARRIER,
    "lac_ppp_unexpected_endpoint_discriminator": _C.USER_ERROR,
    "lac_ppp_unexpected_mrru": _C.USER_ERROR,
    "lac_ppp_unexpected_short_sequence_number": _C.USER_ERROR,
    "lac_ppp_callback_refused": _C.USER_ERROR,
    "lac_ppp_authentication_timeout": _C.USER_ERROR,
    "lac_ppp_unexpected_name": _C.USER_ERROR,
    "lac_ppp_authentication_protocol_refused": _C.USER_ERROR,
    "lac_ppp_authentication_failed": _C.USER_ERROR,
    "lac_ppp_ncp_timeout": _C.USER_ERROR,
    "lac_ppp_no_ncp": _C.SERVICE_UNAVAILABLE,
    "lac_ppp_no_acceptable_address": _C.USER_ERROR,
    "lac_ppp_no_permitted_address": _C.SERVICE_UNAVAILABLE,
}
"""Acct-Terminate-Cause by the reason of an end."""
