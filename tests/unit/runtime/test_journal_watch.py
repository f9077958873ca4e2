from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from bras.config.daemon import StateConfig
from bras.runtime import clock, state
from bras.runtime.journal_watch import WatchedKeeper
from bras.telemetry.loop_counts import HOLD_BOUNDS_S
from bras.telemetry.tally import Histogram


def test_writes_are_timed_and_a_disk_that_refuses_makes_it_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "RETRY_S", 0.01)

    async def run() -> None:
        writes = Histogram(HOLD_BOUNDS_S)
        watch = WatchedKeeper(StateConfig(str(tmp_path)), writes)
        watch.write([("channel:1", b"x")])
        assert sum(writes.counts) == 1
        figures = watch.told()
        assert (figures.failures, figures.behind_s) == (0, 0.0)
        assert figures.octets > 0
        with monkeypatch.context() as patched:

            def full(_descriptor: int, _octets: bytes) -> int:
                raise OSError(errno.ENOSPC, "no space")

            patched.setattr(os, "write", full)
            watch.write([("channel:1", b"y")])
            begun_at = clock.now()
            watch.write([("channel:1", b"z")])
            assert watch.told().failures == 1
            waited_s = clock.now() - begun_at
            assert watch.told().behind_s >= waited_s
        while watch.journal.is_behind:
            await asyncio.sleep(0.01)
        assert watch.told().behind_s == 0.0
        watch.write([("channel:2", b"x")])
        assert sum(writes.counts) == 4
        await watch.close(ended=False)

    asyncio.run(run())
