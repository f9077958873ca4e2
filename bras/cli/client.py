"""The other end of the admin socket: blocking, for a command that asks and prints."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import orjson

PAGE_ROWS = 500
TIMEOUT_S = 60.0
"""Disconnect waits for final counters and accounting, so it may take a while."""

Row = dict[str, Any]


class Unreachable(Exception):
    """No daemon answers; the text says which socket, and what to do."""


class Refused(Exception):
    """The daemon answered that it cannot; the text is its own."""


class AdminClient:
    """A connection to the daemon; use it in ``with``."""

    def __init__(self, path: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Connect to the socket at ``path``; Unreachable when nobody listens there."""
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(path)
        except OSError as wrong:
            self._socket.close()
            raise Unreachable(_advice(path, wrong)) from wrong
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> AdminClient:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._answers.close()
        self._socket.close()

    def ask(self, command: str, **arguments: Any) -> Any:
        """Return the body of the answer; Refused when the daemon says no."""
        request = orjson.dumps({"command": command, "arguments": arguments}, option=orjson.OPT_APPEND_NEWLINE)
        try:
            self._socket.sendall(request)
            line = self._answers.readline()
        except OSError as wrong:
            raise Unreachable(_advice(self._path, wrong)) from wrong
        if not line.endswith(b"\n"):
            raise Unreachable(f"the daemon at {self._path} hung up in the middle of its answer")
        answer = orjson.loads(line)
        if not answer["ok"]:
            raise Refused(str(answer["body"]["error"]))
        return answer["body"]

    def sessions(self, **filters: str | None) -> Iterator[list[Row]]:
        """Yield the sessions page by page, so that neither side ever holds all of them."""
        given = {key: value for key, value in filters.items() if value is not None}
        after: int | None = -1
        while after is not None:
            body = self.ask("show sessions", after=after, limit=PAGE_ROWS, **given)
            yield body["sessions"]
            after = body["next"]


def _advice(path: str, wrong: OSError) -> str:
    match wrong:
        case FileNotFoundError():
            why = "there is no such socket"
        case ConnectionRefusedError():
            why = "the daemon that made this socket is gone"
        case PermissionError():
            return f"may not use {path}: ask as root, or as the user under which the daemon runs"
        case TimeoutError():
            return f"the daemon at {path} did not answer in time; it may be very busy, try again"
        case _:
            why = wrong.strerror or str(wrong)
    return (
        f"no daemon answers on {path}: {why}.\n"
        "Is it running (bras run -c FILE, or systemctl status bras)? "
        "If its [admin] socket is elsewhere, name it with --socket PATH or -c FILE."
    )
