"""Another LAC than xl2tpd: l2tpns takes the calls of real clients and switches them on to us.

    guest: pppd, xl2tpd ── L2TP ── 198.18.0.9: l2tpns ── L2TP, another tunnel ── 198.18.0.1: bras

Its SCCCN carries Host Name, Vendor Name, Protocol Version, Framing Capabilities and Assigned Tunnel
Id, which RFC 2661 section 6.3 does not list; it calls from port 65432, opens the tunnel with the
client's first credentials, and hands the client over in the middle of a PPP conversation, so that
our LCP renegotiates with a client that had authenticated itself elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import TSHARK, Bench, Lab
from tests.support.freeradius import FreeRadius
from tests.support.l2tpns import L2tpns
from tests.support.lac import Client, KernelLac, Xl2tpd
from tests.support.namespaces import Network

SWITCH = "198.18.0.9"
WORLD = "198.18.1.2"


@pytest.fixture
def switch(lab: Lab, place: Path, tool: Callable[[str], str]) -> Iterator[Callable[..., L2tpns]]:
    """Return what starts an l2tpns on the LACs' bridge, in a namespace of its own."""
    tool("l2tpns")
    with Network() as network:
        namespace = network.namespace("lts", forwarding=True)
        network.link(namespace, "eth0", [f"{SWITCH}/24"], lab.namespace, "lts0", [])
        # The guest outlives this test and remembers who had the address.
        namespace.ip("link", "set", "eth0", "address", "02:00:c6:12:00:09")
        lab.namespace.ip("link", "set", "lts0", "master", "br0")
        started: list[L2tpns] = []

        def start(secret: str = "tunsecret") -> L2tpns:
            one = L2tpns(namespace, place / "l2tpns", address=SWITCH, interface="eth0", lns="198.18.0.1", secret=secret)
            started.append(one)
            one.start()
            return one

        try:
            yield start
        finally:
            for one in started:
                one.stop()


def test_a_client_is_switched_to_us(
    lab: Lab, bench: Bench, freeradius: FreeRadius, switch: Callable[..., L2tpns]
) -> None:
    switch()
    lac = Xl2tpd(lab.guest, [Client("user1", method="pap")])
    lac.dial(SWITCH, "tunsecret")
    (session,) = lac.wait_up(90)
    assert [done.status for done in lac.ping(WORLD, session)] == [0]
    (tunnel,) = bench.lns.show("tunnels")["tunnels"]
    assert (tunnel["hostname"], tunnel["calls"]) == ("lts1", 1)
    (row,) = bench.lns.sessions()
    assert (row["user"], row["address"]) == ("user1", session.address)
    (start,) = freeradius.wait_records("Start")
    assert (start["User-Name"], start["Framed-IP-Address"]) == ("user1", session.address)
    lac.hang_up(session)
    (stop,) = freeradius.wait_records("Stop")
    assert stop["Acct-Terminate-Cause"] == "User-Request"
    assert int(stop["Acct-Input-Packets"]) == 3
    sent = bench.l2tp.packets("ip.src == 198.18.0.9 && l2tp.type == 1", "l2tp.avp.type", options=TSHARK)
    assert sent, "the conversation was on the wire"


def test_its_scccn_with_foreign_avps_opens_a_tunnel_for_many(
    lab: Lab, bench: Bench, freeradius: FreeRadius, switch: Callable[..., L2tpns]
) -> None:
    switch()
    lac = KernelLac(lab.guest, [Client(f"user{n}", method="pap") for n in range(1, 6)])
    lac.dial(SWITCH, "tunsecret")
    sessions = lac.wait_up(120)
    assert len({session.address for session in sessions}) == 5
    (tunnel,) = bench.lns.show("tunnels")["tunnels"]
    assert (tunnel["hostname"], tunnel["calls"]) == ("lts1", 5)
    assert [done.status for done in lac.ping(WORLD, *sessions)] == [0] * 5
    assert bench.lns.command("disconnect", sessions[2].address).returncode == 0
    lac.wait_said(r"rcvd \[LCP TermReq", 3)
    bench.lns.wait_sessions(4)
    lac.hang_up(*(session for number, session in enumerate(sessions) if number != 2))
    assert len(freeradius.wait_records("Stop", 5)) == 5
    bench.lns.wait_sessions(0)


def test_a_wrong_secret_lets_nobody_in(lab: Lab, bench: Bench, switch: Callable[..., L2tpns]) -> None:
    switch("another")
    lac = Xl2tpd(lab.guest, [Client("user1", method="pap")])
    lac.dial(SWITCH, "another")
    refused = bench.lns.wait_logged("tunnel_refused", 60)
    assert (refused["lac_hostname"], refused["by"]) == ("lts1", "peer"), "it does not believe our Challenge Response"
    assert not bench.lns.sessions()
