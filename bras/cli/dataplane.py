"""The data plane: what it is and does now, and how to remove what a daemon has left of it in the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bras.cli.client import AdminClient, Unreachable
from bras.cli.common import (
    DEFAULT_CONFIG,
    MISUSED,
    JsonOption,
    SocketOption,
    fail,
    print_json,
    read_config,
    socket_path,
)
from bras.cli.human import octets, plain

Facts = list[tuple[str, str]]
Row = dict[str, Any]

app = typer.Typer(no_args_is_help=True, help="Work on what forwards packets.")

LeftConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Take interface, directory and admin socket from this configuration.",
        show_default=f"{DEFAULT_CONFIG}, if it is there",
    ),
]
InterfaceOption = Annotated[
    str | None,
    typer.Option(help="The interface that carried all subscribers.", show_default="as configured, or bras0"),
]
PinsOption = Annotated[
    Path | None,
    typer.Option("--pin-dir", metavar="DIR", help="Where it is kept.", show_default="as configured"),
]

_ABSENT = (FileNotFoundError, ConnectionRefusedError)


def sections(row: Row) -> list[tuple[str, Facts]]:
    """Return the sections of "show dataplane"."""
    return [
        ("data plane", _standing(row)),
        ("interfaces of LACs", [(one["interface"], one["mode"]) for one in row["interfaces"]]),
        ("forwarded since the start", _forwarded(row["totals"])),
        ("dropped", [(reason.replace("_", " "), str(count)) for reason, count in row["drops"].items()]),
        (
            "left to a slower path",
            [(reason.replace("_", " "), str(count)) for reason, count in row["fallbacks"].items()],
        ),
    ]


def _standing(row: Row) -> Facts:
    return [
        ("backend", row["backend"]),
        ("not ebpf, because", plain(row["instead"])),
        ("interface", row["interface"]),
        ("entries", str(row["entries"])),
        ("programs", plain(row["programs"])),
        ("hung at", plain(row["hook"])),
        ("routes of XDP", plain(row["routes"])),
        ("kept in", plain(row["pins"])),
    ]


def _forwarded(totals: Row) -> Facts:
    return [
        (f"{way} IPv{family}", f"{octets(totals[f'{way}_octets{family}'])}, {totals[f'{way}_packets{family}']} packets")
        for family in (4, 6)
        for way in ("up", "down")
    ]


@app.command()
def detach(
    config: LeftConfigOption = None,
    interface: InterfaceOption = None,
    pin_dir: PinsOption = None,
    json: JsonOption = False,
    socket: SocketOption = None,
) -> None:
    """Remove all that a daemon has left in the kernel: programs, maps and the subscribers' interface."""
    if config is None and DEFAULT_CONFIG.exists():
        config = DEFAULT_CONFIG
    _refuse_beside_a_daemon(socket_path(socket, config))
    name, directory = _place(config, interface, pin_dir)
    from bras.dataplane.detach import detach as remove  # noqa: PLC0415  (keeps --help quick)
    from bras.errors import BrasError  # noqa: PLC0415  (as above)

    try:
        removed = remove(name, directory)
    except (OSError, BrasError) as wrong:
        fail(str(wrong))
    if json:
        print_json({"removed": removed})
        return
    for what in removed:
        typer.echo(f"removed {what}")
    if not removed:
        typer.echo(f"nothing is left of {name} and {directory}")


def _place(config: Path | None, interface: str | None, pin_dir: Path | None) -> tuple[str, str]:
    """Return interface and directory: as told, as the configuration says, or the defaults."""
    from bras.config.model import DataplaneConfig  # noqa: PLC0415  (keeps --help quick)

    section, default = _section(config), DataplaneConfig()
    return (
        interface or str(section.get("interface", default.interface)),
        str(pin_dir or section.get("pin_dir", default.pin_dir)),
    )


def _section(config: Path | None) -> Row:
    section: Any = read_config(config).get("dataplane", {}) if config is not None else {}
    if not isinstance(section, dict):
        fail(f"{config}: dataplane: is no section", MISUSED)
    return section


def _refuse_beside_a_daemon(path: str) -> None:
    """End the command if a daemon answers, or if there is no telling."""
    try:
        AdminClient(path).close()
    except Unreachable as wrong:
        if isinstance(wrong.__cause__, _ABSENT):
            return
        fail(str(wrong))
    fail(f"a daemon answers on {path}: stop it first; what it forwards would be cut off")
