"""Writes the reference of every key into MANUAL.md and deploy/bras.toml.5: ``python -m bras.config.manual [FILE]``.

Meaning and default of a key come from ``bras.config.model``, what its value must be from
``bras.config.sections``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from bras.config.grant import BUILT_IN, Grant
from bras.config.manpage import page
from bras.config.section import Required, Section
from bras.config.sections import POLICY, SECTIONS, SHARED_POLICY

BEGIN = "<!-- keys: written by python -m bras.config.manual -->\n"
END = "<!-- end of keys -->\n"
_MODELS = ("model.py", "daemon.py", "grant.py", "radius.py", "coa.py", "spool.py", "story.py")
_HEAD = "| Key | Value | Default | Meaning |\n|---|---|---|---|\n"


def describe() -> str:
    """Return the reference of every section and key, in Markdown."""
    documented = _documented()
    parts = [_section(section, documented) for section in _all_sections(SECTIONS)]
    parts.append(
        "### Keys of a profile\n\n"
        "They may stand in `[[profile]]`, `[[user]]`, `[[lac]]` and `[defaults]`; `address` and `routes` in the first "
        "two only. "
        "What RADIUS says of a subscriber comes before the `[[profile]]` that RADIUS names, that before the local "
        "user (whose own keys come before its profile's), that before the `[[lac]]`, that before `[defaults]`. "
        "Where nobody says anything, the default holds, and for name servers `[ppp]` before it.\n\n"
        + _HEAD
        + "".join(
            _row(name, kind.expects, _written(getattr(BUILT_IN, name)), documented["Grant"][name])
            for name, kind in POLICY.items()
        )
    )
    return "\n".join(parts)


def rewritten(manual: str) -> str:
    """Return the text of MANUAL.md with its reference brought up to date."""
    before, _, rest = manual.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{describe()}\n{END}{after}"


def _all_sections(sections: tuple[Section, ...]) -> Iterator[Section]:
    for section in sections:
        yield section
        yield from _all_sections(section.inner)


def _documented() -> dict[str, dict[str, str]]:
    """Return the texts of the model: by class, then by field ("" is the class's own)."""
    folder = Path(__file__).parent
    trees = [ast.parse((folder / name).read_text(encoding="utf-8")) for name in _MODELS]
    texts: dict[str, dict[str, str]] = {}
    for node in (node for tree in trees for node in tree.body):
        if isinstance(node, ast.ClassDef):
            own = texts[node.name] = {"": (ast.get_docstring(node) or "").splitlines()[0]}
            for field, after in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    own[field.target.id] = _text(after)
    return texts


def _text(node: ast.stmt) -> str:
    """Return a text that stands alone; "" when the statement is something else."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value
    return ""


def _section(section: Section, documented: dict[str, dict[str, str]]) -> str:
    """Return the heading, the sentence and the table of one section."""
    if section.model is Grant:
        return f"### `{section.title}`\n\nThe policy for whom nobody else says anything: keys of a profile, below.\n"
    texts = documented[section.model.__name__]
    defaults = {field.name: _default(field) for field in fields(section.model)}
    rows = []
    for name, key in section.keys.items():
        kind = key.kind if isinstance(key, Required) else key
        rows.append(_row(name, kind.expects, "required" if isinstance(key, Required) else defaults[name], texts[name]))
    rows += _credential_rows(section, texts)
    sentence = texts[""].partition(": ")[2]
    policy = ""
    if section.policy:
        but = " but `address` and `routes`" if section.policy is SHARED_POLICY else ""
        policy = f"\nThe keys of a profile (below){but} may stand here too.\n"
    return f"### `{section.title}`\n\n{sentence[:1].upper()}{sentence[1:]}\n\n{_HEAD}{''.join(rows)}{policy}"


def _credential_rows(section: Section, texts: dict[str, str]) -> list[str]:
    """Return a row for each way to give the section's secret."""
    credential = section.credential
    if credential is None:
        return []
    values = (
        "text",
        "the path of a file with it on its only line, absolute or from the directory of the configuration",
        "a list of texts",
    )
    default = "required, in one way" if credential.required else "none"
    meaning = texts[credential.field]
    return [_row(name, value, default, meaning) for name, value in zip(credential.keys, values, strict=False)]


def _row(name: str, value: str, default: str, meaning: str) -> str:
    cells = (f"`{name}`", value, default, meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _default(field: Field[Any]) -> str:
    """Write a default as the file would have it."""
    return "" if field.default is MISSING else _written(field.default)


def _written(value: object) -> str:
    if value in (None, (), ""):
        return "none"
    if isinstance(value, tuple):
        return "`[" + ", ".join(_written(item).strip("`") for item in value) + "]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value:.12g}`"


def main(arguments: list[str]) -> None:
    """Rewrite the reference in a manual: the first argument, or MANUAL.md of this project."""
    path = Path(arguments[0]) if arguments else Path(__file__).parents[2] / "MANUAL.md"
    path.write_text(rewritten(path.read_text(encoding="utf-8")), encoding="utf-8")
    if not arguments:
        (path.parent / "deploy" / "bras.toml.5").write_text(page(describe()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
