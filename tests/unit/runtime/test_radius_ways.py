"""Each server is reached in its own way; the rest is in test_radius_udp.py and runtime/test_radsec.py."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from bras.config.radius import RadiusServerConfig
from bras.lns.inputs import Input, TransportDown
from bras.radius.events import Kind, SendRadius
from bras.runtime.radius_ways import RadiusWays
from bras.secret import Secret


def test_by_udp_or_by_tls(tmp_path: Path) -> None:
    told: list[Input] = []
    watched: list[int] = []

    async def use() -> None:
        ways = RadiusWays(lambda fileno, _key: watched.append(fileno), watched.remove, told.extend)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            server.settimeout(5)
            port = server.getsockname()[1]
            files = {key: str(tmp_path / key) for key in ("tls_ca", "tls_certificate", "tls_key")}
            udp = RadiusServerConfig("127.0.0.1", Secret(b"x"), auth_port=port)
            tls = RadiusServerConfig("127.0.0.1", Secret(b"x"), name="tls", transport="tls", acct_port=0, **files)  # type: ignore[arg-type]  # keys of the section
            ways.serve({3: udp, 4: tls})
            assert ways.send(SendRadius(3, Kind.AUTH, 0, b"by udp")) is None
            assert server.recv(100) == b"by udp"
            while not told:
                await asyncio.sleep(0.001)
            failed = ways.send(SendRadius(4, Kind.AUTH, 0, b"by tls"))
            assert isinstance(failed, TransportDown)
            assert "tls_ca cannot be read" in failed.reason
            ways.serve({4: tls})
            assert watched == []
            ways.close()

    asyncio.run(use())
