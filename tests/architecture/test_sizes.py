"""Functions of 40 lines, modules of 400, classes of 12 attributes at most; tables by name, with a reason."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.source import modules, name, tree

FUNCTION_LINES = 40
MODULE_LINES = 400
ATTRIBUTES = 12

# Tables: as long as what they list. An entry that is not needed any more fails the test.
LARGE = {
    "bras/config/model.py:Config": "one field for each section of the file",
    "bras/config/grant.py:Grant": "one field for each key of a profile",
    "bras/config/model.py:LacConfig": "one field for each key of the section",
    "bras/config/model.py:LnsConfig": "one field for each key of the section",
    "bras/lns/core.py:Core": "one field for each machine of a worker, and for what a turn gathers",
    "bras/forwarding/entry.py:Leg": "one field for each thing that the data plane must know of a call",
    "bras/forwarding/entry.py:Route": "one field for each thing that the data plane must know of a subscriber",
    "bras/l2tp/events.py:CallInfo": "one field for each AVP of ICRQ and ICCN that is passed on",
    "bras/lab/plan.py:LacPlan": "one field for each option of bras lab lac",
    "bras/ppp/settings.py:LinkConfig": "one field for each thing that links have in common",
    "bras/config/radius.py:RadiusConfig": "one field for each key of the section",
    "bras/config/radius.py:RadiusServerConfig": "one field for each key of the section",
    "bras/radius/profile.py:Profile": "one field for each key of a profile, and where they come from",
    "bras/subscriber/parts.py:Line": "one field for each thing that a concentrator tells of a call",
    "bras/subscriber/events.py:SubscriberEnded": "one field for each thing that the summary line of a session says",
}


def _functions(path: Path) -> dict[str, int]:
    found = [node for node in ast.walk(tree(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return {f"{name(path)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1 for node in found}


def _attributes(node: ast.ClassDef) -> set[str]:
    """Return the fields of a dataclass, the slots, and whatever methods set on self."""
    found: set[str] = set()
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=field), annotation=annotation):
                if "ClassVar" not in ast.unparse(annotation):
                    found.add(field)
            case ast.Assign(targets=[ast.Name(id="__slots__")], value=ast.Tuple(elts=slots)):
                found.update(slot.value for slot in slots if isinstance(slot, ast.Constant))
    for inner in ast.walk(node):
        match inner:
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute, ctx=ast.Store()):
                found.add(attribute)
    return found


def _classes(path: Path) -> dict[str, int]:
    found = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    return {f"{name(path)}:{node.name}": len(_attributes(node)) for node in found}


def _over(sizes: dict[str, int], limit: int) -> dict[str, int]:
    return {what: size for what, size in sizes.items() if size > limit}


def _too_large(path: Path) -> dict[str, int]:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    return (
        _over({name(path): lines}, MODULE_LINES)
        | _over(_functions(path), FUNCTION_LINES)
        | _over(_classes(path), ATTRIBUTES)
    )


@pytest.mark.parametrize("path", modules(), ids=name)
def test_sizes(path: Path) -> None:
    too_large = {what: size for what, size in _too_large(path).items() if what not in LARGE}
    assert not too_large, f"too large (lines, or attributes of a class): {too_large}"


def test_exceptions_are_still_needed() -> None:
    large = {what for path in modules() for what in _too_large(path)}
    assert set(LARGE) <= large, f"no longer large, take it off the list: {set(LARGE) - large}"
