from __future__ import annotations

import pytest

from bras.l2tp.events import By, Cause
from bras.lns.commands import Shutdown
from bras.lns.from_l2tp import cause_of
from bras.subscriber.events import TerminateCause
from tests.support.rim import CDN, Rim


@pytest.mark.parametrize(
    ("by", "result", "cause", "reason"),
    [
        (By.LOCAL, 3, TerminateCause.NAS_REQUEST, "call_closed"),
        (By.PEER, 1, TerminateCause.LOST_CARRIER, "lac_lost_carrier"),
        (By.PEER, 2, TerminateCause.NAS_ERROR, "lac_error"),
        (By.PEER, 3, TerminateCause.USER_REQUEST, "lac_hung_up"),
        (By.PEER, 4, TerminateCause.SERVICE_UNAVAILABLE, "lac_no_facilities"),
        (By.PEER, 99, TerminateCause.NAS_ERROR, "lac_error"),
    ],
)
def test_why_a_call_ended(by: By, result: int, cause: TerminateCause, reason: str) -> None:
    assert cause_of(Cause(by, result, 0, "")) == (cause, reason)


@pytest.mark.parametrize(
    ("by", "cause", "reason"),
    [
        (By.TIMEOUT, TerminateCause.LOST_CARRIER, "tunnel_lost"),
        (By.PEER, TerminateCause.LOST_CARRIER, "lac_closed_tunnel"),
        (By.LOCAL, TerminateCause.NAS_REQUEST, "tunnel_closed"),
    ],
)
def test_why_a_call_ended_with_its_tunnel(by: By, cause: TerminateCause, reason: str) -> None:
    assert cause_of(Cause(by, 3, 0, "", of_tunnel=True)) == (cause, reason)


def test_a_call_that_comes_up_while_we_close_is_closed() -> None:
    rim = Rim()
    lac, _ = rim.up()
    client = lac.dial("user2", "pass")
    rim.run(0.012)  # the ICRQ was answered, its ICCN is on its way
    rim.ask(Shutdown())
    rim.run(1.0)
    assert (4, 0) in [one.result for one in rim.controls(CDN)], "no facilities, for now"
    assert client.ended
