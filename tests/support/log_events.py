"""Which log events there are, at which levels and with which fields: from the source, and from the lines of all facts.

``python -m tests.support.log_events`` writes levels and fields into the table of MANUAL.md; meanings are ours to write.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import structlog
from structlog.testing import LogCapture

from bras.config.story import StoryConfig
from bras.l2tp import events as l2tp
from bras.l2tp.disconnect import Q931, Disconnect
from bras.l2tp.events import By, Cause
from bras.lns.effects import Fact
from bras.telemetry.lines import Lines
from bras.telemetry.stories import Stories
from bras.telemetry.watch import Chosen, Watch
from tests.architecture.source import ROOT, modules, tree
from tests.unit.telemetry.facts import FACTS, KEY, OF_STORIES, PATH

LEVELS = ("debug", "info", "warning", "error", "critical")
_WRITERS = {**dict(zip(LEVELS, LEVELS, strict=True)), "exception": "error"}
ALWAYS = {"timestamp", "level", "event"}
MANUAL = ROOT / "MANUAL.md"


_WRONG = Cause(By.LOCAL, 2, 6, "x", avp="Host Name", section="RFC 2661 section 4.4.3")
_SAID = Cause(By.PEER, 1, disconnect=Disconnect(3, 0, 1, "x"), q931=Q931(16, 0x45, "x"))
_MORE: tuple[Fact, ...] = (
    l2tp.TunnelDown(5, "any", "lac1", PATH, _WRONG),
    l2tp.TunnelRefused("any", "lac1", PATH, _WRONG),
    l2tp.CallRefused("any", PATH, _WRONG),
    l2tp.CallRefused("any", PATH, _SAID),
    l2tp.CallDown(KEY, _WRONG),
)
"""What else the lines of facts may have."""


class Told(NamedTuple):
    """What is said at an event."""

    levels: set[str]
    fields: set[str]


def events() -> dict[str, Told]:
    """Return all of them."""
    found: dict[str, Told] = {}
    for name, level, fields in (*_of_facts(), *_in_source()):
        told = found.setdefault(name, Told(set(), set()))
        told.levels.update({level} - {""})
        told.fields.update(fields)
    return found


def _of_facts() -> Iterator[tuple[str, str, set[str]]]:
    """Yield the lines that the examples of all facts make."""
    capture = LogCapture()
    log = structlog.wrap_logger(None, processors=[capture], wrapper_class=structlog.make_filtering_bound_logger(10))
    handlers = Lines(log).handlers(debug=True)
    for fact in (*FACTS, *_MORE):
        handlers[type(fact)](fact)
    stories = Stories(StoryConfig(), lambda: 0.0)
    watch = Watch(log, stories, lambda: 0.0, [])
    watch.choose(Chosen("lac", "any"), 60.0)
    for fact in OF_STORIES:
        stories.handlers()[type(fact)](fact)
        watch.observe(fact)
    for entry in capture.entries:
        fields = {name for name in entry if name not in ("event", "log_level", "exc_info")}
        yield entry["event"], entry["log_level"], fields


def _in_source() -> Iterator[tuple[str, str, set[str]]]:
    """Yield the calls of a logger's methods whose event is written there."""
    for node in (node for path in modules() for node in ast.walk(tree(path))):
        match node:
            case ast.Call(func=ast.Attribute(attr=attr), args=[ast.Constant(value=str(event)), *_]) if attr in _WRITERS:
                fields = _written(node)
                if attr == "exception" or "exc_info" in fields:
                    fields = fields - {"exc_info"} | {"exception"}
                yield event, _WRITERS[attr], fields
            case ast.Call(func=ast.Name(id="write"), args=[ast.Constant(value=str(event)), *_]):
                yield event, "", _written(node)  # the level is chosen before


def _written(node: ast.Call) -> set[str]:
    """Return the fields of a call, as far as they are written there."""
    fields = {word.arg for word in node.keywords if word.arg is not None}
    spread = (_spread(word.value) for word in node.keywords if word.arg is None)
    return fields.union(*spread)


def _spread(value: ast.expr) -> set[str]:
    """Return what ``**value`` adds, as far as that is written there."""
    if isinstance(value, ast.Call) and getattr(value.func, "id", getattr(value.func, "attr", "")).endswith("repeated"):
        return {"held_back"}
    match value:
        case ast.Call(func=ast.Name(id="_told"), args=[ast.Constant(value=str(name)), *_]):  # bras.runtime.reload
            return {name, "count"}
    return {
        key.value
        for node in ast.walk(value)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def rows(text: str) -> Iterator[tuple[str, set[str], set[str], set[str]]]:
    """Yield (line, events, levels, fields) of each row of the table in the manual."""
    section = re.split(r"^## ", text.split("\n## Log events\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    for line in section.splitlines():
        cells = line.split(" | ")
        if line.startswith("| `") and len(cells) >= 3:
            fields = set(re.findall(r"`([^`]+)`", cells[2])) if len(cells) > 3 else set()
            yield line, set(re.findall(r"`([^`]+)`", cells[0])), set(cells[1].split(", ")), fields


def expected(there: dict[str, Told], names: set[str]) -> Told:
    """Return what a row says of these events."""
    return Told(
        {level for name in names if name in there for level in there[name].levels},
        {field for name in names if name in there for field in there[name].fields},
    )


def rewritten(text: str) -> str:
    """Return the manual with levels and fields as they are."""
    there = events()
    text = text.replace(
        "| Event | Level | Meaning |\n|---|---|---|\n", "| Event | Level | Fields | Meaning |\n|---|---|---|---|\n"
    )
    for line, names, _, _ in list(rows(text)):
        told = expected(there, names)
        cells = line.split(" | ")
        levels = ", ".join(level for level in LEVELS if level in told.levels)
        fields = ", ".join(f"`{field}`" for field in sorted(told.fields)) or "none"
        text = text.replace(
            line, " | ".join([cells[0], levels, fields, cells[-1] if len(cells) == 3 else " | ".join(cells[3:])])
        )
    return text


if __name__ == "__main__":
    MANUAL.write_text(rewritten(MANUAL.read_text(encoding="utf-8")), encoding="utf-8")
