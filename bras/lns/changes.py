"""What a turn has changed, where a journal is kept; who changes something says so here."""

from __future__ import annotations

from dataclasses import dataclass, field

from bras.l2tp.journal import TunnelJournal


@dataclass(slots=True)
class Changes:
    """Filled by the rim and the machines, emptied by ``bras.lns.commit`` at the end of each turn."""

    tunnels: TunnelJournal = field(default_factory=TunnelJournal)
    subscribers: dict[int, None] = field(default_factory=dict)
    """Numbers of subscribers that something happened to."""
    lines: dict[int, None] = field(default_factory=dict)
    """Numbers of those whose long record is another now, although their Entry is not."""
    records: list[tuple[str, bytes]] = field(default_factory=list)
    """Accounting records that were made or acknowledged, and what else is written as it is."""
