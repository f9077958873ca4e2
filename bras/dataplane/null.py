"""The back end ``null``: takes every Entry, forwards nothing, and counts what it is told to count.

For tests and for control-plane benchmarks.  It refuses what every back end refuses, stale
generations and taken slots, so that a mistake in the core shows here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bras.dataplane.base import DATA_PLANE_REASONS, NO_FALLBACKS, Address, Outlet, Status
from bras.errors import FallbackReason
from bras.forwarding.entry import AddEntry, Counters, Entry, Operation, Outcome, RemoveEntry
from bras.ids import CallKey


class Null:
    """A DataPlane without packets."""

    def __init__(self) -> None:
        """Begin without Entries."""
        self.drops = dict.fromkeys(DATA_PLANE_REASONS, 0)
        self.entries: dict[int, Entry] = {}
        self.forwarded: list[tuple[int, int, bytes]] = []
        """(slot, generation, packet) of what the core had forwarded."""
        self._counters: dict[int, Counters] = {}
        self._total = Counters()

    def open(self) -> None:
        """Need nothing."""

    def close(self, *, keep: bool = False) -> None:
        """Leave nothing."""

    @property
    def fallbacks(self) -> Mapping[FallbackReason, int]:
        """Return nothing: there is no path at all."""
        return NO_FALLBACKS

    def status(self) -> Status:
        """Return what it is and has."""
        return Status("null", entries=len(self.entries))

    def retain(self, entries: Iterable[tuple[int, int]]) -> None:
        """Remove every Entry but these."""
        kept = set(entries)
        for slot, entry in list(self.entries.items()):
            if (slot, entry.generation) not in kept:
                self._remove(slot, entry.generation)

    def cover(self, prefixes: Iterable[tuple[int, int]]) -> str:
        """Route nothing."""
        return ""

    def add_outlet(self, listener: int, outlet: Outlet) -> None:
        """Need none."""

    def remove_outlet(self, listener: int) -> None:
        """Have none."""

    def feed(self, slot: int, counters: Counters) -> None:
        """Add to a slot's counters, as if it had forwarded so much; raises KeyError if there is no such slot."""
        self._counters[slot] += counters
        self._total += counters

    def program_all(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Take note of Operations."""
        return [self.program(operation) for operation in operations]

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return nothing: nothing takes longer."""
        return ()

    def program(self, operation: Operation) -> Outcome:
        """Take note of an Operation."""
        if isinstance(operation, RemoveEntry):
            return self._remove(operation.slot, operation.generation)
        entry = operation.entry
        before = self.entries.get(entry.slot)
        if isinstance(operation, AddEntry):
            reason = "" if before is None else f"the slot is taken by generation {before.generation}"
        else:
            reason = "" if before and before.generation == entry.generation else "there is no such Entry"
        if not reason:
            self.entries[entry.slot] = entry
            self._counters.setdefault(entry.slot, Counters())
        return Outcome(entry.slot, entry.generation, not reason, reason)

    def _remove(self, slot: int, generation: int) -> Outcome:
        if not self._has(slot, generation):
            return Outcome(slot, generation, ok=False, reason="there is no such Entry")
        del self.entries[slot]
        return Outcome(slot, generation, ok=True, counters=self._counters.pop(slot))

    def _has(self, slot: int, generation: int) -> bool:
        entry = self.entries.get(slot)
        return entry is not None and entry.generation == generation

    def read(self, slots: Iterable[tuple[int, int]]) -> tuple[tuple[int, int, Counters], ...]:
        """Return the counters of those (slot, generation) that there are."""
        return tuple(
            (slot, generation, self._counters[slot]) for slot, generation in slots if self._has(slot, generation)
        )

    def totals(self) -> Counters:
        """Return the sum of all that was fed."""
        return self._total

    def filenos(self) -> tuple[int, ...]:
        """Return none."""
        return ()

    def on_readable(self, *, now: float) -> None:
        """Do nothing: nothing is ever readable."""

    def to_be_numbered(self) -> tuple[tuple[CallKey, bytes], ...]:
        """Return nothing: nothing comes from the device."""
        return ()

    def forward(self, slot: int, generation: int, packet: bytes, *, now: float) -> None:
        """Remember a packet."""
        if self._has(slot, generation):
            self.forwarded.append((slot, generation, packet))

    def datagram(self, data: bytes, address: Address, *, now: float) -> bool:
        """Take no datagram."""
        return False
