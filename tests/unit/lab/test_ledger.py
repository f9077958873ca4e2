"""Reading the books of the lab's RADIUS server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bras.lab.ledger import Ledger, read_ledger


def record(status: str, session: str, **more: int) -> dict[str, Any]:
    attributes = {"Acct-Status-Type": status, "Acct-Session-Id": session}
    return {"type": "accounting", "attributes": attributes | {key.replace("_", "-"): more[key] for key in more}}


def books(tmp_path: Path, *lines: dict[str, Any]) -> Ledger:
    path = tmp_path / "radius.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_ledger(path)


def test_books_that_are_right(tmp_path: Path) -> None:
    ledger = books(
        tmp_path,
        {"type": "access", "accepted": True},
        {"type": "access", "accepted": False},
        record("Accounting-On", "0"),
        record("Start", "a"),
        record("Interim-Update", "a", Acct_Input_Octets=5),
        record("Stop", "a", Acct_Input_Octets=7, Acct_Input_Gigawords=1, Acct_Output_Octets=9),
    )
    assert ledger.problems(1) == []
    assert (ledger.accepted, ledger.rejected) == (1, 1)
    assert (ledger.up_octets, ledger.down_octets) == (7 + (1 << 32), 9)


def test_books_that_are_wrong(tmp_path: Path) -> None:
    ledger = books(
        tmp_path,
        record("Start", "a"),
        record("Stop", "b"),
        record("Stop", "b"),
        {"type": "dropped", "why": "wrong secret"},
    )
    assert ledger.problems(2) == [
        "1 Accounting-Starts for 2 sessions",
        "1 Accounting-Starts without a Stop",
        "1 Accounting-Stops without a Start",
        "1 Accounting-Stops too many",
        "RADIUS request dropped: wrong secret",
    ]
