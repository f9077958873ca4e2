"""Events for systemd's journal in its own words: fields, not lines (systemd.io/JOURNAL_NATIVE_PROTOCOL).

A datagram to the journal's socket is one event: ``NAME=value`` and a line feed for each field, and for a value of
several lines its name, a line feed, the length as 64 bits (little-endian) and the value.  One that is too large for a
datagram goes in a sealed memfd.
"""

from __future__ import annotations

import array
import errno
import fcntl
import json
import os
import re
import socket
from collections.abc import Mapping
from typing import Any, Final

from bras.telemetry.pipe import LogPipe

SOCKET: Final = "/run/systemd/journal/socket"
IDENTIFIER: Final = "bras"
PREFIX: Final = "BRAS_"
"""Of the fields that are an event's own; BRAS_EVENT is its name."""
PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""Of syslog, by our levels."""
_NOT_OWN: Final = ("level", "event", "timestamp")
_MOST_NAME: Final = 64
_NO_NAME: Final = re.compile(r"[^A-Z0-9_]")
_GONE: Final = (errno.ENOENT, errno.ECONNREFUSED, errno.EACCES, errno.ENOTCONN)
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def is_journal(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Return whether what is written to ``descriptor`` goes to the journal (systemd.exec(5), $JOURNAL_STREAM)."""
    told = environ.get("JOURNAL_STREAM", "")
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return told == f"{status.st_dev}:{status.st_ino}"


def encode(event: Mapping[str, Any]) -> bytes:
    """Return an event as a datagram; its ``level``, ``event`` and ``exception`` are what structlog calls so."""
    level, name = str(event.get("level", "info")), str(event.get("event", ""))
    own = {
        key: value for key, value in event.items() if key not in ("level", "event", "timestamp") and value is not None
    }
    fields = [
        ("MESSAGE", _message(name, own)),
        ("PRIORITY", str(PRIORITIES.get(level, 6))),
        ("SYSLOG_IDENTIFIER", IDENTIFIER),
        (f"{PREFIX}EVENT", name),
        *((field_name(key), _text(value)) for key, value in own.items()),
    ]
    return b"".join(_field(name, value) for name, value in fields)


def field_name(key: str) -> str:
    """Return what a key is called in the journal: ``user`` is ``BRAS_USER``."""
    return (PREFIX + _NO_NAME.sub("_", key.upper()))[:_MOST_NAME]


def _field(name: str, value: str) -> bytes:
    octets = value.encode("utf-8", "backslashreplace")
    if b"\n" in octets:
        return name.encode() + b"\n" + len(octets).to_bytes(8, "little") + octets + b"\n"
    return name.encode() + b"=" + octets + b"\n"


def _message(name: str, own: Mapping[str, Any]) -> str:
    """Return what people read: the event, then its keys; a traceback below."""
    words = [name, *(f"{key}={_quoted(_text(value))}" for key, value in own.items() if key != "exception")]
    below = f"\n{own['exception']}" if own.get("exception") else ""
    return " ".join(words) + below


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, default=repr) if isinstance(value, bool | list | tuple | dict) else str(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if not text or any(char in text for char in ' "=\\') else text


class JournalPipe(LogPipe):
    """Sends each event as a datagram, by the thread of a ``LogPipe``; where no journal is, to its descriptor."""

    def __init__(self, descriptor: int = 2, *, path: str = SOCKET) -> None:
        """Send to the socket at ``path``."""
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        super().__init__(descriptor)

    def close(self, timeout_s: float = 1.0) -> None:
        """Send what waits, and close the socket."""
        super().close(timeout_s)
        self._socket.close()

    def _write_all(self, lines: list[bytes]) -> None:
        for event in lines:
            try:
                self._send(event)
            except OSError as wrong:
                if wrong.errno in _GONE:
                    super()._write_all([_plain(event)])
                else:
                    self.dropped += 1

    def _send(self, event: bytes) -> None:
        try:
            self._socket.sendto(event, self._path)
        except OSError as wrong:
            if wrong.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                raise
            self._send_large(event)

    def _send_large(self, event: bytes) -> None:
        """Hand over a memfd that nobody can change any more."""
        descriptor = os.memfd_create("bras-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(event)
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))
            self._socket.sendmsg([], [rights], 0, self._path)
        finally:
            os.close(descriptor)


def _plain(event: bytes) -> bytes:
    """Return the message alone, as a line."""
    begin = event.split(b"\n", 1)[0]
    if begin.startswith(b"MESSAGE="):
        return begin[len(b"MESSAGE=") :] + b"\n"
    length = int.from_bytes(event[8:16], "little")
    return event[16 : 16 + length] + b"\n"
