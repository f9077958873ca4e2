"""The ``bras`` command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from bras import __version__
from bras.cli import completion, dataplane, debug, explain, live, probe, reload, show, top
from bras.cli.common import (
    DEFAULT_CONFIG,
    FAILED,
    MISUSED,
    ConfigOption,
    JsonOption,
    SocketConfigOption,
    SocketOption,
    daemon,
    fail,
    print_json,
)
from bras.config.model import Config, Listen

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    # A pretty traceback prints local variables, and secrets with them.
    pretty_exceptions_enable=False,
    help="A RADIUS-integrated L2TP network server.",
)
app.command("reload")(reload.reload)
app.command("top")(top.top)
app.command("explain")(explain.explain)
app.command("probe")(probe.probe)
app.command("completion")(completion.completion)
app.add_typer(show.app, name="show")
app.add_typer(dataplane.app, name="dataplane")
app.add_typer(debug.app, name="debug")


def main() -> None:
    """Run the command line; exits with 0, 1 (it did not work) or 2 (wrong usage or configuration)."""
    if completion.VARIABLE in os.environ:
        completion.begin()
    app(prog_name="bras")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bras {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the daemon in the foreground until SIGTERM."""
    loaded = _load(config)
    from bras.runtime import daemon as runtime  # noqa: PLC0415  (keeps the other commands quick)

    raise typer.Exit(runtime.run(loaded, str(config)))


@app.command("check-config")
def check_config(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Read the configuration and say everything that is wrong with it."""
    loaded = _load(config)
    typer.echo(f"{config}: ok: {_summary(loaded)}")


def _load(path: Path) -> Config:
    """Read the configuration; what is doubtful is said, what is wrong ends the command with 2."""
    from bras.runtime.reload import read  # noqa: PLC0415  (keeps the other commands quick)

    checked = read(str(path)).checked
    for warning in checked.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for problem in checked.problems:
        typer.echo(str(problem), err=True)
    if checked.config is None:
        raise typer.Exit(MISUSED)
    return checked.config


def _summary(config: Config) -> str:
    """Say in a line what a configuration amounts to."""
    parts = [
        "listens on " + ", ".join(_endpoint(listen) for listen in config.lns.listen),
        _count(len(config.lac), "LAC group"),
        _count(len(config.radius.server), "RADIUS server"),
        _count(len(config.pool), "pool")
        + f" ({sum(last - first + 1 for pool in config.pool for first, last in pool.ranges)} addresses)",
    ]
    if config.user:
        parts.append(_count(len(config.user), "local user"))
    return "; ".join(parts)


def _endpoint(listen: Listen) -> str:
    return f"[{listen.address}]:{listen.port}" if ":" in listen.address else f"{listen.address}:{listen.port}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@app.command()
def disconnect(
    selector: Annotated[
        str, typer.Argument(help="Acct-Session-Id, user name or IPv4 address.", autocompletion=live.selectors)
    ],
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """End sessions; comes back when they are wholly gone."""
    with daemon(socket, config) as client:
        body = client.ask("disconnect", selector=selector)
    if json:
        print_json(body)
    else:
        typer.echo(f"{_count(body['disconnected'], 'session')} disconnected")
    if not body["disconnected"]:
        raise typer.Exit(FAILED)


@app.command(
    # Its options are its own: they are passed on as they are, --help with them.
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def lab(context: typer.Context) -> None:
    """Emulate a LAC with subscribers, or a RADIUS server (lac | radius)."""
    try:
        from bras.lab.cli import app as laboratory  # noqa: PLC0415  (keeps the other commands quick)
    except ImportError as wrong:
        fail(f"the lab is not installed: {wrong}")
    typer.main.get_command(laboratory)(args=context.args, prog_name="bras lab")
