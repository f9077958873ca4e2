"""Real clients and their LAC while the daemon dies and comes back: with `[state]` they notice nothing."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.conftest import Bench, Lab
from tests.support.freeradius import FreeRadius
from tests.support.lac import Client, KernelLac

WORLD = "198.18.1.2"


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM], ids=["crash", "restart"])
def test_clients_do_not_notice(
    lab: Lab, place: Path, freeradius: FreeRadius, start: Callable[..., Bench], death: signal.Signals
) -> None:
    bench = start(state={"directory": str(place / "state"), "on_stop": "keep"})
    lac = KernelLac(lab.guest, [Client(f"user{n}") for n in range(1, 7)])
    lac.dial("198.18.0.1", "tunsecret", tunnels=2)
    sessions = lac.wait_up()
    assert [done.status for done in lac.ping(WORLD, *sessions)] == [0] * 6
    freeradius.wait_records("Start", 6)
    said = [len(re.findall(r"rcvd \[LCP Conf", lac.said(session.number))) for session in sessions]

    bench.lns.stop(death)
    bench.lns.start()

    assert [done.status for done in lac.ping(WORLD, *sessions)] == [0] * 6
    assert [row["state"] for row in bench.lns.sessions()] == ["up"] * 6
    assert said == [len(re.findall(r"rcvd \[LCP Conf", lac.said(session.number))) for session in sessions]
    assert not lac.events("CDN")
    assert not lac.events("StopCCN")
    assert len(freeradius.records("Start")) == 6
    assert not freeradius.records("Stop")
    assert len(freeradius.records("Accounting-On")) == 1, "another one would close every session's bill"

    lac.hang_up(*sessions)
    octets = lac.wait_down()
    stops = freeradius.wait_records("Stop", 6)
    assert {record["User-Name"] for record in stops} == {f"user{n}" for n in range(1, 7)}
    assert {record["Acct-Terminate-Cause"] for record in stops} == {"User-Request"}
    if death is signal.SIGTERM:  # a crash may lose what was counted since the last reading
        assert {int(record["Acct-Input-Octets"]) for record in stops} == {sent for sent, _ in octets.values()}
    assert bench.lns.stop(signal.SIGQUIT) == 0
    assert len(lac.wait_event("StopCCN", 2)) == 2
