"""``bras top`` and ``--watch`` on a real terminal (tmux): real keys, and what the screen shows."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.support.headend import Headend

USERS = ("alice@isp.example", "bob", "<script>", "\x1b[2Jred", "用户", "אבג", "x" * 253, "carol")
WITHIN_S = 30.0


class Tmux:
    """A terminal of a server of its own."""

    def __init__(self, folder: Path, program: str) -> None:
        self._command = [program, "-S", str(folder / "tmux"), "-f", "/dev/null"]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def start(self, command: str, width: int = 80, height: int = 24) -> None:
        self._run("new-session", "-d", "-x", str(width), "-y", str(height), command)
        self._run("set-option", "-g", "window-size", "manual")

    def close(self) -> None:
        subprocess.run([*self._command, "kill-server"], capture_output=True, check=False)

    def press(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def resize(self, width: int, height: int) -> None:
        self._run("resize-window", "-x", str(width), "-y", str(height))

    @property
    def screen(self) -> list[str]:
        return self._run("capture-pane", "-p").splitlines()

    def wait_for(self, what: str | Callable[[list[str]], bool]) -> list[str]:
        """Wait until the screen shows something; return it."""
        until = time.monotonic() + WITHIN_S
        while time.monotonic() < until:
            screen = self.screen
            if what in "\n".join(screen) if isinstance(what, str) else what(screen):
                return screen
            time.sleep(0.02)
        pytest.fail(f"not seen: {what}\n" + "\n".join(self.screen))


@pytest.fixture
def tmux(tmp_path: Path, tool: Callable[[str], str]) -> Iterator[Tmux]:
    one = Tmux(tmp_path, tool("tmux"))
    yield one
    one.close()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    with Headend(tmp_path / "s", USERS):
        yield tmp_path / "s"


def _bras(path: Path, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-c", "from bras.cli.main import main; main()", *arguments, "--socket", str(path)]
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    return f"cd {ROOT} && {given} {shlex.join(command)}; echo ended $?; sleep 1000"


def _first(screen: list[str]) -> str:
    """Return the first row of the table; nothing of a screen that is only half drawn."""
    headings = [number for number, line in enumerate(screen[:-1]) if line.startswith("user")]
    return screen[headings[0] + 1] if len(headings) == 1 else ""


def test_a_look_at_the_headend(tmux: Tmux, path: Path) -> None:
    tmux.start(_bras(path, "top", "--interval", "0.5"))
    screen = tmux.wait_for(lambda screen: _first(screen).startswith("carol") and "Mbit/s" in "".join(screen[9:]))
    assert screen[0].startswith("bras 1.2.3, up ")
    assert screen[1] == "sessions  8 up  0 coming  0 ending  in 1 tunnel"
    assert screen[3].startswith("logins    ")
    assert "8.00 Mbit/s" in _first(screen), "the last session receives most"
    shown = "\n".join(screen)
    assert "\\x1b[2Jred" in shown
    assert "<script>" in shown
    assert "\\u05d0\\u05d1\\u05d2" in shown
    places = {
        len(line[: line.index("10.64.0.")].encode("utf-16-le")) // 2
        for line in screen
        if "10.64.0." in line and "用" not in line
    }
    assert len(places) == 1, "addresses stand under each other"

    tmux.press("n")
    tmux.wait_for(lambda screen: _first(screen).startswith("\\x1b[2Jred"))
    tmux.press("i")
    tmux.wait_for(lambda screen: _first(screen).startswith("用户"))
    tmux.press("d")
    tmux.wait_for("down rate>")
    tmux.press("/", 'user=~"^[ab]"', "Enter")
    tmux.wait_for("2 sessions with user=~")
    tmux.wait_for(lambda screen: _first(screen).startswith("bob"))
    tmux.press("/", "C-u", "usr", "Enter")
    tmux.wait_for("no field 'usr'")
    tmux.press("Escape")
    tmux.press("h")
    tmux.wait_for("by round trip")
    tmux.press("h")

    tmux.resize(150, 40)
    screen = tmux.wait_for(lambda screen: len(screen) == 40 and screen[39].startswith("q quit"))
    tmux.wait_for("packet rate")
    tmux.resize(40, 10)
    tmux.wait_for(lambda screen: len(screen) == 10 and screen[9].startswith("q quit"))
    tmux.resize(80, 24)
    tmux.press("p")
    tmux.wait_for("paused")
    tmux.press("p")
    tmux.wait_for("every 0.5 s")
    tmux.press("-")
    tmux.wait_for("every 1 s")
    tmux.press("q")
    screen = tmux.wait_for("ended 0")
    assert not any("sessions" in line for line in screen), "what was there before is there again"


@pytest.mark.parametrize("key", ["C-c", "q"])
@pytest.mark.parametrize(
    "what", [("top",), ("show", "sessions", "--watch", "0.2"), ("show", "session", "bob", "--watch")]
)
def test_it_ends_well(tmux: Tmux, path: Path, what: tuple[str, ...], key: str) -> None:
    tmux.start(_bras(path, *what))
    tmux.wait_for("bob")
    tmux.press(key)
    tmux.wait_for("ended 0")


def test_a_watched_list_is_as_long_as_the_terminal(tmux: Tmux, path: Path) -> None:
    tmux.start(_bras(path, "show", "sessions", "--watch", "0.2", "--sort", "-down", "--columns", "user,down"), height=6)
    screen = tmux.wait_for("carol")
    assert screen[0].startswith("bras show sessions, every 0.2 s")
    assert screen[1].split() == ["user", "down"]
    assert screen[2].startswith("carol")
    assert len(screen) == 6
    assert all(screen[2:])


def test_a_dumb_terminal_without_colours(tmux: Tmux, path: Path) -> None:
    tmux.start(_bras(path, "top", "--count", "2", "--interval", "0.5", TERM="dumb"), height=100)
    screen = tmux.wait_for("ended 0")
    assert sum(line.startswith("bras 1.2.3") for line in screen) == 2


def test_the_daemon_goes_and_comes(tmux: Tmux, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Headend(path, ("alice",)):
        tmux.start(_bras(path, "top", "--interval", "0.5"))
        tmux.wait_for("alice")
    tmux.wait_for("no daemon answers on")
    with Headend(path, ("bob",)):
        tmux.wait_for("bob")
        tmux.wait_for(lambda screen: not any("no daemon" in line for line in screen))
    assert os.path.exists(tmp_path / "tmux")
