"""Nanoseconds a packet in the kernel, with and without our programs.

Frames are made by the kernel at one end of a road (roads.py), each for a random subscriber, and counted and
dropped by XDP at the other; all of it on one CPU, one batch after the other, so that the time of a frame is
the whole cost of everything that happens to it.  What remains after subtracting the same frames being made,
sent over one link and dropped is what a packet costs the LNS, its inverse the packets a second of one core.
Rounds go over all roads in turn, for machines have other work too: figures are medians, shares of plain
forwarding are taken within a round.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmark.bpffs import bpf_file_system
from tests.benchmark.frames import Frames
from tests.benchmark.roads import DIRECT, Road, build
from tests.support.namespaces import Network

KINDS = ("plain", "through", "ebpf-tc", "ebpf-decap", "ebpf-full")
WARM_UP = 20_000
DELIVERED = 0.995
"""Share of the frames that has to arrive; a row with less is marked."""
BARS = {"ebpf-tc": 0.65, "ebpf-decap": 0.65, "ebpf-full": 2.8}
"""Multiples of plain forwarding that are asked of us; a row with less is marked."""
Point = tuple[str, int]
"""Program that makes the frames, octets of the inner packet."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way of forwarding, one kind of traffic."""

    plane: str
    direction: str
    octets: int
    sessions: int
    ns: float
    """What a packet costs; the median of the rounds, as all that follows."""
    packets_s: int
    share: float
    """Of the packets a second of plain forwarding, in the same rounds."""
    lowest_ns: float
    highest_ns: float
    delivered: float
    """Share that arrived, in the worst round."""
    rounds: int
    begun_ns: float
    """What was subtracted: making a frame, one link, and dropping it."""


Sample = dict[tuple[str, Point], tuple[float, float]]
"""Nanoseconds and delivered share of one round, by road and point."""


def points(kinds: Sequence[str], octets: Sequence[int]) -> Iterator[tuple[str, Point]]:
    """Return (road, point) of everything that one round measures."""
    for size in octets:
        for program in ("tunnelled", "upstream", "downstream"):
            yield "hop", (program, size)
        for kind in kinds:
            for direction in ("up", "down"):
                if (kind, direction) != ("ebpf-decap", "down"):  # that is TC's
                    yield kind, (made_by(kind, direction), size)


def made_by(kind: str, direction: str) -> str:
    """Return the program that makes the frames of a road and direction."""
    if direction == "down":
        return "downstream"
    return "upstream" if kind in DIRECT else "tunnelled"


def measure(frames: Frames, kinds: Sequence[str], sessions: int, options: argparse.Namespace, pins: Path) -> list[Row]:
    """Measure all roads with so many sessions."""
    with Network() as network:
        roads: dict[str, Road] = {}
        try:
            for kind in ("hop", *kinds):
                roads[kind] = build(network, frames, kind, sessions, pins)
            todo = list(points(kinds, options.octets))
            for kind, point in todo:
                if not roads[kind].send(frames, *point, sessions, WARM_UP)[1]:
                    raise SystemExit(f"{kind}: nothing of {point} has come out; {roads[kind].losses()}")
            samples = [
                {(kind, point): roads[kind].send(frames, *point, sessions, options.packets) for kind, point in todo}
                for _ in range(options.rounds)
            ]
        finally:
            for road in roads.values():
                road.close()
    return [row(kind, point, sessions, samples) for kind, point in todo if kind != "hop"]


def row(kind: str, point: Point, sessions: int, samples: Sequence[Sample]) -> Row:
    """Return what the rounds have shown of one road and point."""
    program, octets = point
    direction = "down" if program == "downstream" else "up"
    plain = made_by("plain", direction), octets
    net = [sample[kind, point][0] - sample["hop", point][0] for sample in samples]
    of_plain = [sample["plain", plain][0] - sample["hop", plain][0] for sample in samples]
    ns = median(net)
    return Row(
        *(kind, direction, octets, sessions, round(ns, 1), round(1e9 / ns)),
        share=round(median(a / b for a, b in zip(of_plain, net, strict=True)), 3),
        lowest_ns=round(min(net), 1),
        highest_ns=round(max(net), 1),
        delivered=round(min(sample[kind, point][1] for sample in samples), 4),
        rounds=len(samples),
        begun_ns=round(median(sample["hop", point][0] for sample in samples), 1),
    )


def shown(row: Row) -> str:
    """One line of the table on the screen."""
    short = "" if row.delivered >= DELIVERED else "  NOT ALL ARRIVED"
    short += "" if row.share >= BARS.get(row.plane, 0) else f"  BELOW {BARS[row.plane]}"
    return (
        f"{row.plane:<10} {row.direction:<4} {row.octets:>5} {row.sessions:>7,} {row.ns:>8,.0f} ns "
        f"({row.lowest_ns:,.0f}-{row.highest_ns:,.0f}) {row.packets_s:>10,}/s  x{row.share:.2f}  "
        f"{row.delivered:.2%}{short}"
    )


def rows_of(
    file: Path, kinds: Sequence[str], sessions: Sequence[int], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Measure what the kernel forwards, on one core; ``file`` has the programs that make frames."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    rows: list[Row] = []
    try:
        with tempfile.TemporaryDirectory(prefix="bras-benchmark-") as place, bpf_file_system(Path(place)) as pins:
            frames = Frames(file)
            for count in sessions:
                measured = measure(frames, kinds, count, options, pins)
                print(*map(shown, measured), sep="\n", flush=True)
                rows += measured
            frames.close()
    finally:
        os.sched_setaffinity(0, cores)
    return [asdict(row) for row in rows]


def numbers(text: str) -> list[int]:
    """Return the numbers of a comma-separated list."""
    return [int(word) for word in text.split(",")]
