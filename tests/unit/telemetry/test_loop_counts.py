from __future__ import annotations

import gc

from bras.telemetry.loop_counts import LoopCounts


def _collections(counts: LoopCounts, generation: int) -> int:
    return sum(counts.pauses[str(generation),].counts)


def test_collections_are_timed_while_they_are_watched() -> None:
    counts = LoopCounts()
    gc.collect(2)
    assert _collections(counts, 2) == 0
    counts.watch_collector()
    try:
        gc.collect(2)
        gc.collect(0)
    finally:
        counts.unwatch_collector()
    gc.collect(2)
    assert _collections(counts, 2) == 1
    assert _collections(counts, 0) >= 1
    assert counts.pauses["2",].total > 0.0


def test_everything_is_there_from_the_start() -> None:
    counts = LoopCounts()
    assert (counts.defects, counts.send_failures) == ({(): 0}, {(): 0})
    assert list(counts.pauses) == [("0",), ("1",), ("2",)]
