from __future__ import annotations

from bras.subscriber.parts import Line
from bras.telemetry.story import FIELDS, MOST_OCTETS, Event, Story

LINE = Line("any", "lac1", "198.18.0.2", "0123", "0456")


def story() -> Story:
    return Story(7, "68E0000000000007", LINE, 1000.0)


def test_events_come_back_as_they_were_added() -> None:
    one = story()
    one.add(1000.0, "begun", 5, 6)
    one.add(1001.5, "radius_answered", "r1", 2, 12.5)
    assert one.events == [
        Event(1000.0, "begun", {"tunnel": 5, "call": 6}),
        Event(1001.5, "radius_answered", {"server": "r1", "code": 2, "after_ms": 12.5}),
    ]


def test_a_clock_that_was_set_back_does_no_harm() -> None:
    one = story()
    one.add(900.0, "lcp_again")
    assert one.events[0].at == 900.0


def test_one_that_never_ends_is_bounded_and_keeps_both_ends() -> None:
    one = story()
    for number in range(5000):
        one.add(1000.0 + number, "speeds", number, 0)
        assert one.octets <= MOST_OCTETS
    events = one.events
    assert [event.values["tx_bps"] for event in events[:16]] == list(range(16))
    assert events[-1].values["tx_bps"] == 4999
    omitted = [event.values["events"] for event in events if event.word == "omitted"]
    assert len(omitted) == 1
    assert omitted[0] + len(events) - 1 == 5000, "nothing is lost without a word"


def test_texts_of_the_network_are_cleaned_and_cut() -> None:
    one = story()
    one.add(1000.0, "verdict", "rejected", "r1", "a\r\nb\x1b[2J\udcff" + "x" * 4000)
    text = one.events[0].values["text"]
    assert text.startswith("a\\r\\nb\\x1b[2J\\udcff")
    assert text.isprintable()
    assert len(text) < 600


def test_a_story_of_a_dozen_events_is_small() -> None:
    one = story()
    for word, names in FIELDS.items():
        one.add(1001.0, word, *(0 for _ in names))
    assert one.octets < 300


def test_whose_it_is_among_those_that_have_ended() -> None:
    one = story()
    assert one.owner == ("line", "0123")
    one.user = "alice"
    assert one.owner == ("user", "alice")
    assert Story(1, "", Line("any", "lac1", "198.18.0.2", "", ""), 0.0).owner == ("line", "198.18.0.2 lac1")
