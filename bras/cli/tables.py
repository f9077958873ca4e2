"""Rows on a terminal as tables that fit its width, and in a pipe as plain columns with everything.

Widths are settled by the first page, so that a list of any length is printed as it comes.
Whatever the network said is cleaned first: it must not drive the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bras.cli.cells import cell as safe
from bras.cli.columns import Column, Row

_GAP = 2
_STYLES = {
    "up": "green",
    "established": "green",
    "safe": "green",
    "dead": "bold red",
    "at risk": "bold red",
    "at bound": "bold red",
    "none": "yellow",
    "ending": "yellow",
    "closing": "yellow",
}
"""Colour of a state; another one is on its way up."""


@dataclass(frozen=True, slots=True)
class _Fitted:
    column: Column
    width: int


def print_rows(console: Console, columns: Sequence[Column], pages: Iterable[list[Row]], *, asked: bool = False) -> int:
    """Print all pages under one heading; return how many rows there were.

    ``asked``: these columns were asked for by name, so that all are shown, however narrow the terminal is.
    """
    count = 0
    fitted: list[_Fitted] = []
    for page in pages:
        cells = [[safe(column.cell(row)) for column in columns] for row in page]
        first = not fitted
        if first:
            fitted = _fit(columns, cells, console.width if console.is_terminal else None, asked=asked)
        shown = [columns.index(entry.column) for entry in fitted]
        chosen = [[line[index] for index in shown] for line in cells]
        if console.is_terminal:
            wide = sum(entry.width + _GAP for entry in fitted)
            console.print(_table(fitted, chosen, heading=first), width=max(console.width, wide), soft_wrap=asked)
        else:
            _print_plain(console, fitted, chosen, heading=first)
        count += len(page)
    return count


def _fit(columns: Sequence[Column], cells: list[list[str]], width: int | None, *, asked: bool) -> list[_Fitted]:
    """Keep the columns of lowest rank that fit into ``width`` and say something; all if it is None, or ``asked``."""
    wanted = []
    for index, column in enumerate(columns):
        longest = max((cell_len(line[index]) for line in cells), default=0)
        if width is not None and not asked and cells and not longest and column.rank:
            continue
        capped = longest if width is None else min(longest, column.cap)
        wanted.append(_Fitted(column, max(len(column.title), capped)))
    if width is None or asked:
        return wanted
    kept: list[Column] = []
    left = width + _GAP
    for entry in sorted(wanted, key=lambda entry: entry.column.rank):
        if entry.width + _GAP <= left or not kept:
            kept.append(entry.column)
            left -= entry.width + _GAP
    return [entry for entry in wanted if entry.column in kept]


def _table(fitted: list[_Fitted], cells: list[list[str]], *, heading: bool) -> Table:
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, show_header=heading, header_style="bold cyan")
    for entry in fitted:
        table.add_column(
            entry.column.title,
            justify="right" if entry.column.right else "left",
            width=entry.width,
            no_wrap=True,
            overflow="ellipsis",
        )
    for line in cells:
        table.add_row(*(_styled(entry.column, cell) for entry, cell in zip(fitted, line, strict=True)))
    return table


def _styled(column: Column, cell: str) -> Text:
    return Text(cell, style=_STYLES.get(cell, "cyan") if column.title == "state" else "")


def _print_plain(console: Console, fitted: list[_Fitted], cells: list[list[str]], *, heading: bool) -> None:
    if heading:
        cells = [[entry.column.title for entry in fitted], *cells]
    gap = " " * _GAP
    for line in cells:
        padded = (_pad(cell, entry) for entry, cell in zip(fitted, line, strict=True))
        console.file.write(gap.join(padded).rstrip() + "\n")


def _pad(cell: str, entry: _Fitted) -> str:
    if cell_len(cell) >= entry.width:
        return cell
    if entry.column.right:
        return " " * (entry.width - cell_len(cell)) + cell
    return set_cell_size(cell, entry.width)


def print_facts(console: Console, sections: Iterable[tuple[str, list[tuple[str, str]]]]) -> None:
    """Print sections of names and values, one a line; a value that is empty is left out."""
    for title, facts in sections:
        shown = [(name, safe(value)) for name, value in facts if value]
        if not shown:
            continue
        console.print(Text(title, style="bold cyan"), soft_wrap=True)
        wide = max(cell_len(name) for name, _ in shown)
        for name, value in shown:
            line = Text(f"  {name:<{wide}}  ", style="dim")
            style = _STYLES.get(value, "cyan") if name == "state" else "not dim"
            console.print(line.append(value, style=style), soft_wrap=True)
