"""A LAC whose port changes, through driver, core and data plane, on real sockets."""

from __future__ import annotations

import socket

from bras.l2tp import messages
from tests.runtime.test_numbered import Site, run
from tests.unit.dataplane.packets import ipv4


def test_packets_go_both_ways_by_the_new_port() -> None:
    async def use(site: Site) -> None:
        client = socket.inet_ntoa(site.client.address.to_bytes(4, "big"))
        up = ipv4(b"up", source=client, target="192.0.2.2")
        down = ipv4(b"down", source="192.0.2.2", target=client)
        site.put(*site.up(up))
        got: list[bytes] = []
        await site.until(lambda: got.extend(site.taken()) or got)
        before = site.driver.plane.totals()
        port = site.wire.rebind(site.lac)
        site.lac.tell(messages.hello())
        table = site.driver.plane._table  # type: ignore[attr-defined]  # of the tun back end
        await site.until(lambda: {route.legs[0].remote_port for route in table.routes.values()} == {port})
        heard = len(site.data)
        site.device.send(down)
        await site.until(lambda: len(site.data) > heard)
        assert site.data[-1].endswith(down)
        got.clear()
        site.put(*site.up(up))
        await site.until(lambda: got.extend(site.taken()) or got)
        assert got == [up]
        after = site.driver.plane.totals()
        assert (after.up_packets4, after.down_packets4) == (before.up_packets4 + 1, before.down_packets4 + 1)
        ((_, _, counters),) = site.driver.plane.read((slot, route.generation) for slot, route in table.routes.items())
        assert (counters.up_packets4, counters.down_packets4) == (2, 1), "they go on"

    run(use, follow_port=True, retransmit_initial_s=0.1)
