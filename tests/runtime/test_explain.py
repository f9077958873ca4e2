"""What ``bras explain`` is told, of somebody who was seen and of somebody who was not."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bras.config.story import StoryConfig
from bras.lns.commands import Command, Plain, ShowLacs
from bras.lns.effects import Answer
from bras.lns.told import SessionBegun
from bras.runtime import clock
from bras.runtime.explain import MOST, Explain, Explainer
from bras.subscriber.parts import Line
from bras.telemetry.stories import Stories
from tests.runtime.test_keys_runtime import RADIUS, Site, running, site
from tests.support.rim import option
from tests.unit.telemetry.facts import KEY

__all__ = ["site"]
LAC: dict[str, Plain] = {
    "lac": "any",
    "lac_address": "198.18.0.2",
    "lac_hostname": "evil\n\x1b[2J",
    "last_refusal": "wrong secret",
    "last_reason": "bad_secret",
    "last_refusal_s": 3.0,
}


def stories(count: int = 0) -> Stories:
    made = Stories(StoryConfig(), lambda: 1000.0)
    for number in range(1, count + 1):
        line = Line("any", "lac1", "198.18.0.2", f"0{number % 3}", "")
        made.begun(SessionBegun(number, f"{number:020X}", KEY, line))
    return made


def asked(wish: Explain, made: Stories | None, *lacs: Plain) -> tuple[bool, Any]:
    async def ask(command: Command) -> Answer:
        assert isinstance(command, ShowLacs)  # nobody of these is up
        return Answer(1, ok=True, body={"lacs": list(lacs), "forgotten": 0})

    return asyncio.run(Explainer(made, ask, lambda: 1060.0).answer(wish))


def test_the_last_ones_are_told_and_the_others_counted() -> None:
    ok, body = asked(Explain("01", last=2), stories(5000))
    assert ok
    assert [story["session"] for story in body["stories"]] == [f"{number:020X}" for number in (4996, 4999)]
    assert body["more"] == 1665
    assert "lacs" not in body
    assert len(asked(Explain("01", last=10**9), stories(5000))[1]["stories"]) == MOST
    assert len(asked(Explain("01", last=-1), stories(5000))[1]["stories"]) == 1


def test_of_somebody_unknown_what_is_known_of_lacs() -> None:
    quiet = LAC | {"lac_address": "198.18.0.3", "lac_hostname": "lac3", "last_refusal": None}
    _, body = asked(Explain("nobody"), stories(3), LAC, quiet)
    assert (body["stories"], body["since"]) == ([], 1000.0)
    assert [row["lac_hostname"] for row in body["lacs"]] == ["evil\\n\\x1b[2J"]
    _, body = asked(Explain("lac3"), stories(0), LAC, quiet)
    assert [row["lac_hostname"] for row in body["lacs"]] == ["lac3"], "the one that was asked for"


def test_without_stories_it_says_so() -> None:
    ok, body = asked(Explain("nobody"), None)
    assert not ok
    assert "[story]" in body["error"]


@pytest.mark.root
def test_story_file(site: Site, tmp_path: Path) -> None:  # pytest's way to use another module's fixture
    """A real daemon explains a refusal, while it lives by its command, and for good in its file."""
    file = tmp_path / "stories"
    with running(site, tmp_path, {"story": {"file": str(file)}}, option(18, b"welcome")) as run:
        lac, client = run.call()
        (row,) = run.lns.wait_sessions(1)
        user = row["user"]
        told = json.loads(run.lns.command("explain", user, "--json").stdout)
        (story,) = told["stories"]
        assert story["live"]
        assert story["headline"].startswith("up for")
        assert story["line"]["echo_loss_percent"] is None
        assert abs(story["begun_at"] - clock.wall()) < 60.0
        lac.hang_up(client)
        run.wire.run(10.0, until=lambda: file.exists() and file.read_bytes().endswith(b"\n"))
        (line,) = file.read_text(encoding="utf-8").splitlines()
        assert "the client hung up" in json.loads(line)["headline"]
        words = run.lns.command("explain", user).stdout
        assert "the client hung up" in words
        nobody = run.lns.command("explain", "nobody")
        assert nobody.returncode == 1
        assert "seen since" in nobody.stdout
        assert RADIUS not in nobody.stdout
