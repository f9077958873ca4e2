"""Grafana's dashboards of ``grafana/dashboards``: how they are written, what they ask, what Grafana knows of them.

``python -m tests.support.grafana`` writes all of them anew in the one style: keys in order,
two spaces, and on one line what has room there.  Whoever edits them by hand, or exports one
from Grafana, runs it afterwards.
"""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()  # models of the kinds of panels, and of what Prometheus is asked

FOLDER = Path(__file__).resolve().parents[2] / "grafana" / "dashboards"
WIDTH = 120
Json = dict[str, Any]


def dashboards() -> dict[str, Json]:
    """Return the dashboards by their file's name."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def written(value: Any, room: int = WIDTH, depth: int = 0) -> str:
    """Return JSON in the style of the files; ``room`` is what is left of the line."""
    line = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if not isinstance(value, dict | list) or not value or (len(line) <= room and depth):
        return line
    inner = "  " * (depth + 1)
    if isinstance(value, dict):
        pairs = ((f"{json.dumps(key)}: ", value[key]) for key in sorted(value))
        parts = [key + written(item, WIDTH - len(inner) - len(key), depth + 1) for key, item in pairs]
    else:
        parts = [written(item, WIDTH - len(inner), depth + 1) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{'  ' * depth}{closing}"


def panels(dashboard: Json) -> Iterator[Json]:
    """Yield the panels of a dashboard."""
    yield from dashboard["panels"]


def queries(dashboard: Json) -> Iterator[tuple[str, str]]:
    """Yield (where, expression) for each query that is put to Prometheus: of panels and of annotations."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"]


def variables(dashboard: Json) -> dict[str, Json]:
    """Return the variables of a dashboard by name, in order."""
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def label_values(variable: Json) -> tuple[str, str]:
    """Return (selector, label) of a variable that asks Prometheus for the values of a label."""
    asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"])
    assert asked is not None, variable
    return asked[1], asked[2]


def filled(expression: str, values: Mapping[str, str]) -> str:
    """Return an expression with its variables replaced, as Grafana does before it asks."""

    def value(found: re.Match[str]) -> str:
        return values[found[1] or found[2]]

    return re.sub(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))", value, expression)


def complaints(dashboard: Json) -> list[str]:
    """Return what in a dashboard is unknown to Grafana's own models of it, or of the wrong type."""
    model = Dashboard.from_json(dashboard)
    back = json.loads(json.dumps(model, default=lambda part: part.to_json()))
    return [*_lost(dashboard, back, "dashboard"), *_misfits(model, Dashboard, "dashboard")]


def _lost(ours: Any, theirs: Any, where: str) -> Iterator[str]:
    """Yield what did not come back: Grafana has no such field."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key not in theirs:
                yield f"{where}.{key} is unknown"
            else:
                yield from _lost(value, theirs[key], f"{where}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _lost(one, other, f"{where}[{number}]")
    elif ours != theirs:
        yield f"{where} is {ours!r}, and came back as {theirs!r}"


def _misfits(value: Any, hint: Any, where: str) -> Iterator[str]:
    """Yield what is of another type than the model says."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(value, dict) and hasattr(hint, "from_json"):  # which the models themselves have left as it was
        value = hint.from_json(value)
    if hint is Any or hint is object:
        yield from _inside(value, where)
    elif origin is typing.Union:
        tries = [list(_misfits(value, one, where)) for one in arguments]
        if all(tries):
            inner = [found for found in tries if not found[0].startswith(f"{where} is ")]
            yield from (inner or tries)[0]
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{where} is {value!r}, not one of {arguments}"
    elif origin is list:
        yield from _each(value, arguments, where)
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{where} is no dictionary"
    elif isinstance(hint, type) and issubclass(hint, Enum):
        if (value.value if isinstance(value, Enum) else value) not in {member.value for member in hint}:
            yield f"{where} is {value!r}, none of {hint.__name__}"
    elif not isinstance(value, (int, float) if hint is float else hint) or (isinstance(value, bool) and hint is int):
        yield f"{where} is {value!r}, not {hint}"
    else:
        yield from _inside(value, where)


def _each(value: Any, arguments: tuple[Any, ...], where: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where} is no list"
        return
    for number, item in enumerate(value):
        yield from _misfits(item, arguments[0], f"{where}[{number}]")


def _inside(value: Any, where: str) -> Iterator[str]:
    """Look into an object of the models."""
    if hasattr(value, "to_json") and not isinstance(value, Enum):
        for name, hint in typing.get_type_hints(type(value)).items():
            yield from _misfits(getattr(value, name), hint, f"{where}.{name}")


if __name__ == "__main__":
    for name, dashboard in dashboards().items():
        (FOLDER / name).write_text(written(dashboard) + "\n", encoding="utf-8")
