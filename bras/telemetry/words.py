"""Words for the codes of RFC 2661 section 4.4.2 and of RADIUS: metric labels and log values."""

from __future__ import annotations

from bras.l2tp.events import Cause
from bras.subscriber.events import TerminateCause

_GENERAL_ERROR = 2

_STOPCCN_RESULTS = {
    0: "none",
    1: "cleared",
    3: "already_exists",
    4: "not_authorized",
    5: "version_not_supported",
    6: "shutting_down",
    7: "fsm_error",
    8: "service_mismatch",  # RFC 3308
}

_CDN_RESULTS = {
    0: "none",
    1: "lost_carrier",
    3: "administrative",
    4: "no_facilities_now",
    5: "no_facilities",
    6: "invalid_destination",
    7: "no_carrier",
    8: "busy",
    9: "no_dial_tone",
    10: "timeout",
    11: "no_framing",
    # RFC 3308, RFC 3931, RFC 4591, RFC 4349, RFC 4454, RFC 4667: what IANA lists beyond RFC 2661
    12: "service_mismatch",
    13: "lost_tie",
    14: "unsupported_pseudowire",
    15: "sequencing_without_sublayer",
    16: "fsm_error",
    17: "circuit_deleted",
    18: "circuit_inactive",
    19: "header_length_mismatch",
    20: "link_deleted",
    21: "link_inactive",
    22: "no_oam_emulation",
    23: "mtu_mismatch",
    24: "unknown_forwarder",
    25: "unauthorized_forwarder",
}

_ERRORS = {
    0: "general_error",
    1: "no_control_connection",
    2: "wrong_length",
    3: "value_out_of_range",
    4: "insufficient_resources",
    5: "invalid_session_id",
    6: "vendor_specific",
    7: "try_another",
    8: "unknown_mandatory_avp",
    9: "try_another_directed",  # RFC 3931
}

RADIUS_CODES = {2: "access_accept", 3: "access_reject", 5: "accounting_response", 11: "access_challenge"}
"""RFC 2865 section 3."""

TERMINATE_CAUSES = {cause: cause.name.lower() for cause in TerminateCause}
"""Acct-Terminate-Cause in words (RFC 2866 section 5.10)."""


def tunnel_cause(cause: Cause) -> str:
    """Return the word for a tunnel's end; a code that no RFC names is "other"."""
    return _word(_STOPCCN_RESULTS, cause)


def call_cause(cause: Cause) -> str:
    """Return the word for a call's end; a code that no RFC names is "other"."""
    return _word(_CDN_RESULTS, cause)


def _word(results: dict[int, str], cause: Cause) -> str:
    if cause.result == _GENERAL_ERROR:
        return _ERRORS.get(cause.error, "other")
    return results.get(cause.result, "other")
