from __future__ import annotations

from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from bras.config.story import StoryConfig
from bras.l2tp import events as l2tp
from bras.lns.effects import Fact
from bras.lns.told import Noted, SessionBegun
from bras.radius import events as radius
from bras.radius.events import Kind
from bras.subscriber.parts import Line
from bras.telemetry.stories import Stories
from bras.telemetry.watch import LONGEST_S, Chosen, Watch
from tests.unit.telemetry.facts import CLEARED, INFO, KEY, PATH

LINE = Line("any", "lac1", "198.18.0.2", "0123", "0456")


class Log:
    """A Watch, what it writes, and a clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.capture = LogCapture()
        self.stories = Stories(StoryConfig(), lambda: self.now)
        log = structlog.wrap_logger(
            None, processors=[self.capture], wrapper_class=structlog.make_filtering_bound_logger(10)
        )
        self.watch = Watch(log, self.stories, lambda: self.now, ["r1"])

    def tell(self, *facts: Fact) -> list[str]:
        """Return the events of the lines that these facts make."""
        del self.capture.entries[:]
        for fact in facts:
            tell = self.stories.handlers().get(type(fact))
            if tell is not None:
                tell(fact)
            self.watch.observe(fact)
        return [entry["event"] for entry in self.capture.entries]

    def session(self, user: str = "alice") -> list[str]:
        return self.tell(
            SessionBegun(1, "68E0000000000001", KEY, LINE),
            l2tp.CallUp(KEY, INFO),
            Noted(1, "credentials", (user, "chap", "", False)),
            radius.Resent("r1", Kind.AUTH, 1),
            radius.Answered("r1", Kind.AUTH, 2, 0.1, 1),
            Noted(1, "address", (0x0A400001, "pool a")),
            l2tp.SpeedChanged(KEY, 1, 2),
            l2tp.CallDown(KEY, CLEARED),
        )


ALL = ["call_up", "session_noted", "radius_resent", "radius_answered", "session_noted", "speed_changed", "call_down"]


@pytest.mark.parametrize("name", ["any", "lac1", "198.18.0.2"])
def test_a_lac_by_group_name_or_address(name: str) -> None:
    log = Log()
    log.watch.choose(Chosen("lac", name), 60.0)
    assert log.session() == ALL
    assert log.tell(l2tp.Retransmitted(5, "any")) == (["retransmitted"] if name == "any" else [])


def test_a_user_from_when_its_name_is_known() -> None:
    log = Log()
    log.watch.choose(Chosen("user", "alice"), 60.0)
    assert log.session() == ALL[1:]
    assert log.session("bob") == []
    entry: Any = {**log.capture.entries[0]} if log.capture.entries else None
    assert entry is None


def test_notes_say_what_happened() -> None:
    log = Log()
    log.watch.choose(Chosen("user", "alice"), 60.0)
    log.session()
    first, second = (entry for entry in log.capture.entries if entry["event"] == "session_noted")
    assert first | {"log_level": "debug"} == first
    assert (first["session"], first["note"], first["user"], first["method"]) == (
        "68E0000000000001",
        "credentials",
        "alice",
        "chap",
    )
    assert (second["note"], second["address"], second["source"]) == ("address", "10.64.0.1", "pool a")


def test_others_and_what_is_written_anyway_are_left_out() -> None:
    log = Log()
    log.watch.choose(Chosen("lac", "other"), 60.0)
    assert log.session() == []
    log.watch.choose(Chosen("lac", "any"), 60.0)
    assert log.tell(l2tp.TunnelUp(5, 7, "any", "lac1", PATH)) == [], "that has its line whoever is chosen"


def test_it_ends_by_itself() -> None:
    log = Log()
    log.watch.choose(Chosen("lac", "any"), 60.0)
    log.watch.choose(Chosen("user", "x"), 1e9)
    assert log.watch.left == {Chosen("lac", "any"): 60.0, Chosen("user", "x"): LONGEST_S}
    log.now += 61.0
    assert log.session() == []
    log.now += LONGEST_S
    assert not log.watch.observe(l2tp.Retransmitted(5, "any")), "nobody is chosen any more"
