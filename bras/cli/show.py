"""``bras show``: what the daemon knows, as tables or JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from bras import __version__
from bras.cli import dataplane as of_dataplane
from bras.cli.client import Row
from bras.cli.common import JsonOption, SocketConfigOption, SocketOption, console, daemon, print_json

app = typer.Typer(
    no_args_is_help=True, help="Show sessions, tunnels, LACs and their groups, pools, RADIUS servers, the data plane."
)


@app.command()
def sessions(
    user: Annotated[str | None, typer.Option(help="Only sessions of this user name.")] = None,
    lac: Annotated[str | None, typer.Option(help="Only sessions of this LAC group.")] = None,
    address: Annotated[str | None, typer.Option(help="Only the session with this IPv4 address.")] = None,
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """List sessions; filters narrow the list together."""
    with daemon(socket, config) as client:
        pages = client.sessions(user=user, group=lac, address=address)
        if json:
            _stream_json(pages)
            return
        from bras.cli import columns, tables  # noqa: PLC0415  (keeps --help quick)

        out = console()
        count = tables.print_rows(out, columns.SESSIONS, pages)
        if out.is_terminal:
            out.print(f"{count} session{'' if count == 1 else 's'}")


def _stream_json(pages: Iterable[list[Row]]) -> None:
    """Print ``{"sessions": [...]}`` a row a line, without holding them all."""
    import orjson  # noqa: PLC0415  (keeps --help quick)

    before = '{"sessions": [\n'
    for page in pages:
        for row in page:
            typer.echo(before + orjson.dumps(row).decode(), nl=False)
            before = ",\n"
    typer.echo("]}" if before.startswith(",") else before + "]}")


@app.command()
def session(
    selector: Annotated[str, typer.Argument(help="Acct-Session-Id, user name or IPv4 address.")],
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Show all of a session, each value of its profile with its source."""
    from bras.cli import detail  # noqa: PLC0415  (keeps --help quick)

    _facts("session", "sessions", detail.sections, json, socket, config, selector=selector)


@app.command()
def tunnels(
    lac: Annotated[str | None, typer.Option(help="Only tunnels of this LAC group.")] = None,
    address: Annotated[str | None, typer.Option(help="Only tunnels of the LAC at this address.")] = None,
    hostname: Annotated[str | None, typer.Option(help="Only tunnels of the LAC with this Host Name.")] = None,
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """List tunnels; filters narrow the list together."""
    wishes = {"group": lac, "address": address, "hostname": hostname}
    _table("tunnels", "tunnels", json, socket, config, **{name: wish for name, wish in wishes.items() if wish})


@app.command()
def tunnel(
    selector: Annotated[str, typer.Argument(help="Our tunnel id, or the LAC's Host Name or address.")],
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Show all of a tunnel: the LAC, what it said of itself, where the control connection stands."""
    from bras.cli import tunnel as reader  # noqa: PLC0415  (keeps --help quick)

    _facts("tunnel", "tunnels", reader.sections, json, socket, config, selector=selector)


@app.command()
def lacs(json: JsonOption = False, socket: SocketOption = None, config: SocketConfigOption = None) -> None:
    """List the LACs that were seen, with what they have and what they were refused."""
    _table("lacs", "lacs", json, socket, config)


@app.command()
def groups(json: JsonOption = False, socket: SocketOption = None, config: SocketConfigOption = None) -> None:
    """List LAC groups, with what they hold and may hold."""
    _table("groups", "groups", json, socket, config)


@app.command()
def group(
    name: Annotated[str, typer.Argument(help="Name of the [[lac]] group.")],
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Show what holds for a LAC group, each value with its source."""
    from bras.cli import group as reader  # noqa: PLC0415  (keeps --help quick)

    _facts("group", "groups", reader.sections, json, socket, config, name=name)


@app.command()
def pools(json: JsonOption = False, socket: SocketOption = None, config: SocketConfigOption = None) -> None:
    """List pools of addresses."""
    _table("pools", "pools", json, socket, config)


@app.command()
def radius(json: JsonOption = False, socket: SocketOption = None, config: SocketConfigOption = None) -> None:
    """List RADIUS servers, one line for each service."""
    _table("radius", "servers", json, socket, config)


@app.command()
def coa(json: JsonOption = False, socket: SocketOption = None, config: SocketConfigOption = None) -> None:
    """List those who may change and end sessions by RADIUS, and what became of their requests."""
    _table("coa", "clients", json, socket, config)


def _table(what: str, key: str, json: bool, socket: Path | None, config: Path | None, **wishes: str) -> None:
    with daemon(socket, config) as client:
        body = client.ask(f"show {what}", **wishes)
    if json:
        print_json(body)
        return
    from bras.cli import columns, tables  # noqa: PLC0415  (keeps --help quick)

    of = {
        "tunnels": columns.TUNNELS,
        "lacs": columns.LACS,
        "groups": columns.GROUPS,
        "pools": columns.POOLS,
        "radius": columns.RADIUS,
        "coa": columns.COA,
    }
    tables.print_rows(console(), of[what], [body[key]])


def _facts(
    what: str,
    key: str,
    sections: Callable[[Row], list[tuple[str, list[tuple[str, str]]]]],
    json: bool,
    socket: Path | None,
    config: Path | None,
    **wishes: str,
) -> None:
    """Print all of each row of an answer, in sections."""
    with daemon(socket, config) as client:
        body = client.ask(f"show {what}", **wishes)
    if json:
        print_json(body)
        return
    from bras.cli import tables  # noqa: PLC0415  (keeps --help quick)

    out = console()
    for row in body[key]:
        tables.print_facts(out, sections(row))


@app.command()
def dataplane(json: JsonOption = False, socket: SocketOption = None, config: SocketConfigOption = None) -> None:
    """Show what forwards packets, what it has carried, and every reason why it drops or is slower than it could be."""
    with daemon(socket, config) as client:
        body = client.ask("show dataplane")
    if json:
        print_json(body)
        return
    from bras.cli import tables  # noqa: PLC0415  (keeps --help quick)

    tables.print_facts(console(), of_dataplane.sections(body))


@app.command()
def version(json: JsonOption = False, socket: SocketOption = None, config: SocketConfigOption = None) -> None:
    """Show which bras this is, and which one is running."""
    with daemon(socket, config) as client:
        running: dict[str, Any] = client.ask("show version")
    if json:
        print_json({"command": __version__, "daemon": running})
        return
    from bras.cli import human, tables  # noqa: PLC0415  (keeps --help quick)

    facts = [
        (name.removesuffix("_s"), human.duration(value) if name.endswith("_s") else human.plain(value))
        for name, value in running.items()
    ]
    tables.print_facts(console(), [("command", [("version", __version__)]), ("daemon", facts)])
