from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bras.cli.screen import GONE, RESIZED, Line
from bras.cli.top_loop import LONGEST_S, SHORTEST_S, Loop
from bras.cli.top_view import State
from bras.cli.watch import Connection
from tests.unit.cli.readings import reading
from tests.unit.cli.rows import Row, daemon, session


class _Screen:
    """Shows nothing, and presses what it is told: a list of keys for each interval."""

    is_live = True
    size = (80, 24)

    def __init__(self, *intervals: list[str]) -> None:
        self.pages: list[list[str]] = []
        self._intervals = [*intervals, ["q"]]
        self.waited: list[float] = []

    def show(self, lines: list[Line]) -> None:
        self.pages.append([text for text, _ in lines])

    def keys(self, within_s: float) -> Iterator[str]:
        self.waited.append(within_s)
        yield from self._intervals.pop(0)


class _Headend:
    """Answers what it is asked, each time a second later."""

    def __init__(self) -> None:
        self.at = 100.0
        self.refuses = False

    def __call__(self, request: Row) -> Row:
        self.at += 1.0
        if self.refuses:
            return {"ok": False, "body": {"error": "internal error"}}
        if request["command"] == "show overview":
            return {"ok": True, "body": reading(self.at)}
        sums = {"matched": 1, "up_bps": 0.0, "down_bps": 0.0, "packets_s": 0.0}
        return {"ok": True, "body": {"sessions": [session()], "next": None, **sums}}


def _run(tmp_path: Path, screen: _Screen, answer: Any = None, **changes: Any) -> tuple[State, list[Row]]:
    """Run until a key ends it; return what was chosen in the end, and what the daemon was asked."""
    state = State(**changes)
    path = tmp_path / "s"
    with daemon(path, answer or _Headend()) as requests:
        connection = Connection(str(path))
        Loop(screen, connection, state).run(None)  # type: ignore[arg-type]  # a screen for tests
        connection.close()
    return state, [request["arguments"] for request in requests if request["command"] == "show sessions"]


@pytest.mark.parametrize(
    ("key", "sort"),
    [
        ("r", "-rate"),
        ("d", "-down_rate"),
        ("u", "-up_rate"),
        ("o", "-octets"),
        ("k", "-packet_rate"),
        ("e", "-echo"),
        ("t", "-uptime"),
        ("n", "user"),
        ("i", "down"),
    ],
)
def test_keys_that_sort_ask_the_daemon_at_once(tmp_path: Path, key: str, sort: str) -> None:
    state, asked = _run(tmp_path, _Screen([key]), sort="-down")
    assert state.sort == sort
    assert [one["sort"] for one in asked] == ["-down", sort]
    assert asked[0] == {"after": -1, "limit": 24, "most": 24, "match": "", "sort": "-down", "rates": True}


def test_an_expression_is_typed_and_taken(tmp_path: Path) -> None:
    screen = _Screen(["/", *"user==ax", "\x7f", "\n"])
    state, asked = _run(tmp_path, screen)
    assert state.match == "user==a"
    assert [one["match"] for one in asked] == ["", "user==a"]
    assert any(page[-1] == "/user==ax_" for page in screen.pages)


def test_an_expression_that_makes_no_sense_is_told_and_can_be_mended(tmp_path: Path) -> None:
    screen = _Screen([*"/usr==a", "\r", "\x15", *"user==a", "\r"])
    state, asked = _run(tmp_path, screen)
    assert state.match == "user==a"
    assert state.trouble == ""
    assert any("no field 'usr'" in "".join(page) for page in screen.pages)
    assert [one["match"] for one in asked] == ["", "user==a"]


@pytest.mark.parametrize(
    ("keys", "match"), [([*"/x", "escape"], "lac==a"), (["f", "\x15", "\n"], ""), (["/", "\n"], "lac==a")]
)
def test_an_expression_is_left_or_taken_away(tmp_path: Path, keys: list[str], match: str) -> None:
    state, _ = _run(tmp_path, _Screen(keys), match="lac==a")
    assert (state.match, state.typed) == (match, None)


def test_keys_are_letters_while_somebody_types(tmp_path: Path) -> None:
    state, _ = _run(tmp_path, _Screen([*"/q+p ", "", "up", "escape"]))
    assert (state.interval_s, state.paused) == (2.0, False)


def test_a_pause(tmp_path: Path) -> None:
    screen = _Screen(["p"], [], ["d"], ["p"])
    state, asked = _run(tmp_path, screen)
    assert [one["sort"] for one in asked] == ["-rate", "-down_rate"], "asked before, and when it goes on"
    assert not state.paused
    assert any("paused" in page[0] for page in screen.pages)


def test_the_interval(tmp_path: Path) -> None:
    screen = _Screen(["+"], ["-", "-"], ["+"] * 9, ["-"] * 9)
    _run(tmp_path, screen)
    assert screen.waited == [2.0, 1.0, 4.0, SHORTEST_S, LONGEST_S]


def test_help_and_space_and_another_size(tmp_path: Path) -> None:
    screen = _Screen(["h"], ["h", "?", "escape", RESIZED, " ", "nonsense"])
    state, asked = _run(tmp_path, screen)
    assert not state.helps
    assert any("by round trip" in "".join(page) for page in screen.pages)
    assert len(asked) == 4, "one each interval, one by the space"


@pytest.mark.parametrize("keys", [["q"], ["Q"], ["\x04"], [GONE]])
def test_ends(tmp_path: Path, keys: list[str]) -> None:
    _, asked = _run(tmp_path, _Screen(keys))
    assert len(asked) == 1


def test_a_daemon_that_refuses_and_comes_back(tmp_path: Path) -> None:
    headend = _Headend()
    screen = _Screen([], [])
    calls = 0

    def answer(request: Row) -> Row:
        nonlocal calls
        calls += 1
        headend.refuses = 2 < calls < 5
        return headend(request)

    state, _ = _run(tmp_path, screen, answer)
    assert any("internal error" in page for page in screen.pages)
    assert state.trouble == ""


def test_a_daemon_that_is_gone(tmp_path: Path) -> None:
    screen = _Screen([])
    state = State()
    Loop(screen, Connection(str(tmp_path / "none")), state).run(None)  # type: ignore[arg-type]  # a screen for tests
    assert "there is no such socket" in state.trouble
    assert len(screen.pages) == 2


def test_so_many_pages(tmp_path: Path) -> None:
    screen = _Screen([], [], [])
    with daemon(tmp_path / "s", _Headend()):
        connection = Connection(str(tmp_path / "s"))
        Loop(screen, connection, State()).run(2)  # type: ignore[arg-type]  # a screen for tests
        connection.close()
    assert len(screen.pages) == 2
