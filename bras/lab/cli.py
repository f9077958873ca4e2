"""``bras lab``: an emulated LAC with subscribers, a RADIUS server, and a demo of all together."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

import bras
from bras.config import dictionary
from bras.config.model import Listen
from bras.errors import ConfigError
from bras.lab.demo import Demo
from bras.lab.dial import Dialer
from bras.lab.lac import LabLac
from bras.lab.namespaces import LabError
from bras.lab.plan import METHODS, LacPlan
from bras.lab.radius import LabRadius, line_writer, serve
from bras.lab.summary import counts, summarize, table
from bras.lab.traffic import PingPlan, StreamPlan, address_number
from bras.lab.users import LabUsers, load_users, parse_user

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Emulate a LAC with subscribers, or a RADIUS server; or show all together.",
)


def _fail(words: object) -> NoReturn:
    typer.echo(f"bras lab: {words}", err=True)
    raise typer.Exit(1)


def endpoint(text: str, port: int) -> Listen:
    """Read ``192.0.2.1``, ``192.0.2.1:1702``, ``2001:db8::1`` or ``[2001:db8::1]:1702``; raises ``LabError``."""
    address, given = text, ""
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        given = rest.removeprefix(":")
    elif text.count(":") == 1:
        address, _, given = text.partition(":")
    if given and not given.isdigit():
        raise LabError(f"{text}: ADDRESS or ADDRESS:PORT would be right")
    return Listen(address, int(given) if given else port)


def number(address: str, option: str) -> int:
    """Read an IPv4 address; raises ``LabError`` naming the option."""
    try:
        return address_number(address)
    except ValueError as error:
        raise LabError(f"{option}: {error}") from None


@app.command()
def lac(
    lns: Annotated[str, typer.Argument(help="The LNS: ADDRESS or ADDRESS:PORT, IPv6 as [ADDRESS]:PORT.")],
    secret: Annotated[str, typer.Option(help="Tunnel secret; empty: no tunnel authentication.")] = "",
    tunnels: Annotated[int, typer.Option(help="Tunnels to open.")] = 1,
    sessions: Annotated[int, typer.Option(help="Calls in all, spread over the tunnels.")] = 1,
    method: Annotated[str, typer.Option(help=f"Comma-separated, taken in turn: {', '.join(METHODS)}.")] = "chap",
    user: Annotated[str, typer.Option(help="User name; %d is the subscriber's number.")] = "user%d",
    password: Annotated[str, typer.Option(help="Password; %d is the subscriber's number.")] = "pass",
    hostname: Annotated[str, typer.Option(help="Host Name AVP; %d is the tunnel's number.")] = "lac%d",
    calling_number: Annotated[str, typer.Option(help="Calling Number AVP.")] = "555%06d",
    called_number: Annotated[str, typer.Option(help="Called Number AVP.")] = "100",
    rate: Annotated[float, typer.Option(help="New calls a second; 0: all at once.")] = 0.0,
    window: Annotated[int, typer.Option(help="Receive window that is advertised.")] = 4,
    mru: Annotated[int, typer.Option(help="MRU in octets that subscribers ask for.")] = 1460,
    source: Annotated[list[str] | None, typer.Option(help="Address to call from; may be repeated.")] = None,
    port: Annotated[int, typer.Option(help="UDP port to call from; 0: any.")] = 0,
    ping: Annotated[str, typer.Option(help="IPv4 address that each subscriber pings.")] = "",
    ping_count: Annotated[int, typer.Option(help="Echoes of each subscriber; 0: until the end.")] = 3,
    ping_interval: Annotated[float, typer.Option(help="Seconds between two echoes.")] = 1.0,
    ping_size: Annotated[int, typer.Option(help="Octets of data in each echo.")] = 56,
    max_loss: Annotated[float, typer.Option(help="Percent of echoes that may be lost.")] = 0.0,
    udp: Annotated[str, typer.Option(help="ADDRESS:PORT to which each subscriber streams UDP.")] = "",
    udp_rate: Annotated[int, typer.Option(help="Bits a second of each stream.")] = 64_000,
    udp_size: Annotated[int, typer.Option(help="Octets of each IP packet of the stream.")] = 500,
    hold: Annotated[float, typer.Option(help="Seconds to hold the sessions; negative: until Ctrl-C.")] = 0.0,
    timeout: Annotated[float, typer.Option(help="Seconds after which a call that is not up is given up.")] = 30.0,
    proxy: Annotated[bool, typer.Option(help="Do LCP and authentication before the call, and tell the LNS.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Open tunnels, dial in, send traffic, hang up; exit 0 only if all came up and traffic passed."""
    try:
        pings = PingPlan(number(ping, "--ping"), ping_count, ping_interval, ping_size) if ping else None
        plan = LacPlan(
            endpoint(lns, 1701), secret, hostname, tunnels, sessions, window, tuple(method.split(",")), user, password,
            calling_number, called_number, rate, mru, pings, _stream(udp, udp_rate, udp_size),
            None if hold < 0 else hold, timeout, proxy=proxy, max_loss=max_loss / 100,
        )  # fmt: skip
        raise typer.Exit(_dial(Dialer(plan, tuple(source or ()), port), as_json))
    except LabError as error:
        _fail(error)


