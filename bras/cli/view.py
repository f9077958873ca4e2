"""What all lists of ``bras show`` can be told: which columns, which rows, in which order, how often."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand

from bras.cli import live
from bras.cli.client import AdminClient, Row
from bras.cli.columns import RATES, TABLES, Column, NoSuchColumn, Table, chosen, fields
from bras.cli.common import MISUSED, JsonOption, SocketConfigOption, SocketOption, fail
from bras.query.kinds import Kind
from bras.query.lexer import QueryError
from bras.query.match import Match, understand
from bras.query.order import Order, first, order

if TYPE_CHECKING:
    from typer._click import Context

WATCH_S = 2.0
WatchOption = Annotated[
    float | None,
    typer.Option(metavar="[SECONDS]", min=0.1, help="Show it again and again, each 2 seconds, until Ctrl-C."),
]
_SECONDS = re.compile(r"\d+(\.\d*)?|\.\d+")


class WatchCommand(TyperCommand):
    """A command whose ``--watch`` may come without the number."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Write out what a bare ``--watch`` means."""
        return super().parse_args(ctx, spelled_out(args))


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """Return arguments in which ``--watch`` has its number."""
    found: list[str] = []
    for index, argument in enumerate(arguments):
        following = arguments[index + 1] if index + 1 < len(arguments) else ""
        is_bare = argument == "--watch" and not _SECONDS.fullmatch(following)
        found.append(f"--watch={WATCH_S:g}" if is_bare else argument)
    return found


@dataclass(frozen=True, slots=True)
class View:
    """How a list is to be shown."""

    table: Table
    columns: str | None
    match: str | None
    sort: str | None
    limit: int | None
    watch: float | None
    json: bool
    socket: Path | None
    config: Path | None

    def shown(self) -> tuple[Column, ...]:
        """Return the columns to show."""
        usual = tuple(column for column in self.table.columns if not column.extra)
        try:
            return usual if self.columns is None else chosen(self.table.columns, self.columns)
        except NoSuchColumn as wrong:
            fail(f"--columns: {wrong}", MISUSED)

    def understood(self) -> tuple[Match | None, Order | None]:
        """Return what ``--match`` and ``--sort`` mean; what makes no sense ends the command with its place."""
        of = fields(self.table.columns)
        return (
            _understood("--match", self.match, lambda text: understand(text, of)),
            _understood("--sort", self.sort, lambda text: order(text, of)),
        )

    def answer(self, client: AdminClient, wishes: dict[str, str | None]) -> Row:
        """Return the whole answer, with the rows that are wished for."""
        if self.table.key == "sessions":
            return {"sessions": [row for page in self._sessions(client, wishes) for row in page]}
        match, sort = self.understood()
        body: Row = client.ask(self.table.command, **{name: wish for name, wish in wishes.items() if wish})
        rows = [row for row in body[self.table.key] if match is None or match.holds(row)]
        if sort is not None:
            ranked = [(sort.rank(row, number), row) for number, row in enumerate(rows)]
            rows = [row for _, row in first(ranked, self.limit, descends=sort.descends)]
        return {**body, self.table.key: rows[: self.limit]}

    def pages(self, client: AdminClient, wishes: dict[str, str | None]) -> Iterator[list[Row]]:
        """Yield the rows that are wished for; of sessions the daemon chooses, of the rest, which are few, we."""
        if self.table.key == "sessions":
            yield from self._sessions(client, wishes)
        else:
            yield self.answer(client, wishes)[self.table.key]

    def _sessions(self, client: AdminClient, wishes: dict[str, str | None]) -> Iterator[list[Row]]:
        rates = any(column.name in RATES for column in self.shown()) or None
        given = {"match": self.match or None, "sort": self.sort or None, "most": self.limit, "rates": rates}
        return client.sessions(**wishes, **given)


def _understood(option: str, text: str | None, understand: Callable[[str], Any]) -> Any:
    if not text:
        return None
    try:
        return understand(text)
    except QueryError as wrong:
        place = f"\n  {text}\n  {' ' * wrong.at}^" if text.isascii() and text.isprintable() else ""
        fail(f"{option}: {wrong}{place}", MISUSED)


def listed(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command, whose first parameter is a ``View``, the options of one for the table of this name."""
    table = TABLES[name]
    options = _options(table)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        own = [one for one in inspect.signature(command).parameters.values() if one.name != "view"]

        def run(**given: Any) -> None:
            wishes = {one.name: given.pop(one.name) for one in own}
            command(View(table, **given), **wishes)

        kind = inspect.Parameter.KEYWORD_ONLY
        parameters = [one.replace(kind=kind, annotation=hints[one.name]) for one in own]
        parameters += [
            inspect.Parameter(name, kind, default=False if name == "json" else None, annotation=option)
            for name, option in options.items()
        ]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect looks for it first
        return run

    return decorate


def _options(table: Table) -> dict[str, Any]:
    """Return the options of a view, by the names of its fields."""
    names = ", ".join(
        column.name + ("" if column.kind is Kind.TEXT else f" ({column.kind.value})") for column in table.columns
    )
    match = typer.Option(
        metavar="EXPRESSION",
        help="Only rows that meet this: COLUMN==VALUE (!= < <= > >=), COLUMN=~REGEX (!~), ADDRESS in PREFIX,"
        " with and, or, not and ( ).",
    )
    columns = typer.Option(
        autocompletion=live.columns,
        metavar="NAMES",
        help=f"Columns, like a,b,c, or +a for this one beside the usual ones. There are: {names}.",
    )
    sort = typer.Option(autocompletion=live.orders, metavar="[-]COLUMN", help="Order by a column; with - descending.")
    return {
        "match": Annotated[str | None, match],
        "columns": Annotated[str | None, columns],
        "sort": Annotated[str | None, sort],
        "limit": Annotated[int | None, typer.Option(metavar="N", min=0, help="So many rows at most.")],
        "watch": WatchOption,
        "json": JsonOption,
        "socket": SocketOption,
        "config": SocketConfigOption,
    }
