"""MANUAL.md is in step with the configuration that the program reads."""

from __future__ import annotations

import re
from pathlib import Path

from bras.config.load import check
from bras.config.manual import BEGIN, END, rewritten

MANUAL = Path(__file__).resolve().parents[2] / "MANUAL.md"
TEXT = MANUAL.read_text(encoding="utf-8")


def test_the_reference_is_what_the_model_says_today():
    assert rewritten(TEXT) == TEXT, "run: python -m bras.config.manual"
    assert TEXT.count(BEGIN) == TEXT.count(END) == 1


def test_its_configurations_can_be_run(tmp_path):
    examples = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert examples
    for example in examples:
        path = tmp_path / "bras.toml"
        path.write_text(example)
        path.chmod(0o600)
        checked = check(path)
        assert checked.problems == checked.warnings == ()


def test_its_links_lead_to_headings():
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)}
    links = re.findall(r"\]\(#([^)]*)\)", TEXT)
    assert links
    assert set(links) <= headings
