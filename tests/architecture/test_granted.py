"""Every attribute that RADIUS may grant has a test of its effect, named in the manual's table."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import ROOT
from tests.scenario.test_granted import table


@pytest.mark.parametrize("name", sorted(table()))
def test_the_test_of_its_effect_is_there(name: str) -> None:
    path, _, test = table()[name].shown.strip("`").partition("::")
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
