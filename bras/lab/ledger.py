"""The accounting records that the lab's RADIUS server wrote, and whether the bill adds up."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GIGAWORD = 1 << 32


@dataclass(slots=True)
class Ledger:
    """Accounting Starts and Stops by Acct-Session-Id, and what the Stops bill."""

    started: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    repeated_stops: int = 0
    accepted: int = 0
    rejected: int = 0
    up_octets: int = 0
    """Acct-Input-Octets of all Stops: from the subscribers."""
    down_octets: int = 0
    dropped: list[str] = field(default_factory=list)
    """Why requests were dropped."""

    def problems(self, sessions: int) -> list[str]:
        """Say what is wrong with the books of ``sessions`` sessions that all have ended."""
        found = []
        if len(self.started) != sessions:
            found.append(f"{len(self.started)} Accounting-Starts for {sessions} sessions")
        if self.started - self.stopped:
            found.append(f"{len(self.started - self.stopped)} Accounting-Starts without a Stop")
        if self.stopped - self.started:
            found.append(f"{len(self.stopped - self.started)} Accounting-Stops without a Start")
        if self.repeated_stops:
            found.append(f"{self.repeated_stops} Accounting-Stops too many")
        return found + sorted(set(self.dropped))


def read_ledger(path: Path) -> Ledger:
    """Read the JSON lines of ``bras lab radius``."""
    ledger = Ledger()
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["type"] == "access":
            ledger.accepted += line["accepted"]
            ledger.rejected += not line["accepted"]
        elif line["type"] == "accounting":
            _enter(ledger, line["attributes"])
        else:
            ledger.dropped.append(f"RADIUS request dropped: {line['why']}")
    return ledger


def _enter(ledger: Ledger, attributes: dict[str, Any]) -> None:
    session = str(attributes.get("Acct-Session-Id", ""))
    match attributes.get("Acct-Status-Type"):
        case "Start":
            ledger.started.add(session)
        case "Stop":
            ledger.repeated_stops += session in ledger.stopped
            ledger.stopped.add(session)
            ledger.up_octets += _octets(attributes, "Input")
            ledger.down_octets += _octets(attributes, "Output")


def _octets(attributes: dict[str, Any], way: str) -> int:
    low = int(attributes.get(f"Acct-{way}-Octets", 0))
    return low + GIGAWORD * int(attributes.get(f"Acct-{way}-Gigawords", 0))
