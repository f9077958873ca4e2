"""Every key of the configuration has a test that shows its effect: at least, one outside its parser names it."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.architecture.source import PACKAGE, ROOT, tree

_PARSER_TESTS = ("tests/unit/config/", "tests/property/test_config", "tests/architecture/")
# Not keys of the file: what a section is called, and what the loader computes.
_NOT_KEYS = {"Config", "PoolConfig.prefixes"}


def _keys() -> list[str]:
    return [
        f"{section.name}.{field.target.id}"
        for section in tree(PACKAGE / "config" / "model.py").body
        if isinstance(section, ast.ClassDef) and section.name not in _NOT_KEYS
        for field in section.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if f"{section.name}.{field.target.id}" not in _NOT_KEYS
    ]


@cache
def _words_of_tests() -> frozenset[str]:
    texts = [
        path.read_text(encoding="utf-8")
        for path in (ROOT / "tests").rglob("*.py")
        if not path.relative_to(ROOT).as_posix().startswith(_PARSER_TESTS)
    ]
    return frozenset(re.findall(r"\w+", "\n".join(texts)))


@pytest.mark.parametrize("key", _keys())
def test_a_key_is_named_in_a_test_of_its_effect(key: str) -> None:
    assert key.partition(".")[2] in _words_of_tests(), f"no test outside the parser's names {key}"
