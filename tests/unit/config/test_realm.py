from __future__ import annotations

import pytest

from bras.config import values as v
from bras.config.findings import Findings
from bras.config.realm import DEFAULT_REALM, REALM
from bras.config.section import Required

NAME = REALM.keys["name"]


def read(kind: v.Kind, value: object) -> tuple[object, list[str]]:
    findings = Findings("bras.toml")
    found = kind.read(value, "realm[0].name", findings)
    return found, [str(problem) for problem in findings.problems]


@pytest.mark.parametrize("value", ["example.net", "EXAMPLE", "bücher.example", "*"])
def test_realms(value: str) -> None:
    assert isinstance(NAME, Required)
    assert read(NAME.kind, value) == (value, [])


@pytest.mark.parametrize("value", ["", "joe@example.net", "@example.net", "a\nb", "x" * 201, 5])
def test_no_realms(value: object) -> None:
    assert isinstance(NAME, Required)
    found, problems = read(NAME.kind, value)
    assert found is None
    assert len(problems) == 1


def test_the_default_is_one_realm() -> None:
    assert read(DEFAULT_REALM, "example.net") == ("example.net", [])
    assert read(DEFAULT_REALM, "*")[0] is None
