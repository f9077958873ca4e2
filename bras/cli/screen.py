"""The terminal: one page at a time, drawn in place where it can be, one after the other where it cannot.

Nothing but the control sequences that every terminal since the VT100 has, and the alternate screen, so that what was
there before is there again afterwards.  Where the output is no terminal, or a dumb one, pages are printed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST = "\x1b[H", "\x1b[K", "\x1b[J"
_STYLES = {"title": "1", "head": "7", "bad": "1;31", "good": "32", "busy": "33", "hint": "2"}
_WITHOUT_COLOUR = {"title": "1", "head": "7", "bad": "1", "hint": "2"}
_LONGEST_KEY = 16
"""Octets of one key, or of what is pasted at once."""

RESIZED = "resized"
GONE = "gone"
"""Nobody is at the keys any more."""
Line = tuple[str, str]
"""Text, and its style: a key of ``_STYLES``, or nothing."""


class Screen:
    """Use it in ``with``; ends by Ctrl-C leave the terminal as it was."""

    def __init__(self) -> None:
        """Look at what stdin and stdout are."""
        dumb = os.environ.get("TERM", "dumb") in ("", "dumb")
        self.is_live = sys.stdout.isatty() and not dumb
        """Pages are drawn in place."""
        self._has_keys = sys.stdin is not None and sys.stdin.isatty()
        if not self.is_live:
            self._styles: dict[str, str] = {}
        else:
            self._styles = _WITHOUT_COLOUR if os.environ.get("NO_COLOR") else _STYLES
        self._before: list[Any] = []
        self._woken, self._wake = -1, -1
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Screen:
        self._woken, self._wake = os.pipe()
        for end in (self._woken, self._wake):
            fcntl.fcntl(end, fcntl.F_SETFL, os.O_NONBLOCK)
        handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]] = {
            signal.SIGWINCH: self._resized,
            signal.SIGTERM: _end,
            signal.SIGHUP: _end,
        }
        if self.is_live or self._has_keys:
            handlers[signal.SIGTSTP] = self._suspended
        for number, handler in handlers.items():
            self._handlers[number] = signal.signal(number, handler)
        self._begin()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for end in (self._woken, self._wake):
            os.close(end)

    def _begin(self) -> None:
        if self._has_keys:
            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin.fileno(), termios.TCSANOW)
        if self.is_live:
            _write(_ENTER)

    def _end(self) -> None:
        if self.is_live:
            with contextlib.suppress(OSError):  # the terminal may be gone
                _write(_LEAVE)
        if self._before:
            with contextlib.suppress(termios.error, OSError):  # as above
                termios.tcsetattr(sys.stdin, termios.TCSANOW, self._before)

    def _resized(self, _number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(BlockingIOError):  # it is full of the same
            os.write(self._wake, b"\0")

    def _suspended(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-Z: give the terminal back, and take it again afterwards."""
        self._end()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._begin()
        self._resized(number, frame)

    @property
    def size(self) -> tuple[int, int]:
        """Return columns and lines."""
        try:
            size = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            return 80, 24
        return size.columns or 80, size.lines or 24

    def show(self, lines: Iterable[Line]) -> None:
        """Show a page; what does not fit is cut, on a live screen."""
        if not self.is_live:
            said = [text.rstrip() for text, _ in lines]
            shown = [text for before, text in zip(["", *said], said, strict=False) if text or before]
            _write("".join(f"{text}\n" for text in shown) + "\n")  # blank lines only fill a screen
            return
        _, height = self.size
        page = list(lines)[:height]
        _write(_HOME + "\r\n".join(self._styled(*line) + _REST_OF_LINE for line in page) + _REST)

    def _styled(self, text: str, style: str) -> str:
        code = self._styles.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if code else text

    def keys(self, within_s: float) -> Iterator[str]:
        """Yield what is pressed within some seconds: characters, names such as "up", ``RESIZED`` and ``GONE``."""
        until = time.monotonic() + within_s
        while True:
            left_s = until - time.monotonic()
            ends = [self._woken, *([sys.stdin.fileno()] if self._has_keys else [])]
            ready = select.select(ends, [], [], max(0.0, left_s))[0]
            if self._woken in ready:
                os.read(self._woken, 512)
                yield RESIZED
            elif ready:
                yield from self._pressed()
            elif left_s <= 0:
                return

    def _pressed(self) -> Iterator[str]:
        try:
            octets = os.read(sys.stdin.fileno(), _LONGEST_KEY)
        except OSError:
            octets = b""
        if not octets:
            self._has_keys = False
            yield GONE
        elif octets.startswith(b"\x1b"):
            yield {b"\x1b": "escape", b"\x1b[A": "up", b"\x1b[B": "down"}.get(octets, "")
        else:
            yield from octets.decode("utf-8", "ignore")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