def _dial(dialer: Dialer, as_json: bool) -> int:
    """Run to the end, print the summary; return the exit code."""
    dialer.run(_progress if sys.stderr.isatty() or as_json else None)
    summary = summarize(dialer.lac)
    if as_json:
        typer.echo(json.dumps(summary))
    else:
        Console(highlight=False).print(table(summary))
    return 0 if summary["passed"] else 1


def _stream(target: str, rate_bps: int, octets: int) -> StreamPlan | None:
    if not target:
        return None
    to = endpoint(target, 9)
    if rate_bps <= 0 or not 28 <= octets <= 1500:
        raise LabError("--udp-rate above 0 and --udp-size of 28 to 1500 would be right")
    return StreamPlan(number(to.address, "--udp"), to.port, rate_bps, octets)


def _progress(running: LabLac) -> None:
    """One JSON line a second on stderr."""
    typer.echo(json.dumps(counts(running)), err=True)


@app.command()
def radius(
    listen: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    secret: Annotated[str, typer.Option(help="Secret shared with all clients.")] = "radsecret",
    users: Annotated[Path | None, typer.Option(help="Users: a .toml file, or a FreeRADIUS-like users file.")] = None,
    user: Annotated[list[str] | None, typer.Option(help="NAME:PASSWORD, the name a pattern; may be repeated.")] = None,
    auth_port: Annotated[int, typer.Option(help="UDP port for authentication.")] = 1812,
    acct_port: Annotated[int, typer.Option(help="UDP port for accounting.")] = 1813,
    log: Annotated[Path | None, typer.Option(help="File for the JSON lines; stdout if not given.")] = None,
    dictionaries: Annotated[list[str] | None, typer.Option("--dictionary", help="Further dictionary file.")] = None,
) -> None:
    """Serve RADIUS: PAP, CHAP, MS-CHAP and MS-CHAPv2, accounting as JSON lines; user*:pass if no user is given."""
    with ExitStack() as stack:
        try:
            loaded = dictionary.load(dictionary.find(os.path.dirname(bras.__file__)), dictionaries or ())
            known = [parse_user(text) for text in user or ()]
            if users is not None:
                known += load_users(users, loaded)
            known = known or [parse_user("user*:pass")]
            server = LabRadius(LabUsers(known), secret.encode(), loaded)
            file = stack.enter_context(log.open("a")) if log is not None else sys.stdout
            where = f"{listen}: authentication {auth_port}, accounting {acct_port}"
            ready = partial(typer.echo, f"RADIUS on {where}; {len(known)} users", err=True)
            ports = (Listen(listen, auth_port), Listen(listen, acct_port))
            asyncio.run(serve(server, ports, line_writer(file), ready))
        except (LabError, ConfigError, OSError) as error:
            _fail(error)


@app.command()
def demo(
    sessions: Annotated[int, typer.Option(help="Subscribers.")] = 200,
    tunnels: Annotated[int, typer.Option(help="Tunnels over which they come.")] = 4,
    rate: Annotated[float, typer.Option(help="New calls a second.")] = 100.0,
    endless: Annotated[
        bool | None, typer.Option(help="Until Ctrl-C; if not given: when stdout is a terminal.", show_default=False)
    ] = None,
    proxy: Annotated[bool, typer.Option(help="The LAC does LCP and authentication; the LNS takes both over.")] = False,
) -> None:
    """Show an LNS, a LAC with subscribers and a RADIUS server in namespaces of their own (root)."""
    until_interrupted = sys.stdout.isatty() if endless is None else endless
    try:
        problems = Demo(sessions, tunnels, rate, until_interrupted=until_interrupted, proxy=proxy).run()
    except LabError as error:
        _fail(error)
    for problem in problems:
        typer.echo(f"FAILED: {problem}")
    if problems:
        raise typer.Exit(1)
    typer.echo("passed")
