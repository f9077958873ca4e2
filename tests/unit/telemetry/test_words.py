from __future__ import annotations

import pytest

from bras.l2tp.events import By, Cause
from bras.subscriber.events import TerminateCause
from bras.telemetry.words import TERMINATE_CAUSES, call_cause, tunnel_cause


@pytest.mark.parametrize(
    ("result", "error", "tunnel", "call"),
    [
        (1, 0, "cleared", "lost_carrier"),
        (2, 8, "unknown_mandatory_avp", "unknown_mandatory_avp"),
        (2, 7, "try_another", "try_another"),
        (2, 9, "try_another_directed", "try_another_directed"),
        (8, 0, "service_mismatch", "busy"),
        (12, 0, "other", "service_mismatch"),
        (16, 0, "other", "fsm_error"),
        (25, 0, "other", "unauthorized_forwarder"),
        (26, 0, "other", "other"),
        (2, 0, "general_error", "general_error"),
        (4, 0, "not_authorized", "no_facilities_now"),
        (6, 0, "shutting_down", "invalid_destination"),
    ],
)
def test_codes_of_rfc_2661_section_4_4_2(result: int, error: int, tunnel: str, call: str) -> None:
    cause = Cause(By.PEER, result, error)
    assert tunnel_cause(cause) == tunnel
    assert call_cause(cause) == call


def test_codes_from_the_network_cannot_make_new_labels() -> None:
    words = {tunnel_cause(Cause(By.PEER, result, error)) for result in range(0, 65536, 7) for error in (0, 9, 65535)}
    words |= {call_cause(Cause(By.PEER, 2, error)) for error in range(65536)}
    assert "other" in words
    assert len(words) < 45


def test_every_terminate_cause_has_a_word() -> None:
    assert TERMINATE_CAUSES[TerminateCause.USER_REQUEST] == "user_request"
    assert set(TERMINATE_CAUSES) == set(TerminateCause)
