"""Token buckets: how often something may happen, in bursts and in the long run; sans clock."""

from __future__ import annotations

from collections.abc import Iterator

from bras.plain import Saved


class Bucket:
    """Holds up to ``burst`` tokens and gains ``rate`` a second."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, *, now: float = 0.0) -> None:
        """Begin full."""
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, *, now: float, tokens: float = 1.0) -> bool:
        """Take so many tokens; false when there are not enough, and none is taken then."""
        left = self._tokens + (now - self._at) * self._rate
        self._at = now
        left = min(left, self._burst)
        if left < tokens:
            self._tokens = left
            return False
        self._tokens = left - tokens
        return True

    def give(self, tokens: float) -> None:
        """Give back what was taken."""
        self._tokens = min(self._burst, self._tokens + tokens)

    def save(self) -> Saved:
        """Return plain data."""
        return [self._tokens, self._at]

    @classmethod
    def restore(cls, rate: float, burst: float, saved: Saved) -> Bucket:
        """Go on from ``save``."""
        bucket = cls(rate, burst)
        bucket._tokens, bucket._at = saved
        return bucket


class Buckets:
    """A bucket for each key, the keys bounded: the one that was used longest ago makes room."""

    __slots__ = ("_buckets", "_burst", "_most", "_rate")

    def __init__(self, rate: float, burst: float, most: int) -> None:
        """Begin without keys; at most ``most`` are remembered."""
        self._rate = rate
        self._burst = burst
        self._most = most
        self._buckets: dict[str, Bucket] = {}  # the one used last at the end

    def __contains__(self, key: str) -> bool:
        """Return whether there is a bucket for ``key``."""
        return key in self._buckets

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys."""
        return iter(self._buckets)

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._buckets)

    def enter(self, key: str, *, now: float) -> None:
        """Give ``key`` a bucket, or make it the youngest if it has one."""
        bucket = self._buckets.pop(key, None)
        if bucket is None and len(self._buckets) >= self._most:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = bucket or Bucket(self._rate, self._burst, now=now)

    def take(self, key: str, *, now: float) -> bool:
        """Take a token of ``key``; false when it has none left, or no bucket."""
        bucket = self._buckets.get(key)
        return bucket is not None and bucket.take(now=now)

    def save(self) -> Saved:
        """Return plain data."""
        return [[key, *bucket.save()] for key, bucket in self._buckets.items()]

    def resume(self, saved: Saved) -> None:
        """Go on from ``save``."""
        self._buckets = {key: Bucket.restore(self._rate, self._burst, rest) for key, *rest in saved}
