"""How often the configuration was read again, what became of it, and since when that in force is in force."""

from __future__ import annotations

from enum import Enum


class ReloadOutcome(Enum):
    """What became of a configuration that was read again."""

    APPLIED = "applied"
    """It is in force."""
    PARTLY = "partly"
    """It is in force but for keys that wait for a restart."""
    REFUSED = "refused"
    """Something in it is wrong: nothing has changed."""
    FAILED = "failed"
    """A defect of ours: see the log."""


class ConfigCounts:
    """Counts of reloads; the keys are label values, as everywhere in ``bras.telemetry.counts``."""

    __slots__ = ("read_at", "reloads", "waiting")

    def __init__(self) -> None:
        """Begin at zero."""
        self.reloads: dict[tuple[str, ...], int] = {(outcome.value,): 0 for outcome in ReloadOutcome}
        """By outcome."""
        self.read_at: dict[tuple[str, ...], float] = {(): 0.0}
        """When the configuration in force was read, in seconds of the wall clock."""
        self.waiting: dict[tuple[str, ...], int] = {(): 0}
        """Keys of the file that wait for a restart."""

    def begun(self, *, at: float) -> None:
        """Take note of the configuration with which the process begins; ``at`` is of the wall clock."""
        self.read_at[()] = at

    def reloaded(self, outcome: ReloadOutcome, *, waiting: int, at: float) -> None:
        """Count a reload, after which so many keys wait for a restart."""
        self.reloads[(outcome.value,)] += 1
        if outcome in (ReloadOutcome.APPLIED, ReloadOutcome.PARTLY):
            self.read_at[()] = at
            self.waiting[()] = waiting
