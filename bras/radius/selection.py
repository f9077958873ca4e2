"""Which server of a group is asked next.

- ``fail-over``: the first of the file that lives and was not asked yet.
- ``weighted``: each gets the share that its weight is of the sum, spread as evenly as can be:
  of those that may be asked, every one gains its weight, the one that has most is asked and
  pays the sum.  So no dice are needed, and a group that was saved goes on where it was.
- ``least-outstanding``: the one that has the fewest requests for its weight; of equals as
  ``weighted`` chooses.

The last two pass over servers whose window is full while another has room.  The dead are
passed over while another one lives, whatever the way of choosing.
"""

from __future__ import annotations

from bras.plain import Saved
from bras.radius.service import Service

FAIL_OVER = "fail-over"
WEIGHTED = "weighted"
LEAST_OUTSTANDING = "least-outstanding"
WAYS = (FAIL_OVER, WEIGHTED, LEAST_OUTSTANDING)


class Group:
    """The services of one kind in a group, in the order of the file."""

    __slots__ = ("balance", "select", "services")

    def __init__(self, select: str = FAIL_OVER) -> None:
        """Begin empty."""
        self.select = select
        self.services: list[Service] = []
        self.balance: dict[int, int] = {}
        """What each service has to its credit, by number."""

    def choose(self, tried: int) -> Service | None:
        """Return whom to ask; ``tried`` has a bit for the number of each service that was asked in this round."""
        if self.select != FAIL_OVER:
            return self._weigh(self._untried(tried))
        last_resort: Service | None = None
        alive = False
        for service in self.services:
            untried = not tried >> service.number & 1
            if service.health.dead_until is None:
                if untried:
                    return service
                alive = True
            elif untried and last_resort is None:
                last_resort = service
        return None if alive else last_resort

    def has_other(self, tried: int) -> bool:
        """Return whether ``choose`` would find one."""
        return bool(self._untried(tried))

    def _untried(self, tried: int) -> list[Service]:
        living = [service for service in self.services if service.health.dead_until is None]
        return [service for service in living or self.services if not tried >> service.number & 1]

    def _weigh(self, candidates: list[Service]) -> Service | None:
        """Return the one that is to have the next request."""
        if len(candidates) > 1:
            candidates = [one for one in candidates if one.has_room() and not one.queue] or candidates
        if len(candidates) > 1 and self.select == LEAST_OUTSTANDING:
            loads = [one.outstanding / one.config.weight for one in candidates]
            least = min(loads)
            candidates = [one for one, load in zip(candidates, loads, strict=True) if load == least]
        if len(candidates) > 1:
            return self._next_by_weight(candidates)
        return candidates[0] if candidates else None

    def _next_by_weight(self, candidates: list[Service]) -> Service:
        balance, best, total = self.balance, candidates[0], 0
        for service in candidates:
            weight = service.config.weight
            total += weight
            balance[service.number] = balance.get(service.number, 0) + weight
            if balance[service.number] > balance[best.number]:
                best = service
        balance[best.number] -= total
        return best

    def save(self) -> Saved:
        """Return plain data."""
        return [list(item) for item in self.balance.items()]
