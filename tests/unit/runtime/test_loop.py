from __future__ import annotations

import asyncio
import time

from bras.runtime.loop import make_loop
from bras.telemetry.loop_counts import LoopCounts


def test_what_holds_the_loop_is_told() -> None:
    """By whatever holds it, and not by waiting."""
    counts = LoopCounts()

    async def work() -> None:
        await asyncio.sleep(0.02)
        until = time.perf_counter() + 0.03
        while time.perf_counter() < until:
            pass
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=lambda: make_loop(counts.hold.observe)) as runner:
        runner.run(work())
    long = dict(zip((*counts.hold.bounds, None), counts.hold.counts, strict=True))
    assert sum(count for bound, count in long.items() if bound is None or bound > 0.025) >= 1
    assert counts.hold.total >= 0.03
    assert sum(counts.hold.counts) >= 3


def test_it_hears_sockets_as_any_loop_does() -> None:
    async def work() -> bytes:
        server = await asyncio.start_server(
            lambda _reader, writer: (writer.write(b"hello"), writer.close()), "127.0.0.1"
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            said = await reader.read()
            writer.close()
            return said

    with asyncio.Runner(loop_factory=lambda: make_loop([].append)) as runner:
        assert runner.run(work()) == b"hello"
