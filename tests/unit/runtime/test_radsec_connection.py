"""What a connection does by itself; with servers at the other end it is in runtime/test_radsec.py."""

from __future__ import annotations

import asyncio

from bras.radius.stream import MAX_PACKET_OCTETS
from bras.runtime.radsec_connection import MAX_UNSENT_OCTETS, MAX_WAITING, Wire
from bras.runtime.tls_reasons import CLOSED


def test_all_identifiers_may_wait_for_a_server_that_reads_slowly() -> None:
    assert MAX_WAITING * MAX_PACKET_OCTETS <= MAX_UNSENT_OCTETS


def test_a_wire_that_is_lost_takes_nothing_more() -> None:
    async def use() -> None:
        wire = Wire(lambda _packets: None)
        wire.connection_lost(None)
        wire.write([b"late"])
        wire.end(CLOSED)
        assert await wire.lost is None
        assert wire.wrong is CLOSED

    asyncio.run(use())
