"""`[story]`: what is remembered of each session, for ``bras explain``; see ``bras.config.model``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoryConfig:
    """`[story]`: what is remembered of each session, live and ended, for `bras explain`."""

    enabled: bool = True
    """Whether the story of each session is kept, in memory: below 2 kB a session."""
    ended_per_user: int = 5
    """Stories that are kept of one user, or of one line where nobody gave a name: of sessions that had been up as many as of those that had not."""
    ended_total: int = 10_000
    """Stories of ended sessions that are kept in all, of both kinds."""
    file: str | None = None
    """File to which each story is appended when its session has ended, one JSON object a line; none: they are in memory only. When it is full it gets the name with `.1` at its end, in place of the one before."""
    file_octets: int = 67_108_864
    """Size at which the file is full."""
