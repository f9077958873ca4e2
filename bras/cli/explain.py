"""``bras explain``: how a subscriber is, or why it failed, in words."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from bras.cli import live
from bras.cli.cells import cell
from bras.cli.common import FAILED, JsonOption, SocketConfigOption, SocketOption, daemon, print_json
from bras.cli.human import milliseconds, percent

Row = dict[str, Any]
MOST = 100


def explain(
    selector: Annotated[
        str,
        typer.Argument(
            help="User name, calling number or name of the line, Acct-Session-Id, IPv4 address, or a LAC.",
            autocompletion=live.selectors,
        ),
    ],
    last: Annotated[int, typer.Option("--last", metavar="N", help="Tell the last N sessions.", min=1, max=MOST)] = 1,
    every: Annotated[bool, typer.Option("--all", help="Tell all that are remembered.")] = False,
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Say how a subscriber is, or why it failed: what happened, when, and what to do."""
    with daemon(socket, config) as client:
        body = client.ask("explain", selector=selector, last=MOST if every else last)
    if json:
        print_json(body)
    else:
        for line in lines(selector, body):
            typer.echo(line)
    if not body["stories"]:
        raise typer.Exit(FAILED)


def lines(selector: str, body: Row) -> list[str]:
    """Return what is printed."""
    if not body["stories"]:
        return [cell(line) for line in _unknown(selector, body)]
    told: list[str] = []
    for story in body["stories"]:
        told += ["", *_story(story)] if told else _story(story)
    if body["more"]:
        told += ["", f"{body['more']} more: see --last and --all"]
    return [cell(line) for line in told]


def instant(at: float) -> str:
    """Return a time of the wall clock as local time with its offset, to the millisecond."""
    return datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="milliseconds")


def _story(story: Row) -> list[str]:
    who = story["user"] or "a client that gave no name"
    claimed = f" (it called itself {story['claimed']})" if story["claimed"] not in ("", story["user"]) else ""
    told = [f"{who}{claimed}, session {story['session']}: {story['headline']}"]
    told += [f"  what to do: {story['advice']}"] if story["advice"] else []
    line = story.get("line")
    if line is not None and line["echo_mean_ms"] is not None:
        trips = " / ".join(milliseconds(line[f"echo_{which}_ms"]) for which in ("min", "mean", "max"))
        told.append(f"  its last echoes: {trips}, {percent(line['echo_loss_percent'])} lost")
    return told + [f"  {instant(event['at'])}  {event['text']}{_times(event)}" for event in story["events"]]


def _times(event: Row) -> str:
    return f" ({event['times']} times until {instant(event['until'])})" if event["times"] > 1 else ""


def _unknown(selector: str, body: Row) -> list[str]:
    told = [f"nobody of this name, number or address was seen since {instant(body['since'])}: {selector}"]
    lacs = body["lacs"]
    meant = [row for row in lacs if selector in (row["lac"], row["lac_address"], row["lac_hostname"])]
    for row in meant or lacs:
        told.append(f"  {_lac(row)}")
    if meant:
        return told
    if lacs:
        return [*told, "  Where the subscriber is behind one of these, that is why; see bras show lacs."]
    return [
        *told,
        "  No LAC was refused either: either the LAC sends the call elsewhere, or the line does not come to it.",
    ]


def _lac(row: Row) -> str:
    name = f"LAC {row['lac_hostname'] or '?'} ({row['lac_address'] or 'never seen'})"
    if row["last_refusal"] is None:
        return f"{name} has {row['tunnels']} tunnels with {row['sessions']} sessions"
    at = f"{round(row['last_refusal_s'])} s ago" if row["last_refusal_s"] is not None else "once"
    return f"{name} was refused {at}: {row['last_refusal']} ({row['last_reason']})"
