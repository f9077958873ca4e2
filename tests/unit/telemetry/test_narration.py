from __future__ import annotations

import pytest

from bras.telemetry.narration import duration, rate, sentence
from bras.telemetry.story import FIELDS, Event, Story
from tests.unit.telemetry.test_story import LINE

STORY = Story(7, "68E0000000000007", LINE, 1000.0)
EXAMPLES: dict[str, tuple[object, ...]] = {
    "begun": (5, 6),
    "found": ("up",),
    "proxy": ("renegotiated", "mru"),
    "radius_resent": ("r1",),
    "radius_answered": ("r1", 3, 12.5),
    "radius_silent": ("r1, r2",),
    "verdict": ("rejected", "r1", "no"),
    "up": (250.0,),
    "throttled": ("quota of 1 octet is exhausted", 64_000, 0),
    "unthrottled": (5_000_000, 0),
    "ended": ("client_terminated", "bye", "up", "user_request", 61.5, 1, 2, True, 12.0, 20.5, 1.3),
    "omitted": (12,),
    "credentials": ("alice", "pap", "local", True),
    "waits": ("68E0000000000001", "bob", ""),
    "address": (0x0A400001, "pool default"),
    "lcp_refused": (True, 3, b"\x01\x04\x05\xdc\x03\x05\xc2\x23\x05"),
    "lcp_open": ("pap", 1460, 1500, True, False, False),
    "lcp_again": (),
    "changed": ("aaa", "rate_up_bps: 0 -> 5"),
    "coa": ("aaa", "disconnect", "bye"),
    "moved": (1702,),
    "speeds": (8_000_000, 640_000),
    "prove_again": (),
    "start_told": ("r1", 12.5),
}


def told(word: str, *values: object) -> str:
    return sentence(STORY, Event(0.0, word, dict(zip(FIELDS[word], values, strict=True))))


def test_there_is_an_example_of_each() -> None:
    assert set(EXAMPLES) == set(FIELDS)


@pytest.mark.parametrize("word", FIELDS)
def test_every_event_has_its_words(word: str) -> None:
    text = told(word, *EXAMPLES[word])
    assert text
    assert "None" not in text
    for value in EXAMPLES[word]:
        if isinstance(value, str) and value not in ("", "up", "pap", "rejected", "local"):
            assert value in text


def test_options_are_called_by_name() -> None:
    octets = b"\x01\x04\x05\xdc\x03\x05\xc2\x23\x05\x05\x06abcd\x07\x02\x08\x02\x02\x06\0\0\0\0\x11\x04\x05\xdc"
    text = told("lcp_refused", False, 4, octets)
    assert text == (
        "LCP: of what the client asked we reject: MRU 1500, authentication by CHAP, magic number, compressed protocol"
        " field, no address and control field, ACCM 00000000, option 17"
    )
    assert "make no sense" in told("lcp_refused", True, 3, b"\x01\x09")
    assert "authentication by c229" in told("lcp_refused", True, 3, b"\x03\x04\xc2\x29")


def test_what_the_lac_does_not_tell_is_left_out() -> None:
    assert told("begun", 5, 6) == (
        "call 6 in tunnel 5 of lac1 (198.18.0.2), LAC group any, calling number 0123, called number 0456"
    )


@pytest.mark.parametrize(
    ("outcome", "by", "text", "words"),
    [
        ("accepted", "r1", "", "authentication: accepted by r1"),
        ("rejected", "r1", "no", "authentication: refused by r1, who says 'no'"),
        ("unanswered", "", "", "authentication: nobody answered"),
        (
            "no_address",
            "r1",
            "pool a is exhausted",
            "authentication: accepted, but there is no address: pool a is exhausted (asked was r1)",
        ),
    ],
)
def test_verdicts(outcome: str, by: str, text: str, words: str) -> None:
    assert told("verdict", outcome, by, text) == words


def test_figures_read_well() -> None:
    assert [rate(bps) for bps in (0, 500, 64_000, 1_500_000, 10**10)] == [
        "any rate", "500 bit/s", "64 kbit/s", "1.5 Mbit/s", "10 Gbit/s",
    ]  # fmt: skip
    assert [duration(seconds) for seconds in (1.5, 61, 3700, 90_000)] == ["1.5s", "1m 1s", "1h 1m", "1d 1h"]
