"""``bras debug``: debug lines of one LAC or user in the log, for a while."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import typer

from bras.cli import live
from bras.cli.cells import cell
from bras.cli.common import MISUSED, JsonOption, SocketConfigOption, SocketOption, daemon, fail, print_json
from bras.cli.human import duration

app = typer.Typer(no_args_is_help=True, help="Debug lines of chosen LACs and users in the log, for a while.")
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}
ForOption = Annotated[str, typer.Option("--for", metavar="TIME", help="For so long: 90s, 10m, 2h; a day at most.")]


def seconds(text: str) -> float:
    """Return a time in seconds; what is none ends the command."""
    found = re.fullmatch(r"(\d+)([smh]?)", text)
    if found is None:
        fail(f"{text!r} is no time: give 90s, 10m or 2h", MISUSED)
    return float(found[1]) * _UNITS[found[2]]


@app.command()
def lac(
    name: Annotated[str, typer.Argument(help="Name of a [[lac]] group, Host Name or address of a LAC.")],
    for_: ForOption = "10m",
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Write what happens in tunnels and calls of a LAC."""
    _ask(socket, config, json, kind="lac", name=name, for_s=seconds(for_))


@app.command()
def user(
    name: Annotated[str, typer.Argument(help="User name.", autocompletion=live.selectors)],
    for_: ForOption = "10m",
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Write what happens to the sessions of a user."""
    _ask(socket, config, json, kind="user", name=name, for_s=seconds(for_))


@app.command()
def off(json: JsonOption = False, socket: SocketOption = None, config: SocketConfigOption = None) -> None:
    """Write of nobody any more."""
    _ask(socket, config, json, off=True)


@app.command("list")
def list_(json: JsonOption = False, socket: SocketOption = None, config: SocketConfigOption = None) -> None:
    """Say who is chosen, and for how long yet."""
    _ask(socket, config, json)


def _ask(socket: Any, config: Any, json: bool, **wish: Any) -> None:
    with daemon(socket, config) as client:
        body = client.ask("debug", **wish)
    if json:
        print_json(body)
        return
    for row in body["debug"]:
        typer.echo(cell(f"{row['kind']} {row['name']}: {duration(row['left_s'])} more"))
    if not body["debug"]:
        typer.echo("nobody is chosen")
