"""What the daemon's own loop pays for the data plane: entries put and counters read."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

from bras.dataplane.base import DataPlane
from bras.lns.operate import SESSIONS_A_TURN
from bras.runtime.daemon import GC_THRESHOLDS
from tests.benchmark.bpffs import bpf_file_system
from tests.benchmark.roads import begin, entries, laid
from tests.support.namespaces import Network

SESSIONS = 50_000
SAMPLE = 1000
"""Entries that are timed in a round, alone and in batches."""
MOST_ROUNDS = 7
"""Beyond that there would be no slots left."""
SLICES = [
    tuple((slot, 1) for slot in range(first, first + SESSIONS_A_TURN)) for first in range(0, SESSIONS, SESSIONS_A_TURN)
]
"""All sessions, as the daemon asks for their counters."""
BATCH = 32
"""Entries that come together when a few hundred calls are set up at once."""


Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Control:
    """Of a table of so many sessions; times are medians of the rounds."""

    plane: str
    sessions: int
    single_us: float
    """To enter one, alone."""
    batched_us: float
    """To enter one of a batch."""
    counters_ms: float
    """To read the counters of all, a slice at a time."""
    slice_sessions: int
    longest_slice_ms: float
    """The longest that the loop was held by one slice; the median of the rounds' longest."""


def control(plane: str, rounds: int) -> Control:
    """Measure them on one of our back ends."""
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="bras-benchmark-"))
        pins = stack.enter_context(bpf_file_system(Path(place)))
        road = laid(stack.enter_context(Network()), "ebpf-tc")
        stack.callback(road.close)
        stack.enter_context(road.lns.entered())
        stack.enter_context(_collecting_as_the_daemon())
        return _measured(plane, begin(road, plane, SESSIONS, pins), min(rounds, MOST_ROUNDS))


@contextmanager
def _collecting_as_the_daemon() -> Iterator[None]:
    """Let the garbage collector do what it does in ``bras run``."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _measured(name: str, plane: DataPlane, rounds: int) -> Control:
    single, batched, total, longest = [], [], [], []
    for turn in range(rounds):
        first = SESSIONS + 2 * SAMPLE * turn
        some = list(entries(range(first, first + SAMPLE)))
        more = list(entries(range(first + SAMPLE, first + 2 * SAMPLE)))
        batches = [more[at : at + BATCH] for at in range(0, SAMPLE, BATCH)]
        single.append(sum(taken(plane.program, some)) / SAMPLE * 1e6)
        batched.append(sum(taken(plane.program_all, batches)) / SAMPLE * 1e6)
        held = taken(plane.read, SLICES)
        total.append(sum(held) * 1e3)
        longest.append(max(held) * 1e3)
    return Control(
        *(name, SESSIONS, round(median(single), 2), round(median(batched), 2), round(median(total), 2)),
        slice_sessions=SESSIONS_A_TURN,
        longest_slice_ms=round(median(longest), 3),
    )


def taken(call: Callable[[Given], object], given: Sequence[Given]) -> list[float]:
    """Return the seconds of CPU time, user and system, that each call took: what it takes on a quiet machine."""
    gc.collect()
    times = []
    for each in given:
        began = time.thread_time()
        call(each)
        times.append(time.thread_time() - began)
    return times


def shown(row: Control) -> str:
    """One line on the screen."""
    return (
        f"{row.plane}: an entry {row.single_us} us alone, {row.batched_us} us in batches; counters of {row.sessions:,} "
        f"in {row.counters_ms} ms, {row.slice_sessions} at a time, {row.longest_slice_ms} ms at most"
    )
