"""How ``bras show`` prints an answer: once or again and again, as a table, as facts, or as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bras.cli.cells import json_safe
from bras.cli.client import AdminClient, Row
from bras.cli.common import console, daemon, print_json, socket_path
from bras.cli.view import View

if TYPE_CHECKING:
    from rich.console import Console

Sections = list[tuple[str, list[tuple[str, str]]]]
Draw = Callable[[AdminClient, "Console"], None]
_HEADING_LINES = 2
"""Of a list that is watched: its title and the titles of its columns."""


def print_list(view: View, **wishes: str | None) -> None:
    """Print a list."""
    view.understood()
    view.shown()
    if view.watch is not None and view.json:
        _lines_of_json(view.watch, view.socket, view.config, lambda client: view.answer(client, wishes))
    elif view.watch is not None:
        _watch(view.table.command, view.watch, view.socket, view.config, _drawer(view, wishes))
    else:
        with daemon(view.socket, view.config) as client:
            _print_once(view, client, wishes)


def _print_once(view: View, client: AdminClient, wishes: dict[str, str | None]) -> None:
    if not view.json:
        out = console()
        count = _print_table(view, client, out, wishes)
        if out.is_terminal and view.table.key == "sessions":
            out.print(f"{count} session{'' if count == 1 else 's'}")
    elif view.table.key == "sessions":
        _stream_json(view.pages(client, wishes))
    else:
        print_json(view.answer(client, wishes))


def _print_table(view: View, client: AdminClient, out: Console, wishes: dict[str, str | None]) -> int:
    from bras.cli import tables  # noqa: PLC0415  (keeps --help quick)

    pages = view.pages(client, wishes)
    if view.table.whole is not None and view.columns is None:
        body = view.answer(client, wishes)
        tables.print_facts(out, view.table.whole(body))
        pages = iter([body[view.table.key]])
    return tables.print_rows(out, view.shown(), pages, asked=view.columns is not None)


def _drawer(view: View, wishes: dict[str, str | None]) -> Draw:
    """Return what draws a list that is watched: of a long one only as much as there is room for."""

    def draw(client: AdminClient, out: Console) -> None:
        from bras.cli.screen import Screen  # noqa: PLC0415  (keeps --help quick)

        room = max(1, Screen().size[1] - _HEADING_LINES) if out.is_terminal else None
        limits = [limit for limit in (view.limit, room) if limit is not None]
        _print_table(replace(view, limit=min(limits, default=None)), client, out, wishes)

    return draw


def _watch(title: str, interval_s: float, socket: Path | None, config: Path | None, draw: Draw) -> None:
    from bras.cli.watch import watch  # noqa: PLC0415  (keeps --help quick)

    watch(socket_path(socket, config), f"bras {title}", interval_s, draw)


def _lines_of_json(
    interval_s: float, socket: Path | None, config: Path | None, ask: Callable[[AdminClient], Any]
) -> None:
    """Print an answer a line, until Ctrl-C."""
    import orjson  # noqa: PLC0415  (keeps --help quick)

    try:
        with daemon(socket, config) as client:
            while True:
                typer.echo(json_safe(orjson.dumps(ask(client)).decode()))
                time.sleep(interval_s)
    except KeyboardInterrupt:
        pass  # it is how one ends it


def _stream_json(pages: Iterator[list[Row]]) -> None:
    """Print ``{"sessions": [...]}`` a row a line, without holding them all."""
    import orjson  # noqa: PLC0415  (keeps --help quick)

    before = '{"sessions": [\n'
    for page in pages:
        for row in page:
            typer.echo(before + json_safe(orjson.dumps(row).decode()), nl=False)
            before = ",\n"
    typer.echo("]}" if before.startswith(",") else before + "]}")


@dataclass(frozen=True, slots=True)
class Facts:
    """All of something, in sections of names and values."""

    command: str
    watch: float | None
    json: bool
    socket: Path | None
    config: Path | None

    def show(
        self,
        sections: Callable[[Row], Sections],
        key: str = "",
        *,
        asked: Callable[[Row], Row] = lambda body: body,
        **wishes: str,
    ) -> None:
        """Print an answer, each of its rows under ``key``, or the whole if it has none."""

        def ask(client: AdminClient) -> Row:
            return asked(client.ask(self.command, **wishes))

        def draw(client: AdminClient, out: Console) -> None:
            from bras.cli import tables  # noqa: PLC0415  (keeps --help quick)

            body = ask(client)
            for row in body[key] if key else [body]:
                tables.print_facts(out, sections(row))

        if self.watch is not None and self.json:
            _lines_of_json(self.watch, self.socket, self.config, ask)
        elif self.watch is not None:
            _watch(" ".join((self.command, *wishes.values())), self.watch, self.socket, self.config, draw)
        else:
            with daemon(self.socket, self.config) as client:
                if self.json:
                    print_json(ask(client))
                else:
                    draw(client, console())
