from __future__ import annotations

import io

import pytest
from rich.console import Console

from bras.cli.columns import GROUPS, LACS, POOLS, RADIUS, SESSIONS, TUNNELS, Column
from bras.cli.tables import print_facts, print_rows
from tests.unit.cli.rows import GROUP, LAC, POOL, SERVER, TUNNEL, Row, session


def _terminal(width: int, *, colours: bool = False) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=True,
        color_system="standard" if colours else None,
        highlight=False,
        markup=False,
    )


def _pipe() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, highlight=False, markup=False)


def _print(console: Console, columns: tuple[Column, ...], *pages: list[Row]) -> list[str]:
    print_rows(console, columns, pages)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 80, 100, 160, 300])
@pytest.mark.parametrize(
    ("columns", "row"),
    [(SESSIONS, session()), (TUNNELS, TUNNEL), (LACS, LAC), (GROUPS, GROUP), (POOLS, POOL), (RADIUS, SERVER)],
)
def test_a_table_fits_the_terminal(columns: tuple[Column, ...], row: Row, width: int) -> None:
    heading, line = _print(_terminal(width), columns, [row])
    assert max(len(heading), len(line)) <= width
    assert "…" not in line
    assert next(column.title for column in columns if column.rank == 0) in heading


def test_a_narrow_terminal_shows_what_matters_most_and_a_wide_one_more() -> None:
    narrow = _print(_terminal(80), SESSIONS, [session()])
    wide = _print(_terminal(160), SESSIONS, [session()])
    for text in ("user1@isp.example", "10.64.0.1", "1d 03h", "988 MB"):
        assert text in narrow[1]
    assert "6560F00D00000001" not in narrow[1]
    for text in ("6560F00D00000001", "0301234567", "12.3 ms", "mschapv2"):
        assert text in wide[1]


def test_columns_stand_under_each_other_over_all_pages() -> None:
    rows = _print(_terminal(120), SESSIONS, [session(1), session(2)], [session(3, user="x")], [])
    starts = [row.index("10.64.") for row in rows[1:]]
    assert len(rows) == 4
    assert len(set(starts)) == 1


def test_a_later_long_value_is_cut_on_a_terminal_and_whole_in_a_pipe() -> None:
    pages = ([session(1, user="short")], [session(2, user="a" * 100)])
    assert "…" in _print(_terminal(100), SESSIONS, *pages)[2]
    assert "a" * 100 in _print(_pipe(), SESSIONS, *pages)[2]


def test_a_pipe_gets_every_column_and_no_colours() -> None:
    heading, line = _print(_pipe(), SESSIONS, [session()])
    for column in SESSIONS:
        assert column.title in heading
        assert column.cell(session()) in line
    assert "\x1b" not in heading + line
    assert not line.endswith(" ")


def test_a_terminal_gets_colours() -> None:
    _heading, line = _print(_terminal(80, colours=True), SESSIONS, [session()])
    assert "\x1b[32mup" in line


@pytest.mark.parametrize("console", [_terminal(300), _pipe()], ids=["terminal", "pipe"])
def test_names_from_the_network_cannot_drive_the_terminal(console: Console) -> None:
    hostile = session(user="[red]\x1b[2J\n:smile:", called_number="\u202e\udcff")
    lines = _print(console, SESSIONS, [hostile])
    assert len(lines) == 2
    assert "[red]\\x1b[2J\\n:smile:" in lines[1]
    assert "\\u202e\\udcff" in lines[1]


def test_wide_characters_keep_the_columns() -> None:
    lines = _print(_pipe(), SESSIONS, [session(1, user="用户"), session(2, user="abcd")])
    assert lines[1].index("any") + 2 == lines[2].index("any")


def test_a_column_that_says_nothing_is_left_out_on_a_terminal_only() -> None:
    assert "radius" not in _print(_terminal(300), GROUPS, [GROUP])[0]
    assert "radius" in _print(_pipe(), GROUPS, [GROUP])[0]


def test_no_rows_still_have_a_heading() -> None:
    assert len(_print(_pipe(), TUNNELS, [])) == 1
    assert len(_print(_terminal(80), TUNNELS, [])) == 1


def test_facts() -> None:
    console = _terminal(80)
    print_facts(
        console, [("one", [("name", "a\nb"), ("none", "")]), ("empty", [("none", "")]), ("s", [("state", "up")])]
    )
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "one\n  name  a\\nb\ns\n  state  up\n"
