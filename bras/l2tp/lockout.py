"""Lock-outs: who gives wrong responses to our Challenge waits longer and longer for the next try.

Counted are wrong responses in SCCCN only: whoever sends one has got our SCCRP, so its address
is its own, and nobody can lock out another one (RFC 2661 section 5.1.1 has the exchange).  A
lock-out delays new SCCRQs of one address and Host Name, and touches nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from bras.l2tp.events import Event, LockedOut, LockoutEnded, Path
from bras.l2tp.sources import source_of
from bras.plain import Saved

MOST = 1024
"""Lock-outs remembered; beyond it the oldest of the source with most of them is forgotten."""

Key = tuple[str, str]
"""Address and Host Name."""


class LockoutFacts(NamedTuple):
    """A lock-out as operators see it."""

    address: str
    hostname: str
    failures: int
    """Wrong responses since it was last quiet for long."""
    until: float
    """The instant, of ``now``, until which its SCCRQs are dropped; past ones are remembered for a while."""


@dataclass(slots=True)
class _Lockout:
    group: str
    failures: int
    until: float
    ended: bool = False
    """Whether its end was told."""


class Lockouts:
    """The lock-outs of one worker, by address and Host Name."""

    __slots__ = ("_cap_s", "_initial_s", "_lockouts", "touched")

    def __init__(self, initial_s: float, cap_s: float) -> None:
        """Lock out for ``initial_s`` (0: never) after a wrong response, twice as long each time, at most ``cap_s``."""
        self._initial_s = initial_s
        self._cap_s = cap_s
        self._lockouts: dict[Key, _Lockout] = {}  # in the order of the last failures
        self.touched: dict[Key, None] | None = None
        """Keys of what changed, where a journal is kept."""

    def follow(self, initial_s: float, cap_s: float) -> None:
        """Lock out for so long from now on; who is locked out stays so until the instant that it was told of."""
        self._initial_s, self._cap_s = initial_s, cap_s

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._lockouts)

    def delays(self, address: str, hostname: str, *, now: float) -> bool:
        """Return whether a SCCRQ must wait."""
        if not self._lockouts:
            return False
        lockout = self._lockouts.get((address, hostname))
        return lockout is not None and now < lockout.until

    def failed(self, path: Path, hostname: str, group: str, *, now: float) -> list[Event]:
        """Count a wrong response."""
        if not self._initial_s:
            return []
        key = (path.remote, hostname)
        lockout = self._lockouts.pop(key, None)
        failures = 1 if lockout is None else lockout.failures + 1
        seconds = min(self._initial_s * float(1 << min(failures - 1, 30)), self._cap_s)
        if lockout is None and len(self._lockouts) >= MOST:
            self._forget(self._least_fair())
        self._lockouts[key] = _Lockout(group, failures, now + seconds)
        self._touch(key)
        return [LockedOut(group, hostname, path, failures, seconds)]

    def succeeded(self, address: str, hostname: str) -> None:
        """Forget the failures of one that has given the right response."""
        if (address, hostname) in self._lockouts:
            self._forget((address, hostname))

    def _least_fair(self) -> Key:
        """Return the oldest of the source with most: one that invents Host Names pushes out only its own."""
        sources = Counter(source_of(address) for address, _ in self._lockouts)
        worst = sources.most_common(1)[0][0]
        return next(key for key in self._lockouts if source_of(key[0]) == worst)

    def _forget(self, key: Key) -> None:
        del self._lockouts[key]
        self._touch(key)

    def _touch(self, key: Key) -> None:
        if self.touched is not None:
            self.touched[key] = None

    def _due_at(self, lockout: _Lockout) -> float:
        return lockout.until + self._cap_s if lockout.ended else lockout.until

    @property
    def deadline(self) -> float | None:
        """Return when the next one ends or is forgotten."""
        return min((self._due_at(lockout) for lockout in self._lockouts.values()), default=None)

    def handle_timeout(self, *, now: float) -> list[Event]:
        """Tell of those that end; forget those that have been quiet for the cap since."""
        events: list[Event] = []
        for key, lockout in list(self._lockouts.items()):
            if self._due_at(lockout) > now:
                continue
            if lockout.ended:
                self._forget(key)
            else:
                lockout.ended = True
                self._touch(key)
                events.append(LockoutEnded(lockout.group, key[1], key[0], lockout.failures))
        return events

    def facts(self) -> Iterator[LockoutFacts]:
        """Iterate over those that are remembered."""
        return (LockoutFacts(*key, lockout.failures, lockout.until) for key, lockout in self._lockouts.items())

    def record(self, key: Key) -> Saved:
        """Return one as plain data; ``None`` when it is forgotten."""
        lockout = self._lockouts.get(key)
        return None if lockout is None else [*key, lockout.group, lockout.failures, lockout.until, lockout.ended]

    def save(self) -> list[Saved]:
        """Return plain data."""
        return [self.record(key) for key in self._lockouts]

    def resume(self, saved: list[Saved]) -> None:
        """Go on from ``save``, or from records in any order."""
        for address, hostname, *rest in saved:
            self._lockouts[address, hostname] = _Lockout(*rest)
