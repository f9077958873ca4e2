"""``bras show``: what the daemon knows, as tables or JSON."""

from __future__ import annotations

from typing import Annotated

import typer

from bras import __version__
from bras.cli import dataplane as of_dataplane
from bras.cli import live
from bras.cli.client import Row
from bras.cli.common import JsonOption, SocketConfigOption, SocketOption
from bras.cli.printing import Facts, Sections, print_list
from bras.cli.view import View, WatchCommand, WatchOption, listed

app = typer.Typer(
    no_args_is_help=True,
    help="Show sessions, tunnels, LACs and their groups, pools, RADIUS servers, accounting, the data plane.",
)


@app.command(cls=WatchCommand)
@listed("sessions")
def sessions(
    view: View,
    user: Annotated[
        str | None, typer.Option(help="Only sessions of this user name.", autocompletion=live.users)
    ] = None,
    lac: Annotated[
        str | None, typer.Option(help="Only sessions of this LAC group.", autocompletion=live.groups)
    ] = None,
    address: Annotated[str | None, typer.Option(help="Only the session with this IPv4 address.")] = None,
) -> None:
    """List sessions; filters narrow the list together."""
    print_list(view, user=user, group=lac, address=address)


@app.command(cls=WatchCommand)
@listed("tunnels")
def tunnels(
    view: View,
    lac: Annotated[str | None, typer.Option(help="Only tunnels of this LAC group.", autocompletion=live.groups)] = None,
    address: Annotated[str | None, typer.Option(help="Only tunnels of the LAC at this address.")] = None,
    hostname: Annotated[str | None, typer.Option(help="Only tunnels of the LAC with this Host Name.")] = None,
) -> None:
    """List tunnels; filters narrow the list together."""
    print_list(view, group=lac, address=address, hostname=hostname)


@app.command(cls=WatchCommand)
@listed("lacs")
def lacs(view: View) -> None:
    """List the LACs that were seen, with what they have and what they were refused."""
    print_list(view)


@app.command(cls=WatchCommand)
@listed("groups")
def groups(view: View) -> None:
    """List LAC groups, with what they hold and may hold."""
    print_list(view)


@app.command(cls=WatchCommand)
@listed("pools")
def pools(view: View) -> None:
    """List pools of addresses."""
    print_list(view)


@app.command(cls=WatchCommand)
@listed("radius")
def radius(view: View) -> None:
    """List RADIUS servers, one line for each service."""
    print_list(view)


@app.command(cls=WatchCommand)
@listed("coa")
def coa(view: View) -> None:
    """List those who may change and end sessions by RADIUS, and what became of their requests."""
    print_list(view)


@app.command(cls=WatchCommand)
@listed("spool")
def spool(view: View) -> None:
    """Show which accounting records are owed to each group of servers, and how safe they are."""
    print_list(view)


@app.command(cls=WatchCommand)
def session(
    selector: Annotated[
        str, typer.Argument(help="Acct-Session-Id, user name or IPv4 address.", autocompletion=live.selectors)
    ],
    watch: WatchOption = None,
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Show all of a session, each value of its profile with its source."""
    from bras.cli import detail  # noqa: PLC0415  (keeps --help quick)

    Facts("show session", watch, json, socket, config).show(detail.sections, "sessions", selector=selector)


@app.command(cls=WatchCommand)
def tunnel(
    selector: Annotated[
        str, typer.Argument(help="Our tunnel id, or the LAC's Host Name or address.", autocompletion=live.tunnels)
    ],
    watch: WatchOption = None,
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Show all of a tunnel: the LAC, what it said of itself, where the control connection stands."""
    from bras.cli import tunnel as reader  # noqa: PLC0415  (keeps --help quick)

    Facts("show tunnel", watch, json, socket, config).show(reader.sections, "tunnels", selector=selector)


@app.command(cls=WatchCommand)
def group(
    name: Annotated[str, typer.Argument(help="Name of the [[lac]] group.", autocompletion=live.groups)],
    watch: WatchOption = None,
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Show what holds for a LAC group, each value with its source."""
    from bras.cli import group as reader  # noqa: PLC0415  (keeps --help quick)

    Facts("show group", watch, json, socket, config).show(reader.sections, "groups", name=name)


@app.command(cls=WatchCommand)
def dataplane(
    watch: WatchOption = None,
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Show what forwards packets, what it has carried, and every reason why it drops or is slower than it could be."""
    Facts("show dataplane", watch, json, socket, config).show(of_dataplane.sections)


@app.command(cls=WatchCommand)
def version(
    watch: WatchOption = None,
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Show which bras this is, and which one is running."""
    Facts("show version", watch, json, socket, config).show(
        _versions, asked=lambda running: {"command": __version__, "daemon": running}
    )


def _versions(body: Row) -> Sections:
    from bras.cli import human  # noqa: PLC0415  (keeps --help quick)

    facts = [
        (name.removesuffix("_s"), human.duration(value) if name.endswith("_s") else human.plain(value))
        for name, value in body["daemon"].items()
    ]
    return [("command", [("version", body["command"])]), ("daemon", facts)]
