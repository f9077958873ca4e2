"""How fast sessions are: kept while somebody looks, from two readings of their counters."""

from __future__ import annotations

from array import array
from typing import Final, NamedTuple

from bras.subscriber.parts import Forwarding
from bras.subscriber.subscriber import Subscriber

SHORTEST_S: Final = 0.5
"""Seconds between two readings from which rates are made: less tells noise."""
_SIZE: Final = 8
"""Numbers of a reading: the instant, four counters, three rates (below zero: not known)."""
_EMPTY: Final = (0.0,) * _SIZE


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
    """Readings by subscriber number; empty while nobody looks, and no part of what is saved.

    They stand in one array: objects for each of 50,000 sessions would make the collector look at them all at once.
    """

    __slots__ = ("_free", "_places", "_values")

    def __init__(self) -> None:
        """Begin empty."""
        self._values = array("d")
        self._places: dict[int, int] = {}
        """Where in the array the reading of a number begins."""
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._places)

    def of(self, number: int) -> Gauge | None:
        """Return the last reading of a session."""
        place = self._places.get(number)
        if place is None:
            return None
        values = self._values
        total = Carried(*map(int, values[place + 1 : place + 5]))
        up_bps, down_bps, packets_s = values[place + 5 : place + _SIZE]
        if up_bps < 0:
            return Gauge(values[place], total)
        return Gauge(values[place], total, up_bps, down_bps, packets_s)

    def read(self, subscriber: Subscriber, now: float) -> Gauge:
        """Take a reading of a session whose counters were just read."""
        before = self.of(subscriber.number)
        if before is not None and now - before.at < SHORTEST_S:
            return before
        total = carried(subscriber.forwarding)
        gauge = Gauge(now, total) if before is None else _since(before, total, now)
        self._keep(subscriber.number, gauge)
        return gauge

    def _keep(self, number: int, gauge: Gauge) -> None:
        place = self._places.get(number)
        if place is None:
            if not self._free:
                self._free.append(len(self._values))
                self._values.extend(_EMPTY)
            place = self._places[number] = self._free.pop()
        rates = [-1.0 if rate is None else rate for rate in gauge[2:]]
        self._values[place : place + _SIZE] = array("d", (gauge.at, *gauge.carried, *rates))

    def forget(self, number: int) -> None:
        """Forget a session that is over."""
        place = self._places.pop(number, None)
        if place is not None:
            self._free.append(place)

    def clear(self) -> None:
        """Forget all: nobody looks any more."""
        self._values, self._places, self._free = array("d"), {}, []


def _since(before: Gauge, total: Carried, now: float) -> Gauge:
    elapsed_s, was = now - before.at, before.carried
    packets = total.up_packets + total.down_packets - was.up_packets - was.down_packets
    return Gauge(
        now,
        total,
        max(0.0, 8.0 * (total.up_octets - was.up_octets) / elapsed_s),
        max(0.0, 8.0 * (total.down_octets - was.down_octets) / elapsed_s),
        max(0.0, packets / elapsed_s),
    )
