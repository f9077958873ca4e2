"""Tunnels answered from a port of their own (RFC 2661 section 8.1): the kernel follows, xl2tpd does not."""

from __future__ import annotations

from collections.abc import Callable

from tests.interop.conftest import Bench, Lab
from tests.support.freeradius import FreeRadius
from tests.support.lac import Client, KernelLac, Xl2tpd

WORLD = "198.18.1.2"
LAC = {"name": "any", "address": ["198.18.0.0/24"], "secret": "tunsecret", "pool": "default"}
OWN = LAC | {"use_ephemeral_port": True}
CALLED = "1701"


def sources(bench: Bench) -> set[str]:
    """Return the ports of ours; ICMP that quotes a datagram of the LAC's (it came when all was over) is none of it."""
    return {port for (port,) in bench.l2tp.packets("ip.src == 198.18.0.1 && udp && !icmp", "udp.srcport")}


def test_control_and_data_of_each_tunnel_go_by_its_port(
    lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]
) -> None:
    """Data through the kernels of both ends."""
    bench = start(lac=[OWN])
    lac = KernelLac(lab.guest, [Client("user1"), Client("user2")])
    lac.dial("198.18.0.1", "tunsecret", tunnels=2, options=["--follow"])
    sessions = lac.wait_up()
    assert [done.status for done in lac.ping(WORLD, *sessions, count=5, octets=1400)] == [0, 0]
    own = {row["local"].rpartition(":")[2] for row in bench.lns.show("tunnels")["tunnels"]}
    assert len(own) == 2
    assert CALLED not in own
    lac.hang_up(*sessions)
    lac.wait_down()
    bench.lns.stop()
    bench.l2tp.stop()
    assert sources(bench) == own
    for port in ("1701", "1702"):  # of the two tunnels of the LAC
        which = f"ip.dst == 198.18.0.1 && udp.srcport == {port}"
        called = [to for (to,) in bench.l2tp.packets(which, "udp.dstport")]
        assert called[0] == CALLED, "the SCCRQ"
        assert len(set(called[1:])) == 1, "and from then on the tunnel's own"
        assert set(called[1:]) <= own


def test_a_lac_that_does_not_follow_gets_no_tunnel(
    lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]
) -> None:
    """What xl2tpd 1.3.18 sends to the port of all is dropped, counted, and costs nothing; the manual says so."""
    bench = start(lac=[OWN])
    lac = Xl2tpd(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1", "tunsecret", retries=2)
    lac.wait_logged("Maximum retries exceeded")
    assert not lac.up()
    assert bench.lns.sessions() == []
    bench.lns.stop()
    bench.l2tp.stop()
    assert CALLED not in sources(bench)
