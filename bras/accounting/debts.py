"""One record that is owed, and how far it has come."""

from __future__ import annotations

from typing import Final

from bras.accounting.rows import Made
from bras.plain import Saved

START: Final = 1
STOP: Final = 2
INTERIM: Final = 3
"""Acct-Status-Type (RFC 2866 section 5.1)."""
ON: Final = 7
OFF: Final = 8
PATIENCE: Final = 3
"""Rounds that a record goes in vain while its group answers others, until what follows it waits no more."""
SETTLED: Final = -1
"""In place of a ticket: acknowledged, or given up."""


class Owed:
    """A record that no server has acknowledged, in memory."""

    __slots__ = (
        "follows",
        "group",
        "key",
        "made",
        "number",
        "octets",
        "owed_s",
        "rounds",
        "since",
        "spooled",
        "status",
        "ticket",
    )

    def __init__(self, key: int, status: int, group: str | None, octets: bytes, made: Made) -> None:
        """Begin untold."""
        self.key = key
        self.status = status
        self.group = group
        self.octets = octets
        self.made = made
        self.owed_s = made.wall_s
        """Since when its session has been owed this record, or those in whose place it came (wall clock)."""
        self.number = 0
        """The Spool that puts it on disk; 0 when that is done, or is not to be."""
        self.spooled = status != INTERIM
        """Whether the disk may hold it, or an older Interim-Update of its session."""
        self.follows = False
        """Whether what is before it is known to the disk alone."""
        self.ticket = 0
        """By which the exchange has it; 0: it waits its turn."""
        self.rounds = 0
        """Rounds in vain while the group answered others."""
        self.since = 0.0
        """When it was told, or its last round ended."""

    @property
    def is_announcement(self) -> bool:
        """Return whether it is an Accounting-On or -Off."""
        return self.status >= ON

    @property
    def is_stuck(self) -> bool:
        """Return whether it keeps nobody waiting any more."""
        return self.rounds >= PATIENCE or self.ticket == SETTLED

    def save(self) -> Saved:
        """Return plain data."""
        return [
            self.key, self.status, self.group, self.octets, list(self.made),
            self.number, self.owed_s, self.spooled, self.follows, self.ticket, self.rounds, self.since,
        ]  # fmt: skip

    @classmethod
    def restore(cls, saved: Saved) -> Owed:
        """Return what ``save`` was called on."""
        key, status, group, octets, made, *progress = saved
        owed = cls(key, status, group, octets, Made(*made))
        owed.number, owed.owed_s, owed.spooled, owed.follows, owed.ticket, owed.rounds, owed.since = progress
        return owed
