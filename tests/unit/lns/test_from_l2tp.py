from __future__ import annotations

from bras.lns.commands import Shutdown
from tests.support.rim import CDN, Rim


def test_a_call_that_comes_up_while_we_close_is_closed() -> None:
    rim = Rim()
    lac, _ = rim.up()
    client = lac.dial("user2", "pass")
    rim.run(0.012)  # the ICRQ was answered, its ICCN is on its way
    rim.ask(Shutdown())
    rim.run(1.0)
    assert (4, 0) in [one.result for one in rim.controls(CDN)], "no facilities, for now"
    assert client.ended
