"""Texts with placeholders: what they may be, and what is wrong with what they may not."""

from __future__ import annotations

import re

import pytest

from bras.config import values
from bras.config.caller import PLACEHOLDERS, parts_of
from bras.config.values import CALLER_ID, Unfit


@pytest.mark.parametrize("text", ["number", "address"])
def test_the_two_words(text: str) -> None:
    assert CALLER_ID.convert(text) == text


def test_a_text_with_every_placeholder() -> None:
    text = "x" + "".join(f"{{{name}}}-" for name in PLACEHOLDERS)
    assert CALLER_ID.convert(text) == text
    assert [name for _, name in parts_of(text)] == [*PLACEHOLDERS, ""]


def test_what_stands_between_stays() -> None:
    assert parts_of("a{number}b{{c}}{address}") == (("a", "number"), ("b{", ""), ("c}", ""), ("", "address"))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("numbers", "it has no placeholder"),
        ("", "it has no placeholder"),
        ("{{number}}", "it has no placeholder"),
        ("{nas}", '"{nas}" is no placeholder'),
        ("{}", '"{}" is no placeholder'),
        ("{0}", '"{0}" is no placeholder'),
        ("{number.real}", '"{number.real}" is no placeholder'),
        ("{number", "its braces do not match"),
        ("number}", "its braces do not match"),
        ("{number:>20}", "it has a format"),
        ("{number!r}", "it has a format"),
        ("{number}\n", "control character"),
        (7, "7 is not text"),
    ],
)
def test_what_will_not_do(text: object, wrong: str) -> None:
    with pytest.raises(Unfit, match=re.escape(wrong)):
        CALLER_ID.convert(text)


@pytest.mark.parametrize("text", ["number", "address", "lns", "{nas}", "{tunnel", 7])
def test_the_two_words_are_those_of_caller_id_alone(text: object) -> None:
    assert values.PLACEHOLDERS.convert("{lns}/{serial}") == "{lns}/{serial}"
    with pytest.raises(Unfit):
        values.PLACEHOLDERS.convert(text)
