"""Markdown, as far as the manual uses it, as a manual page (man(7)).

Headings, paragraphs, lists, indented and fenced text, tables (a term and what is to be said of it), code, links.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
_MARKED = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\([^)]*\)")


def header(name: str, section: int, title: str) -> str:
    """Return how a page begins."""
    return f'.\\" Written by a program: see CONTRIBUTING.md.\n.TH {name.upper()} {section} "" bras "{title}"\n'


def escaped(text: str) -> str:
    """Return plain text as it can stand in a page."""
    shown = "".join(_SPECIAL.get(char, char if char.isascii() else f"\\[u{ord(char):04X}]") for char in text)
    return f"\\&{shown}" if shown.startswith((".", "'")) else shown


def marked(text: str) -> str:
    """Return text with code in bold and links without their targets."""
    parts: list[str] = []
    here = 0
    for found in _MARKED.finditer(text):
        parts.append(escaped(text[here : found.start()]) if here < found.start() else "")
        code, strong, link = found.groups()
        parts.append(marked(link) if link else f"\\fB{escaped(code or strong)}\\fP")
        here = found.end()
    parts.append(escaped(text[here:]) if here < len(text) else "")
    joined = "".join(parts)
    return f"\\&{joined}" if joined.startswith((".", "'")) else joined


def heading(text: str, *, sub: bool = False) -> str:
    """Return a heading."""
    words = escaped(re.sub(r"`", "", text)).replace('"', r"\(dq")
    return f'.{"SS" if sub else "SH"} "{words if sub else words.upper()}"\n'


def term(name: str, text: str) -> str:
    """Return a term and, indented, what is to be said of it; both are marked up already."""
    return f".TP\n{name}\n{text}\n"


def body(markdown: str) -> str:
    """Return what stands under a heading."""
    return "".join(_block(block) for block in _blocks(markdown))


def _blocks(markdown: str) -> Iterator[list[str]]:
    """Yield paragraphs, tables, lists and texts that stay as they are, each as its lines."""
    lines: list[str] = []
    fenced = False
    for line in [*markdown.splitlines(), ""]:
        if line.startswith("```"):
            fenced = not fenced
            if not fenced:
                yield ["    " + one for one in lines]
                lines = []
        elif fenced or line.strip():
            lines.append(line)
        elif lines:
            yield lines
            lines = []


def _block(lines: list[str]) -> str:
    if lines[0].startswith("    "):
        text = "\n".join(escaped(line.removeprefix("    ")) for line in lines)
        return f".PP\n.RS 4\n.nf\n{text}\n.fi\n.RE\n"
    if lines[0].startswith("|"):
        return "".join(_row(line) for line in lines[2:])
    if lines[0].startswith("#"):
        return heading(lines[0].lstrip("# "), sub=True)
    if lines[0].startswith("<!--"):
        return ""
    if lines[0].startswith("- "):
        items = "\n".join(lines)[2:].split("\n- ")
        return "".join(f".IP \\(bu 2\n{marked(' '.join(item.split()))}\n" for item in items)
    return f".PP\n{marked(' '.join(line.strip() for line in lines))}\n"


def _row(line: str) -> str:
    """Return a row of a table: its first cell is the term, and of four cells the middle two are value and default."""
    cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
    first, *rest = cells
    if len(rest) == 3:
        value, default, meaning = rest
        return term(marked(first), f"{marked(meaning)}\n.br\nValue: {marked(value)}; default: {marked(default)}.")
    return term(marked(first), marked("; ".join(cell for cell in rest if cell)))
