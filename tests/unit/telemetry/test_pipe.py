from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from bras.telemetry.pipe import LogPipe

LINE = b"x" * 99 + b"\n"


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


def _read(descriptor: int, octets: int) -> bytes:
    """Read exactly so many octets."""
    got = b""
    while len(got) < octets:
        got += os.read(descriptor, octets - len(got))
    return got


def _fill(descriptor: int) -> int:
    """Write until the pipe takes no more; return how many octets it took."""
    os.set_blocking(descriptor, False)
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            count += os.write(descriptor, b"." * 512)
    os.set_blocking(descriptor, True)
    return count


def test_lines_come_out_in_order_and_closing_writes_what_waits(ends: tuple[int, int]) -> None:
    read, write = ends
    pipe = LogPipe(write)
    for number in range(1000, 1100):
        pipe.write(b"%d\n" % number)
    pipe.flush()
    pipe.close()
    assert not pipe._thread.is_alive()
    assert _read(read, 500) == b"".join(b"%d\n" % number for number in range(1000, 1100))
    assert pipe.dropped == 0


def test_a_full_pipe_never_holds_the_writer_and_what_is_lost_is_counted(ends: tuple[int, int]) -> None:
    read, write = ends
    stuffing = _fill(write)
    pipe = LogPipe(write, max_lines=100)
    for _ in range(5000):
        pipe.write(LINE)  # comes back, though nobody reads
    assert 4000 < pipe.dropped <= 4900
    kept = 5000 - pipe.dropped
    pipe.close(timeout_s=0.05)
    assert pipe._thread.is_alive(), "the thread is stuck in the pipe, the caller is not"
    assert _read(read, stuffing + kept * len(LINE)) == b"." * stuffing + LINE * kept
    pipe.close(timeout_s=10)
    assert not pipe._thread.is_alive()


def test_a_reader_that_is_gone_costs_lines_not_the_daemon() -> None:
    read, write = os.pipe()
    os.close(read)
    pipe = LogPipe(write)
    pipe.write(LINE)
    pipe.close()
    os.close(write)
    assert not pipe._thread.is_alive()
    assert pipe.dropped == 1


def test_a_descriptor_that_somebody_made_non_blocking_is_waited_for(ends: tuple[int, int]) -> None:
    read, write = ends
    os.set_blocking(write, False)
    pipe = LogPipe(write)
    for _ in range(2000):
        pipe.write(LINE)
    pipe.close(timeout_s=0.05)
    assert _read(read, 2000 * len(LINE)) == LINE * 2000
    pipe.close(timeout_s=10)
    assert not pipe._thread.is_alive()


def test_lines_after_the_end_are_counted_as_lost(ends: tuple[int, int]) -> None:
    pipe = LogPipe(ends[1])
    pipe.close()
    pipe.close()
    assert pipe.write(LINE) == len(LINE)
    assert pipe.dropped == 1
