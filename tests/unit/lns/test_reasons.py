from __future__ import annotations

import pytest

from bras.l2tp.disconnect import Q931, Disconnect
from bras.l2tp.events import By, Cause
from bras.lns.defect import DEFECT
from bras.lns.reasons import of_call, of_tunnel, text_of


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (Cause(By.LOCAL, 3), "call_closed"),
        (Cause(By.TIMEOUT, 10), "call_closed"),
        (Cause(By.LOCAL, 2, 5), "lac_protocol_error"),
        (DEFECT, "internal_error"),
        (Cause(By.PEER, 1), "lac_lost_carrier"),
        (Cause(By.PEER, 2), "lac_error"),
        (Cause(By.PEER, 3), "lac_hung_up"),
        (Cause(By.PEER, 4), "lac_no_facilities"),
        (Cause(By.PEER, 5), "lac_no_facilities"),
        (Cause(By.PEER, 99), "lac_error"),
    ],
)
def test_why_a_call_ended(cause: Cause, reason: str) -> None:
    assert of_call(cause) == reason


@pytest.mark.parametrize(
    ("by", "stop", "error", "reason"),
    [
        (By.TIMEOUT, 1, 0, "tunnel_lost"),
        (By.PEER, 1, 0, "lac_closed_tunnel"),
        (By.PEER, 2, 4, "lac_tunnel_error"),
        (By.PEER, 3, 0, "lac_began_anew"),
        (By.PEER, 4, 0, "lac_closed_tunnel"),
        (By.PEER, 6, 0, "lac_shutting_down"),
        (By.PEER, 7, 0, "lac_tunnel_error"),
        (By.PEER, 99, 0, "lac_closed_tunnel"),
        (By.LOCAL, 1, 0, "tunnel_idle"),
        (By.LOCAL, 6, 0, "shutdown"),
        (By.LOCAL, 4, 0, "tunnel_closed"),
        (By.LOCAL, 7, 0, "lac_protocol_error"),
        (By.LOCAL, 2, 3, "lac_protocol_error"),
        (By.LOCAL, 2, 0, "internal_error"),
    ],
)
def test_why_a_call_ended_with_its_tunnel(by: By, stop: int, error: int, reason: str) -> None:
    assert of_call(Cause(by, 3, error, "", of_tunnel=True, stop=stop)) == reason
    assert of_tunnel(Cause(by, stop, error), stop) == reason


def test_what_was_said_is_told_once() -> None:
    cause = Cause(By.PEER, 1, text="gone", disconnect=Disconnect(0, text="gone"), q931=Q931(16, 3, "bye"))
    assert text_of(cause) == "gone; bye"
    assert text_of(Cause(By.PEER, 1)) == ""
