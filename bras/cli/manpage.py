"""bras(1): ``python -m bras.cli.manpage [FOLDER]`` writes it into deploy/, from --help and from MANUAL.md."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from bras.cli.common import DEFAULT_CONFIG, DEFAULT_SOCKET
from bras.cli.main import app
from bras.config import roff

ROOT = Path(__file__).parents[2]
_FROM_MANUAL = ("Signals", "Choosing rows and columns", "bras top", "Completion")
"""Sections of the manual that belong into the page."""
_STATUS = """
0: it worked. 1: it did not: no daemon answers, there is no such session. 2: the command line or the configuration is
wrong. 3 (`bras reload`): in force, but for keys that need a restart. `bras top` and `--watch` end with 0 by Ctrl-C.
"""
_FILES = f"""
| File | What |
|---|---|
| `{DEFAULT_CONFIG}` | the configuration |
| `{DEFAULT_SOCKET}` | the socket of the daemon, for its user and root only |
"""
_ENVIRONMENT = """
| Variable | What |
|---|---|
| `NO_COLOR` | if it is set, there are no colours |
| `TERM` | `dumb`: pages one after the other instead of a screen |
"""


def page(manual: str) -> str:
    """Return the page; ``manual`` is the text of MANUAL.md."""
    parts = [
        roff.header("bras", 1, "L2TP network server"),
        roff.heading("name") + "bras \\- a RADIUS\\-integrated L2TP network server\n",
        roff.heading("synopsis") + ".B bras\n.I COMMAND\n[\\fIOPTION\\fP...] [\\fIARGUMENT\\fP...]\n",
        roff.heading("commands") + "".join(_commands(typer.main.get_command(app), "bras")),
        *(roff.heading(title) + roff.body(_section(manual, title)) for title in _FROM_MANUAL),
        roff.heading("exit status") + roff.body(_STATUS),
        roff.heading("environment") + roff.body(_ENVIRONMENT),
        roff.heading("files") + roff.body(_FILES),
        roff.heading("see also") + ".BR bras.toml (5)\n",
    ]
    return "".join(parts)


def _section(manual: str, title: str) -> str:
    """Return what stands under a heading of the manual."""
    after = manual.split(f"\n### {title}\n", 1)[1]
    return re.split(r"^##", after, maxsplit=1, flags=re.MULTILINE)[0]


def _commands(command: Any, path: str) -> Iterator[str]:
    """Yield what --help says of each command."""
    inner = getattr(command, "commands", None)
    if inner is not None:
        for name, one in inner.items():
            yield from _commands(one, f"{path} {name}")
        return
    arguments = [_argument(one) for one in command.params if one.param_type_name == "argument"]
    yield roff.heading(" ".join([path, *arguments]), sub=True)
    yield roff.body(command.help or "")
    for one in command.params:
        if one.param_type_name == "option" and one.help:
            yield roff.term(_option(one), roff.escaped(one.help))
        elif one.param_type_name == "argument" and one.help:
            yield roff.term(f"\\fI{roff.escaped(_argument(one))}\\fP", roff.escaped(one.help))


def _argument(argument: Any) -> str:
    return str(argument.metavar or argument.name).upper()


def _option(option: Any) -> str:
    names = ", ".join(f"\\fB{roff.escaped(name)}\\fP" for name in sorted(option.opts, key=len, reverse=True))
    metavar = "" if option.is_flag else f" \\fI{roff.escaped(str(option.metavar or option.name.upper()))}\\fP"
    return names + metavar


def main(arguments: list[str]) -> None:
    """Write the page into a folder: the first argument, or deploy/ of this project."""
    folder = Path(arguments[0]) if arguments else ROOT / "deploy"
    (folder / "bras.1").write_text(page((ROOT / "MANUAL.md").read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
