"""Whichever way a request came, there goes its answer; and another configuration is followed whole or not at all."""

from __future__ import annotations

import asyncio
import socket

import pytest

from bras.config.coa import CoaConfig
from bras.config.listen import Listen
from bras.lns.inputs import Input
from bras.radius.coa_events import Origin, SendCoaReply
from bras.runtime.coa_ways import CoaWays


def test_all_addresses_or_none() -> None:
    watched: set[int] = set()
    told: list[Input] = []

    async def use() -> None:
        ways = CoaWays(lambda fileno, _index: watched.add(fileno), watched.discard, told.extend)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, socket.create_server(("127.0.0.1", 0)) as free:
            taken.bind(("127.0.0.1", 0))
            udp, tls = taken.getsockname()[1], free.getsockname()[1]
            free.close()
            both = CoaConfig((Listen("127.0.0.1", udp),), tls_listen=(Listen("127.0.0.1", tls),))
            ways.hear(None)
            with pytest.raises(OSError, match="in use"):
                ways.follow(both)
            assert ways.addresses == []
            taken.close()
            ways.follow(both)
            assert ways.addresses == [f"127.0.0.1:{udp}", f"127.0.0.1:{tls}"]
            ways.send(SendCoaReply(Origin(-9, "127.0.0.1", "127.0.0.1", 1), b"late"))
            ways.follow(None)
            assert ways.addresses == []
            assert not watched
            ways.deafen()
            ways.close()

    asyncio.run(use())
