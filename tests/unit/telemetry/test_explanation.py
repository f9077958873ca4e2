from __future__ import annotations

from typing import Any

import orjson
import pytest

from bras.telemetry.explanation import explain
from bras.telemetry.story import Story
from tests.unit.telemetry.test_story import LINE


def explained(
    *events: tuple[Any, ...], up: bool = False, now: float = 1100.0, dead: dict[str, float] | None = None
) -> Any:
    story = Story(7, "68E0000000000007", LINE, 1000.0)
    story.up, story.address = up, 0x0A400001 if up else 0
    for at, word, *values in events:
        story.add(1000.0 + at, word, *values)
    return explain(story, now, dead or {})


CREDENTIALS = (1.0, "credentials", "alice", "pap", "", False)
OPEN = (0.5, "lcp_open", "pap", 1460, 1500, False, False, True)


@pytest.mark.parametrize(
    ("events", "headline"),
    [
        ((), "not up yet: LCP is not agreed on, ? after the last event"),
        (((0.0, "begun", 1, 2),), "not up yet: LCP is not agreed on, 1m 40s after the last event"),
        ((OPEN,), "not up yet, 1m 39s after the last event"),
        ((OPEN, CREDENTIALS), "not up yet: waits for RADIUS for 1m 39s"),
        ((OPEN, (2.0, "waits", "s", "u", "")), "not up yet: waits for 1m 38s for another session to be gone"),
    ],
)
def test_one_that_is_on_its_way(events: Any, headline: str) -> None:
    body = explained(*events)
    assert (body["headline"], body["live"]) == (headline, True)


def test_servers_that_do_not_answer_are_named() -> None:
    assert explained(CREDENTIALS, dead={"r1": 1040.0})["advice"] == "servers that do not answer: r1 for 1m 0s"


@pytest.mark.parametrize(
    ("events", "headline"),
    [
        (((1.0, "up", 900.0),), "up for 1m 39s, with address 10.64.0.1"),
        (((1.0, "found", "up"),), "up since before the last restart, with address 10.64.0.1"),
        (
            ((1.0, "up", 1.0), (2.0, "throttled", "quota", 1, 1)),
            "up, slowed down by a quota for 1m 39s, with address 10.64.0.1",
        ),
        (
            ((1.0, "up", 1.0), (2.0, "throttled", "quota", 1, 1), (3.0, "unthrottled", 1, 1)),
            "up for 1m 39s, with address 10.64.0.1",
        ),
        (
            ((1.0, "up", 1.0), (2.0, "lcp_again")),
            "negotiating anew, after it was up for 1m 39s, with address 10.64.0.1",
        ),
    ],
)
def test_one_that_is_up(events: Any, headline: str) -> None:
    assert explained(*events, up=True)["headline"] == headline


def test_an_end_that_nobody_knows_is_an_end() -> None:
    body = explained(
        (1.0, "ended", "of_a_later_version", "so", "up", "user_request", 5.0, 0, 0, True, None, None, None), up=True
    )
    assert body["headline"] == "ended after 5s: it ended (so)"
    assert not body["live"]


def test_what_comes_again_and_again_is_told_once() -> None:
    body = explained(*((float(at), "radius_resent", "r1") for at in range(3)), OPEN, (5.0, "radius_resent", "r1"))
    assert [(event["times"], event["at"], event["until"]) for event in body["events"]] == [
        (3, 1000.0, 1002.0), (1, 1000.5, 1000.5), (1, 1005.0, 1005.0),
    ]  # fmt: skip


HOSTILE = ("<script>alert(1)</script>", "a\"b'c\\", "two\nlines\r\x1b[2J", "x" * 253, "caf\udce9", "\u202egnp.exe")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_the_network_are_harmless(name: str) -> None:
    ended = (
        3.0,
        "ended",
        "authentication_rejected",
        name,
        "authenticating",
        "user_error",
        0.0,
        0,
        0,
        True,
        None,
        None,
        None,
    )
    body = explained((1.0, "credentials", name, "pap", "", False), (2.0, "verdict", "rejected", "r1", name), ended)
    octets = orjson.dumps(body)
    assert b"\n" not in octets
    assert body["headline"].isprintable()
    assert all(event["text"].isprintable() for event in body["events"])
