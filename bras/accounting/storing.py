"""What is on its way to the disk, and whether the disk takes it."""

from __future__ import annotations

from collections import deque

from bras.accounting.debts import INTERIM, Owed
from bras.accounting.rows import Drop, Operation, Put
from bras.plain import Saved


class Storing:
    """The ledger's side of the spool."""

    __slots__ = (
        "failed_at", "failures", "number", "octets", "operations", "reason", "refused_at", "stored", "unstored"
    )  # fmt: skip

    def __init__(self) -> None:
        """Begin with a disk that is believed to take everything."""
        self.operations: list[Operation] = []
        """Of this turn."""
        self.number = 1
        """Of the Spool that takes them."""
        self.unstored: deque[Owed] = deque()
        """Starts, Stops and announcements that are on their way, in order."""
        self.refused_at: float | None = None
        """Since when the disk refuses."""
        self.reason = ""
        """Why it refused last."""
        self.failed_at: float | None = None
        """When it did."""
        self.failures = 0
        self.stored = 0
        """Records that have come to the disk."""
        self.octets = 0
        """What the file takes, as told last."""

    def begin_anew(self, damaged: list[str], now: float) -> None:
        """Know which files of before were left, because they could not be read."""
        for path in damaged:
            self.failures += 1
            self.reason, self.failed_at = f"damaged: {path}", now

    def put(self, owed: Owed) -> None:
        """Have a record on disk."""
        self.operations.append(Put(owed.key, owed.status, owed.group, owed.octets, owed.made))
        owed.spooled = True
        if owed.status != INTERIM:
            owed.number = self.number
            self.unstored.append(owed)

    def drop(self, owed: Owed) -> None:
        """Have it there no more."""
        self.operations.append(Drop(owed.key, owed.status, owed.made.at))

    def take(self) -> tuple[int, tuple[Operation, ...]]:
        """Return the number and the operations of a Spool: those of the turn that ends."""
        number, operations = self.number, tuple(self.operations)
        self.number += 1
        self.operations.clear()
        return number, operations

    def done(self, up_to: int) -> list[Owed]:
        """Take out what is on disk."""
        found, unstored = [], self.unstored
        while unstored and unstored[0].number <= up_to:
            found.append(unstored.popleft())
        self.stored += len(found)
        return found

    def save(self) -> Saved:
        """Return plain data, between two turns; what is in memory as well is joined again by ``adopt``."""
        return {
            "number": self.number,
            "unstored": [owed.save() for owed in self.unstored],
            "refused_at": self.refused_at,
            "reason": self.reason,
            "failed_at": self.failed_at,
            "failures": self.failures,
            "stored": self.stored,
            "octets": self.octets,
        }

    @classmethod
    def restore(cls, saved: Saved, known: dict[tuple[int, int], Owed]) -> Storing:
        """Return what ``save`` was called on; ``known`` are the records in memory by key and status."""
        storing = cls()
        for state in saved["unstored"]:
            owed = Owed.restore(state)
            storing.unstored.append(known.get((owed.key, owed.status), owed))
        storing.number, storing.refused_at, storing.reason = saved["number"], saved["refused_at"], saved["reason"]
        storing.failed_at = saved["failed_at"]
        storing.failures, storing.stored, storing.octets = saved["failures"], saved["stored"], saved["octets"]
        return storing
