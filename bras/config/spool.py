"""`[radius.spool]`: accounting records that nobody has acknowledged yet; see ``bras.config.model``."""

from __future__ import annotations

from dataclasses import dataclass

AT_BOUND = ("refuse-calls", "forget-oldest")
ON_SILENCE = ("continue", "disconnect")


@dataclass(frozen=True, slots=True)
class SpoolConfig:
    """`[radius.spool]`: what becomes of accounting records while no server takes them; on disk with `[state]`, else in memory."""

    drain_per_s: float = 500.0
    """Records a second that each group of servers is told of what has piled up; what is made now goes before, at once."""
    max_records: int = 1_000_000
    """Records that may be owed; without `[state]` not more than 100000."""
    at_bound: str = "refuse-calls"
    """What happens when so many are owed: `refuse-calls` lets no new call in, and sessions that are up are recorded beyond the bound; `forget-oldest` gives up the oldest record for each new one."""
    warn_records: int = 10_000
    """Records owed to a group from which on the log warns; 0: never."""
    warn_age_s: float = 900.0
    """Age of the oldest record owed to a group from which on the log warns, in seconds; 0: never."""
    refuse_calls_at_risk: bool = False
    """Whether no new call is let in while the disk refuses what is to be kept."""
    on_silence: str = "continue"
    """What becomes of a session whose accounting servers answer nothing: `continue`, or `disconnect`, which ends it."""
    silence_s: float = 300.0
    """Seconds that a group must have been silent, and a session must have been owed a record, for that."""
