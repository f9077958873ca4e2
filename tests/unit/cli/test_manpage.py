from __future__ import annotations

from pathlib import Path

import typer

from bras.cli.main import app
from bras.cli.manpage import main, page
from tests.architecture.source import ROOT

MANUAL = (ROOT / "MANUAL.md").read_text(encoding="utf-8")


def test_every_command_and_option() -> None:
    text = page(MANUAL).replace("\\-", "-").replace("\\(aq", "'")
    top = typer.main.get_command(app).commands["top"]  # type: ignore[attr-defined]  # it is a group
    assert '.SS "bras top"' in text
    for option in top.params:
        assert option.opts[0] in text
        assert (option.help or "") in text.replace("\\fP", "").replace("\\fB", "")
    for heading in ('.SS "bras show sessions"', '.SS "bras disconnect SELECTOR"', '.SH "EXIT STATUS"', '.SH "FILES"'):
        assert heading in text
    assert "down_rate>1M" in text


def test_it_is_written_where_one_wishes(tmp_path: Path) -> None:
    main([str(tmp_path)])
    assert (tmp_path / "bras.1").read_text(encoding="utf-8") == page(MANUAL)
