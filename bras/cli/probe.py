"""``bras probe``: an LCP Echo each second, and what comes of it, live."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from bras.cli import live
from bras.cli.cells import cell
from bras.cli.client import AdminClient, Refused
from bras.cli.common import FAILED, JsonOption, SocketConfigOption, SocketOption, daemon, print_json
from bras.cli.human import milliseconds, percent

Row = dict[str, Any]
LONGEST_S = 600
_LOOK_S = 1.0


def probe(
    selector: Annotated[
        str, typer.Argument(help="Acct-Session-Id, user name or IPv4 address.", autocompletion=live.selectors)
    ],
    for_s: Annotated[int, typer.Option("--for", metavar="SECONDS", help="For so long.", min=1, max=LONGEST_S)] = 60,
    json: JsonOption = False,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Ask a client for an echo each second and show the round trips; Ctrl-C ends it."""
    with daemon(socket, config) as client:
        begun = client.ask("probe", selector=selector, for_s=float(for_s))
        tallies = {session: Tally() for session in begun["sessions"]}
        try:
            _follow(client, tallies, for_s, silent=json)
        except KeyboardInterrupt:
            client.ask("probe", selector=selector, for_s=0.0)
    if json:
        print_json({"sessions": [{"session": session, **tally.figures()} for session, tally in tallies.items()]})
    else:
        for session, tally in tallies.items():
            typer.echo(cell(f"{session}: {tally.told()}"))
    if not any(tally.trips_ms for tally in tallies.values()):
        raise typer.Exit(FAILED)


def _follow(client: AdminClient, tallies: dict[str, Tally], for_s: int, *, silent: bool) -> None:
    """Look at the sessions each second until the time is over, or all have ended."""
    left = dict(tallies)
    for session in list(left):
        _look(client, left, session)
    for _ in range(for_s + 1):
        time.sleep(_LOOK_S)
        for session in list(left):
            row = _look(client, left, session)
            if not silent:
                name = f"{session}  " if len(tallies) > 1 else ""
                typer.echo(cell(f"{name}{tallies[session].news if row is not None else 'the session has ended'}"))
        if not left:
            return


def _look(client: AdminClient, left: dict[str, Tally], session: str) -> Row | None:
    try:
        (row,) = client.ask("show session", selector=session)["sessions"]
    except Refused:
        del left[session]
        return None
    left[session].look(row)
    found: Row = row
    return found


class Tally:
    """What came of the echoes of one session since we look."""

    def __init__(self) -> None:
        """Begin with the first look."""
        self.trips_ms: list[float] = []
        self.lost = 0
        self.news = ""
        """What is new at the last look, in words."""
        self._seen: tuple[int, int] | None = None

    def look(self, row: Row) -> None:
        """Take a row of ShowSession."""
        counts = row["echoes_answered"], row["echoes_lost"]
        answered, lost = (now - before for now, before in zip(counts, self._seen or counts, strict=True))
        self._seen = counts
        self.lost += lost
        if answered and row["echo_ms"] is not None:
            self.trips_ms.append(row["echo_ms"])
            self.news = milliseconds(row["echo_ms"])
        else:
            self.news = "no answer" if lost else "nothing yet"
        if answered and lost:
            self.news += f", {lost} before it lost"

    def figures(self) -> Row:
        """Return what was measured."""
        trips = self.trips_ms
        sent = len(trips) + self.lost
        return {
            "answered": len(trips),
            "lost": self.lost,
            "loss_percent": 100.0 * self.lost / sent if sent else None,
            "min_ms": min(trips, default=None),
            "mean_ms": sum(trips) / len(trips) if trips else None,
            "max_ms": max(trips, default=None),
        }

    def told(self) -> str:
        """Return the figures in words."""
        found = self.figures()
        if not found["answered"]:
            return f"no answer to {self.lost} echoes" if self.lost else "nothing was heard of any echo"
        trips = " / ".join(milliseconds(found[f"{name}_ms"]) for name in ("min", "mean", "max"))
        return f"{found['answered']} answered, {found['lost']} lost ({percent(found['loss_percent'])}), {trips}"
