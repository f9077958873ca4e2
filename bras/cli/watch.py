"""``--watch``: the same question again and again, its answer drawn in place."""

from __future__ import annotations

import io
import textwrap
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from bras.cli.cells import cell
from bras.cli.client import AdminClient, Refused, Unreachable
from bras.cli.screen import GONE, RESIZED, Line, Screen

if TYPE_CHECKING:
    from rich.console import Console


class Connection:
    """A daemon that may go and come back meanwhile."""

    def __init__(self, path: str) -> None:
        """Connect when somebody asks."""
        self._path = path
        self._client: AdminClient | None = None

    def client(self) -> AdminClient:
        """Return the connection, made anew if the last one broke; Unreachable when nobody answers."""
        if self._client is None:
            self._client = AdminClient(self._path)
        return self._client

    def close(self) -> None:
        """Hang up; the next who asks connects anew."""
        if self._client is not None:
            self._client.close()
            self._client = None


def watch(path: str, title: str, interval_s: float, draw: Callable[[AdminClient, Console], None]) -> None:
    """Draw until Ctrl-C, q, or the end of the keys; what goes wrong is shown, and tried again."""
    connection = Connection(path)
    try:
        with Screen() as screen:
            while True:
                screen.show(_page(screen, connection, title, interval_s, draw))
                for key in screen.keys(interval_s):
                    if key in ("q", "Q", GONE):
                        return
                    if key in (RESIZED, " "):
                        break
    except KeyboardInterrupt:
        pass  # it is how one ends it
    finally:
        connection.close()


def _page(
    screen: Screen,
    connection: Connection,
    title: str,
    interval_s: float,
    draw: Callable[[AdminClient, Console], None],
) -> list[Line]:
    width, height = screen.size
    head = f"{title}, every {interval_s:g} s"
    lines: list[Line] = [(f"{head}{time.strftime('%H:%M:%S'):>{max(10, width - len(head))}}"[:width], "title")]
    try:
        text = drawn(connection.client(), draw, width, live=screen.is_live)
    except (Unreachable, Refused) as wrong:
        connection.close()
        return [*lines, *((line, "bad") for line in textwrap.wrap(cell(str(wrong)), width))]
    lines += [(line, "") for line in text.splitlines()]
    return lines[:height] if screen.is_live else lines


def drawn(client: AdminClient, draw: Callable[[AdminClient, Console], None], width: int, *, live: bool) -> str:
    """Return what ``draw`` prints on a terminal of this width."""
    from rich.console import Console  # noqa: PLC0415  (keeps --help quick)

    out = io.StringIO()
    draw(
        client,
        Console(file=out, width=width, force_terminal=live, highlight=False, markup=False, emoji=False),
    )
    return out.getvalue()
