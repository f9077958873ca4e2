"""Have the daemon read its configuration again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bras.cli.common import (
    FAILED,
    MISUSED,
    JsonOption,
    SocketConfigOption,
    SocketOption,
    daemon,
    print_json,
)

RESTART_NEEDED = 3
"""Exit code: all is in force but for what waits for a restart."""

STATUS = {"applied": 0, "failed": FAILED, "refused": MISUSED, "partly": RESTART_NEEDED}
"""Exit codes by outcome."""


def reload(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing, only say what would change.")] = False,
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Have the daemon read its configuration again; no session ends by it.

    Exit status: 0, all of it is in force; 1, no daemon answers; 2, something in it is wrong, and nothing has changed;
    3, it is in force but for keys that need a restart.
    """
    with daemon(socket, config) as client:
        body = client.ask("reload", dry_run=dry_run)
    if json:
        print_json(body)
    else:
        _say(body)
    raise typer.Exit(STATUS[body["outcome"]])


def _say(body: dict[str, Any]) -> None:
    for warning in body["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
    for problem in body["problems"]:
        typer.echo(problem, err=True)
    for key in body["live"]:
        typer.echo(f"{'would change' if body['dry_run'] else 'changed'}: {key}")
    for key in body["restart"]:
        typer.echo(f"needs a restart: {key}")
    typer.echo(f"{body['file']}: {_verdict(body)}", err=body["outcome"] in ("refused", "failed"))


def _verdict(body: dict[str, Any]) -> str:
    match body["outcome"]:
        case "refused":
            return "not put into force, nothing has changed"
        case "failed":
            return "not put into force: see the daemon's log"
        case "partly" if body["dry_run"]:
            return "ok, but for what needs a restart"
        case "partly":
            return "in force, but for what needs a restart"
        case _ if body["dry_run"]:
            return "ok" if body["live"] else "ok, nothing would change"
        case _:
            return "in force" if body["live"] else "in force, nothing has changed"
