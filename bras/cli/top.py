"""``bras top``: how the headend is, now and again."""

from __future__ import annotations

from typing import Annotated

import typer

from bras.cli import live
from bras.cli.client import Refused, Unreachable
from bras.cli.columns import SESSIONS, fields
from bras.cli.common import MISUSED, SocketConfigOption, SocketOption, fail, socket_path
from bras.query.lexer import QueryError
from bras.query.match import understand
from bras.query.order import order

SHORTEST_S, LONGEST_S = 0.5, 60.0


def top(
    sort: Annotated[
        str, typer.Option(metavar="[-]COLUMN", help="Order of the sessions.", autocompletion=live.orders)
    ] = "-rate",
    match: Annotated[
        str, typer.Option(metavar="EXPRESSION", help="Only sessions that meet this, as in bras show sessions.")
    ] = "",
    interval: Annotated[
        float, typer.Option(metavar="SECONDS", min=SHORTEST_S, max=LONGEST_S, help="How often it is read.")
    ] = 2.0,
    count: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="So many pages, then end.", show_default="for ever")
    ] = None,
    socket: SocketOption = None,
    config: SocketConfigOption = None,
) -> None:
    """Show how the headend is, live: sessions, set-ups, logins, traffic, RADIUS, and who talks most.

    Keys sort (r rate, d down, u up, k packets, o octets, e round trip, t uptime, n name; i turns round), filter (/),
    pause (p), change the interval (+ and -), help (h) and quit (q). On a dumb terminal, or in a pipe, it prints a page
    each time.
    """
    _run(sort, match, interval, count, socket_path(socket, config))


def _run(sort: str, match: str, interval_s: float, count: int | None, path: str) -> None:
    of = fields(SESSIONS)
    try:
        order(sort, of)
        if match:
            understand(match, of)
    except QueryError as wrong:
        fail(str(wrong), MISUSED)
    from bras.cli.screen import Screen  # noqa: PLC0415  (keeps the other commands quick)
    from bras.cli.top_loop import Loop  # noqa: PLC0415  (as above)
    from bras.cli.top_view import State  # noqa: PLC0415  (as above)
    from bras.cli.watch import Connection  # noqa: PLC0415  (as above)

    connection = Connection(path)
    try:
        connection.client()
        with Screen() as screen:
            Loop(screen, connection, State(sort=sort, match=match, interval_s=interval_s)).run(count)
    except (Unreachable, Refused) as wrong:
        fail(str(wrong))
    except KeyboardInterrupt:
        pass  # it is how one ends it, too
    finally:
        connection.close()
