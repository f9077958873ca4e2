"""Without servers over TLS there is nothing; with them it is in runtime/test_radsec.py."""

from __future__ import annotations

from bras.config.radius import RadiusServerConfig
from bras.lns.inputs import Input
from bras.runtime.radsec import RadSec
from bras.secret import Secret
from bras.telemetry.connections import NO_CONNECTIONS


def test_servers_over_udp_are_none_of_its_business() -> None:
    told: list[Input] = []
    radsec = RadSec(told.extend)
    radsec.serve({0: RadiusServerConfig("192.0.2.1", Secret(b"x"))})  # outside any loop: it would fail to connect
    assert radsec.figures() == NO_CONNECTIONS
    radsec.close()
    assert told == []
