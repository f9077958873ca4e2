"""MANUAL.md is in step with the configuration that the program reads."""

from __future__ import annotations

import re
from pathlib import Path

from bras.config.changes import RULES
from bras.config.load import check
from bras.config.manual import BEGIN, END, rewritten
from bras.config.sections import SECTIONS

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
    headings = {
        heading.lower().replace(" ", "-").replace("?", "") for heading in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    links = re.findall(r"\]\(#([^)]*)\)", TEXT)
    assert links
    assert set(links) <= headings


def test_it_says_what_a_reload_puts_into_force():
    titles = {section.name: section.title for section in SECTIONS}
    expected = []
    for key, one in RULES.items():
        section, _, name = key.partition(".")
        what = f"`{titles[section]}` `{name}`" if name else f"`{titles[section]}`"
        meaning = one.meaning[:1].upper() + one.meaning[1:]
        expected.append(f"| {what} | {'at once' if one.live else 'restart'} | {meaning} |")
    _, _, rest = TEXT.partition("| Section or key | In force | For whom |\n|---|---|---|\n")
    assert rest.split("\n\n")[0].splitlines() == expected
