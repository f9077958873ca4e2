"""The one table of ends: complete, and the same as the manual's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bras.l2tp.disconnect import DisconnectCode
from bras.lns import reasons
from bras.ppp.events import LinkEnd
from bras.subscriber.ends import END_OF_LINK, ENDS
from bras.subscriber.events import AuthOutcome, TerminateCause

MANUAL = Path(__file__).resolve().parents[3] / "MANUAL.md"
LONGEST = 48
"""Octets of a word: room that every record has for it."""


def test_every_end_of_a_link_has_its_word() -> None:
    assert set(END_OF_LINK) == set(LinkEnd)
    assert set(END_OF_LINK.values()) <= set(ENDS)


def test_every_end_of_a_call_has_its_cause() -> None:
    words = {*reasons.BY_PEER.values(), *reasons.TUNNEL_BY_PEER.values(), *reasons.TUNNEL_BY_US.values()}
    assert words <= set(ENDS)


def test_every_verdict_and_every_code_of_a_lac_has_its_cause() -> None:
    verdicts = {f"authentication_{one.value}" for one in AuthOutcome if one is not AuthOutcome.ACCEPTED}
    codes = {f"lac_ppp_{one.name.lower()}" for one in DisconnectCode if one}
    assert verdicts | codes <= set(ENDS)


@pytest.mark.parametrize("word", ENDS)
def test_words_are_stable_and_short(word: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", word)
    assert len(word) <= LONGEST


def _named(cause: TerminateCause) -> str:
    """Return a cause as dictionaries spell it."""
    return "NAS-" + cause.name[4:].title() if cause.name.startswith("NAS_") else cause.name.title().replace("_", "-")


def test_the_manual_has_the_same_table() -> None:
    section = MANUAL.read_text(encoding="utf-8").partition("## Why sessions end")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| `")]
    found: dict[str, str] = {}
    for words, cause, meaning in rows:
        assert meaning.endswith("."), meaning
        for word in re.findall(r"`([a-z_0-9]+)`", words):
            assert word not in found, f"{word} has two rows"
            found[word] = cause
    assert found == {word: _named(cause) for word, cause in ENDS.items()}
