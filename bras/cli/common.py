"""What all commands share: their options, and how they fail."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from bras import __version__
from bras.cli.cells import json_safe
from bras.cli.client import AdminClient, Refused, Unreachable

if TYPE_CHECKING:
    from rich.console import Console

DEFAULT_CONFIG = Path("/etc/bras/bras.toml")
DEFAULT_SOCKET = "/run/bras/admin.sock"

FAILED = 1
MISUSED = 2
"""Exit codes: it did not work; the command line or the configuration is wrong."""

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration.", show_default=True)
]
SocketOption = Annotated[
    Path | None,
    typer.Option("--socket", metavar="PATH", help="The daemon's admin socket.", show_default=DEFAULT_SOCKET),
]
SocketConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Take the socket from this configuration.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def fail(text: str, code: int = FAILED) -> NoReturn:
    """Say why on stderr, and end."""
    typer.echo(f"bras: {text}", err=True)
    raise typer.Exit(code)


@contextlib.contextmanager
def daemon(socket: Path | None, config: Path | None) -> Iterator[AdminClient]:
    """Connect to the daemon; whatever it refuses ends the command with its words."""
    try:
        with AdminClient(socket_path(socket, config)) as client:
            yield client
    except (Unreachable, Refused) as wrong:
        fail(str(wrong))
    except KeyError:
        _blame_the_version(socket_path(socket, config))
        raise


def _blame_the_version(path: str) -> None:
    """End in words when an answer lacks what we look for because the daemon is another version."""
    try:
        with AdminClient(path) as client:
            running = client.ask("show version")["version"]
    except (Unreachable, Refused, KeyError):
        return
    if running != __version__:
        fail(
            f"the daemon is bras {running}, this command is {__version__}, and they do not understand each other:"
            " restart the daemon (systemctl restart bras), or use its own command"
        )


def socket_path(socket: Path | None, config: Path | None) -> str:
    """Return where the daemon listens: as told, as the configuration says, or the default."""
    if socket is not None:
        return str(socket)
    if config is None:
        return DEFAULT_SOCKET
    # Only this key: to look at a daemon one need not be able to read its secrets.
    section = read_config(config).get("admin", {})
    if not isinstance(section, dict):
        fail(f"{config}: admin: is no section", MISUSED)
    return str(section.get("socket", DEFAULT_SOCKET))


def read_config(config: Path) -> dict[str, Any]:
    """Return a configuration as written, unchecked; what is not even TOML ends the command."""
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as wrong:
        fail(f"{config}: {wrong.strerror}", MISUSED)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        fail(f"{config}: {wrong}", MISUSED)


def console() -> Console:
    """Return the terminal, or the pipe, on stdout."""
    from rich.console import Console  # noqa: PLC0415  (rich is not needed for --help and --json)

    return Console(highlight=False, markup=False, emoji=False)


def print_json(body: Any) -> None:
    """Print an answer for programs."""
    import orjson  # noqa: PLC0415  (keeps --help quick)

    typer.echo(json_safe(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()))
