"""LNSes that forward in user space: our ``tun`` and, where it is installed, Debian's l2tpns."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.benchmark.l2tpns import L2tpnsSubject
from tests.benchmark.offered import search
from tests.benchmark.tun import TunSubject
from tests.support.namespaces import Network

Subject = TunSubject | L2tpnsSubject


@dataclass(frozen=True, slots=True)
class UserRow:
    """One LNS, one kind of traffic."""

    plane: str
    direction: str
    octets: int
    sessions: int
    asked_sessions: int
    ns: float
    """Inverse of the packets a second: the process has one core, what sends and receives for it the other."""
    packets_s: int
    """Of the median half second at a rate at which it loses next to nothing."""
    best_s: int
    cpu_us: float
    delivered: float


@contextmanager
def running(plane: str, sessions: int, cores: Sequence[int]) -> Iterator[Subject]:
    """Run an LNS on the first core; what sends is on the last one."""
    with Network() as network:
        subject: Subject
        if plane == "tun":
            subject = TunSubject(network, sessions, cores[-1])
            os.sched_setaffinity(0, {cores[0]})
        else:
            os.sched_setaffinity(0, {cores[-1]})
            subject = L2tpnsSubject(network, sessions, cores[-1], cores[0])
        try:
            yield subject
        finally:
            subject.close()
            os.sched_setaffinity(0, cores)


def measured(plane: str, sessions: int, octets: Sequence[int], seconds: float) -> Iterator[UserRow]:
    """Measure one LNS with so many sessions, each way."""
    with running(plane, sessions, sorted(os.sched_getaffinity(0))) as subject:
        for size in octets:
            for direction in ("up", "down"):
                found = search(subject, direction, size, seconds)
                yield UserRow(
                    *(plane, direction, size, subject.sessions, sessions),
                    ns=round(1e9 / max(found.median_s, 1), 1),
                    packets_s=round(found.median_s),
                    best_s=round(found.best_s),
                    cpu_us=round(found.cpu_us, 2),
                    delivered=round(found.delivered, 4),
                )


def user_rows(planes: Sequence[str], sessions: Sequence[int], octets: Sequence[int], seconds: float) -> list[UserRow]:
    """Measure all of them."""
    rows = []
    for plane in planes:
        if plane == "l2tpns" and not shutil.which("l2tpns"):
            continue
        for count in sessions:
            for row in measured(plane, count, octets, seconds):
                rows.append(row)
                print(shown(row), flush=True)
    return rows


def shown(row: UserRow) -> str:
    """One line of the table on the screen."""
    return (
        f"{row.plane:<10} {row.direction:<4} {row.octets:>5} {row.sessions:>7,} {row.ns:>8,.0f} ns "
        f"{row.packets_s:>10,}/s (best {row.best_s:,}) {row.cpu_us:.2f} us CPU  {row.delivered:.2%}"
    )
