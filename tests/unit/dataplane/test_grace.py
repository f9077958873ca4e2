"""Waiting for the kernel: what is handed over comes back after a grace period, in order, and wakes us."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator

import pytest

from bras.dataplane import grace
from bras.dataplane.grace import Grace, barrier


class Wait:
    """A grace period that lasts until it is told to end."""

    def __init__(self) -> None:
        self.periods = 0
        self._ends = threading.Semaphore(0)

    def __call__(self) -> None:
        self._ends.acquire()
        self.periods += 1

    def end(self) -> None:
        self._ends.release()


@pytest.fixture
def waiting() -> Iterator[tuple[Grace, Wait]]:
    wait = Wait()
    one = Grace(wait)
    yield one, wait
    wait.end()
    one.close()


def passed(one: Grace) -> list[object]:
    readable, _, _ = select.select([one.fileno()], [], [], 10)
    assert readable
    return one.passed()


def test_nothing_passes_before_its_time(waiting: tuple[Grace, Wait]) -> None:
    one, wait = waiting
    one.hand_over("a")
    assert one.passed() == []
    wait.end()
    assert passed(one) == ["a"]
    assert one.passed() == []


def test_what_comes_during_a_period_waits_for_a_whole_one_of_its_own(waiting: tuple[Grace, Wait]) -> None:
    one, wait = waiting
    one.hand_over("a")
    while not one._waiting.empty():  # until the period of "a" has begun
        time.sleep(0)
    one.hand_over("b")
    one.hand_over("c")
    wait.end()
    assert passed(one) == ["a"]
    wait.end()
    assert passed(one) == ["b", "c"]
    assert wait.periods == 2


def test_the_kernel_has_such_a_barrier(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_pause(_seconds: float) -> None:
        raise AssertionError("membarrier was refused")

    monkeypatch.setattr(grace.time, "sleep", no_pause)
    barrier()


def test_where_it_has_none_we_wait_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(grace.time, "sleep", slept.append)
    monkeypatch.setattr(grace.platform, "machine", lambda: "unheard-of")
    barrier()
    assert slept == [grace.PAUSE_S]
