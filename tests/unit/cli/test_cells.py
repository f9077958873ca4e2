from __future__ import annotations

import json

import pytest
from rich.cells import cell_len

from bras.cli.cells import cell, json_safe

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'`$(reboot)",
    "two\nlines\r\tand a tab",
    "\x00\x07\x1b[2J\x1b]0;title\x07",
    "\x9b31mred\x84",
    b"not \xff utf-8 \xc3".decode("utf-8", "surrogateescape"),
    "用户ａｂ",
    "e\u0301 o\u0308",
    "\u0301at the beginning",
    "z" + "\u0335" * 40,
    "אבג alice ابت 123",
    "\u202egnp.exe\u202c \u2066\u200f\u061c",
    "👩‍👩‍👧 👍🏽 🇩🇪 ☂\ufe0f",
    "\u1112\u1161\u11ab",
    "a" * 253,
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_neither_drives_the_terminal_nor_moves_its_neighbours(text: str) -> None:
    shown = cell(text)
    assert shown.isprintable()
    assert not set(shown) & {chr(code) for code in (*range(0x590, 0x900), *range(0xFE00, 0xFE10))}
    assert cell_len(shown) == sum(cell_len(char) for char in shown), "no two characters are drawn as one"
    assert cell(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice@isp.example", "alice@isp.example"),
        ("<script>", "<script>"),
        ("a\nb", "a\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("e\u0301", "e\u0301"),
        ("\u0301e", "\\u0301e"),
        ("a \u0301", "a \\u0301"),
        ("z\u0335\u0336\u0337", "z\u0335\u0336\\u0337"),
        ("aא", "a\\u05d0"),
        ("☂\ufe0f", "☂\\ufe0f"),
        ("用户", "用户"),
    ],
)
def test_what_is_escaped(text: str, shown: str) -> None:
    assert cell(text) == shown


@pytest.mark.parametrize("text", HOSTILE[:5] + HOSTILE[6:])
def test_json_is_the_same_for_programs_and_safe_for_terminals(text: str) -> None:
    safe = json_safe(json.dumps({"user": text}, ensure_ascii=False, indent=2))
    assert json.loads(safe) == {"user": text}
    assert safe.replace("\n", "").isprintable()
