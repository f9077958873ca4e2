from __future__ import annotations

import pytest

from bras.cli.columns import COA, GROUPS, LACS, POOLS, RADIUS, SESSIONS, SPOOL, TUNNELS, Column
from tests.unit.cli.rows import CLIENT, GROUP, LAC, POOL, SERVER, TUNNEL, UNMATCHED, Row, session
from tests.unit.cli.rows import SPOOL as OWED


@pytest.mark.parametrize(
    ("columns", "row", "cells"),
    [
        (SESSIONS, session(), ["6560F00D00000001", "user1@isp.example", "10.64.0.1", "1d 03h", "988 MB", "12.3 ms"]),
        (SESSIONS, session(address=None, uptime_s=None, echo_ms=None), ["user1@isp.example", "1234", "4321"]),
        (TUNNELS, TUNNEL, ["1234", "lac1.example", "1m 01s", "198.18.0.2:1701"]),
        (TUNNELS, TUNNEL, ["10.2 ms", "5", "2", "Vendor, Inc."]),
        (LACS, LAC, ["any", "lac1.example", "198.18.0.2", "1", "3", "10", "2s ago", "wrong secret, 1h 01m ago"]),
        (LACS, LAC, ["7 wrong secret, 2 limit", "1 bad message", "tunnel authentication failed", "1d 03h ago"]),
        (LACS, LAC | {"locked_out_s": 30.0}, ["30s"]),
        (LACS, UNMATCHED, ["south", "0", ""]),
        (GROUPS, GROUP, ["any", "1", "3 / 100", "yes", "chap, pap"]),
        (POOLS, POOL, ["default", "65530", "10.64.0.1-10.64.255.254", "0.0 %"]),
        (POOLS, POOL | {"size": 0, "free": 0}, ["default"]),
        (COA, CLIENT, ["policy", "7", "2", "198.51.100.0/28 2001:db8:5::/64"]),
        (SPOOL, OWED["groups"][0], ["-", "0", "777", ""]),
        (
            SPOOL,
            OWED["groups"][1],
            ["billing", "4321", "21", "4000", "299", "70", "64", "2h 02m", "2h 00m", "888", "3"],
        ),
        (SPOOL, OWED["groups"][1], ["Accounting-On"]),
        (SPOOL, OWED["groups"][1] | {"waits_for": "earlier_records"}, ["earlier records"]),
        (RADIUS, SERVER, ["198.18.1.2", "dead", "12s", "198.18.1.2 1812", "2/4"]),
    ],
)
def test_cells(columns: tuple[Column, ...], row: Row, cells: list[str]) -> None:
    shown = [column.cell(row) for column in columns]
    assert set(cells) <= set(shown)


@pytest.mark.parametrize("columns", [SESSIONS, TUNNELS, LACS, GROUPS, POOLS, RADIUS, COA, SPOOL])
def test_ranks_and_titles_are_unique(columns: tuple[Column, ...]) -> None:
    assert len({column.rank for column in columns}) == len(columns)
    assert len({column.title for column in columns}) == len(columns)
    assert min(column.rank for column in columns) == 0
