"""The other end of the admin socket: blocking, for a command that asks and prints."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import orjson

from bras import __version__

PAGE_ROWS = 500
TIMEOUT_S = 60.0
"""Disconnect waits for final counters and accounting, so it may take a while."""

Row = dict[str, Any]
_OTHER_SOCKET = "name the daemon's socket with --socket or -c FILE"
_NOT_KNOWN = ("no such command", "arguments are:")
"""How a daemon begins that does not know a command, or an argument of it."""


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
        try:
            answer = orjson.loads(line)
            ok, body = answer["ok"], answer["body"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise Unreachable(f"who answers on {self._path} is no daemon of bras: {_OTHER_SOCKET}") from None
        if ok:
            return body
        raise Refused(self._explained(command, str(body["error"])))

    def _explained(self, command: str, words: str) -> str:
        """Return why the daemon refused; when it does not know what it was asked, because it is another version."""
        if command == "show version" or not words.startswith(_NOT_KNOWN):
            return words
        running = self.ask("show version")["version"]
        if running == __version__:
            return words
        return (
            f"the daemon is bras {running}, this command is {__version__}, and it does not know what it was asked:"
            " restart the daemon (systemctl restart bras), or use its own command"
        )

    def sessions(self, **wishes: Any) -> Iterator[list[Row]]:
        """Yield the sessions page by page, so that neither side ever holds all of them; wishes of ``None`` are none."""
        given = {key: value for key, value in wishes.items() if value is not None}
        after: int | None = -1
        while after is not None:
            body = self.ask("show sessions", after=after, limit=PAGE_ROWS, **given)
            yield body["sessions"]
            after = body["next"]


def _advice(path: str, wrong: OSError) -> str:
    """Say in a line why nobody answers, and what to do."""
    match wrong:
        case FileNotFoundError() | NotADirectoryError():
            why = (
                "there is no such socket: start it (systemctl start bras), or name its socket with --socket or -c FILE"
            )
        case ConnectionRefusedError():
            why = "whoever made this socket is gone: see why (journalctl -u bras) and start it (systemctl start bras)"
        case PermissionError():
            return f"may not use {path}: ask as root, or as the user under which the daemon runs (sudo -u bras bras …)"
        case TimeoutError():
            return f"the daemon at {path} did not answer in time; it may be very busy, try again"
        case BlockingIOError():
            return f"the daemon at {path} has too many clients that wait; try again"
        case _:
            why = (wrong.strerror or str(wrong)) + f": {_OTHER_SOCKET}"
    return f"no daemon answers on {path}: {why}"
