"""Whatever section of an RFC we cite exists: a comment that lies is worse than none."""

from __future__ import annotations

import re

import pytest

from tests.architecture.rfc_sections import SECTIONS
from tests.architecture.source import ROOT, modules, name

_SECTION = r"(?:\d+(?:\.\d+)*|(?<=appendix )[A-Z]|(?<=appendices )[A-Z]|(?<=and )[A-Z])(?![0-9A-Za-z])"
_SEPARATOR = r"(?:, and |, | and | to )"
_CITATION = re.compile(
    rf"RFC (?P<rfc>\d+),? (?:sections?|appendix|appendices) (?P<list>{_SECTION}(?:{_SEPARATOR}{_SECTION})*)"
)
_OTHER_SPELLINGS = re.compile(r"§|RFC[-_]?\d{3,}|RFC \d+ (?:sec\.|Section|chapter|s\.)|section \d[\d.]* of RFC")
_PROSE = ("README.md", "MANUAL.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")


def _texts() -> list[tuple[str, str]]:
    paths = [*modules(), *(ROOT / p for p in _PROSE if (ROOT / p).exists())]
    return [(name(path), path.read_text(encoding="utf-8")) for path in paths]


def _joined(text: str) -> str:
    """Undo line breaks, so that a citation may run over one (and over its comment sign)."""
    return re.sub(r"\s*\n\s*(?:#:?\s*)?", " ", text)


def _citations(text: str) -> list[tuple[int, str]]:
    return [
        (int(found["rfc"]), section)
        for found in _CITATION.finditer(_joined(text))
        for section in re.split(_SEPARATOR, found["list"])
    ]


def test_a_citation_is_found_over_line_ends_and_in_lists() -> None:
    text = "as RFC 2661\n    # section 5.8, and RFC 1661 sections 4.1 and 4.6. RFC 2661 appendix A says"
    assert _citations(text) == [(2661, "5.8"), (1661, "4.1"), (1661, "4.6"), (2661, "A")]


@pytest.mark.parametrize(("path", "text"), _texts(), ids=lambda value: value if value.endswith((".py", ".md")) else "")
def test_cited_sections_exist(path: str, text: str) -> None:
    wrong = [
        f"RFC {rfc} section {section}" if rfc in SECTIONS else f"RFC {rfc} has no list in rfc_sections.py yet"
        for rfc, section in _citations(text)
        if section not in SECTIONS.get(rfc, ())
    ]
    assert not wrong, f"{path} cites {', '.join(wrong)}"


@pytest.mark.parametrize(("path", "text"), _texts(), ids=lambda value: value if value.endswith((".py", ".md")) else "")
def test_citations_are_spelled_one_way(path: str, text: str) -> None:
    assert not (found := _OTHER_SPELLINGS.findall(_joined(text))), f"{path}: {found}; write 'RFC n section x.y'"
