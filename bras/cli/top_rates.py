"""What happens in a second: differences between two readings of the daemon's counts, by the daemon's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Server:
    """One service of a RADIUS server."""

    name: str
    kind: str
    up: bool
    outstanding: int
    replies_s: float | None
    latency_ms: float | None
    """Mean of the replies since the reading before; ``None`` without any."""
    resent_s: float | None
    dropped_s: float | None


class Rates:
    """The newest reading of "show overview", and the one before."""

    __slots__ = ("_before", "now")

    def __init__(self) -> None:
        """Begin without any."""
        self._before: Row | None = None
        self.now: Row = {}

    def take(self, reading: Row) -> None:
        """Take a reading; from a daemon that was started anew rates begin anew."""
        again = not self.now or reading["at"] <= self.now["at"] or reading["uptime_s"] < self.now["uptime_s"]
        self._before = None if again else self.now
        self.now = reading

    @property
    def is_new(self) -> bool:
        """Return whether there is nothing to compare with."""
        return self._before is None

    @property
    def _elapsed_s(self) -> float:
        return float(self.now["at"] - self._before["at"]) if self._before is not None else 0.0

    def of(self, *keys: str) -> float | None:
        """Return the increase in a second of a count; ``keys`` lead to it."""
        if self._before is None:
            return None
        return max(0.0, (_found(self.now, keys) - _found(self._before, keys)) / self._elapsed_s)

    def authentications(self) -> list[tuple[str, float | None]]:
        """Return what became of authentications, in a second, by outcome."""
        return [(outcome, self.of("authentications", outcome)) for outcome in sorted(self.now["authentications"])]

    def traffic(self, way: str) -> tuple[float | None, float | None]:
        """Return bits and packets a second of one direction."""
        octets = [self.of("totals", f"{way}_octets{family}") for family in (4, 6)]
        packets = [self.of("totals", f"{way}_packets{family}") for family in (4, 6)]
        bits_s, packets_s = _sum(octets), _sum(packets)
        return None if bits_s is None else 8 * bits_s, packets_s

    def setup_ms(self) -> float | None:
        """Return how long a set-up took, on the mean, since the reading before."""
        return self._mean_ms(self.of("setups"), self.of("setup_s"))

    def late_ms(self) -> float | None:
        """Return how late timers of the daemon were, on the mean, since the reading before."""
        return self._mean_ms(self.of("loop", "late"), self.of("loop", "late_s"))

    def _mean_ms(self, count_s: float | None, seconds_s: float | None) -> float | None:
        return 1000.0 * seconds_s / count_s if count_s and seconds_s is not None else None

    def sessions(self) -> dict[str, int]:
        """Return how many are up, coming and ending."""
        counts = {"up": 0, "coming": 0, "ending": 0}
        for row in self.now["census"]["sessions"]:
            state = row["state"] if row["state"] in counts else "coming"
            counts[state] += row["count"]
        return counts

    def tunnels(self) -> int:
        """Return how many tunnels there are, in any state."""
        return sum(row["count"] for row in self.now["census"]["tunnels"])

    def servers(self) -> list[Server]:
        """Return the services of RADIUS servers, those that are down first, then those with most to do."""
        counts = {(row["server"], row["kind"]): row for row in self.now["radius"]}
        before = {(row["server"], row["kind"]): row for row in (self._before or {}).get("radius", [])}
        found = [
            self._server(row, counts.get((row["server"], row["kind"]), {}), before.get((row["server"], row["kind"])))
            for row in self.now["census"]["radius"]
        ]
        return sorted(found, key=lambda one: (one.up, -(one.replies_s or 0.0), one.name, one.kind))

    def _server(self, census: Row, counts: Row, before: Row | None) -> Server:
        def since(key: str) -> float | None:
            if before is None or not self._elapsed_s or key not in counts:
                return None
            return max(0.0, float(counts[key] - before[key]) / self._elapsed_s)

        replies_s = since("replies")
        return Server(
            census["server"],
            census["kind"],
            census["up"],
            census["in_flight"],
            replies_s,
            self._mean_ms(replies_s, since("latency_s")),
            since("resent"),
            since("dropped"),
        )


def _found(reading: Row, keys: tuple[str, ...]) -> float:
    for key in keys[:-1]:
        reading = reading.get(key, {})
    return float(reading.get(keys[-1], 0))


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
