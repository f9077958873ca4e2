from __future__ import annotations

from bras.config.manpage import page
from bras.config.manual import describe
from bras.config.sections import SECTIONS


def test_every_section_and_key() -> None:
    text = page(describe())
    assert text.splitlines()[1].startswith(".TH BRAS.TOML 5")
    for section in SECTIONS:
        assert f'.SS "{section.title}"' in text.replace("\\-", "-")
        for key in section.keys:
            assert f"\\fB{key}\\fP" in text
