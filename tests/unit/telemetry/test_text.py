from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.telemetry.text import CLIP, clean, clean_deep, dotted_quad


def test_ordinary_names_pass_unchanged() -> None:
    for name in ("alice@isp.example", "Zoë", "用户", "a b", "back\\slash"):
        assert clean(name) == name


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\nb", "a\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x00", "\\x00"),
        ("\x85\u2028", "\\x85\\u2028"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        (b"\xff\xfe".decode("utf-8", "surrogateescape"), "\\udcff\\udcfe"),
    ],
)
def test_what_does_not_print_is_escaped(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_long_text_is_clipped() -> None:
    assert clean("x" * 10_000) == "x" * CLIP + "…"


@given(st.text(st.characters(codec=None), max_size=60))
def test_cleaned_text_is_one_printable_line_of_valid_json(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert orjson.loads(orjson.dumps(cleaned)) == cleaned


def test_clean_deep_reaches_into_lists_and_dictionaries() -> None:
    assert clean_deep({"a\n": ["\x1b", {"b": "\udcff"}, 3, None, (True,)]}) == {
        "a\\n": ["\\x1b", {"b": "\\udcff"}, 3, None, [True]]
    }


def test_dotted_quad() -> None:
    assert dotted_quad(0x0A400001) == "10.64.0.1"
    assert dotted_quad(0xFFFFFFFF) == "255.255.255.255"
    assert dotted_quad(0) is None
