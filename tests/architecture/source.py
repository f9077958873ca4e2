"""The sources of bras, as the architecture tests read them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bras"
# What Lns.handle() reaches: deterministic, without a word to the outside (ARCHITECTURE.md).
CORE = (
    "lns",
    "subscriber",
    "l2tp",
    "ppp",
    "radius",
    "addressing",
    "forwarding",
    "accounting",
    "query",
    "config/daemon.py",
    "config/grant.py",
    "config/model.py",
    "config/radius.py",
    "plain.py",
    "value.py",
    "wire.py",
    "timers.py",
    "ids.py",
    "secret.py",
    "errors.py",
)


def modules(*below: str) -> list[Path]:
    """Return the modules of bras, or those of the given folders and files in it, in order."""
    if not below:
        return sorted(PACKAGE.rglob("*.py"))
    paths = [PACKAGE / name for name in below]
    return sorted(m for path in paths for m in (path.rglob("*.py") if path.is_dir() else [path]))


def name(path: Path) -> str:
    """Return a module's path as messages and lists spell it."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=name(path))
