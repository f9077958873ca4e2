from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bras.cli.main import app
from bras.cli.screen import GONE, RESIZED, Screen
from tests.unit.cli.rows import daemon


def _watch(
    monkeypatch: pytest.MonkeyPatch, path: Path, *intervals: list[str], what: tuple[str, ...] = ("tunnels",)
) -> str:
    """Watch, and press keys; return what was printed."""
    left = list(intervals)
    waited: list[float] = []

    def keys(_screen: Screen, within_s: float) -> Iterator[str]:
        waited.append(within_s)
        if not left:
            raise KeyboardInterrupt
        yield from left.pop(0)

    monkeypatch.setattr(Screen, "keys", keys)
    result = CliRunner().invoke(app, ["show", *what, "--watch", "3", "--socket", str(path)])
    assert result.exit_code == 0, result.output
    assert set(waited) == {3.0}
    return result.stdout


@pytest.mark.parametrize(
    ("intervals", "pages"),
    [
        ([], 1),
        ([[], []], 3),
        ([["x", "y"]], 2),
        ([["q"]], 1),
        ([["Q"]], 1),
        ([[GONE]], 1),
        ([[RESIZED, "q"]], 2),
        ([[" ", "q"]], 2),
    ],
)
def test_again_and_again_until_somebody_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intervals: list[list[str]], pages: int
) -> None:
    with daemon(tmp_path / "s") as requests:
        out = _watch(monkeypatch, tmp_path / "s", *intervals)
    assert out.count("bras show tunnels, every 3 s") == out.count("lac1.example") == len(requests) == pages


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (("session", "user1"), "50.0 Mbit/s  (profile gold)"),
        (("tunnel", "1234"), "the LAC by secret 2"),
        (("group", "any"), "chap, pap  (auth)"),
        (("dataplane",), "xdp-full"),
        (("version",), "1.2.3"),
    ],
)
def test_facts_can_be_watched_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: tuple[str, ...], says: str
) -> None:
    with daemon(tmp_path / "s"):
        out = _watch(monkeypatch, tmp_path / "s", [], what=what)
    assert out.count(says) == 2
    assert f"bras show {' '.join(what)}, every 3 s" in out


def test_a_daemon_that_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as later:

        def keys(_screen: Screen, _within_s: float) -> Iterator[str]:
            if pages:
                raise KeyboardInterrupt
            pages.append(later.enter_context(daemon(tmp_path / "s")))
            yield from ()

        pages: list[object] = []
        monkeypatch.setattr(Screen, "keys", keys)
        result = CliRunner().invoke(app, ["show", "tunnels", "--watch", "--socket", str(tmp_path / "s")])
    assert result.exit_code == 0
    before, after = result.stdout.split("bras show tunnels, every 2 s")[1:]
    assert "there is no such socket" in " ".join(before.split())
    assert "lac1.example" in after
