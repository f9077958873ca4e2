"""The policer: GCRA (ITU-T I.371, also RFC 3290 section 5.1.3) over octets.

A bucket of ``burst_octets`` fills at ``rate_bps``; a packet passes when the bucket holds
its octets and takes them, else it is dropped and takes nothing.  Kept as one instant, the
theoretical arrival time, in the caller's clock (monotonic seconds).
"""

from __future__ import annotations

from typing import Protocol

SMALLEST_BURST_OCTETS = 16000
LARGEST_PACKET_OCTETS = 1500


def burst_of(rate_bps: int, burst_octets: int) -> int:
    """Return the burst in force: what is given, or a quarter second of the rate and at least 16000 octets.

    Never less than a full packet, which could otherwise never pass.
    """
    if burst_octets <= 0:
        return max(rate_bps // 32, SMALLEST_BURST_OCTETS)
    return max(burst_octets, LARGEST_PACKET_OCTETS)


class Bucket(Protocol):
    """What polices one direction of one subscriber, wherever its bucket is kept."""

    def conforms(self, octets: int, now: float) -> bool:
        """Take ``octets`` from the bucket, or answer that they are too many."""


class Policer:
    """One direction of one subscriber."""

    __slots__ = ("_burst_s", "_empty_at", "_octet_s")

    def __init__(self, rate_bps: int, burst_octets: int) -> None:
        """Police to ``rate_bps`` (> 0), counted as inner IP octets; ``burst_octets`` as for ``burst_of``."""
        self._empty_at = 0.0
        self.change(rate_bps, burst_octets)

    def change(self, rate_bps: int, burst_octets: int) -> None:
        """Go on with another rate or burst; what was sent so far still counts."""
        self._octet_s = 8.0 / rate_bps
        self._burst_s = burst_of(rate_bps, burst_octets) * self._octet_s

    def conforms(self, octets: int, now: float) -> bool:
        """Take ``octets`` from the bucket, or answer that they are too many."""
        empty_at = self._empty_at
        at = (empty_at if empty_at > now else now) + octets * self._octet_s
        full_at = now + self._burst_s
        if at <= full_at:
            self._empty_at = at
            return True
        # Only a change to a smaller burst leaves more debt than an empty bucket's: forgive it.
        self._empty_at = min(empty_at, full_at)
        return False


def renewed(before: Bucket | None, rate_bps: int, burst_octets: int) -> Policer | None:
    """Return the policer of a rate, which goes on where ``before`` stands; ``None`` where there is no rate."""
    if rate_bps <= 0:
        return None
    if not isinstance(before, Policer):
        return Policer(rate_bps, burst_octets)
    before.change(rate_bps, burst_octets)
    return before
