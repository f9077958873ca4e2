"""How fast sessions are: kept while somebody looks, from two readings of their counters."""

from __future__ import annotations

from typing import Final, NamedTuple

from bras.subscriber.parts import Forwarding
from bras.subscriber.subscriber import Subscriber

SHORTEST_S: Final = 0.5
"""Seconds between two readings from which rates are made: less tells noise."""
_STRAYS: Final = 5000
"""Sessions that are over may be remembered, up to so many."""


class Carried(NamedTuple):
    """What a session has carried, both families together."""

    up_octets: int
    down_octets: int
    up_packets: int
    down_packets: int


class Gauge(NamedTuple):
    """A reading, and the rates since the one before it, if there was one."""

    at: float
    carried: Carried
    up_bps: float | None = None
    down_bps: float | None = None
    packets_s: float | None = None


def carried(forwarding: Forwarding) -> Carried:
    """Return what a session has carried, as last read."""
    base, last = forwarding.base, forwarding.last
    return Carried(
        base.up_octets4 + base.up_octets6 + last.up_octets4 + last.up_octets6,
        base.down_octets4 + base.down_octets6 + last.down_octets4 + last.down_octets6,
        base.up_packets4 + base.up_packets6 + last.up_packets4 + last.up_packets6,
        base.down_packets4 + base.down_packets6 + last.down_packets4 + last.down_packets6,
    )


class Gauges:
    """Readings by subscriber number; empty while nobody looks, and no part of what is saved."""

    __slots__ = ("_readings",)

    def __init__(self) -> None:
        """Begin empty."""
        self._readings: dict[int, Gauge] = {}

    def __len__(self) -> int:
        return len(self._readings)

    def of(self, number: int) -> Gauge | None:
        """Return the last reading of a session."""
        return self._readings.get(number)

    def read(self, subscriber: Subscriber, now: float) -> Gauge:
        """Take a reading of a session whose counters were just read."""
        before = self._readings.get(subscriber.number)
        if before is not None and now - before.at < SHORTEST_S:
            return before
        total = carried(subscriber.forwarding)
        gauge = Gauge(now, total) if before is None else _since(before, total, now)
        self._readings[subscriber.number] = gauge
        return gauge

    def forget_strays(self, alive: dict[int, Subscriber]) -> None:
        """Forget those who are gone, when they are many."""
        if len(self._readings) > len(alive) + _STRAYS:
            self._readings = {number: gauge for number, gauge in self._readings.items() if number in alive}

    def clear(self) -> None:
        """Forget all: nobody looks any more."""
        self._readings = {}


def _since(before: Gauge, total: Carried, now: float) -> Gauge:
    elapsed_s, was = now - before.at, before.carried
    packets = total.up_packets + total.down_packets - was.up_packets - was.down_packets
    return Gauge(
        now,
        total,
        8.0 * (total.up_octets - was.up_octets) / elapsed_s,
        8.0 * (total.down_octets - was.down_octets) / elapsed_s,
        packets / elapsed_s,
    )
