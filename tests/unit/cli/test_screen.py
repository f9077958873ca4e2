from __future__ import annotations

import os
import pty
import select
import signal
import termios
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from bras.cli.screen import GONE, RESIZED, Screen


class Terminal:
    """A real terminal whose other end we hold, in the place of stdin and stdout."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.leader, follower = pty.openpty()
        self.input = os.fdopen(os.dup(follower), "r")
        self.output = os.fdopen(follower, "w")
        self.streams = SimpleNamespace(stdin=self.input, stdout=self.output)
        monkeypatch.setattr("bras.cli.screen.sys", self.streams)
        self.resize(80, 24)

    def resize(self, width: int, height: int) -> None:
        termios.tcsetwinsize(self.leader, (height, width))

    def press(self, text: str | bytes) -> None:
        os.write(self.leader, text.encode() if isinstance(text, str) else text)

    def seen(self) -> str:
        """Return all that was written; the terminal itself has made two of each end of a line."""
        self.output.flush()
        octets = b""
        while select.select([self.leader], [], [], 0.2)[0]:
            octets += os.read(self.leader, 65536)
        return octets.decode().replace("\r\r\n", "\r\n")

    def close(self) -> None:
        for end in (self.input, self.output):
            end.close()
        os.close(self.leader)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    one = Terminal(monkeypatch)
    yield one
    one.close()


def _keys(screen: Screen, count: int, within_s: float = 20.0) -> list[str]:
    found: list[str] = []
    for key in screen.keys(within_s):
        found.append(key)
        if len(found) == count:
            break
    return found


def test_a_page_is_drawn_in_place_and_the_terminal_is_left_as_it_was(terminal: Terminal) -> None:
    before = termios.tcgetattr(terminal.leader)
    with Screen() as screen:
        assert screen.is_live
        assert screen.size == (80, 24)
        screen.show([("one", "title"), ("two", ""), ("three", "nonsense")])
        assert not termios.tcgetattr(terminal.leader)[3] & termios.ECHO
    out = terminal.seen()
    assert out == (
        "\x1b[?1049h\x1b[?25l\x1b[H\x1b[1mone\x1b[0m\x1b[K\r\ntwo\x1b[K\r\nthree\x1b[K\x1b[J\x1b[?25h\x1b[?1049l"
    )
    assert termios.tcgetattr(terminal.leader) == before


def test_no_more_lines_than_there_are(terminal: Terminal) -> None:
    terminal.resize(80, 3)
    with Screen() as screen:
        screen.show([(str(number), "") for number in range(9)])
    assert terminal.seen().count("\r\n") == 2


@pytest.mark.parametrize(
    ("pressed", "keys"),
    [
        ("q", ["q"]),
        ("ab", ["a", "b"]),
        ("é用", ["é", "用"]),
        ("\x1b[A", ["up"]),
        ("\x1b[B", ["down"]),
        ("\x1b", ["escape"]),
        ("\x1b[15~", [""]),
        ("\r", ["\n"]),
        ("\x7f", ["\x7f"]),
        (b"\xff ", [" "]),
    ],
)
def test_keys(terminal: Terminal, pressed: str | bytes, keys: list[str]) -> None:
    with Screen() as screen:
        terminal.press(pressed)
        assert _keys(screen, len(keys)) == keys


def test_nobody_presses_anything(terminal: Terminal) -> None:
    with Screen() as screen:
        assert _keys(screen, 1, within_s=0.01) == []


def test_another_size(terminal: Terminal) -> None:
    with Screen() as screen:
        terminal.resize(120, 40)
        signal.raise_signal(signal.SIGWINCH)
        assert _keys(screen, 1) == [RESIZED]
        assert screen.size == (120, 40)


def test_a_terminal_that_is_gone(terminal: Terminal) -> None:
    with Screen() as screen:
        silent, nobody = os.pipe()
        os.close(nobody)
        with os.fdopen(silent) as stdin:
            terminal.streams.stdin = stdin
            assert _keys(screen, 1) == [GONE]
            assert _keys(screen, 1, within_s=0.01) == [], "told once"
        terminal.streams.stdin = terminal.input


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_that_end_leave_the_terminal_as_it_was(terminal: Terminal, number: signal.Signals) -> None:
    with pytest.raises(SystemExit) as raised, Screen():
        signal.raise_signal(number)
    assert raised.value.code == 128 + number
    assert terminal.seen().endswith("\x1b[?25h\x1b[?1049l")
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.SIG_IGN)


def test_without_colours(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with Screen() as screen:
        screen.show([("dead", "bad"), ("up", "good")])
    out = terminal.seen()
    assert "\x1b[1mdead" in out
    assert "31" not in out
    assert "32" not in out


@pytest.mark.parametrize("kind", ["dumb", ""])
def test_a_dumb_terminal_gets_pages(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("TERM", kind)
    with Screen() as screen:
        assert not screen.is_live
        screen.show([("one  ", "title"), ("two", "bad")])
        terminal.press("q")
        assert _keys(screen, 1) == ["q"], "it has keys all the same"
    assert terminal.seen() == "one\r\ntwo\r\n\r\n"


def test_suspended_it_gives_the_terminal_back(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = threading.Event()

    def kill(_pid: int, number: int) -> None:
        assert number == signal.SIGSTOP
        stopped.set()

    monkeypatch.setattr(os, "kill", kill)
    with Screen() as screen:
        signal.raise_signal(signal.SIGTSTP)
        assert stopped.is_set()
        assert _keys(screen, 1) == [RESIZED], "all is to be drawn again"
    out = terminal.seen()
    assert out.count("\x1b[?1049h") == out.count("\x1b[?1049l") == 2
