"""Who is chosen for debug lines, as the admin socket is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from bras.config.story import StoryConfig
from bras.l2tp.events import Retransmitted
from bras.runtime.debug import Debug, answer
from bras.telemetry.counts import Counts
from bras.telemetry.lines import Lines
from bras.telemetry.observer import Observer
from bras.telemetry.stories import Stories
from bras.telemetry.watch import MOST
from tests.runtime.test_keys_runtime import Site, running, site

__all__ = ["site"]


def observer(*, stories: bool = True, debug: bool = False) -> Observer:
    kept = Stories(StoryConfig(), lambda: 0.0) if stories else None
    return Observer(Counts(), Lines(structlog.get_logger()), stories=kept, debug=debug, clock=lambda: 1000.0)


def asked(one: Observer, **wish: Any) -> Any:
    ok, body = answer(one, Debug(**wish))
    assert isinstance(body, dict)
    return body["debug"] if ok else body["error"]


def test_who_is_chosen_and_who_no_more() -> None:
    one = observer()
    assert asked(one) == []
    assert asked(one, name="north", for_s=60.0) == [{"kind": "lac", "name": "north", "left_s": 60.0}]
    assert [row["name"] for row in asked(one, kind="user", name="alice")] == ["north", "alice"]
    assert [row["name"] for row in asked(one, name="north", for_s=0.0)] == ["alice"]
    assert asked(one, off=True) == asked(one) == []
    assert one._watch is None, "and that costs nothing"


def test_what_cannot_be() -> None:
    one = observer()
    assert "a kind is one of" in asked(one, kind="tunnel", name="5")
    for number in range(MOST):
        asked(one, name=f"lac{number}")
    assert "already" in asked(one, name="one too many")
    assert len(asked(one, name="lac0")) == MOST, "one that is chosen may be chosen again"
    assert "[story]" in asked(observer(stories=False), kind="user", name="alice")


def test_lines_come_while_somebody_is_chosen_whatever_the_level_is() -> None:
    capture = LogCapture()
    structlog.configure(
        processors=[capture], logger_factory=lambda *_: None, wrapper_class=structlog.make_filtering_bound_logger(20)
    )
    try:
        one = observer()
        fact = Retransmitted(5, "north")
        one.observe(fact)
        asked(one, name="north")
        one.observe(fact)
        asked(one, off=True)
        one.observe(fact)
        assert [entry["event"] for entry in capture.entries] == ["debug_began", "retransmitted", "debug_ended"]
        already = observer(debug=True)
        asked(already, name="north")
        del capture.entries[:]
        already.observe(fact)
        assert len(capture.entries) <= 1, "with level debug nothing is there twice"
    finally:
        structlog.reset_defaults()


@pytest.mark.root
def test_a_real_daemon_writes_of_one_lac_alone(site: Site, tmp_path: Path) -> None:  # pytest's way
    with running(site, tmp_path, {"log": {"level": "info", "format": "json"}}) as run:
        run.call()
        assert run.lns.command("debug", "lac", "lac1702", "--for", "5m").stdout == "lac lac1702: 4m 59s more\n"
        run.call()
        assert run.lns.command("debug", "off").stdout == "nobody is chosen\n"
        run.call()
        run.lns.wait_sessions(3)
        lines = run.lns.log()
        noted = {line["user"] for line in lines if line["event"] == "session_noted" and line["user"]}
        assert len(noted) == 1
        assert {line["lac_hostname"] for line in lines if line["event"] == "call_up"} == {"lac1702"}
        assert [line["event"] for line in lines if line["event"].startswith("debug_")] == ["debug_began", "debug_ended"]
