from __future__ import annotations

from dataclasses import replace

from bras.config.story import StoryConfig
from bras.ids import accounting_id, session_origin
from bras.lns.effects import Fact
from bras.lns.told import Noted, SessionBegun
from bras.ppp.events import HandoverReason, HandoverResult
from bras.radius import events as radius
from bras.radius.events import Kind
from bras.subscriber.events import Authenticated, AuthOutcome, Phase, ProxyJudged, QuotaTold
from bras.subscriber.parts import Line
from bras.telemetry.stories import Stories
from bras.telemetry.story import Story
from tests.unit.telemetry.facts import ENDED, KEY, UP

LINE = Line("any", "lac1", "198.18.0.2", "0123", "0456")
ORIGIN = session_origin(1, 0, 0x68E00000)


def session(number: int) -> str:
    return accounting_id(ORIGIN, number)


class Told:
    """Stories with a clock that goes on by a second for each fact."""

    def __init__(self, **config: object) -> None:
        self.now = 1000.0
        self.stories = Stories(replace(StoryConfig(), **config), lambda: self.now)  # type: ignore[arg-type]  # its keys

    def tell(self, *facts: Fact) -> None:
        handlers = self.stories.handlers()
        for fact in facts:
            handlers[type(fact)](fact)
            self.now += 1.0

    def begin(self, number: int = 1, line: Line = LINE, user: str = "alice") -> None:
        self.tell(SessionBegun(number, session(number), KEY, line))
        if user:
            self.tell(Noted(number, "credentials", (user, "chap", "", False)))

    def end(self, number: int = 1, user: str = "alice", **changes: object) -> None:
        self.tell(replace(ENDED, session=session(number), user=user, reason="client_terminated", **changes))  # type: ignore[arg-type]  # its fields

    def found(self, selector: str) -> list[int]:
        return [story.number for part in self.stories.search(selector) for story in part]


def words(story: Story) -> list[str]:
    return [event.word for event in story.events]


def test_all_facts_of_a_session_are_in_its_story() -> None:
    told = Told()
    told.begin()
    told.tell(
        ProxyJudged(session(1), "any", "lac1", HandoverResult.RENEGOTIATED, HandoverReason.MRU),
        radius.Resent("r1", Kind.AUTH, 1),
        radius.Answered("r2", Kind.AUTH, 2, 0.0125, 1),
        radius.Answered("r2", Kind.ACCT, 5, 0.001),
        radius.Resent("r2", Kind.ACCT),
        Authenticated("any", "chap", AuthOutcome.ACCEPTED, "r2", "alice@isp", "", 1),
        Noted(1, "address", (0x0A400001, "pool default")),
        replace(UP, session=session(1)),
        QuotaTold(session(1), "alice", "any", "quota of 1 octet is exhausted", 1000, 2000),
        QuotaTold(session(1), "alice", "any", "", 5000, 6000),
    )
    (story,) = told.stories.live.values()
    assert words(story) == [
        "begun", "credentials", "proxy", "radius_resent", "radius_answered", "verdict", "address", "up", "throttled",
        "unthrottled",
    ]  # fmt: skip
    assert (story.user, story.claimed, story.address, story.up) == ("alice@isp", "alice", 0x0A400001, True)
    assert story.events[4].values == {"server": "r2", "code": 2, "after_ms": 12.5}


def test_facts_of_sessions_without_a_story_are_left_alone() -> None:
    told = Told()
    told.tell(
        Noted(9, "lcp_again", ()),
        Authenticated("any", "chap", AuthOutcome.REJECTED, "r1", "x", "", 9),
        replace(UP, session=session(9)),
        replace(UP, session="s1"),
        ENDED,
    )
    assert not told.stories.live
    assert not len(told.stories.had_been_up)


def test_who_was_up_and_who_failed_stand_on_different_shelves() -> None:
    told = Told(ended_total=2)
    told.begin()
    told.tell(replace(UP, session=session(1)))
    told.end()
    for number in range(2, 50):
        told.begin(number, user=f"made-up-{number}")
        told.end(number, f"made-up-{number}", phase=Phase.LINK)
    assert told.found("alice") == [1], "a storm of failures takes nothing away from those who were up"
    assert len(told.stories.failed) == 2
    assert not told.stories.live


def test_ended_per_user_bounds_what_is_kept_of_one() -> None:
    told = Told(ended_per_user=3)
    for number in range(1, 8):
        told.begin(number)
        told.end(number)
    assert told.found("alice") == [5, 6, 7]


def test_a_session_is_found_by_all_that_one_may_know_of_it() -> None:
    told = Told()
    told.begin(line=replace(LINE, access_line=b"\x01\x0cswitch7/42"))
    told.tell(
        Authenticated("any", "chap", AuthOutcome.ACCEPTED, "r2", "alice@isp", "", 1),
        Noted(1, "address", (0x0A400001, "radius")),
    )
    for selector in ("alice", "alice@isp", session(1), "0123", "198.18.0.2", "lac1", "10.64.0.1", "switch7/42"):
        assert told.found(selector) == [1], selector
    for selector in ("", "bob", "0456", "10.64.0.2", "0.0.0.0"):
        assert told.found(selector) == [], selector


def test_which_servers_do_not_answer() -> None:
    told = Told()
    told.tell(
        radius.ServerDead("r1", Kind.AUTH), radius.ServerDead("r2", Kind.AUTH), radius.ServerDead("r1", Kind.ACCT)
    )
    told.tell(radius.ServerAlive("r2", Kind.AUTH), radius.ServerDead("r1", Kind.AUTH))
    assert told.stories.dead == {"r1": 1000.0}
    told.begin()
    told.tell(Authenticated("any", "chap", AuthOutcome.UNANSWERED, "", "alice", "", 1))
    (story,) = told.stories.live.values()
    assert words(story)[-2:] == ["radius_silent", "verdict"]
    assert story.events[-2].values == {"servers": "r1"}


def test_a_session_of_before_begins_in_the_middle() -> None:
    told = Told()
    told.stories.found(3, session(3), LINE, "up", "alice", 0x0A400001)
    told.end(3)
    (story,) = told.stories.had_been_up
    assert words(story) == ["found", "ended"]


def test_a_complete_story_is_passed_on() -> None:
    told = Told()
    passed: list[Story] = []
    told.stories.told = passed.append
    told.begin()
    assert not passed
    told.end()
    assert [story.number for story in passed] == [1]


def test_nothing_is_kept_of_a_session_whose_number_comes_again() -> None:
    told = Told()
    told.begin()
    told.begin(user="bob")
    assert told.found("alice") == []


def test_how_the_line_answered_is_in_the_end() -> None:
    told = Told()
    told.begin()
    told.end()
    told.begin(2, user="bob")
    told.end(2, "bob", quality=None)
    ended = [story.events[-1].values for story in told.stories.failed]
    names = ("echo_mean_ms", "echo_max_ms", "echo_loss_percent")
    assert [tuple(values[name] for name in names) for values in ended] == [(20.0, 250.0, 6.2), (None, None, None)]
