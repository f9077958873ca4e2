"""The core is deterministic: no coroutine, no clock, no dice, no outside, by its syntax alone.

import-linter proves the same of whole modules (test_imports.py); this test also sees
built-ins, imports inside functions, and what a permitted module could be used for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import CORE, modules, name, tree

_MODULES = frozenset({
    "aiohttp", "asyncio", "concurrent", "contextvars", "datetime", "io", "logging", "multiprocessing", "os", "pathlib",
    "prometheus_client", "pyroute2", "queue", "random", "sched", "secrets", "select", "selectors", "shutil", "signal",
    "socket", "sqlite3", "ssl", "structlog", "subprocess", "sys", "tempfile", "threading", "time", "uuid", "weakref",
})  # fmt: skip
_CALLS = frozenset({"breakpoint", "eval", "exec", "id", "input", "open", "print", "__import__"})
_PERMITTED = {
    "bras/value.py": "exec()",  # writes constructors, as the dataclasses module does
    "bras/ids.py": "from sys import",  # intern: the same for the same text, and nothing else
}
_ASYNC = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)


def _offences(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        match node:
            case ast.Import():
                yield from (f"{node.lineno}: import {a.name}" for a in node.names if a.name.split(".")[0] in _MODULES)
            case ast.ImportFrom(module=str(source)) if source.split(".")[0] in _MODULES:
                yield f"{node.lineno}: from {source} import"
            case ast.Call(func=ast.Name(id=called)) if called in _CALLS:
                yield f"{node.lineno}: {called}()"
            case ast.Global() | ast.Nonlocal():
                yield f"{node.lineno}: {type(node).__name__.lower()} {', '.join(node.names)}"
            case ast.ExceptHandler(type=None | ast.Name(id="Exception" | "BaseException")):
                yield f"{node.lineno}: a bare except would hide our own bugs"
            case _ if isinstance(node, _ASYNC):
                yield f"{node.lineno}: {type(node).__name__}"


@pytest.mark.parametrize("path", modules(*CORE), ids=name)
def test_no_coroutine_clock_dice_or_outside(path: Path) -> None:
    found = [offence for offence in _offences(tree(path)) if not offence.endswith(_PERMITTED.get(name(path), "\n"))]
    assert not found, f"{name(path)}: {'; '.join(found)}"


def test_each_kind_of_offence_is_seen() -> None:
    bad = """
import time
from os import urandom
async def f():
    await g()
open("x")
try: pass
except Exception: pass
"""
    offences = "\n".join(_offences(ast.parse(bad)))
    for sign in ("import time", "from os", "AsyncFunctionDef", "Await", "open()", "bare except"):
        assert sign in offences


def _now_among_others(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            names = [a.arg for a in [*node.args.posonlyargs, *node.args.args]]
            if "now" in names[:-1]:
                yield f"{node.lineno}: {node.name}"


@pytest.mark.parametrize("path", modules(*CORE), ids=name)
def test_now_is_a_keyword_or_the_last_argument(path: Path) -> None:
    """Instants are passed one way, so that no duration is taken for one."""
    found = list(_now_among_others(tree(path)))
    assert not found, f"{name(path)}: `now` stands among other arguments in {'; '.join(found)}"
