from __future__ import annotations

import pytest

from bras.config import roff


@pytest.mark.parametrize(
    ("markdown", "page"),
    [
        ("two\nlines", ".PP\ntwo lines\n"),
        ("a `b-c` and **d**", ".PP\na \\fBb\\-c\\fP and \\fBd\\fP\n"),
        ("see [`x`](#x) and [Y](#y)", ".PP\nsee \\fBx\\fP and Y\n"),
        (".TH is no macro here", ".PP\n\\&.TH is no macro here\n"),
        ("`.x` neither", ".PP\n\\fB.x\\fP neither\n".replace("\\fB.x", "\\fB\\&.x")),
        ("a\\b it's é", ".PP\na\\eb it\\(aqs \\[u00E9]\n"),
        ("- one\n  and more\n- two", ".IP \\(bu 2\none and more\n.IP \\(bu 2\ntwo\n"),
        ("    $ as  it is\n    -x", ".PP\n.RS 4\n.nf\n$ as  it is\n\\-x\n.fi\n.RE\n"),
        ("```toml\n[a]\n\nb = 1\n```", ".PP\n.RS 4\n.nf\n[a]\n\nb = 1\n.fi\n.RE\n"),
        ("### A `b`", '.SS "A b"\n'),
        ("<!-- nothing -->", ""),
        ("| a | b |\n|---|---|\n| `x` | y \\| z |", ".TP\n\\fBx\\fP\ny | z\n"),
        (
            "| Key | Value | Default | Meaning |\n|---|---|---|---|\n| `k` | a list | none | Why. |",
            ".TP\n\\fBk\\fP\nWhy.\n.br\nValue: a list; default: none.\n",
        ),
    ],
)
def test_markdown(markdown: str, page: str) -> None:
    assert roff.body(markdown) == page


def test_headings() -> None:
    assert roff.heading("see also") == '.SH "SEE ALSO"\n'
    assert roff.heading('a "b"', sub=True) == '.SS "a \\(dqb\\(dq"\n'
