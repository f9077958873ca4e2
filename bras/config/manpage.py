"""bras.toml(5): the configuration, from the same texts as the reference in MANUAL.md."""

from __future__ import annotations

from bras.config import roff

_ABOUT = """
`bras run` reads its configuration, TOML, from `/etc/bras/bras.toml` if nothing else is said. `bras check-config` says
all that is wrong with one at once; `bras reload` puts one into force without ending a session.

A secret may stand in a file of its own: `secret_file = "path"` instead of `secret = "text"`. The file must be readable
by the daemon's user only. Sections in double brackets may be there several times.
"""


def page(reference: str) -> str:
    """Return the page; ``reference`` is that of every section and key, in Markdown."""
    return (
        roff.header("bras.toml", 5, "configuration of bras")
        + roff.heading("name")
        + "bras.toml \\- configuration of bras(1)\n"
        + roff.heading("description")
        + roff.body(_ABOUT)
        + roff.heading("sections and keys")
        + roff.body(reference)
        + roff.heading("see also")
        + ".BR bras (1)\n"
    )
