"""Whatever a file holds, it becomes a Config or a list of problems, never a traceback."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bras.config import traffic
from bras.config import values as v
from bras.config.findings import Findings
from bras.config.load import check
from bras.config.model import Config
from bras.config.sections import POLICY, SECTIONS, Required, Section

SOUND: dict[str, Any] = {
    "lns": {"listen": ["192.0.2.1"]},
    "lac": [{"name": "l", "secrets": ["s3cr3t-a", "s3cr3t-b"]}],
    "radius": {"server": [{"address": "192.0.2.5", "secret": "s3cr3t-c"}]},
    "pool": [{"name": "p", "ranges": ["10.0.0.0/24"]}],
    "profile": [{"name": "gold"}],
    "user": [{"name": "u", "password": "s3cr3t-d"}],
}
SECTIONS_OF_ALL = [one for section in SECTIONS for one in (section, *section.inner)]

words = st.sampled_from(
    ["", "p", "auto", "192.0.2.1", "10.0.0.0/8", "::1", "[::1]:5", "a-b", "/run/x", "10.0.0.1-10.0.0.9"]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    words,
    st.text(max_size=20),
    st.just("s3cr3t-e"),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


def toml(value: object) -> str:
    """Write a value as TOML, on one line."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items() if one is not None) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(toml(one) for one in value if one is not None) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value).replace("\\u007f", "\\\\u007f")


def writable(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return a sound file in which a few values were replaced by anything at all."""
    tables = copy.deepcopy(SOUND)
    for _ in range(draw(st.integers(1, 4))):
        section: Section = draw(st.sampled_from(SECTIONS_OF_ALL))
        home = tables.setdefault("radius", {}) if section.name == "radius.server" else tables
        if not isinstance(home, dict):
            continue
        if draw(st.integers(0, 9)) == 0:
            home[section.key] = draw(anything)
            continue
        table = home.setdefault(section.key, [{}] if section.repeated else {})
        table = table[0] if isinstance(table, list) and table else table
        if isinstance(table, dict):
            table[draw(st.sampled_from([*section.known, "unknown", "a\nb"]))] = draw(anything)
    return "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in tables.items() if value is not None)


@settings(max_examples=2 * settings.default.max_examples)
@given(text=files().filter(writable))
def test_any_values_become_a_config_or_problems(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "bras.toml"
    path.write_text(text, encoding="utf-8")
    judge(path)


@settings(max_examples=2 * settings.default.max_examples)
@given(octets=st.binary(max_size=60) | st.text(alphabet='[]{}="#.\n\r\\ a1,', max_size=60).map(str.encode))
def test_any_octets_become_a_config_or_problems(octets, tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "bras.toml"
    path.write_bytes(octets)
    judge(path)


def judge(path: Path) -> None:
    checked = check(path)
    assert isinstance(checked.config, Config) != bool(checked.problems)
    for problem in checked.problems + checked.warnings:
        assert problem.key
        assert problem.wrong
        assert problem.right
        assert "\n" not in str(problem)
        for secret in ("s3cr3t-a", "s3cr3t-b", "s3cr3t-c", "s3cr3t-d"):
            assert secret not in str(problem)


@given(value=anything)
def test_every_kind_reads_or_refuses_every_value(value):
    kinds = [key.kind if isinstance(key, Required) else key for one in SECTIONS_OF_ALL for key in one.keys.values()]
    for kind in [*kinds, *POLICY.values()]:
        findings = Findings("f")
        read = kind.read(value, "k", findings)
        assert (read is None) <= bool(findings.problems)
        assert (read is None or isinstance(kind, (v.Many, traffic.Table))) or not findings.problems
