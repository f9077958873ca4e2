from __future__ import annotations

import pytest

from bras.l2tp.events import By, Cause
from bras.lns.commands import Shutdown
from bras.lns.defect import DEFECT
from bras.lns.from_l2tp import reason_of
from tests.support.rim import CDN, Rim


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
    assert reason_of(cause) == reason


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
        (By.LOCAL, 1, 0, "tunnel_closed"),
        (By.LOCAL, 6, 0, "tunnel_closed"),
        (By.LOCAL, 7, 0, "lac_protocol_error"),
        (By.LOCAL, 2, 3, "lac_protocol_error"),
        (By.LOCAL, 2, 0, "internal_error"),
    ],
)
def test_why_a_call_ended_with_its_tunnel(by: By, stop: int, error: int, reason: str) -> None:
    assert reason_of(Cause(by, 3, error, "", of_tunnel=True, stop=stop)) == reason


def test_a_call_that_comes_up_while_we_close_is_closed() -> None:
    rim = Rim()
    lac, _ = rim.up()
    client = lac.dial("user2", "pass")
    rim.run(0.012)  # the ICRQ was answered, its ICCN is on its way
    rim.ask(Shutdown())
    rim.run(1.0)
    assert (4, 0) in [one.result for one in rim.controls(CDN)], "no facilities, for now"
    assert client.ended
